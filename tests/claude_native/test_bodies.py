"""dialects/claude_native.py: what the cloud demands is changed, and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from anthropic.types import message_create_params
from pydantic import TypeAdapter

from oai_bridge.dialects.claude_native import (
    count_body,
    count_of,
    native_body,
)
from oai_bridge.dialects.reading import Translated
from oai_bridge.errors import CloudError, InvalidRequest
from oai_bridge.models.catalog import Cloud, ModelFacts
from oai_bridge.notes import Notes
from oai_bridge.openai.request import model_of
from tests.support.catalogue import known

FACTS = known("claude-sonnet-4-5")
HI = [{"role": "user", "content": "Hi"}]
ASK: dict[str, Any] = {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": HI}


def native(body: dict[str, Any], betas: tuple[str, ...] = (), strict: bool = False) -> tuple[Translated, list[str]]:
    notes = Notes(strict)
    body = copy.deepcopy(body)
    found = native_body(body, FACTS, cloud="vertex", header_betas=betas, notes=notes)
    assert all(note.detail.endswith(".") for note in notes)
    return found, [note.code for note in notes]


def counted(body: dict[str, Any], betas: tuple[str, ...] = (), strict: bool = False) -> tuple[Translated, list[str]]:
    notes = Notes(strict)
    found = count_body(body, FACTS, cloud="vertex", header_betas=betas, notes=notes)
    return found, [note.code for note in notes]


def test_foundry_has_anthropics_own_api() -> None:
    own = {"cache_control": {"type": "ephemeral"}, "service_tier": "standard_only"}
    found = native_body({**ASK, **own}, FACTS, cloud="foundry", header_betas=(), notes=(notes := Notes()))
    assert {key: found.body[key] for key in own} == own and list(notes) == []
    found = native_body({**ASK, **own, "speed": "fast"}, FACTS, cloud="foundry", header_betas=(), notes=notes)
    assert "speed" not in found.body and [note.code for note in notes] == ["dropped:speed"]


# -- the body ----------------------------------------------------------------------------------------------------------


def test_model_and_version_are_the_clouds_business() -> None:
    expected = (Translated({"max_tokens": 9, "messages": HI}), [])
    assert native(ASK) == expected
    assert native({**ASK, "anthropic_version": "2026-10-21"}) == expected


EVERYTHING: dict[str, Any] = {
    **ASK,
    "stream": True,
    "temperature": 7,
    "top_p": 1,
    "top_k": -1,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "tools": [{"name": "a tool of no good name", "input_schema": {"anyOf": []}}, {"type": "web_search_20250305"}],
    "tool_choice": {"type": "any"},
    "output_config": {"effort": "max", "format": {"type": "json_schema", "schema": {}}},
    "metadata": {"user_id": "u"},
    "stop_sequences": [" "],
    "brand_new_field": {"a": [None, 1.5, "\u2028"]},
    "messages": [
        {"role": "user", "content": [{"type": "brand_new_block", "x": 1}, {"type": "text", "text": ""}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "s"}], "name": "x"},
        {"role": "assistant", "content": "prefill "},
    ],
}


def test_nothing_else_is_touched() -> None:
    """What the model refuses, the cloud tells the client in its own words."""
    found, notes = native(EVERYTHING)
    rest = {key: value for key, value in EVERYTHING.items() if key != "model"}
    assert found.body == rest
    assert notes == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("service_tier", "standard_only"),
        ("speed", "fast"),
        ("inference_geo", "us"),
        ("container", "container_1"),
        ("mcp_servers", [{"type": "url", "url": "http://a", "name": "a"}]),
        ("diagnostics", {"cache": True}),
        ("user_profile_id", "p"),
        ("workspace_id", "w"),
    ],
)
def test_what_only_anthropics_own_api_has_is_dropped_and_told(field: str, value: Any) -> None:
    """Vertex answers 400 "Extra inputs are not permitted" to each of them."""
    assert native({**ASK, field: value}) == (native(ASK)[0], [f"dropped:{field}"])
    found, notes = counted({**ASK, field: value})
    assert field not in found.body and notes == [f"dropped:{field}"]
    with pytest.raises(InvalidRequest) as raised:
        native({**ASK, field: value}, strict=True)
    assert (raised.value.param, raised.value.code) == (field, "unsupported_parameter")


@pytest.mark.parametrize("thread", [{"type": "create"}, {"type": "continue", "previous_message_id": "msg_1"}, "x"])
def test_a_conversation_that_the_server_should_keep_is_refused_as_sdks_know_it(thread: Any) -> None:
    """anthropic 2.12, `lib/threads`: at this code its tool runner sends all messages, without `thread`."""
    for translate in (native, counted):
        with pytest.raises(InvalidRequest) as raised:
            translate({**ASK, "thread": thread})
        assert (raised.value.param, raised.value.code) == ("thread", "thread_unsupported_request")
        assert "send all messages each time" in raised.value.message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("service_tier", None),
        ("service_tier", "auto"),
        ("speed", "standard"),
        ("container", None),
        ("thread", None),
        ("mcp_servers", []),
        ("diagnostics", {}),
        ("cache_control", None),
        ("stream", None),
        ("anthropic_beta", []),
        ("anthropic_beta", None),
    ],
)
def test_what_asks_for_nothing_is_not_told(field: str, value: Any) -> None:
    assert native({**ASK, field: value}, strict=True) == native(ASK)


@pytest.mark.parametrize("stream", [True, False])
def test_stream_is_kept(stream: bool) -> None:
    assert native({**ASK, "stream": stream})[0].body["stream"] is stream


@pytest.mark.parametrize("model", [None, "", "  ", 5, ["claude"]])
def test_no_model(model: Any) -> None:
    with pytest.raises(InvalidRequest) as raised:
        model_of({**ASK, "model": model})
    assert raised.value.param == "model"


def test_the_model_is_named_as_the_client_does() -> None:
    assert model_of(ASK) == "claude-sonnet-4-5"


@pytest.mark.parametrize(
    ("field", "value"),
    [("stream", "true"), ("stream", 1), ("anthropic_beta", 5), ("anthropic_beta", {"a": 1}), ("anthropic_beta", [5])],
)
def test_malformed_fields(field: str, value: Any) -> None:
    with pytest.raises(InvalidRequest) as raised:
        native({**ASK, field: value})
    assert (raised.value.status, raised.value.param) == (400, field)
    assert raised.value.message.startswith(f"`{field}` must be ")


# -- betas -------------------------------------------------------------------------------------------------------------


def test_betas_of_header_and_body_go_by_the_list_of_the_cloud() -> None:
    """litellm#17755, claude-code#12429: Vertex refuses the whole request for one beta that it doesn't know."""
    given = ("interleaved-thinking-2025-05-14, context-1m-2025-08-07", " files-api-2025-04-14,,")
    body = {**ASK, "anthropic_beta": ["context-1m-2025-08-07", "context-management-2025-06-27", "made-up-2030-01-01"]}
    found, notes = native(body, given)
    assert found.betas == (
        "interleaved-thinking-2025-05-14",
        "context-1m-2025-08-07",
        "context-management-2025-06-27",
    )
    assert "anthropic_beta" not in found.body
    assert notes == ["dropped:anthropic_beta"]


