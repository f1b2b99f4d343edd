"""The form of the answer, thinking and web search, as OpenAI's and Anthropic's fields ask for them."""

from __future__ import annotations

from typing import Any

import pytest

from oai_bridge.errors import InvalidRequest
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import JsonFormat, ThinkingWish, WebSearch
from oai_bridge.openai.wishes import read_effort, read_format, read_output_effort, read_thinking, read_web_search

BINDING = {"prefix_mismatch_behavior": "error"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


def json_schema(**inner: Any) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": inner}}


def output_format(**fields: Any) -> dict[str, Any]:
    return {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA, **fields}}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, None),
        ({"response_format": None}, None),
        ({"response_format": {}}, None),
        ({"response_format": {"type": "text"}}, None),
        ({"response_format": {"type": "text"}, **output_format()}, None),
        ({"response_format": {"type": "json_object"}}, JsonFormat()),
        (json_schema(name="n"), JsonFormat()),
        (json_schema(name="n", schema=None, strict=True), JsonFormat()),
        (json_schema(name="n", schema=SCHEMA, strict=True), JsonFormat(SCHEMA, "n", True)),
        (json_schema(schema=SCHEMA, strict=None), JsonFormat(SCHEMA)),
        (json_schema(schema={}), JsonFormat({})),
        (json_schema(schema=SCHEMA, description="A."), JsonFormat({**SCHEMA, "description": "A."})),
        (json_schema(schema={"description": "B."}, description="A."), JsonFormat({"description": "B."})),
        (output_format(), JsonFormat(SCHEMA, strict=True, param="output_config.format.schema")),
        ({"output_config": {"format": None}}, None),
        ({"output_config": None}, None),
        (json_schema(schema={}) | output_format(), JsonFormat({})),
    ],
)
def test_the_form_of_the_answer(body: dict[str, Any], expected: JsonFormat | None) -> None:
    assert read_format(body) == expected


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"response_format": "json_object"}, "response_format"),
        ({"response_format": {"type": "grammar"}}, "response_format.type"),
        ({"response_format": {"type": ["text"]}}, "response_format.type"),
        ({"response_format": {"json_schema": {}}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json_schema", "json_schema": "x"}}, "response_format.json_schema"),
        (json_schema(schema="x"), "response_format.json_schema.schema"),
        (json_schema(schema=[1]), "response_format.json_schema.schema"),
        (json_schema(schema=SCHEMA, name=5), "response_format.json_schema.name"),
        (json_schema(schema=SCHEMA, strict="yes"), "response_format.json_schema.strict"),
        (json_schema(schema=SCHEMA, description=5), "response_format.json_schema.description"),
        ({"output_config": "x"}, "output_config"),
        ({"output_config": {"format": "json"}}, "output_config.format"),
        (output_format(type="text"), "output_config.format"),
        (output_format(schema=None), "output_config.format"),
        (output_format(schema="x"), "output_config.format.schema"),
    ],
)
def test_what_is_no_form(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_format(body)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("given", "effort", "told"),
    [
        *((word, word, []) for word in ("none", "minimal", "low", "medium", "high", "xhigh", "max")),
        *((rest, None, []) for rest in (None, "", "auto", {}, 0, False)),
        ({"effort": "high", "summary": "auto"}, "high", []),
        ({"effort": None, "summary": "auto"}, None, []),
        ("extreme", None, ["dropped:reasoning_effort"]),
        (3, None, ["dropped:reasoning_effort"]),
        (["low"], None, ["dropped:reasoning_effort"]),
        ({"effort": {"effort": "low"}}, None, ["dropped:reasoning_effort.effort"]),
    ],
)
def test_reasoning_effort(given: Any, effort: str | None, told: list[str]) -> None:
    notes = Notes()
    assert read_effort({"reasoning_effort": given}, notes) == effort
    assert [note.code for note in notes] == told


