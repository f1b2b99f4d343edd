"""The judge of thinking, effort and structured outputs: what each generation takes, and what the last turns hold."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.claude_models import Model, model
from tests.support.claude_rules import faults
from tests.support.cloud_client import BODY

IDS = {
    "3.5": "claude-3-5-sonnet@20240620",
    "4.5": "claude-sonnet-4-5@20250929",
    "4.6": "claude-opus-4-6",
    "4.7": "claude-opus-4-7",
    "5": "claude-opus-5",
    "sonnet 5.5": "claude-sonnet-5-5",
    "haiku 5.5": "claude-haiku-5-5",
    "opus 5.5": "claude-opus-5-5",
    "fable 5": "claude-fable-5",
    "brand-new": "claude-unheard-of",
}
MANUAL = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048}
LOOK = {"tools": [{"name": "look", "input_schema": {"type": "object"}}]}
FORM = {"type": "json_schema", "schema": {"type": "object", "properties": {}, "additionalProperties": False}}


def facts(name: str) -> Model:
    found = model(IDS[name])
    assert found is not None
    return found


def judged(name: str, changes: dict[str, Any], betas: tuple[str, ...] = ()) -> list[str]:
    return faults(BODY | changes, facts(name), streamed=False, betas=betas)


@pytest.mark.parametrize(
    ("kind", "takes"),
    [
        ("enabled", {"4.5", "4.6"}),
        ("adaptive", set(IDS) - {"3.5", "4.5"}),
        ("disabled", {"3.5", "4.5", "4.6", "4.7", "5", "haiku 5.5"}),
        ("between_tools", {"sonnet 5.5"}),
    ],
)
def test_each_generation_has_its_kinds_of_thinking(kind: str, takes: set[str]) -> None:
    setting = MANUAL if kind == "enabled" else {"thinking": {"type": kind}}
    refused = {name for name in IDS if judged(name, setting)}
    assert refused == set(IDS) - takes


@pytest.mark.parametrize(
    ("name", "changes", "why"),
    [
        ("4.5", MANUAL | {"temperature": 1}, None),
        ("4.5", MANUAL | {"top_p": 0.95}, None),
        ("4.6", {"thinking": {"type": "adaptive", "display": "summarized"}}, None),
        ("4.5", MANUAL | {"thinking": {"type": "enabled", "budget_tokens": 1024, "display": "omitted"}}, None),
        ("4.5", {"thinking": {"type": "auto"}}, "thinking: Input tag 'auto'"),
        ("4.5", {"thinking": True}, "thinking: Input tag None"),
        ("4.7", MANUAL, '"thinking.type.enabled" is not supported for this model.'),
        ("4.5", {"thinking": {"type": "adaptive"}}, "adaptive thinking is not supported on this model"),
        ("opus 5.5", {"thinking": {"type": "disabled"}}, "Supported values: adaptive."),
        ("4.5", {"thinking": {"type": "enabled"}}, "budget_tokens: Input should be a valid integer"),
        ("4.5", MANUAL | {"thinking": {"type": "enabled", "budget_tokens": 1023}}, "greater than or equal to 1024"),
        ("4.5", MANUAL | {"max_tokens": 1024}, "`max_tokens` must be greater than `thinking.budget_tokens`."),
        ("4.6", {"thinking": {"type": "adaptive", "budget_tokens": 1024}}, "thinking.adaptive.budget_tokens: Extra"),
        ("4.6", {"thinking": {"type": "adaptive", "display": "full"}}, "display: Input should be"),
        ("opus 5.5", {"thinking": {"type": "adaptive", "block_binding": {}}}, "block_binding: Extra inputs"),
        ("4.5", MANUAL | {"temperature": 0.5}, "`temperature` may only be set to 1 when thinking is enabled."),
        ("4.6", {"thinking": {"type": "adaptive"}, "top_p": 0.9}, "`top_p` must be greater than or equal to 0.95"),
        ("4.5", MANUAL | {"top_k": 5}, "`top_k` must be unset when thinking is enabled."),
    ],
)
def test_what_goes_with_thinking(name: str, changes: dict[str, Any], why: str | None) -> None:
    found = judged(name, changes)
    assert found == [] if why is None else why in found[0]


def test_betas_widen_what_thinking_takes() -> None:
    larger = MANUAL | LOOK | {"max_tokens": 1024}
    assert judged("4.5", larger, ("interleaved-thinking-2025-05-14",)) == []
    bound = {"thinking": {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}}
    assert judged("opus 5.5", bound, ("thinking-binding-controls-2026-08-01",)) == []


@pytest.mark.parametrize(
    ("effort", "takes"),
    [
        ("low", set(IDS) - {"3.5", "4.5"}),
        ("max", set(IDS) - {"3.5", "4.5"}),
        ("xhigh", set(IDS) - {"3.5", "4.5", "4.6"}),
        ("minimal", set()),
    ],
)
def test_each_generation_has_its_levels_of_effort(effort: str, takes: set[str]) -> None:
    assert {name for name in IDS if not judged(name, {"output_config": {"effort": effort}})} == takes


@pytest.mark.parametrize(
    ("name", "config", "more", "why"),
    [
        (
            "4.6",
            {"effort": "xhigh"},
            {},
            "does not support effort level 'xhigh'. Supported levels: low, medium, high, max.",
        ),
        ("4.5", {"effort": "low"}, {}, "output_config.effort: Extra inputs are not permitted"),
        ("5", {"effort": "max"}, {"thinking": {"type": "disabled"}}, "'disabled' is not supported with effort level"),
        ("5", {"effort": "high"}, {"thinking": {"type": "disabled"}}, None),
        ("sonnet 5.5", {"effort": "xhigh"}, {"thinking": {"type": "between_tools"}}, "is not supported with effort"),
        ("4.6", {"verbosity": "low"}, {}, "output_config.verbosity: Extra inputs are not permitted"),
        ("4.6", "high", {}, "output_config: Input should be a valid dictionary"),
        ("4.6", {"format": FORM}, {}, None),
        ("4.5", {"format": FORM}, {}, "output_config.format: Extra inputs are not permitted"),
        ("4.6", {"format": FORM | {"name": "x"}}, {}, "output_config.format: Input should be"),
        ("4.6", {"format": FORM | {"schema": {"type": "object"}}}, {}, "format.schema: the schema: For 'object' type"),
        ("4.6", {"format": FORM | {"schema": {"type": "thing"}}}, {}, "format.schema: /type is malformed"),
    ],
)
def test_output_config(name: str, config: Any, more: dict[str, Any], why: str | None) -> None:
    found = judged(name, {"output_config": config} | more)
    assert found == [] if why is None else why in found[0]


def test_effort_of_opus_4_5_needs_a_beta_that_vertex_does_not_know() -> None:
    opus = Model("claude-opus-4-5", (4, 5))
    body = BODY | {"output_config": {"effort": "low"}}
    assert faults(body, opus, streamed=False) == ["output_config.effort: Extra inputs are not permitted"]
    (found,) = faults(body, opus, streamed=False, betas=("effort-2025-11-24",))
    assert found.startswith("Unexpected value(s) `effort-2025-11-24`")


# The last turns

THOUGHT = {"type": "thinking", "thinking": "Hm", "signature": "c2ln"}
HIDDEN = {"type": "redacted_thinking", "data": "eA=="}
USE = {"type": "tool_use", "id": "a", "name": "look", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "a"}
LATER, ITS_RESULT = USE | {"id": "b"}, RESULT | {"tool_use_id": "b"}
TEXT = {"type": "text", "text": "x"}


def talk(*turns: list[dict[str, Any]]) -> dict[str, Any]:
    roles = [("assistant", "user")[index % 2] for index in range(len(turns))]
    later = [{"role": role, "content": content} for role, content in zip(roles, turns, strict=True)]
    return LOOK | {"messages": [{"role": "user", "content": "Hi"}, *later]}


@pytest.mark.parametrize(
    ("name", "changes", "why"),
    [
        ("4.5", MANUAL | talk([THOUGHT, USE], [RESULT]), None),
        ("4.5", MANUAL | talk([HIDDEN, USE], [RESULT]), None),
        (
            "4.5",
            MANUAL | talk([THOUGHT, USE], [RESULT], [TEXT, LATER], [ITS_RESULT]),
            None,
        ),
        (
            "4.5",
            MANUAL | talk([THOUGHT, USE], [RESULT], [TEXT], [TEXT], [LATER], [ITS_RESULT]),
            "messages.5.content.0.type: Expected `thinking`",
        ),
        ("4.5", MANUAL | talk([USE], [RESULT], [TEXT], [TEXT]), None),
        ("4.5", talk([USE], [RESULT]), None),
        ("4.5", talk([THOUGHT, USE], [RESULT]), None),
        ("4.6", {"thinking": {"type": "adaptive"}} | talk([USE], [RESULT]), None),
        (
            "4.5",
            MANUAL | talk([USE], [RESULT]),
            "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`",
        ),
        ("4.6", MANUAL | talk([TEXT, USE], [RESULT, TEXT]), "but found `text`"),
        ("4.5", MANUAL | talk([TEXT]), "messages.1.content.0.type: Expected `thinking`"),
        ("4.5", talk([THOUGHT, TEXT]), "When `thinking` is disabled, an `assistant` message in the final position"),
        (
            "4.5",
            talk([THOUGHT | {"cache_control": {"type": "ephemeral"}}, TEXT], [TEXT]),
            "cache_control: Extra inputs",
        ),
        ("4.5", talk([THOUGHT | {"signature": ""}, TEXT], [TEXT]), "thinking.signature: Field required"),
        ("4.5", talk([{"type": "redacted_thinking"}, TEXT], [TEXT]), "redacted_thinking.data: Field required"),
    ],
)
def test_the_last_turns(name: str, changes: dict[str, Any], why: str | None) -> None:
    found = judged(name, changes)
    assert found == [] if why is None else any(why in fault for fault in found), found


def test_structured_output_does_not_go_with_a_prefill() -> None:
    found = judged("4.6", talk([TEXT]) | {"output_config": {"format": FORM}})
    assert any("incompatible with a prefilled assistant message" in fault for fault in found)
