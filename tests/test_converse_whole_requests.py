"""Whole requests, generated: whatever a client sends is refused with its field named, or becomes what Converse takes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oai_bridge.dialects.claude_memory import TurnMemory
from oai_bridge.dialects.converse_repair import repaired
from oai_bridge.dialects.converse_request import converse_body
from oai_bridge.errors import BridgeError, InvalidRequest
from oai_bridge.models.catalog import Catalog, ModelFacts
from oai_bridge.notes import Notes
from oai_bridge.openai.request import parse_chat, read_body
from oai_bridge.settings import Bedrock, Claude, Guardrail
from tests.support.converse_rules import faults
from tests.support.requests import bodies, mistaken

Body = dict[str, Any]

CATALOG = Catalog()
CLAUDES = {facts.id: facts for facts in CATALOG.listed("bedrock")}
OTHERS = {facts.id: facts for facts in CATALOG.listed_bedrock()}
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
    return translated.body


def complaints(body: Body, sent: Body) -> list[str]:
    return faults(json.loads(json.dumps(sent)), str(bedrock_id(body)), streamed=body.get("stream") is True)


def bedrock_id(body: Body) -> str | None:
    facts: ModelFacts = MODELS[body["model"]]
    return facts.bedrock


@times(250)
@given(body=bodies(list(CLAUDES)), claude=SETTINGS, bedrock=BEDROCK)
def test_a_request_becomes_what_claude_takes_through_converse(body: Body, claude: Claude, bedrock: Bedrock) -> None:
    sent = outcome(body, claude, bedrock)
    assert not isinstance(sent, InvalidRequest), sent
    assert complaints(body, sent) == []


@times(400)
@given(body=bodies(list(OTHERS)), claude=SETTINGS, bedrock=BEDROCK)
def test_a_request_becomes_what_another_model_takes(body: Body, claude: Claude, bedrock: Bedrock) -> None:
    sent = outcome(body, claude, bedrock)
    if isinstance(sent, InvalidRequest):
        assert sent.code == "unsupported_value" and "content" in str(sent.param)
    else:
        assert complaints(body, sent) == []
