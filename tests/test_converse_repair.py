"""What is sent after Converse refused a request: what was refused is gone, everything else is the same."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from oai_bridge.dialects.aws_errors import error_from_aws
from oai_bridge.dialects.converse_repair import repaired
from oai_bridge.errors import BridgeError
from oai_bridge.plain.jsontext import write

NOTHING: frozenset[str] = frozenset()
HI = {"role": "user", "content": [{"text": "Hi"}]}
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "seal"}}}
CALL = {"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}
RESULT = {"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": [{"text": "1"}]}}]}
POINT = {"cachePoint": {"type": "default"}}
SPEC: dict[str, Any] = {"name": "f", "inputSchema": {"json": {"type": "object"}}}
TOOLS = {"tools": [{"toolSpec": SPEC | {"strict": True}}, POINT], "toolChoice": {"any": {}}}
FORM = {"type": "json_schema", "structure": {"jsonSchema": {"schema": '{"type":"object"}', "name": "a"}}}
BODY: dict[str, Any] = {
    "messages": [HI, {"role": "assistant", "content": [THOUGHT, CALL, POINT]}, RESULT],
    "system": [{"text": "Be kind."}, POINT],
    "inferenceConfig": {"maxTokens": 10, "temperature": 0.5, "topP": 0.5, "stopSequences": ["END"]},
    "toolConfig": TOOLS,
    "outputConfig": {"textFormat": FORM, "effort": "low"},
    "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "top_k": 5},
}

STRICT = "The model returned the following errors: tools: Too many strict tools (21)."
SIGNATURE = "The model returned the following errors: messages.1.content.0: Invalid `signature` in `thinking` block"
UNWANTED = "User messages cannot contain reasoning content. Please remove the reasoning content and try again."
CACHE = "You invoked an unsupported model or your request did not allow prompt caching."
KEY = "Malformed input request: #/toolConfig/tools/1: extraneous key [cachePoint] is not permitted"


def lacks(field: str) -> str:
    return f"This model doesn't support the {field} field. Remove {field} and try again."


def refusal(message: str, status: int = 400) -> BridgeError:
    name = "AccessDeniedException" if status == 403 else "ValidationException"
    return error_from_aws(status, {"x-amzn-errortype": name}, write({"message": message}))


def repair(message: str, status: int = 400, body: Any = BODY) -> tuple[str, Any]:
    before = copy.deepcopy(body)
    found = repaired(body, refusal(message, status), NOTHING)
    assert found is not None
    assert body == before, "the refused body is as it was"
    name, changed = found
    again = repaired(body, refusal(message, status), frozenset({name}))
    assert again is None or again[0] != name, "once for each reason"
    return name, changed


def without(body: Any, *keys: str) -> Any:
    return {key: value for key, value in body.items() if key not in keys}


def test_strict_tools() -> None:
    name, changed = repair(STRICT)
    assert (name, changed) == ("strict", BODY | {"toolConfig": TOOLS | {"tools": [{"toolSpec": SPEC}, POINT]}})
    assert repair(lacks("toolConfig.tools.toolSpec.strict"))[0] == "strict"


@pytest.mark.parametrize("message", [SIGNATURE, lacks("reasoningContent"), UNWANTED])
def test_thoughts(message: str) -> None:
    name, changed = repair(message)
    assert name == "thinking"
    assert changed["messages"] == [HI, {"role": "assistant", "content": [CALL, POINT]}, RESULT]
    assert changed["additionalModelRequestFields"] == {"top_k": 5}  # a budget can't go on without them
    assert without(changed, "messages", "additionalModelRequestFields") == without(
        BODY, "messages", "additionalModelRequestFields"
    )


@pytest.mark.parametrize(
    ("thinking", "last"),
    [({"type": "adaptive"}, RESULT), ({"type": "enabled", "budget_tokens": 1024}, HI)],
    ids=["adaptive", "no results at the end"],
)
def test_thinking_goes_on_where_it_can(thinking: dict[str, Any], last: dict[str, Any]) -> None:
    extra = {"thinking": thinking, "top_k": 5}
    body = BODY | {"messages": [*BODY["messages"], last], "additionalModelRequestFields": extra}
    assert repair(SIGNATURE, body=body)[1]["additionalModelRequestFields"] == extra


def test_who_wants_the_error_about_thoughts_gets_it() -> None:
    binding = {"prefix_mismatch_behavior": "error"}
    extra = {"thinking": {"type": "adaptive", "block_binding": binding}}
    assert repaired(BODY | {"additionalModelRequestFields": extra}, refusal(SIGNATURE), NOTHING) is None


@pytest.mark.parametrize("extra", [{}, {"additionalModelRequestFields": {"top_k": 5}}])
def test_there_may_be_no_wish_to_think(extra: dict[str, Any]) -> None:
    body = {"messages": BODY["messages"], **extra}
    expected = {"messages": [HI, {"role": "assistant", "content": [CALL, POINT]}, RESULT], **extra}
    assert repair(SIGNATURE, body=body) == ("thinking", expected)


def test_a_turn_of_thoughts_alone_is_never_empty() -> None:
    body = {"messages": [HI, {"role": "assistant", "content": [THOUGHT]}, HI]}
    assert repair(SIGNATURE, body=body) == (
        "thinking",
        {"messages": [HI, {"role": "assistant", "content": [{"text": "."}]}, HI]},
    )


def test_the_answers_form() -> None:
    name, changed = repair(lacks("outputConfig.textFormat"))
    assert name == "output_config"
    assert changed["outputConfig"] == {"effort": "low"}
    assert changed["system"][:2] == BODY["system"]
    assert changed["system"][2]["text"].startswith("\n\nRespond with JSON only")
    assert changed["system"][2]["text"].endswith('conform to this JSON schema: {"type":"object"}')


@pytest.mark.parametrize(("message", "status"), [(CACHE, 403), (CACHE.upper(), 403), (KEY, 400)])
def test_cache_points(message: str, status: int) -> None:
    name, changed = repair(message, status)
    assert name == "cache"
    assert "cachePoint" not in write(changed).decode()
    assert changed["messages"][1]["content"] == [THOUGHT, CALL]
    assert changed["inferenceConfig"] == BODY["inferenceConfig"]
    assert changed["toolConfig"] == TOOLS | {"tools": TOOLS["tools"][:1]}


@pytest.mark.parametrize(
    ("field", "holder", "left"),
    [
        ("temperature", "inferenceConfig", {"maxTokens": 10, "stopSequences": ["END"]}),
        ("topP", "inferenceConfig", {"maxTokens": 10, "stopSequences": ["END"]}),
        ("stopSequences", "inferenceConfig", {"maxTokens": 10, "temperature": 0.5, "topP": 0.5}),
        ("toolConfig.toolChoice.any", "toolConfig", {"tools": TOOLS["tools"]}),
        ("outputConfig.effort", "outputConfig", {"textFormat": FORM}),
    ],
)
def test_a_field_that_the_model_does_not_have(field: str, holder: str, left: Any) -> None:
    assert repair(lacks(field)) == ("field", BODY | {holder: left})
    assert repair(lacks(field).replace("doesn't", "Doesn't")) == ("field", BODY | {holder: left})


def test_a_point_before_the_tools_is_no_tool() -> None:
    strict, plain = {"toolSpec": SPEC | {"strict": True}}, {"toolSpec": SPEC}
    name, changed = repair(STRICT, body=BODY | {"toolConfig": {"tools": [POINT, strict]}})
    assert (name, changed["toolConfig"]) == ("strict", {"tools": [POINT, plain]})
    body = {"messages": [HI], "toolConfig": {"tools": [POINT, plain]}}
    assert repaired(body, refusal(STRICT), NOTHING) is None


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("The model returned the following errors: prompt is too long", 400),
        (lacks("toolConfig.tools"), 400),
        (lacks("system"), 400),
        (STRICT, 429),
        (CACHE, 500),
    ],
)
def test_nothing_helps(message: str, status: int) -> None:
    assert repaired(BODY, BridgeError(message, status=status), NOTHING) is None


@pytest.mark.parametrize("message", [STRICT, SIGNATURE, lacks("outputConfig.textFormat"), KEY, lacks("temperature")])
def test_what_is_not_there_can_not_be_taken_away(message: str) -> None:
    assert repaired({"messages": [HI], "inferenceConfig": {"maxTokens": 10}}, refusal(message), NOTHING) is None
