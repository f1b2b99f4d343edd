"""The judge of Converse bodies: it has nothing to say to good ones, and finds each fault by itself."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.support.aws_vectors import RECORDED
from tests.support.boto import sent_by_boto
from tests.support.converse_models import model
from tests.support.converse_rules import faults
from tests.support.converse_shapes import shape_faults

Body = dict[str, Any]

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "amazon.nova-pro-v1:0"
SPEC = {"name": "f", "inputSchema": {"json": {"type": "object", "properties": {}}}}
POINT = {"cachePoint": {"type": "default"}}
USE = {"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "c2VhbA=="}}}
PNG = {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}
PDF = {"document": {"format": "pdf", "name": "a pdf", "source": {"bytes": "JVBERi0="}}}


def answered(*content: Any, **fields: Any) -> Body:
    return {"toolResult": {"toolUseId": "t", "content": list(content) or [{"text": "1"}], **fields}}


def user(*blocks: Any) -> Body:
    return {"role": "user", "content": list(blocks) or [{"text": "Hi"}]}


def assistant(*blocks: Any) -> Body:
    return {"role": "assistant", "content": list(blocks) or [{"text": "Hello"}]}


def chat(*messages: Body, **fields: Any) -> Body:
    return {"messages": list(messages) or [user()], "inferenceConfig": {"maxTokens": 10}} | fields


LOOP = chat(user(), assistant(USE), user(answered()), toolConfig={"tools": [{"toolSpec": SPEC}]})
GOOD: list[tuple[str, Body]] = [
    (NOVA, chat()),
    (NOVA, LOOP),
    (CLAUDE, LOOP),
    (CLAUDE, chat(user(), assistant())),
    (
        CLAUDE,
        chat(
            user({"text": "Look"}, PNG, PDF, POINT),
            assistant(THOUGHT, USE),
            user(answered(PNG, status="error"), POINT),
            system=[{"text": "Be kind."}, POINT],
            toolConfig={"tools": [{"toolSpec": SPEC}, POINT]},
            additionalModelRequestFields={"top_k": 5},
        ),
    ),
    ("anthropic.claude-opus-4-8", chat(user(), {"role": "system", "content": [{"text": "Be kind."}]})),
    ("us.amazon.nova-2-lite-v1:0", chat(additionalModelRequestFields={"reasoningConfig": {"type": "disabled"}})),
    ("of.nobody-knows", chat(additionalModelRequestFields={})),
]


@pytest.mark.parametrize(("model_id", "body"), GOOD)
def test_good_bodies(model_id: str, body: Body) -> None:
    assert faults(body, model_id) == []
    assert faults(body, model_id, streamed=True) == []
    assert sent_by_boto(**body) == body


def test_recorded_requests() -> None:
    """Bedrock answered them. Titan took two turns of the user in a row, which AWS's pages forbid."""
    found = {}
    for file in RECORDED:
        request = json.loads(file.with_name(file.name.replace("response.bin", "json")).read_text())["request"]
        if "/converse" in request["uri"]:
            model_id = request["uri"].split("/")[4].replace("%3A", ":")
            found[model_id] = faults(request["body"], model_id, streamed=True)
    assert found.pop("amazon.titan-text-express-v1") == [
        "A conversation must alternate between user and assistant roles."
    ]
    assert len(found) == 2 and not any(found.values())


# -- shapes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"messages": "Hi"}, "messages: expected a list"),
        ({"messages": ["Hi"]}, "messages[0]: expected an object"),
        ({"messages": [{"role": "user"}]}, "messages[0].content: required key not found"),
        ({"messages": [{"role": "tool", "content": []}]}, "messages[0].role: 'tool' is none of"),
        ({"messages": [user({"text": 5})]}, "messages[0].content[0].text: expected a string"),
        ({"messages": [user({"text": "a", "image": PNG["image"]})]}, "messages[0].content[0]: exactly one of"),
        ({"messages": [user({})]}, "messages[0].content[0]: exactly one of"),
        ({"messages": [user({"type": "text"})]}, "messages[0].content[0].type: extraneous key"),
        ({"messages": [user({"image": PNG["image"] | {"source": {"bytes": "?"}}})]}, "not base64"),
        ({"messages": [user({"image": PNG["image"] | {"source": {"bytes": ""}}})]}, "is empty"),
        ({"messages": [user({"image": PNG["image"] | {"format": "bmp"}})]}, "'bmp' is none of"),
        ({"messages": [assistant({"toolUse": USE["toolUse"] | {"name": "a b"}})]}, "does not match"),
        ({"messages": [assistant({"toolUse": USE["toolUse"] | {"toolUseId": "t" * 65}})]}, "is not between 1 and 64"),
        ({"inferenceConfig": {"temperature": 1.5}}, "inferenceConfig.temperature: 1.5 is not between 0 and 1"),
        ({"inferenceConfig": {"maxTokens": 0}}, "inferenceConfig.maxTokens"),
        ({"inferenceConfig": {"maxTokens": 1.5}}, "inferenceConfig.maxTokens: expected a number"),
        ({"inferenceConfig": {"maxTokens": True}}, "inferenceConfig.maxTokens: expected a number"),
        ({"toolConfig": {"tools": []}}, "toolConfig.tools: 0 is not between 1"),
        ({"requestMetadata": {"user!": "a"}}, "requestMetadata (key)"),
        ({"requestMetadata": []}, "requestMetadata: expected an object"),
        ({"modelId": "m"}, ".modelId: extraneous key"),
        ({"stream": True}, ".stream: extraneous key"),
        ({"guardrailConfig": {"guardrailIdentifier": "UPPER"}}, "does not match"),
        ({"toolConfig": {"tools": [{"toolSpec": SPEC | {"strict": "yes"}}]}}, "strict: expected true or false"),
    ],
)
def test_shapes(fields: Body, where: str) -> None:
    (found,) = shape_faults(chat(**fields))
    assert where in found
    assert faults(chat(**fields), NOVA) == [found]


