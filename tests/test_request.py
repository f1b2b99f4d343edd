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
from oai_bridge.openai.request import ChatRequest, Message, parse_chat, read_body

PLAIN = {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "Hi"}]}


def parsed(**fields: Any) -> ChatRequest:
    return parse_chat({**PLAIN, **fields}, Notes())


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
    assert parsed() == ChatRequest("claude-sonnet-4-5", (Message("user", ("Hi",), None, 0),))


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
    ],
)
def test_fields(fields: dict[str, Any], name: str, value: Any) -> None:
    assert getattr(parsed(**fields), name) == value


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
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [5]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": {}}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].image_url"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages[0].content[0].source"),
        ({"messages": [{"role": "assistant", "function_call": {"name": "f"}}]}, "messages[0]"),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages[0]"),
    ],
)
def test_the_field_that_is_wrong_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parsed(**fields)
    assert caught.value.param == param


def test_twice_the_stop_sequences_take_twice_the_time() -> None:
    def seconds(count: int) -> float:
        stops = [f"s{number}" for number in range(count)]
        begun = time.perf_counter()
        assert parsed(stop=stops).stop == tuple(stops)
        return time.perf_counter() - begun

    assert min(seconds(8000) for _ in range(3)) < 20 * min(seconds(1000) for _ in range(3))


KEYS = st.sampled_from(
    [
        *("model", "messages", "stream", "stream_options", "max_tokens", "temperature", "stop", "n", "tools", "type"),
        *(
            "role",
            "content",
            "name",
            "image_url",
            "url",
            "source",
            "data",
            "text",
            "refusal",
            "response_format",
            "audio",
        ),
        *("modalities", "thinking", "reasoning_effort", "include_usage", "cache_control", "thinking_blocks", "seed"),
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["user", "system", "assistant", "text", "image_url", "image", "base64", "data:,x", "Hi", ""])
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(KEYS | st.text(max_size=4), VALUES, max_size=5), st.booleans(), st.booleans())
def test_any_object_is_a_request_or_a_400(body: dict[str, Any], plain: bool, strict: bool) -> None:
    notes = Notes(strict)
    body = read_body(json.dumps({**body, **PLAIN} if plain else body).encode())
    try:
        chat = parse_chat(body, notes)
    except InvalidRequest as error:
        assert error.status == 400 and error.param is not None and error.message
    else:
        assert chat.messages
        assert all(code.isascii() and " " not in code for code in [note.code for note in notes])
