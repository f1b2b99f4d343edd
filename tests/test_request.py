"""The client's body as a `ChatRequest`: what the golden cases can't hold, and that nothing else than a 400 comes."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.errors import InvalidRequest
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import ChatRequest, JsonFormat, Message, Text, ThinkingWish, Tool, ToolChoice, WebSearch
from oai_bridge.openai.request import parse_chat, read_body
from oai_bridge.settings.values import Claude

PLAIN = {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "Hi"}]}


def parsed(**fields: Any) -> ChatRequest:
    return parse_chat({**PLAIN, **fields}, Notes(), Claude())


def told(strict: bool = False, **fields: Any) -> list[str]:
    notes = Notes(strict)
    parse_chat({**PLAIN, **fields}, notes, Claude())
    return [note.code for note in notes]


@pytest.mark.parametrize(
    ("raw", "param", "word"),
    [
        (b"", None, "not valid JSON"),
        (b"\xff\xfe{\0}\0", None, "not UTF-8"),
        (b'{"a": "\xc3("}', None, "not UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', None, "not valid JSON"),
        (b'"text"', None, "must be a JSON object"),
        (b"null", None, "must be a JSON object"),
        (b'{"a": [1, {"b": Infinity}]}', "a[1].b", "Infinity at a[1].b"),
        (b'{"a": -Infinity}', "a", "-Infinity at a"),
        (b'{"a": 1e400}', "a", "out of range"),
        (b'{"\\udc00": 1}', None, "surrogate"),
        (b'{"a": {"\\udc00": 1}}', "a", "surrogate"),
        (b'[0, [1, "\\ud83d"]]', "[1][1]", "surrogate"),
        (b'{"%s": NaN}' % (b"k" * 100_000), "k" * 300, "NaN at kkk"),
        (b"[" * 100_000, None, "nested too deeply"),
        (b'{"a":' * 100_000, None, "nested too deeply"),
        *((b"[" * depth + b"NaN" + b"]" * depth, ..., "") for depth in (100, 400, 600, 900, 1200, 5000)),
    ],
)
def test_what_is_no_json_object(raw: bytes, param: Any, word: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_body(raw)
    error = caught.value
    assert (error.status, error.code) == (400, "invalid_json")
    assert word in error.message
    assert param is ... or error.param == param


def test_a_plain_request() -> None:
    assert parsed() == ChatRequest("claude-sonnet-4-5", (Message("user", (Text("Hi"),), None, 0),))


def test_a_request_with_everything() -> None:
    assert parsed(
        system="You are Bob.",
        stream=True,
        stream_options={"include_usage": True},
        max_completion_tokens=100,
        temperature=0.5,
        top_p=0.9,
        top_k=5,
        stop="END",
        tools=[{"type": "function", "function": {"name": "f"}}],
        tool_choice="required",
        parallel_tool_calls=False,
        response_format={"type": "json_object"},
        reasoning_effort="high",
        thinking={"type": "adaptive"},
        output_config={"effort": "low"},
        web_search_options={},
        continue_final_message=True,
        user="u1",
        cache_control={"type": "ephemeral"},
        anthropic_beta=["b1"],
        context_management={"edits": []},
    ) == ChatRequest(
        model="claude-sonnet-4-5",
        messages=(Message("system", (Text("You are Bob."),), None, -1), Message("user", (Text("Hi"),), None, 0)),
        stream=True,
        include_usage=True,
        max_tokens=100,
        temperature=0.5,
        top_p=0.9,
        top_k=5,
        stop=("END",),
        tools=(Tool("f", None, None, "tools[0].function"),),
        tool_choice=ToolChoice("required"),
        parallel_tool_calls=False,
        format=JsonFormat(),
        effort="high",
        thinking=ThinkingWish("adaptive"),
        output_effort="low",
        web_search=WebSearch(),
        user="u1",
        cache="5m",
        betas=("b1",),
        context_management={"edits": []},
    )


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"stream": True, "stream_options": {"include_usage": True}}, "include_usage", True),
        ({"stream_options": {"include_usage": False, "include_obfuscation": True}}, "include_usage", False),
        ({"stream_options": []}, "include_usage", False),
        ({"max_tokens": "12"}, "max_tokens", 12),
        ({"max_tokens": 0.5}, "max_tokens", None),
        ({"max_tokens": -1, "max_completion_tokens": 0}, "max_tokens", None),
        ({"max_tokens": 1e30}, "max_tokens", int(1e30)),
        ({"top_k": 40.0}, "top_k", 40),
        ({"temperature": " 0.5 "}, "temperature", 0.5),
        ({"stop": "a"}, "stop", ("a",)),
        ({"stop": ["a", " ", "b\n", "a"]}, "stop", ("a", "b\n")),
        ({"stop": {"a": 1}}, "stop", ()),
        ({"model": " claude-x "}, "model", "claude-x"),
        ({"functions": [{"name": "f"}]}, "legacy_functions", True),
        ({"functions": [{"name": "f"}], "function_call": {"name": "f"}}, "tool_choice", ToolChoice("named", "f")),
        ({"tools": [], "tool_choice": "auto"}, "tool_choice", None),
        ({"parallel_tool_calls": None}, "parallel_tool_calls", True),
        ({"user": "u", "safety_identifier": "s"}, "user", "s"),
        ({"user": "mark@example.com", "safety_identifier": ""}, "user", "mark@example.com"),
        ({"user": None}, "user", None),
        ({"cache_control": {"type": "ephemeral", "ttl": "1h"}}, "cache", "1h"),
        ({"prompt_cache_options": {"mode": "implicit", "ttl": "30m"}}, "cache", None),
        ({"anthropic_beta": "b1, b2 ,,b1"}, "betas", ("b1", "b2")),
        ({"anthropic_beta": ["b1", " ", "b2"]}, "betas", ("b1", "b2")),
        ({"anthropic_beta": None}, "betas", ()),
        ({"context_management": {}}, "context_management", None),
        ({"web_search_options": None}, "web_search", None),
    ],
)
def test_fields(fields: dict[str, Any], name: str, value: Any) -> None:
    """`stop` as a string went up unlisted in Portkey, which the cloud refuses."""
    assert getattr(parsed(**fields), name) == value


@pytest.mark.parametrize(("options", "ttl"), [(None, "1h"), ({"ttl": "30m"}, "1h"), ({"ttl": "5m"}, "5m")])
def test_a_breakpoint_takes_the_time_of_the_options(options: Any, ttl: str) -> None:
    content = [{"type": "text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}]
    chat = parsed(messages=[{"role": "user", "content": content}], prompt_cache_options=options)
    assert chat.messages[0].parts[0].cache == ttl


def test_audio_is_dropped_where_the_settings_say_so() -> None:
    body = {**PLAIN, "messages": [{"role": "user", "content": ["x", {"type": "input_audio"}]}]}
    assert parse_chat(body, Notes(), Claude(audio="drop")).messages[0].parts == (Text("x"),)


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        # What SillyTavern always sends, at rest.
        ({"frequency_penalty": 0, "presence_penalty": 0, "logit_bias": {}, "seed": None, "min_p": 0, "top_a": 0}, []),
        ({"repetition_penalty": 1, "logprobs": False, "service_tier": ""}, []),
        ({"service_tier": "auto"}, []),
        ({"service_tier": "default"}, []),
        ({"service_tier": "flex"}, []),  # that is the cloud's business
        ({"service_tier": 5}, ["dropped:service_tier"]),
        ({"metadata": {"a": "b"}, "store": True, "prompt_cache_key": "k", "prompt_cache_retention": "24h"}, []),
        ({"prompt_cache_options": {"mode": "implicit", "ttl": "30m"}}, []),
        ({"add_generation_prompt": False, "continue_final_message": True}, []),
        ({"tool_choice": "auto", "function_call": "none", "parallel_tool_calls": False}, []),
        ({"tool_choice": "required", "function_call": "auto"}, ["dropped:tool_choice"]),
        ({"frequency_penalty": 0.5, "seed": 7}, ["dropped:frequency_penalty", "dropped:seed"]),
        ({"logprobs": True, "top_logprobs": 5}, ["dropped:logprobs", "dropped:top_logprobs"]),
        ({"chat_template_kwargs": {"a": 1}, "echo": False}, ["dropped:unknown"]),
        ({"prompt_cache_options": {"ttl": "soon"}}, ["dropped:cache_ttl"]),
        ({"reasoning_effort": "extreme"}, ["dropped:reasoning_effort"]),
        *(({"modalities": value}, []) for value in (None, [], "", ["text"], "text", ["TEXT"])),
        ({"modalities": ["text", "image"]}, ["dropped:modalities"]),
    ],
)
def test_what_is_dropped_is_told(fields: dict[str, Any], codes: list[str]) -> None:
    assert told(**fields) == codes


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"seed": 7}, "seed"),
        ({"x": 7}, "x"),
        ({"reasoning_effort": "extreme"}, "reasoning_effort"),
        ({"cache_control": {"type": "ephemeral", "ttl": "7d"}}, "cache_control.ttl"),
        ({"tools": [{"type": "mcp"}]}, "tools[0]"),
    ],
)
def test_strict_refuses_what_would_be_dropped(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        told(strict=True, **fields)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        *(
            ({field: value}, field)
            for field in ("temperature", "top_p", "max_tokens", "n")
            for value in (True, [1], "x", "nan")
        ),
        ({"temperature": 10**400}, "temperature"),
        ({"stream_options": {"include_usage": "yes"}}, "stream_options.include_usage"),
        ({"model": 5}, "model"),
        ({"model": " "}, "model"),
        ({"model": "claude-" + "x" * 600}, "model"),
        ({"messages": PLAIN["messages"] * 100_001}, "messages"),
        ({"messages": {"role": "user"}}, "messages"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages[0].role"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        *(
            ({"modalities": value}, "modalities")
            for value in (["image"], "audio", "image", "AUDIO", {"text": 1}, [5], 5)
        ),
        ({"audio": {"voice": "alloy"}}, "audio"),
        ({"n": 2}, "n"),
        ({"stream": "yes"}, "stream"),
        ({"tools": {"name": "f"}}, "tools"),
        ({"functions": "f"}, "functions"),
        ({"tools": [{"name": "f"}], "tool_choice": "f"}, "tool_choice"),
        ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
        ({"response_format": "json"}, "response_format"),
        ({"thinking": "on"}, "thinking"),
        ({"output_config": 5}, "output_config"),
        ({"web_search_options": True}, "web_search_options"),
        ({"system": 5}, "system"),
        ({"user": 5}, "user"),
        ({"safety_identifier": [1]}, "safety_identifier"),
        ({"cache_control": "ephemeral"}, "cache_control"),
        ({"prompt_cache_options": "30m"}, "prompt_cache_options"),
        ({"anthropic_beta": 5}, "anthropic_beta"),
        ({"anthropic_beta": ["b1", 5]}, "anthropic_beta"),
        ({"context_management": [1]}, "context_management"),
    ],
)
def test_the_field_that_is_wrong_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parsed(**fields)
    assert caught.value.param == param


def test_twice_the_stop_sequences_take_twice_the_time() -> None:
    def seconds(count: int) -> float:
        stops = [f"s{number}" for number in range(count)]
        begun = time.process_time()
        assert parsed(stop=stops).stop == tuple(stops)
        return time.process_time() - begun

    assert min(seconds(8000) for _ in range(3)) < 20 * min(seconds(1000) for _ in range(3))


# -- whatever comes ---------------------------------------------------------------------------------------------------

PNG = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA"
EPHEMERAL = {"type": "ephemeral", "ttl": "1h"}
EVERYTHING: dict[str, Any] = {
    "model": "claude-opus-4-8",
    "system": [{"type": "text", "text": "You are Bob.", "cache_control": EPHEMERAL}],
    "messages": [
        {"role": "system", "content": "Be kind.", "cache_control": {"type": "ephemeral"}},
        {
            "role": "user",
            "name": "Ann",
            "content": [
                {"type": "text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
                {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG[22:]}},
                {
                    "type": "file",
                    "file": {"filename": "a.md", "file_data": "data:text/plain;charset=utf-8;base64,QUJD"},
                },
                {
                    "type": "document",
                    "title": "T",
                    "source": {"type": "text", "data": "x"},
                    "citations": {"enabled": True},
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
                {"type": "text", "text": "Wait."},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
            ],
            "refusal": None,
            "audio": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
                {"id": "c2", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}},
            ],
            "function_call": {"name": "g", "arguments": "{}"},
            "thinking_blocks": [{"type": "redacted_thinking", "data": "eA"}],
            "reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "signature": "c2ln", "format": "unknown"}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [], "is_error": True}]},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "2"}]},
        {"role": "function", "name": "g", "content": "3"},
    ],
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_tokens": 10,
    "temperature": 1,
    "stop": ["a", "b"],
    "n": 1,
    "modalities": ["text"],
    "tools": [
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": True}},
        {"type": "custom", "custom": {"name": "sql", "format": {"type": "text"}}, "cache_control": EPHEMERAL},
        {"name": "h", "description": "H.", "input_schema": {}},
        {"type": "mcp", "server_label": "x"},
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
    },
    "function_call": {"name": "f"},
    "parallel_tool_calls": False,
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": True}},
    "reasoning_effort": {"effort": "high", "summary": "auto"},
    "thinking": {"type": "enabled", "budget_tokens": 1024, "display": "summarized"},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {}}},
    "web_search_options": {"user_location": {"type": "approximate", "approximate": {"city": "Berlin"}}},
    "user": "u",
    "cache_control": EPHEMERAL,
    "prompt_cache_options": {"mode": "implicit", "ttl": "30m"},
    "anthropic_beta": ["b"],
    "context_management": {"edits": []},
    "continue_final_message": False,
}


def names(value: Any) -> set[str]:
    """All keys and short texts in a JSON value: the words that the translation knows."""
    if isinstance(value, dict):
        return set(value) | {name for item in value.values() for name in names(item)}
    if isinstance(value, list):
        return {name for item in value for name in names(item)}
    return {value} if isinstance(value, str) and len(value) < 40 else set()


WORDS = st.sampled_from(sorted(names(EVERYTHING) | {"data:,x", "base64", "required", "grammar", ""}))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


def places(value: Any) -> list[tuple[Any, ...]]:
    """The way to every value inside."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way for key, item in inside for way in [(key,), *((key, *rest) for rest in places(item))]]