# -- rules ------------------------------------------------------------------------------------------------------------

LLAMA, QWEN, R1 = "meta.llama3-3-70b-instruct-v1:0", "qwen.qwen3-32b-v1:0", "deepseek.r1-v1:0"
LATE = {"role": "system", "content": [{"text": "Be kind."}]}
FIVE = chat(user({"text": "a"}, POINT), assistant({"text": "a"}, POINT), user({"text": "a"}, POINT))
BAD: list[tuple[str, Body, str]] = [
    (NOVA, {"inferenceConfig": {}}, "must start with a user message"),
    (NOVA, chat(assistant(), user()), "must start with a user message"),
    (QWEN, chat(user(), assistant()), "does not support assistant message prefill"),
    (NOVA, chat(user(), user()), "must alternate"),
    (NOVA, chat(user(), LATE), "doesn't support the system role in messages"),
    ("mistral.mistral-7b-instruct-v0:2", chat(system=[{"text": "a"}]), "doesn't support system messages"),
    (NOVA, chat({"role": "user", "content": []}), "is empty"),
    (NOVA, chat(user(), assistant(PNG), user()), "assistant messages cannot contain image"),
    (NOVA, chat(user(THOUGHT)), "user messages cannot contain reasoningContent"),
    (NOVA, chat(user(), assistant(THOUGHT, {"text": "a"}), user()), "doesn't support reasoning content"),
    (R1, chat(user({"text": "a"}, PNG)), "doesn't support images"),
    ("amazon.nova-micro-v1:0", chat(user({"text": "a"}, PDF)), "doesn't support documents"),
    (NOVA, LOOP | {"messages": [*LOOP["messages"][:2], user()]}, "Expected toolResult blocks at messages.2"),
    (NOVA, LOOP | {"messages": LOOP["messages"][:2]}, "Expected toolResult blocks after the last turn"),
    (NOVA, LOOP | {"messages": [user(answered())]}, "exceed the toolUse blocks"),
    (NOVA, LOOP | {"messages": [*LOOP["messages"][:2], user({"text": "a"}, answered())]}, "Expected toolResult blocks"),
    (NOVA, LOOP | {"messages": [*LOOP["messages"][:2], user(answered(), answered())]}, "duplicate Ids"),
    (NOVA, LOOP | {"messages": LOOP["messages"] + [assistant(USE), user(answered())]}, "contain duplicate Ids"),
    (NOVA, chat(user({"text": " "})), "is blank"),
    (NOVA, chat(system=[{"text": "\n"}]), "is blank"),
    (NOVA, LOOP | {"messages": [*LOOP["messages"][:2], user(answered({"text": " "}))]}, "is blank"),
    (NOVA, chat(inferenceConfig={"stopSequences": [" "]}), "must contain non-whitespace"),
    (NOVA, chat(user(PDF)), "documents without text"),
    (NOVA, chat(user({"text": "a"}, PDF, PDF)), "duplicate names"),
    (NOVA, chat(user({"text": "a"}, {"document": PDF["document"] | {"name": "a.pdf"}})), "alphanumeric"),
    (NOVA, chat(user({"text": "a"}, {"document": PDF["document"] | {"name": "a  b"}})), "alphanumeric"),
    (NOVA, chat(user({"text": "a"}, {"document": {"name": "a", "source": {"bytes": "eA=="}}})), "has no format"),
    (QWEN, chat(user({"text": "a"}, POINT)), "extraneous key [cachePoint]"),
    (NOVA, LOOP | {"toolConfig": {"tools": [{"toolSpec": SPEC}, POINT]}}, "tools: extraneous key [cachePoint]"),
    (NOVA, chat(user(POINT, {"text": "a"})), "must follow the content"),
    (NOVA, chat(user({"text": "a"}, POINT, POINT)), "must follow the content"),
    (CLAUDE, FIVE | {"system": [{"text": "a"}, POINT, {"text": "a"}, POINT]}, "A maximum of 4"),
    (NOVA, chat(user({"text": "a"}, {"cachePoint": {"type": "default", "ttl": "1h"}})), "cachePoint.ttl"),
    (
        CLAUDE,
        chat(user({"text": "a"}, POINT, {"text": "b"}, {"cachePoint": {"type": "default", "ttl": "1h"}})),
        "must not come after",
    ),
    (NOVA, LOOP | {"toolConfig": {"tools": [POINT]}}, "no tool is defined"),
    (NOVA, {key: LOOP[key] for key in ("messages", "inferenceConfig")}, "toolConfig field must be defined"),
    (R1, chat(toolConfig=LOOP["toolConfig"]), "doesn't support tool use."),
    (NOVA, chat(toolConfig={"tools": [{"toolSpec": SPEC}] * 2}), "must be unique"),
    (NOVA, chat(toolConfig={"tools": [{"toolSpec": SPEC | {"inputSchema": {"json": {}}}}]}), "must be one of: object"),
    (LLAMA, LOOP | {"toolConfig": LOOP["toolConfig"] | {"toolChoice": {"any": {}}}}, "toolChoice.any"),
    (NOVA, LOOP | {"toolConfig": LOOP["toolConfig"] | {"toolChoice": {"tool": {"name": "g"}}}}, "is not defined"),
    (QWEN, LOOP | {"messages": [*LOOP["messages"][:2], user(answered(status="error"))]}, "text only"),
    (QWEN, LOOP | {"messages": [*LOOP["messages"][:2], user(answered({"json": {}}))]}, "text only"),
    (NOVA, chat(additionalModelRequestFields=5), "expected an object"),
    (NOVA, chat(additionalModelRequestFields={"top_k": 5}), "top_k: extraneous key"),
    (QWEN, chat(inferenceConfig={"stopSequences": ["a"]}), "doesn't support the stopSequences field"),
    (NOVA, chat(outputConfig={"effort": "low"}), "outputConfig.effort"),
    (
        CLAUDE,
        chat(
            toolConfig=LOOP["toolConfig"] | {"toolChoice": {"any": {}}},
            additionalModelRequestFields={"tool_choice": {"type": "auto"}},
        ),
        "stands both in",
    ),
    (
        "amazon.nova-2-lite-v1:0",
        chat(additionalModelRequestFields={"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}),
        "maxTokens: must be unset",
    ),
    # What Claude's own judge finds.
    (CLAUDE, chat(inferenceConfig={"maxTokens": 10, "temperature": 0.5, "topP": 0.5}), "cannot both be specified"),
    ("anthropic.claude-opus-4-8", chat(user(), assistant()), "prefill"),
    ("anthropic.claude-opus-4-8", chat(inferenceConfig={"temperature": 0.5}), "is deprecated for this model"),
    (CLAUDE, chat(outputConfig={"effort": "low"}), "output_config.effort"),
    (CLAUDE, chat(additionalModelRequestFields={"thinking": {"type": "adaptive"}}), "adaptive thinking"),
    (CLAUDE, chat(additionalModelRequestFields={"anthropic_beta": ["of-nobody-2020-01-01"]}), "invalid beta flag"),
]


@pytest.mark.parametrize(("model_id", "body", "told"), BAD, ids=[told for *_, told in BAD])
def test_faults(model_id: str, body: Body, told: str) -> None:
    assert any(told in fault for fault in faults(body, model_id)), faults(body, model_id)


def test_tools_in_a_stream() -> None:
    assert faults(LOOP, LLAMA) == []
    assert faults(LOOP, LLAMA, streamed=True) == ["This model doesn't support tool use in streaming mode."]


def test_judging_changes_nothing() -> None:
    for model_id, body in GOOD:
        before = copy.deepcopy(body)
        faults(body, model_id)
        assert body == before


@pytest.mark.parametrize(
    ("model_id", "claude"),
    [
        (CLAUDE, "claude-sonnet-4-5"),
        ("anthropic.claude-opus-4-8", "claude-opus-4-8"),
        ("global.anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("us-gov.anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku"),
        (NOVA, None),
        ("deepseek.v3.2", None),
    ],
)
def test_claudes_ids(model_id: str, claude: str | None) -> None:
    found = model(model_id)
    assert (found.claude.id if found.claude else None) == claude
    assert found.id == model_id


def test_other_ids() -> None:
    assert model("deepseek.v3.2").stops is False
    assert model("us.deepseek.r1-v1:0").tools is False
    assert model("global.zai.glm-5.3").cache == model("zai.glm-5.3").cache == {"system", "messages"}