def test_one_beta_as_a_text() -> None:
    assert native({**ASK, "anthropic_beta": "context-1m-2025-08-07"})[0].betas == ("context-1m-2025-08-07",)


@pytest.mark.parametrize(
    ("tools", "betas", "sent"),
    [
        ([{"type": "web_search_20250305", "name": "web_search"}], (), ("web-search-2025-03-05",)),
        (
            [{"type": "web_search_20250305", "name": "web_search"}],
            ("web-search-2025-03-05",),
            ("web-search-2025-03-05",),
        ),
        ([{"name": "web_search", "input_schema": {"type": "object"}}], (), ()),
        (["web_search_20250305", {"type": ["web_search_20250305"]}, {}], (), ()),
        ({"type": "web_search_20250305"}, (), ()),
    ],
)
def test_vertex_wants_a_beta_for_the_web_search(tools: Any, betas: tuple[str, ...], sent: tuple[str, ...]) -> None:
    """Anthropic's own API does not, so that its clients don't send it."""
    assert native({**ASK, "tools": tools}, betas)[0].betas == sent


# -- counting ----------------------------------------------------------------------------------------------------------


def test_a_count_keeps_the_model_by_the_clouds_name() -> None:
    body = {"model": "claude-sonnet-4-5", "messages": HI, "system": "s", "cache_control": {"type": "ephemeral"}}
    expected = {"messages": HI, "system": "s"}
    assert counted(body) == (Translated(expected), [])


