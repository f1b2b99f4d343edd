"""The Claude that calls tools: it does what the prompt says, thinks as it is told, and its turns can come back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.behaviours import Asked, Stream
from tests.support.claude_models import Model, model
from tests.support.claude_rules import faults
from tests.support.claude_seals import Seals
from tests.support.claude_streams import events_of, message_of
from tests.support.cloud_client import BODY
from tests.support.scripted_claude import agent

IDS = ["claude-sonnet-4-5@20250929", "claude-opus-4-6", "claude-opus-4-8", "claude-opus-5", "claude-opus-5-5"]
TOOLS = [
    {"name": name, "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
    for name in ("get_weather", "get_time")
]
PARALLEL = 'Please.\ncall: get_weather({"city": "Paris"}) + get_time({})\ncall: #0({"city": "Rome (Italy)"})'


def facts(id: str) -> Model:
    found = model(id)
    assert found is not None
    return found


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def body(prompt: str = PARALLEL, **changes: Any) -> dict[str, Any]:
    return BODY | {"max_tokens": 4096, "tools": TOOLS, "messages": [user(prompt)]} | changes


def answer(request: dict[str, Any], id: str = IDS[0], seals: Seals | None = None, **how: Any) -> dict[str, Any]:
    """The message of the answer, which its stream adds up to as well."""
    behaviour = agent(**how).how(Asked(request, facts(id), seals or Seals()))
    assert isinstance(behaviour, Stream) and isinstance(behaviour.body, bytes) and behaviour.message
    message: dict[str, Any] = json.loads(behaviour.message)
    assert message_of(behaviour.body) == message
    return message


def kinds(message: dict[str, Any]) -> list[str]:
    return [block["type"] for block in message["content"]]


def said(message: dict[str, Any]) -> str:
    return "".join(block["text"] for block in message["content"] if block["type"] == "text")


def called(message: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(block["name"], block["input"]) for block in message["content"] if block["type"] == "tool_use"]


def results(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    return user(
        [
            {"type": "tool_result", "tool_use_id": block["id"], "content": f"fine in {block['input'].get('city')}"}
            | more
            for block in message["content"]
            if block["type"] == "tool_use"
        ]
    )


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("thinking", [False, True])
def test_a_whole_loop(id: str, thinking: bool) -> None:
    kind = {"type": "adaptive"} if "adaptive" in facts(id).thinking else {"type": "enabled", "budget_tokens": 1024}
    request = body(**({"thinking": kind | {"display": "summarized"}} if thinking else {}))
    seals, ids = Seals(), []
    for names in (["get_weather", "get_time"], ["get_weather"]):
        message = answer(request, id, seals)
        assert (message["stop_reason"], [name for name, _ in called(message)]) == ("tool_use", names)
        assert (kinds(message)[0] == "thinking") is (thinking or facts(id).thinks_unasked)
        ids += [block["id"] for block in message["content"] if block["type"] == "tool_use"]
        back = {"role": "assistant", "content": message["content"]}
        request |= {"messages": [*request["messages"], back, results(message)]}
        assert faults(request, facts(id), streamed=False, seals=seals) == []
    final = answer(request, id, seals)
    assert final["stop_reason"] == "end_turn"
    quoted = [
        "get_weather said: fine in Paris",
        "get_time said: fine in None",
        "get_weather said: fine in Rome (Italy)",
    ]
    assert said(final) == "\n".join(quoted)
    assert len(set(ids)) == 3
    more = {"messages": [*request["messages"], {"role": "assistant", "content": final["content"]}, user("Thanks")]}
    assert said(answer(request | more, id, seals)) == "You said: Thanks"


def test_a_stream_writes_arguments_in_pieces() -> None:
    behaviour = agent().how(Asked(body(), facts(IDS[0]), Seals()))
    assert isinstance(behaviour, Stream) and isinstance(behaviour.body, bytes)
    pieces = [event for event in events_of(behaviour.body) if b"input_json_delta" in event]
    assert len(pieces) > 3
    assert b'"partial_json": ""' in pieces[0]
    assert b'"type": "ping"' in behaviour.body


def test_how_thinking_is_shown() -> None:
    old = {"type": "enabled", "budget_tokens": 1024}
    for id, thinking, shown in [
        (IDS[0], None, None),
        (IDS[0], old, "I need get_weather and get_time."),
        (IDS[0], old | {"display": "omitted"}, ""),
        (IDS[2], {"type": "adaptive"}, ""),
        (IDS[2], {"type": "adaptive", "display": "summarized"}, "I need get_weather and get_time."),
        (IDS[3], None, ""),
        (IDS[3], {"type": "disabled"}, None),
        ("claude-sonnet-5-5", {"type": "between_tools"}, None),
    ]:
        message = answer(body(**({"thinking": thinking} if thinking else {})), id)
        thoughts = [block for block in message["content"] if block["type"] == "thinking"]
        assert [block["thinking"] for block in thoughts] == ([] if shown is None else [shown])
        assert all(block["signature"] for block in thoughts)
        assert ("output_tokens_details" in message["usage"]) is bool(thoughts)


def test_the_newest_think_between_calls_what_others_say() -> None:
    thinking = {"type": "adaptive", "display": "summarized"}
    for id, second in [(IDS[2], ["thinking", "text", "tool_use"]), (IDS[4], ["thinking", "thinking", "tool_use"])]:
        first = answer(body(thinking=thinking), id)
        assert kinds(first) == ["thinking", "text", "tool_use", "tool_use"]
        back = {"role": "assistant", "content": first["content"]}
        later = answer(body(thinking=thinking, messages=[user(PARALLEL), back, results(first)]), id)
        assert kinds(later) == second


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"type": "auto"}, ["get_weather", "get_time"]),
        ({"type": "auto", "disable_parallel_tool_use": True}, ["get_weather"]),
        ({"type": "none"}, []),
        ({"type": "any"}, ["get_weather", "get_time"]),
        ({"type": "tool", "name": "get_time"}, ["get_time"]),
    ],
)
def test_it_keeps_to_tool_choice(choice: dict[str, Any], names: list[str]) -> None:
    message = answer(body(tool_choice=choice))
    assert [name for name, _ in called(message)] == names
    assert ("text" in kinds(message)) is (choice["type"] in ("auto", "none"))


def test_without_parallel_calls_it_makes_one_after_the_other() -> None:
    request = body(tool_choice={"type": "auto", "disable_parallel_tool_use": True})
    names = []
    for _ in range(3):
        message = answer(request)
        names += [name for name, _ in called(message)]
        back = {"role": "assistant", "content": message["content"]}
        request |= {"messages": [*request["messages"], back, results(message)]}
    assert names == ["get_weather", "get_time", "get_weather"]
    assert answer(request)["stop_reason"] == "end_turn"


def test_forced_without_a_script_it_makes_arguments_up() -> None:
    for choice in ({"type": "any"}, {"type": "tool", "name": "get_time"}):
        message = answer(body("Hi", tool_choice=choice))
        assert called(message) == [(choice.get("name", "get_weather"), {"city": "text"})]


def test_unheard_of_tools_failures_and_pictures() -> None:
    assert said(answer(body("call: look_up({})"))) == "I have no tool named look_up."
    assert said(answer(body("call: look_up({})", tools=[]))) == "You said: call: look_up({})"
    first = answer(body("call: #1({})"))
    back = {"role": "assistant", "content": first["content"]}
    failed = results(first, is_error=True, content=[{"type": "text", "text": "No "}, {"type": "image", "source": {}}])
    assert said(answer(body(messages=[user("call: #1({})"), back, failed]))) == "get_time failed: No [image]"
    silent = results(first, content="")
    assert said(answer(body(messages=[user("call: #1({})"), back, silent]))) == "get_time said: nothing"


def test_it_writes_json_that_fits() -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "day": {"type": "string", "format": "date"},
            "kind": {"enum": ["a", "b"]},
            "points": {"type": "array", "items": {"$ref": "#/$defs/Point"}},
            "maybe": {"anyOf": [{"type": "null"}, {"type": "string"}]},
            "on": {"type": ["boolean", "null"]},
        },
        "$defs": {"Point": {"type": "object", "properties": {"x": {"type": "number"}, "n": {"type": "integer"}}}},
    }
    message = answer(body("Hi", output_config={"format": {"type": "json_schema", "schema": schema}}))
    fits = {"name": "text", "day": "2026-11-22", "kind": "a", "points": [{"x": 1.5, "n": 1}], "maybe": None, "on": True}
    assert json.loads(said(message)) == fits


def test_its_last_words_can_be_given_and_sent_slowly() -> None:
    assert said(answer(body("Hi"), text="Enough.")) == "Enough."
    behaviour = agent(size=7, stop_after=20).how(Asked(body(), facts(IDS[0]), Seals()))
    assert isinstance(behaviour, Stream)
    assert [len(step or b"") for step in behaviour.steps(streamed=True)] == [7, 7, 6]
