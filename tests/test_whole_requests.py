"""Whole requests, generated: whatever a client sends is refused with its field named, or becomes what Claude takes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oai_bridge.backends.vertex import VertexClaude
from oai_bridge.dialects.claude_repair import repaired
from oai_bridge.dialects.reading import Translated
from oai_bridge.errors import BridgeError, InvalidRequest
from oai_bridge.models.catalog import Catalog
from oai_bridge.notes import Note, Notes
from oai_bridge.openai.request import parse_chat, read_body
from oai_bridge.settings.values import Claude, Vertex
from tests.support.claude_models import model as judged
from tests.support.claude_rules import VERTEX_VERSION, faults
from tests.support.places import stands_in
from tests.support.request_messages import CANARY
from tests.support.requests import bodies, mistaken

Body = dict[str, Any]

OVERRIDES: dict[str, dict[str, Any]] = {
    "claude-of-the-house": {"generation": "4.5", "vertex": "claude-sonnet-4-5@20250929", "max_output": 2048},
    "claude-next": {"max_output": 1024, "default_effort": "low", "vertex": "claude-opus-5-5"},
}
CATALOG = Catalog(OVERRIDES)
NAMED = [facts.id for facts in CATALOG.listed("vertex")]
OLDER = [
    "claude-opus-4-1",
    "claude-sonnet-4",
    "claude-opus-4",
    "claude-3-7-sonnet",
    "claude-3-5-haiku",
    "claude-3-opus",
]
MODELS = [*NAMED, *OLDER, "claude-mythos-5-2", "claude-unheard-of-7", "claude-sonnet-6"]
VERSIONS = [VERTEX_VERSION, VERTEX_VERSION, VERTEX_VERSION, "vertex-2026-10-21"]
SETTINGS = st.builds(
    Claude,
    default_max_tokens=st.sampled_from([8192, 8192, 1, 200_000]),
    max_output_tokens=st.sampled_from([None, None, None, 4096, 1024, 1]),
    names=st.booleans(),
    mid_system=st.sampled_from(["inline", "inline", "hoist", "user"]),
    cache=st.sampled_from(["client", "client", "auto"]),
    cache_ttl=st.sampled_from(["5m", "1h"]),
    audio=st.sampled_from(["refuse", "drop"]),
    send_user=st.booleans(),
)
CODE = re.compile(r"[a-z_]+(:[a-z0-9_.\[\]]+)?")


def times(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


class Heard(Notes):
    """Notes that know whether anything was dropped as what strict settings refuse."""

    def __init__(self, strict: bool = False) -> None:
        super().__init__(strict)
        self.lost = False

    def dropped(self, field: str, detail: str, code: str | None = None) -> None:
        self.lost = True
        super().dropped(field, detail, code)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: `translated`, or `refused` (its `param`)."""

    translated: Translated | None
    refused: InvalidRequest | None
    notes: tuple[Note, ...]
    header: str
    lost: bool

    @property
    def sent(self) -> bytes:
        """Everything that goes to the cloud, to the byte and in its order."""
        assert self.translated is not None
        return json.dumps([self.translated.body, self.translated.betas]).encode()


def outcome(body: Body, claude: Claude, version: str, *, strict: bool = False) -> Outcome:
    notes = Heard(strict)
    try:
        chat = parse_chat(read_body(json.dumps(body).encode()), notes, claude)
        facts = CATALOG.find(chat.model)
        assert facts is not None
        translated = VertexClaude(Vertex(anthropic_version=version), claude, CATALOG).chat(chat, facts, notes)
    except InvalidRequest as refused:
        return Outcome(None, refused, tuple(notes), notes.header(), notes.lost)
    return Outcome(translated, None, tuple(notes), notes.header(), notes.lost)


def complaints(body: Body, translated: Translated, version: str) -> list[str]:
    """What the cloud, or its SDK, would say to it."""
    from tests.support.sdk_types import anthropic_faults  # seconds, which the process without a judge need not wait

    facts = CATALOG.find(body["model"])
    assert facts is not None
    model = judged(str(facts.vertex))
    assert model is not None
    streamed = body.get("stream") is True
    found = faults(
        {"anthropic_version": version, **translated.body},
        model,
        streamed=streamed,
        version=version,
        betas=translated.betas,
    )
    return [*found, *anthropic_faults(translated.body)]