def test_the_beta_that_sdks_send_with_a_count_is_no_drop() -> None:
    found, notes = counted(ASK, ("context-1m-2025-08-07,token-counting-2024-11-01",))
    assert (found.betas, notes) == (("context-1m-2025-08-07",), [])


def test_a_count_is_read() -> None:
    assert count_of(b'{"input_tokens": 14, "more": 1}') == 14


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b'{"input_tokens": "14"}', b'{"input_tokens": null}', b"{}"])
def test_what_is_no_count_is_an_error(answer: bytes) -> None:
    with pytest.raises(CloudError) as raised:
        count_of(answer)
    assert raised.value.status == 502


def test_an_error_in_the_place_of_a_count_is_that_error() -> None:
    with pytest.raises(CloudError, match="Overloaded"):
        count_of(b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}')


# -- automatic caching -------------------------------------------------------------------------------------------------

LONG = "word " * 2000


@pytest.mark.parametrize(
    ("control", "mark"),
    [
        ({"type": "ephemeral"}, {"type": "ephemeral"}),
        ({"type": "ephemeral", "ttl": "5m"}, {"type": "ephemeral"}),
        ({"type": "ephemeral", "ttl": "1h"}, {"type": "ephemeral", "ttl": "1h"}),
    ],
)
def test_automatic_caching_becomes_breakpoints(control: dict[str, str], mark: dict[str, str]) -> None:
    body = {
        **ASK,
        "system": LONG,
        "tools": [{"name": "t", "input_schema": {"type": "object"}}],
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": [{"type": "text", "text": "And now?"}]},
        ],
        "cache_control": control,
    }
    found, notes = native(body)
    assert notes == ["rewrote:cache_control"]
    assert "cache_control" not in found.body
    assert found.body["system"] == [{"type": "text", "text": LONG, "cache_control": mark}]
    assert found.body["tools"][-1]["cache_control"] == mark
    assert found.body["messages"][-1]["content"][-1] == {"type": "text", "text": "And now?", "cache_control": mark}
    assert found.body["messages"][1] == body["messages"][1]
    TypeAdapter(message_create_params.MessageCreateParamsNonStreaming).validate_python({**found.body, "model": "m"})


def test_automatic_caching_needs_neither_tools_nor_a_system_prompt() -> None:
    found, notes = native(
        {**ASK, "messages": [{"role": "user", "content": LONG}], "cache_control": {"type": "ephemeral"}}
    )
    assert notes == ["rewrote:cache_control"]
    assert "cache_control" in found.body["messages"][0]["content"][-1]


def test_automatic_caching_marks_the_results_of_tools_too() -> None:
    result = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": LONG}]}
    body = {**ASK, "messages": [{"role": "user", "content": [result]}], "cache_control": {"type": "ephemeral"}}
    found, notes = native(body)
    assert notes == ["rewrote:cache_control"]
    assert found.body["messages"][0]["content"] == [result | {"cache_control": {"type": "ephemeral"}}]


def test_a_prompt_that_is_too_short_for_automatic_caching_has_no_breakpoints() -> None:
    assert native({**ASK, "cache_control": {"type": "ephemeral"}}) == (native(ASK)[0], ["rewrote:cache_control"])