def replaced(value: Any, way: tuple[Any, ...], new: Any) -> Any:
    """A copy with another value at the end of `way`."""
    if not way:
        return new
    copy = value.copy()
    copy[way[0]] = replaced(copy[way[0]], way[1:], new)
    return copy


def is_a_request_or_a_400(body: dict[str, Any], strict: bool) -> None:
    notes = Notes(strict)
    try:
        chat = parse_chat(read_body(json.dumps(body).encode()), notes, Claude())
    except InvalidRequest as error:
        assert error.status == 400 and error.param is not None and error.message
    else:
        assert chat.messages
        hash(chat.messages)
        assert all(note.code.isascii() and " " not in note.code for note in notes)


def test_everything_is_a_request() -> None:
    assert set(told(**EVERYTHING)) == {"dropped:citations", "dropped:tool"}


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(WORDS | st.text(max_size=4), VALUES, max_size=5), st.booleans(), st.booleans())
def test_any_object_is_a_request_or_a_400(body: dict[str, Any], plain: bool, strict: bool) -> None:
    is_a_request_or_a_400({**body, **PLAIN} if plain else body, strict)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(places(EVERYTHING)), VALUES, st.booleans())
def test_any_value_anywhere_is_a_request_or_a_400(way: tuple[Any, ...], value: Any, strict: bool) -> None:
    is_a_request_or_a_400(replaced(EVERYTHING, way, value), strict)


@pytest.mark.parametrize("value", [None, True, 0, -1, 0.5, 10**400, "", "x", [], [None], ["x"], {}, {"type": "x"}])
def test_every_field_bears_every_type(value: Any) -> None:
    for way in places(EVERYTHING):
        is_a_request_or_a_400(replaced(EVERYTHING, way, value), strict=False)