def check(body: Body, claude: Claude, version: str) -> Outcome:
    found = outcome(body, claude, version)
    assert len(found.header) <= 1000
    for note in found.notes:
        assert CODE.fullmatch(note.code) and CANARY not in note.code, note
    if found.translated is None:
        assert stands_in(body, found.refused.param), (found.refused.param, found.refused.message)
    else:
        assert complaints(body, found.translated, version) == []
    return found


@times(400)
@given(body=bodies(MODELS), claude=SETTINGS, version=st.sampled_from(VERSIONS))
def test_a_request_becomes_what_claude_takes(body: Body, claude: Claude, version: str) -> None:
    assert check(body, claude, version).refused is None


@times(250)
@given(body=mistaken(bodies(MODELS)), claude=SETTINGS, version=st.sampled_from(VERSIONS))
def test_a_mistake_is_named_or_does_no_harm(body: Body, claude: Claude, version: str) -> None:
    check(body, claude, version)


REFUSALS = [
    "tools: Too many strict tools (21). The maximum number of strict tools supported is 20.",
    "messages.1.content.0: Invalid `signature` in `thinking` block",
    "output_config: Extra inputs are not permitted",
]


@times(150)
@given(body=bodies(MODELS), claude=SETTINGS)
def test_what_is_sent_after_a_refusal_is_what_claude_takes(body: Body, claude: Claude) -> None:
    found = outcome(body, claude, VERTEX_VERSION)
    assert found.translated is not None
    for message in REFUSALS:
        repair = repaired(found.translated.body, BridgeError(message, status=400), frozenset())
        if repair is not None:
            assert complaints(body, replace(found.translated, body=repair[1]), VERTEX_VERSION) == []
    assert complaints(body, found.translated, VERTEX_VERSION) == []  # and the first body is as it was


# -- the same again ----------------------------------------------------------------------------------------------------


@times(80)
@given(body=bodies(MODELS), claude=SETTINGS)
def test_the_same_request_is_the_same_body_and_stays_as_it_is(body: Body, claude: Claude) -> None:
    before = json.dumps(body)
    chat, facts = parse_chat(body, Notes(), claude), CATALOG.find(body["model"])
    assert facts is not None
    backend = VertexClaude(Vertex(), claude, CATALOG)
    notes = [Notes(), Notes()]
    first, second = (json.dumps(backend.chat(chat, facts, one).body) for one in notes)
    assert (first, list(notes[0])) == (second, list(notes[1]))
    assert json.dumps(body) == before


def test_no_hash_decides_what_is_sent() -> None:
    """What goes over sets and hashes is another in each process."""
    found: list[Body] = []

    @settings(times(80), derandomize=True, database=None)
    @given(bodies(MODELS))
    def collect(body: Body) -> None:
        found.append(body)

    collect()
    program = "import json, sys; from tests.test_whole_requests import told; print(*map(told, json.load(sys.stdin)))"
    answer = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(found),
        env={**os.environ, "PYTHONHASHSEED": "2345", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == [told(body) for body in found]


def told(body: Body) -> str:
    """A digest of everything that a request gives."""
    found = outcome(body, Claude(), VERTEX_VERSION)
    sent = found.refused.to_object() if found.translated is None else found.sent
    return sha256(repr((sent, found.notes)).encode()).hexdigest()


# -- strict ------------------------------------------------------------------------------------------------------------


@times(150)
@given(body=bodies(MODELS), claude=SETTINGS)
def test_strict_refuses_what_drops_anything_and_nothing_else(body: Body, claude: Claude) -> None:
    lenient, strict = (outcome(body, claude, VERTEX_VERSION, strict=strict) for strict in (False, True))
    if lenient.lost:
        assert strict.refused is not None
        assert strict.refused.code == "unsupported_parameter"
        assert stands_in(body, strict.refused.param), strict.refused.param
    else:
        assert strict.translated is not None
        assert strict.sent == lenient.sent
        assert strict.notes == lenient.notes