@pytest.mark.parametrize("control", [5, "ephemeral", {"type": "forever"}, {"type": "ephemeral", "ttl": "2d"}])
def test_another_cache_control_is_dropped_and_told(control: Any) -> None:
    assert native({**ASK, "cache_control": control}) == (native(ASK)[0], ["dropped:cache_control"])


@pytest.mark.parametrize(
    "change",
    [
        {"messages": None},
        {"messages": []},
        {"messages": ["Hi"]},
        {"messages": [{"content": LONG}]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "user", "content": ["Hi"]}]},
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": ["Hi"]}]}]},
        {"system": 5},
        {"tools": "none"},
        {"tools": [None]},
    ],
)
def test_an_improper_prompt_goes_as_it_is(change: dict[str, Any]) -> None:
    body = {**ASK, "system": LONG, **change}
    assert native({**body, "cache_control": {"type": "ephemeral"}}) == (native(body)[0], [])


# -- hours that Bedrock doesn't keep -----------------------------------------------------------------------------------

FIVE, HOUR = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}
OLDER = known("claude-opus-4-1")
MARKED: dict[str, Any] = {
    "model": "claude-opus-4-1",
    "max_tokens": 9,
    "tools": [{"name": "t", "input_schema": {"type": "object"}, "cache_control": HOUR}],
    "system": [{"type": "text", "text": "s", "cache_control": HOUR}],
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": HOUR}]}],
}


def test_an_hour_becomes_five_minutes_where_bedrock_has_no_more() -> None:
    shared = copy.deepcopy(MARKED)
    blocks = [shared["tools"][0], shared["system"][0], shared["messages"][0]["content"][0]]
    found = native_body(shared, OLDER, cloud="bedrock", header_betas=(), notes=(notes := Notes()))
    assert [(note.code, note.detail) for note in notes] == [
        ("clamped:cache_control", "On Bedrock this model's cache lasts for 5 minutes.")
    ]
    sent = [found.body["tools"][0], found.body["system"][0], found.body["messages"][0]["content"][0]]
    assert [block["cache_control"] for block in sent] == [FIVE] * 3
    assert [block["cache_control"] for block in blocks] == [HOUR] * 3  # others may have them, too
    counted = count_body(copy.deepcopy(MARKED), OLDER, cloud="bedrock", header_betas=(), notes=Notes())
    assert counted == found


@pytest.mark.parametrize(("facts", "cloud"), [(OLDER, "vertex"), (OLDER, "foundry"), (FACTS, "bedrock")])
def test_an_hour_stays_where_the_cloud_has_it(facts: ModelFacts, cloud: Cloud) -> None:
    found = native_body(copy.deepcopy(MARKED), facts, cloud=cloud, header_betas=(), notes=(notes := Notes()))
    assert found.body == {field: value for field, value in MARKED.items() if field != "model"}
    assert list(notes) == []
    assert count_body(copy.deepcopy(MARKED), facts, cloud=cloud, header_betas=(), notes=notes) == found


def test_automatic_caching_for_an_hour_is_for_five_minutes_there() -> None:
    body = {**ASK, "system": LONG, "cache_control": HOUR}
    found = native_body(copy.deepcopy(body), OLDER, cloud="bedrock", header_betas=(), notes=(notes := Notes()))
    assert found.body["system"][0]["cache_control"] == FIVE
    assert [note.code for note in notes] == ["rewrote:cache_control", "clamped:cache_control"]


def test_an_improper_prompt_keeps_its_hours() -> None:
    """The cloud says what is wrong with it."""
    body = {**MARKED, "messages": ["Hi"]}
    found = native_body(copy.deepcopy(body), OLDER, cloud="bedrock", header_betas=(), notes=(notes := Notes()))
    assert (found.body["system"], list(notes)) == (MARKED["system"], [])
    assert count_body(copy.deepcopy(body), OLDER, cloud="bedrock", header_betas=(), notes=notes) == found