@pytest.mark.parametrize(
    ("config", "effort", "told"),
    [
        (None, None, []),
        ({}, None, []),
        ({"effort": "xhigh"}, "xhigh", []),
        ({"effort": None, "format": {"type": "x"}, "task_budget": None}, None, []),
        ({"effort": "much"}, None, ["dropped:output_config.effort"]),
        ({"effort": "low", "my secret": 5}, "low", ["dropped:output_config"]),
    ],
)
def test_anthropics_effort(config: Any, effort: str | None, told: list[str]) -> None:
    notes = Notes()
    assert read_output_effort({"output_config": config}, notes) == effort
    assert [note.code for note in notes] == told


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        ({}, None),
        (False, None),
        (True, ThinkingWish("adaptive")),
        ({"type": "enabled", "budget_tokens": 2048}, ThinkingWish("enabled", 2048)),
        ({"type": "enabled", "budget_tokens": "2048"}, ThinkingWish("enabled", 2048)),
        ({"type": "enabled", "budget_tokens": 1024.5}, ThinkingWish("enabled", 1024)),
        ({"type": "enabled"}, ThinkingWish("enabled")),
        ({"type": "enabled", "budget_tokens": -1}, ThinkingWish("enabled")),
        ({"type": "adaptive", "display": "omitted", "budget_tokens": 5}, ThinkingWish("adaptive", display="omitted")),
        ({"type": "adaptive", "display": "summarized"}, ThinkingWish("adaptive", display="summarized")),
        ({"type": "disabled", "display": None}, ThinkingWish("disabled")),
        ({"type": "between_tools"}, ThinkingWish("between_tools")),
        ({"type": "adaptive", "block_binding": BINDING}, ThinkingWish("adaptive", binding=BINDING)),
        ({"type": "enabled", "block_binding": {}}, ThinkingWish("enabled")),
        ({"type": "enabled", "block_binding": None, "clear_thinking": False, "level": ""}, ThinkingWish("enabled")),
    ],
)
def test_thinking(given: Any, expected: ThinkingWish | None) -> None:
    notes = Notes(strict=True)
    assert read_thinking({"thinking": given}, notes) == expected


@pytest.mark.parametrize(
    ("given", "param", "code"),
    [
        ({"type": "adaptive", "level": "high"}, "thinking.level", "dropped:unknown"),
        ({"type": "adaptive", "my secret, " + "x" * 99: 1}, "thinking.my secret, " + "x" * 53, "dropped:unknown"),
    ],
)
def test_what_nobody_knows_of_thinking_is_told(given: Any, param: str, code: str) -> None:
    """No code has the client's own text in it."""
    notes = Notes()
    assert read_thinking({"thinking": given}, notes) == ThinkingWish("adaptive")
    assert [(note.code, param in note.detail) for note in notes] == [(code, True)]
    with pytest.raises(InvalidRequest) as caught:
        read_thinking({"thinking": given}, Notes(strict=True))
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ("enabled", "thinking"),
        (5, "thinking"),
        ([1], "thinking"),
        ({"type": "much"}, "thinking.type"),
        ({"type": ["enabled"]}, "thinking.type"),
        ({"budget_tokens": 2048}, "thinking.type"),
        ({"type": "enabled", "budget_tokens": "many"}, "thinking.budget_tokens"),
        ({"type": "enabled", "budget_tokens": True}, "thinking.budget_tokens"),
        ({"type": "adaptive", "display": "all"}, "thinking.display"),
        ({"type": "adaptive", "display": {"a": 1}}, "thinking.display"),
        ({"type": "adaptive", "block_binding": "error"}, "thinking.block_binding"),
    ],
)
def test_what_is_no_thinking(given: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_thinking({"thinking": given}, Notes())
    assert caught.value.param == param


BERLIN = {"city": "Berlin", "country": "DE"}


@pytest.mark.parametrize(
    ("options", "expected", "told"),
    [
        (None, None, []),
        (False, None, []),
        ({}, WebSearch(), []),
        ({"search_context_size": "high"}, WebSearch("high"), []),
        ({"search_context_size": None, "user_location": None}, WebSearch(), []),
        ({"user_location": {"type": "approximate", "approximate": BERLIN}}, WebSearch(location=BERLIN), []),
        ({"user_location": {"type": "approximate", **BERLIN, "timezone": None}}, WebSearch(location=BERLIN), []),
        ({"user_location": {"approximate": {**BERLIN, "region": "", "street": "x"}}}, WebSearch(location=BERLIN), []),
        ({"user_location": {"approximate": None}}, WebSearch(), []),
        ({"filters": None, "external_web_access": False}, WebSearch(), []),
        ({"filters": {"allowed_domains": ["a.org"]}}, WebSearch(), ["dropped:web_search_options.filters"]),
        ({"my secret": 5}, WebSearch(), ["dropped:unknown"]),
        ({"search_context_size": "vast"}, WebSearch(), ["dropped:web_search_options.search_context_size"]),
        ({"search_context_size": ["low"]}, WebSearch(), ["dropped:web_search_options.search_context_size"]),
    ],
)
def test_web_search(options: Any, expected: WebSearch | None, told: list[str]) -> None:
    notes = Notes()
    assert read_web_search({"web_search_options": options}, notes) == expected
    assert [note.code for note in notes] == told


@pytest.mark.parametrize(
    ("options", "param"),
    [
        (True, ""),
        ("x", ""),
        ({"user_location": "Berlin"}, ".user_location"),
        ({"user_location": {"approximate": "Berlin"}}, ".user_location.approximate"),
        ({"user_location": {"city": 5}}, ".user_location.city"),
        ({"user_location": {"approximate": {"city": 5}}}, ".user_location.approximate.city"),
    ],
)
def test_what_is_no_web_search(options: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_web_search({"web_search_options": options}, Notes())
    assert caught.value.param == f"web_search_options{param}"
