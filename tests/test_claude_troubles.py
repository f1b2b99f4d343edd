"""The Claudes that make trouble: refusing, pausing to search, and being picky until a request is repaired."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.behaviours import Answers, Asked, Behaviour, Reply, Stream
from tests.support.claude_models import model
from tests.support.claude_rules import faults
from tests.support.claude_seals import Seals
from tests.support.claude_streams import message_of
from tests.support.claude_troubles import PICKY, picky, refusing, searcher
from tests.support.cloud_client import BODY

SEARCH = {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}
FACTS = model("claude-opus-5-5")


def done(behaviour: Answers, body: dict[str, Any], seals: Seals) -> Behaviour:
    assert FACTS is not None
    assert faults(body, FACTS, streamed=False, seals=seals) == []
    made: Behaviour = behaviour
    while isinstance(made, Answers):
        made = made.how(Asked(body, FACTS, seals))
    return made


def answer(behaviour: Answers, body: dict[str, Any], seals: Seals) -> dict[str, Any]:
    made = done(behaviour, body, seals)
    assert isinstance(made, Stream) and isinstance(made.body, bytes) and made.message
    message: dict[str, Any] = json.loads(made.message)
    assert message_of(made.body) == message
    return message


@pytest.mark.parametrize("pauses", [0, 1, 3])
def test_a_paused_turn_goes_on_when_it_comes_back(pauses: int) -> None:
    seals, content = Seals(), list[dict[str, Any]]()
    for leg in range(pauses + 1):
        messages = [*BODY["messages"], *([{"role": "assistant", "content": content}] if content else [])]
        message = answer(searcher(pauses), BODY | SEARCH | {"messages": messages}, seals)
        assert message["stop_reason"] == ("pause_turn" if leg < pauses else "end_turn")
        assert message["usage"]["server_tool_use"]["web_search_requests"] == 1
        content = [*content, *message["content"]]
    kinds = [block["type"] for block in content]
    searches = ["server_tool_use", "web_search_tool_result"] * max(pauses, 1)
    assert kinds == ["thinking", "text", *searches, "text", "text"]
    assert content[-2]["citations"][0]["type"] == "web_search_result_location"
    later = [*BODY["messages"], {"role": "assistant", "content": content}, {"role": "user", "content": "Thanks"}]
    assert FACTS is not None
    assert faults(BODY | SEARCH | {"messages": later}, FACTS, streamed=False, seals=seals) == []


def test_a_paused_turn_that_was_changed_is_refused() -> None:
    seals = Seals()
    content = answer(searcher(), BODY | SEARCH, seals)["content"]
    pointed = [*content[:-1], content[-1] | {"cache_control": {"type": "ephemeral"}}]
    for back, good in [(content, True), (pointed, True), (content[1:], False), ([*content[:1], *content[2:]], False)]:
        body = BODY | SEARCH | {"messages": [*BODY["messages"], {"role": "assistant", "content": back}]}
        made = done(searcher(), body, seals)
        assert isinstance(made, Stream if good else Reply)


def test_without_the_tool_it_does_not_search() -> None:
    message = answer(searcher(), BODY, Seals())
    assert [block["type"] for block in message["content"]] == ["thinking", "text"]


@pytest.mark.parametrize("text", ["", "I will "])
def test_a_refusal(text: str) -> None:
    message = answer(refusing(text, explanation="No."), BODY, Seals())
    assert message["stop_reason"] == "refusal"
    assert message["stop_details"] == {"type": "refusal", "category": "cyber", "explanation": "No."}
    assert message["content"] == ([{"type": "text", "text": text}] if text else [])


CLOSED = {"type": "object", "properties": {}, "additionalProperties": False}
LOOK = {"name": "look", "input_schema": CLOSED}
FORM = {"type": "json_schema", "schema": CLOSED}


def thoughtful(seals: Seals, *, kept: bool) -> dict[str, Any]:
    content = answer(refusing(), BODY, seals)["content"] or [{"type": "text", "text": "x"}]
    assert FACTS is not None
    thought = {"type": "thinking", "thinking": "", "signature": seals.issue(FACTS, BODY, (), "")}
    later = [{"role": "assistant", "content": [thought, *content] if kept else content}, BODY["messages"][0]]
    return {"messages": [*BODY["messages"], *later]}


@pytest.mark.parametrize("what", sorted(PICKY))
def test_a_picky_claude_is_content_once_the_request_is_repaired(what: str) -> None:
    seals = Seals()
    wrong, right = {
        "strict": ({"tools": [LOOK | {"strict": True}]}, {"tools": [LOOK]}),
        "output_config": ({"output_config": {"effort": "low"}}, {}),
        "format": ({"output_config": {"effort": "low", "format": FORM}}, {"output_config": {"effort": "low"}}),
    }.get(what, (thoughtful(seals, kept=True), thoughtful(seals, kept=False)))
    refused = done(picky(what), BODY | wrong, seals)
    assert isinstance(refused, Reply) and refused.status == 400
    assert refused.body["error"] == {"type": "invalid_request_error", "message": PICKY[what]}
    assert answer(picky(what), BODY | right, seals)["stop_reason"] == "end_turn"
    assert done(picky(what, Reply(503)), BODY | right, seals) == Reply(503)
