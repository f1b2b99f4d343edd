"""What is sent after a refusal: the one thing that was refused is gone, everything else is the same."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.dialects.claude_errors import error_from_body
from oai_bridge.dialects.claude_repair import continued, repaired
from oai_bridge.errors import BridgeError
from oai_bridge.plain.jsontext import write

NOTHING: frozenset[str] = frozenset()
HI = {"role": "user", "content": [{"type": "text", "text": "Hi"}]}
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "seal"}
REDACTED = {"type": "redacted_thinking", "data": "x"}
CALL = {"type": "tool_use", "id": "a", "name": "t", "input": {}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "1"}]}
WORD = {"type": "text", "text": "Well"}

STRICT = "tools: Too many strict tools (21). The maximum number of strict tools supported is 20."
GRAMMAR = "The compiled grammar is too large, which would cause performance issues."
COMPLEX = "Schema is too complex for compilation."
OPTIONAL = "Schemas contains too many optional parameters (40), which would make grammar compilation inefficient."
MODIFIED = (
    "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified."
)
SIGNATURE = "messages.1.content.0: Invalid `signature` in `thinking` block"
BOUND = "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation."
FORMAT = "output_config.format: Extra inputs are not permitted"
CONFIG = "output_config: Extra inputs are not permitted"
POLICY = (
    "Organization Policy constraint constraints/vertexai.allowedPartnerModelFeatures violated: "
    "publishers/anthropic/models/claude-opus-4-8:structured_outputs is not allowed."
)


def refusal(message: str, status: int = 400) -> BridgeError:
    """As it comes from the cloud."""
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    if status == 403:
        error = {"error": {"code": 403, "status": "PERMISSION_DENIED", "message": message}}
    return error_from_body(status, write(error))


def assistant(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def tools(strict: bool = True) -> list[dict[str, Any]]:
    schema = {"type": "object", "properties": {}}
    return [{"name": "a", "input_schema": schema, **({"strict": True} if strict else {})}, {"name": "b"}]


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def formatted(**fields: Any) -> dict[str, Any]:
    config = {"format": {"type": "json_schema", "schema": SCHEMA}, "effort": "low"}
    return {"messages": [HI], "output_config": config} | fields


@pytest.mark.parametrize("message", [STRICT, GRAMMAR, COMPLEX, OPTIONAL, POLICY])
def test_strict_tools_are_sent_as_usual_ones(message: str) -> None:
    body = {"messages": [HI], "tools": tools()}
    assert repaired(body, refusal(message), NOTHING) == ("strict", {"messages": [HI], "tools": tools(strict=False)})


@pytest.mark.parametrize("message", [MODIFIED, SIGNATURE, BOUND])
def test_thinking_is_taken_out_of_the_history(message: str) -> None:
    """LiteLLM and others end such chats for good; CLIProxyAPI and opencode users had to start anew."""
    body = {
        "messages": [HI, assistant(THOUGHT, CALL), RESULT, assistant(REDACTED, WORD), HI],
        "thinking": {"type": "adaptive"},
    }
    expected = body | {"messages": [HI, assistant(CALL), RESULT, assistant(WORD), HI]}
    assert repaired(body, refusal(message), NOTHING) == ("thinking", expected)


def test_a_budget_goes_too_where_thinking_would_have_to_be_there() -> None:
    """Else the next refusal is "Expected `thinking` or `redacted_thinking`, but found `tool_use`"."""
    budget = {"type": "enabled", "budget_tokens": 2000}
    body = {"messages": [HI, assistant(THOUGHT, CALL), RESULT], "thinking": budget}
    assert repaired(body, refusal(SIGNATURE), NOTHING) == ("thinking", {"messages": [HI, assistant(CALL), RESULT]})
    over = {"messages": [HI, assistant(THOUGHT, CALL), RESULT, assistant(WORD), HI], "thinking": budget}
    assert repaired(over, refusal(SIGNATURE), NOTHING) == (
        "thinking",
        {"messages": [HI, assistant(CALL), RESULT, assistant(WORD), HI], "thinking": budget},
    )


def test_a_turn_of_nothing_but_thinking() -> None:
    body = {"messages": [HI, assistant(THOUGHT), HI, assistant(REDACTED)]}
    expected = {"messages": [HI, assistant({"type": "text", "text": "."}), HI]}
    assert repaired(body, refusal(SIGNATURE), NOTHING) == ("thinking", expected)
    body = {"messages": [HI, assistant(WORD), HI, assistant(REDACTED)]}
    assert repaired(body, refusal(SIGNATURE), NOTHING) == ("thinking", {"messages": [HI, assistant(WORD), HI]})


def test_a_dot_of_the_clients_own_stays() -> None:
    dot = {"role": "user", "content": "."}
    body = {"messages": [HI, assistant(THOUGHT, WORD), dot]}
    assert repaired(body, refusal(SIGNATURE), NOTHING) == ("thinking", {"messages": [HI, assistant(WORD), dot]})


def test_who_wants_the_error_gets_it() -> None:
    wish = {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "error"}}
    assert repaired({"messages": [HI, assistant(THOUGHT), HI], "thinking": wish}, refusal(BOUND), NOTHING) is None


@pytest.mark.parametrize(
    ("message", "status"), [(FORMAT, 400), (FORMAT.title(), 400), (COMPLEX, 400), (POLICY, 400), (POLICY, 403)]
)
def test_the_format_becomes_an_instruction(message: str, status: int) -> None:
    """Also on Vertex, where an organisation has to allow structured outputs first (Portkey#1570, litellm#21407)."""
    name, body = repaired(formatted(system=[WORD]), refusal(message, status), NOTHING) or ("", {})
    assert name == "output_config"
    assert body["output_config"] == {"effort": "low"}
    assert body["system"][0] == WORD
    assert body["system"][1]["text"].endswith(': {"type":"object","properties":{"a":{"type":"string"}}}')


@pytest.mark.parametrize(("system", "before"), [(None, []), ("Be brief.", ["Be brief."]), ([], [])])
def test_any_system_prompt_takes_the_instruction(system: Any, before: list[str]) -> None:
    given = formatted(system=system) if system is not None else formatted()
    _, body = repaired(given, refusal(FORMAT), NOTHING) or ("", {})
    *kept, instruction = body["system"]
    assert kept == [{"type": "text", "text": words} for words in before] and instruction["type"] == "text"
    assert instruction["text"].startswith("\n\n") is bool(before)


def test_a_config_that_is_refused_as_a_whole_goes_as_a_whole() -> None:
    """Else the effort in it is refused next, and there is no second repair."""
    for complaint in (CONFIG, CONFIG.title()):
        _, body = repaired(formatted(), refusal(complaint), NOTHING) or ("", {})
        assert "output_config" not in body and body["system"]


def test_nothing_is_left_of_an_empty_config() -> None:
    given = formatted() | {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}
    _, body = repaired(given, refusal(FORMAT), NOTHING) or ("", {})
    assert "output_config" not in body


def test_a_grammar_is_the_tools_first_and_the_answers_then() -> None:
    body = formatted(tools=tools())
    first, body = repaired(body, refusal(GRAMMAR), NOTHING) or ("", {})
    second, body = repaired(body, refusal(GRAMMAR), frozenset({first})) or ("", {})
    assert (first, second) == ("strict", "output_config")
    assert repaired(body, refusal(GRAMMAR), frozenset({first, second})) is None


@pytest.mark.parametrize(
    ("body", "error", "done"),
    [
        ({"messages": [HI], "tools": tools()}, refusal(STRICT), {"strict"}),
        ({"messages": [HI], "tools": tools(strict=False)}, refusal(STRICT), set()),
        ({"messages": [HI]}, refusal(SIGNATURE), set()),
        ({"messages": [HI, assistant(THOUGHT), HI]}, refusal(SIGNATURE), {"thinking"}),
        ({"messages": [HI, assistant(THOUGHT), HI]}, refusal(STRICT), set()),
        (formatted(), refusal("output_config.effort: Extra inputs are not permitted"), set()),
        (formatted(), refusal("max_tokens: too many"), set()),
        (formatted(), refusal(FORMAT), {"output_config"}),
        (formatted() | {"output_config": {"effort": "low"}}, refusal(CONFIG), set()),
        (formatted(), BridgeError(FORMAT, status=500), set()),
        (formatted(), BridgeError(FORMAT, status=429), set()),
    ],
)
def test_what_would_not_help_is_not_tried(body: Any, error: BridgeError, done: set[str]) -> None:
    assert repaired(body, error, frozenset(done)) is None


def test_the_refused_body_is_untouched_and_shared() -> None:
    data = "A" * 1_000_000
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    body = formatted(tools=tools(), system="S")
    body["messages"] = [{"role": "user", "content": [picture]}, assistant(THOUGHT, CALL), RESULT]
    before = copy.deepcopy(body)
    for message in (STRICT, SIGNATURE, FORMAT):
        _, changed = repaired(body, refusal(message), NOTHING) or ("", {})
        assert changed["messages"][0]["content"][0] is picture
        assert body == before != changed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
BLOCK = st.sampled_from([THOUGHT, CALL, WORD]) | JSON
MESSAGE = st.fixed_dictionaries({}, optional={"role": JSON, "content": JSON | st.lists(BLOCK)}) | JSON
FIELDS = {
    "messages": JSON | st.lists(MESSAGE),
    "tools": JSON | st.lists(st.sampled_from([{"strict": True}]) | JSON),
    "thinking": JSON | st.fixed_dictionaries({"type": st.just("enabled"), "block_binding": JSON}),
    "output_config": JSON | st.fixed_dictionaries({"format": JSON | st.fixed_dictionaries({"schema": JSON})}),
    "system": JSON,
}


@given(st.fixed_dictionaries({}, optional=FIELDS), st.sampled_from([STRICT, SIGNATURE, CONFIG, POLICY]))
def test_native_bodies_may_hold_anything(body: dict[str, Any], message: str) -> None:
    before = copy.deepcopy(body)
    repaired(body, refusal(message), NOTHING)
    assert body == before


# -- pauses ------------------------------------------------------------------------------------------------------------

SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}


def test_a_pause_goes_on_from_what_was_said() -> None:
    body = {"messages": [HI], "tools": tools()}
    assert continued(body, [WORD, SEARCH]) == body | {"messages": [HI, assistant(WORD, SEARCH)]}
    again = continued(body, [WORD, SEARCH, FOUND, SEARCH])
    assert again == body | {"messages": [HI, assistant(WORD, SEARCH, FOUND, SEARCH)]}
    assert body == {"messages": [HI], "tools": tools()}


def test_a_prefill_stays_before_it() -> None:
    prefill = {"type": "text", "text": "The answer"}
    body = continued({"messages": [HI, assistant(prefill)]}, [SEARCH, FOUND])
    assert body["messages"] == [HI, assistant(prefill, SEARCH, FOUND)]
    text = {"role": "assistant", "content": "The answer"}
    assert continued({"messages": [HI, text]}, [SEARCH, FOUND])["messages"] == body["messages"]
