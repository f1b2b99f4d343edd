"""Whole requests, generated: what a client sends is refused with its field named, or becomes what Converse takes."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oai_bridge.dialects.claude_memory import TurnMemory
from oai_bridge.dialects.converse_repair import repaired
from oai_bridge.dialects.converse_request import converse_body
from oai_bridge.errors import BridgeError, InvalidRequest
from oai_bridge.notes import Notes
from oai_bridge.openai.request import parse_chat, read_body
from oai_bridge.settings.values import Bedrock, Claude, Guardrail
from tests.support.converse_chats import CATALOG, facts_of
from tests.support.converse_rules import faults
from tests.support.requests import bodies, mistaken

Body = dict[str, Any]

UNLISTED = ["gpt-oss-120b", "gpt-oss-20b", "glm-5.3", "amazon.of-next-year-v1:0"]
CLAUDES = {facts.id: facts for facts in CATALOG.listed("bedrock")}
OTHERS = {facts.id: facts for facts in (*CATALOG.listed_bedrock(), *map(facts_of, UNLISTED))}
MODELS = {**CLAUDES, **OTHERS}
SETTINGS = st.builds(
    Claude,
    max_output_tokens=st.sampled_from([None, None, None, 4096, 1024]),
    names=st.booleans(),
    mid_system=st.sampled_from(["inline", "inline", "hoist", "user"]),
    cache=st.sampled_from(["client", "client", "auto"]),
    cache_ttl=st.sampled_from(["5m", "1h"]),
    send_user=st.booleans(),
)
BEDROCK = st.builds(
    Bedrock,
    guardrail=st.sampled_from([None, Guardrail("abc1"), Guardrail("abc1", "3")]),
    service_tier=st.sampled_from([None, "default", "priority", "flex", "reserved"]),
)


def times(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def outcome(body: Body, claude: Claude, bedrock: Bedrock, *, strict: bool = False) -> Body | InvalidRequest:
    """What is sent, or why nothing is."""
    notes = Notes(strict)
    try:
        chat = parse_chat(read_body(json.dumps(body).encode()), notes, claude)
        translated = converse_body(chat, MODELS[body["model"]], claude, bedrock, notes, memory=TurnMemory())
    except InvalidRequest as refused:
        return refused
    assert translated.betas == ()
    assert len(notes.header()) <= 1000
    return translated.body


def complaints(body: Body, sent: Body) -> list[str]:
    """What Bedrock would say to it."""
    model_id = str(MODELS[body["model"]].bedrock)
    return faults(json.loads(json.dumps(sent)), model_id, streamed=body.get("stream") is True)


@times(80)
@given(body=bodies(list(CLAUDES)), claude=SETTINGS, bedrock=BEDROCK)
def test_a_request_becomes_what_claude_takes_through_converse(body: Body, claude: Claude, bedrock: Bedrock) -> None:
    sent = outcome(body, claude, bedrock)
    assert not isinstance(sent, InvalidRequest), sent
    assert complaints(body, sent) == []


@times(150)
@given(body=bodies(list(OTHERS)), claude=SETTINGS, bedrock=BEDROCK)
def test_a_request_becomes_what_another_model_takes(body: Body, claude: Claude, bedrock: Bedrock) -> None:
    sent = outcome(body, claude, bedrock)
    if isinstance(sent, InvalidRequest):
        assert sent.code == "unsupported_value" and re.fullmatch(r"messages\[\d+\]\.content", str(sent.param))
    else:
        assert complaints(body, sent) == []


@times(50)
@given(body=mistaken(bodies(list(MODELS))), claude=SETTINGS, bedrock=BEDROCK)
def test_a_mistake_is_named_or_does_no_harm(body: Body, claude: Claude, bedrock: Bedrock) -> None:
    sent = outcome(body, claude, bedrock)
    if isinstance(sent, InvalidRequest):
        assert sent.param
    else:
        assert complaints(body, sent) == []


REFUSALS = [
    "tools: Too many strict tools (21). The maximum number of strict tools supported is 20.",
    "messages.1.content.0: Invalid `signature` in `thinking` block",
    "You invoked an unsupported model or your request did not allow prompt caching.",
    *(
        f"This model doesn't support the {field} field. Remove {field} and try again."
        for field in ("outputConfig.textFormat", "temperature", "stopSequences", "toolConfig.toolChoice.any")
    ),
]


@times(50)
@given(body=bodies(list(MODELS)), claude=SETTINGS, bedrock=BEDROCK)
def test_what_is_sent_after_a_refusal_is_what_the_model_takes(body: Body, claude: Claude, bedrock: Bedrock) -> None:
    sent = outcome(body, claude, bedrock)
    if isinstance(sent, InvalidRequest):
        return
    before = json.dumps(sent)
    for message in REFUSALS:
        repair = repaired(sent, BridgeError(message, status=400), frozenset())
        if repair is not None:
            assert complaints(body, repair[1]) == []
    assert json.dumps(sent) == before


@times(50)
@given(body=bodies(list(MODELS)), claude=SETTINGS, bedrock=BEDROCK)
def test_the_same_request_is_the_same_body_and_stays_as_it_is(body: Body, claude: Claude, bedrock: Bedrock) -> None:
    before = json.dumps(body)
    sent = [json.dumps(outcome(body, claude, bedrock), default=str) for _ in range(2)]
    assert sent[0] == sent[1]
    assert json.dumps(body) == before
