"""Messages and their content: roles, parts, results of tools, marks for the cache, in OpenAI's words or Anthropic's."""

from __future__ import annotations

import time
from typing import Any

import pytest

from oai_bridge.errors import InvalidRequest
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import Document, Image, Message, Part, Remote, Text, ToolCall
from oai_bridge.openai.messages import Context, cache_of, read_messages, read_system

PNG = "iVBORw0KGgoAAAANSUhEUgAA"
PDF = "JVBERi0xLjcK"
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "high"}}
EPHEMERAL = {"type": "ephemeral"}


def messages(*given: Any, audio: str = "refuse") -> tuple[Message, ...]:
    return read_messages(list(given), Context(Notes(), drop_audio=audio == "drop"))


def parts(*content: Any) -> tuple[Part, ...]:
    return messages({"role": "user", "content": list(content)})[0].parts


def codes(message: dict[str, Any], **context: Any) -> list[str]:
    notes = Notes()
    read_messages([message], Context(notes, **context))
    return [note.code for note in notes]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"role": "system", "content": "x"}, Message("system", (Text("x"),), None, 0)),
        ({"role": "developer", "content": "x"}, Message("system", (Text("x"),), None, 0)),
        ({"role": "user", "content": "x", "name": "Ann"}, Message("user", (Text("x"),), "Ann", 0)),
        ({"role": "user", "content": "", "name": ""}, Message("user", (Text(""),), None, 0)),
        ({"role": "user", "content": None}, Message("user", (), None, 0)),
        ({"role": "user", "content": []}, Message("user", (), None, 0)),
        ({"role": "user"}, Message("user", (), None, 0)),
        (
            {"role": "user", "content": "x", "tool_calls": [], "function_call": None},
            Message("user", (Text("x"),), None, 0),
        ),
        ({"role": "assistant", "content": None, "refusal": "No."}, Message("assistant", (Text("No."),), None, 0)),
        *(
            ({"role": "assistant", "content": "x", "refusal": empty}, Message("assistant", (Text("x"),), None, 0))
            for empty in (None, "", False, {})
        ),
        ({"role": "user", "content": "x", "refusal": "No."}, Message("user", (Text("x"),), None, 0)),
        (
            {"role": "assistant", "content": "x", "reasoning_content": "hm", "reasoning": "hm"},
            Message("assistant", (Text("x"),), None, 0),
        ),
        (
            {"role": "tool", "content": "4", "tool_call_id": "c1", "name": "add"},
            Message("tool", (Text("4"),), "add", 0, call_id="c1"),
        ),
        ({"role": "tool", "content": "4"}, Message("tool", (Text("4"),), None, 0)),
        ({"role": "tool", "tool_call_id": ""}, Message("tool", (), None, 0)),
        (
            {"role": "tool", "tool_call_id": "c1", "content": ["a", IMAGE], "is_error": True},
            Message("tool", (Text("a"), Image("image/png", PNG)), None, 0, call_id="c1", failed=True),
        ),
        ({"role": "tool", "content": "x", "is_error": "no"}, Message("tool", (Text("x"),), None, 0)),
        (
            {"role": "function", "name": "add", "content": "4"},
            Message("tool", (Text("4"),), "add", 0, legacy=True),
        ),
    ],
)
def test_a_message(given: dict[str, Any], expected: Message) -> None:
    assert messages(given) == (expected,)


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ("x", Text("x")),
        ({"type": "text", "text": "x"}, Text("x")),
        ({"type": "input_text", "text": "x"}, Text("x")),
        ({"type": "output_text", "text": "x"}, Text("x")),
        ({"type": "refusal", "refusal": "x"}, Text("x")),
        (IMAGE, Image("image/png", PNG)),
        (
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            Remote("https://example.com/a.png", "messages[0].content[0].image_url.url"),
        ),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
            Document("application/pdf", PDF, "a.pdf"),
        ),
        (
            {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "x"}},
            Document("text/plain", "x", "T"),
        ),
    ],
)
def test_a_part(given: Any, part: Part) -> None:
    assert parts(given) == (part,)


def test_sillytaverns_anthropic_blocks_are_images() -> None:
    """LiteLLM fails on the blocks that SillyTavern's post-processing "Claude" leaves in an OpenAI body."""
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": PNG}}
    assert parts(block) == (Image("image/png", PNG),)


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ("Hello", ""),
        ({"content": "x"}, ".role"),
        ({"role": "narrator", "content": "x"}, ".role"),
        ({"role": ["user"], "content": "x"}, ".role"),
        ({"role": "user", "content": 42}, ".content"),
        ({"role": "user", "content": {"type": "text"}}, ".content"),
        ({"role": "user", "content": "x", "name": 5}, ".name"),
        ({"role": "assistant", "content": "x", "refusal": {"text": "No."}}, ".refusal"),
        ({"role": "user", "content": [5]}, ".content[0]"),
        ({"role": "user", "content": [{"text": "x"}]}, ".content[0].type"),
        ({"role": "user", "content": [{"type": {}}]}, ".content[0].type"),
        ({"role": "user", "content": [{"type": "video_url"}]}, ".content[0].type"),
        ({"role": "user", "content": ["x", {"type": "text", "text": None}]}, ".content[1].text"),
        ({"role": "user", "content": [{"type": "image_url"}]}, ".content[0].image_url"),
        ({"role": "user", "content": [{"type": "image"}]}, ".content[0].source"),
        ({"role": "user", "content": [{"type": "file"}]}, ".content[0].file"),
        ({"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}, ".content[0]"),
        ({"role": "user", "content": [{"type": "tool_use", "name": "f"}]}, ".content[0].type"),
        ({"role": "assistant", "content": [{"type": "tool_result"}]}, ".content[0].type"),
        (
            {"role": "user", "content": [{"type": "tool_result", "content": [{"type": "tool_result"}]}]},
            ".content[0].content[0].type",
        ),
        ({"role": "user", "content": [{"type": "tool_result", "tool_use_id": 5}]}, ".content[0].tool_use_id"),
        ({"role": "user", "tool_calls": [{"function": {"name": "f"}}]}, ".tool_calls"),
        ({"role": "tool", "function_call": {"name": "f"}}, ".function_call"),
        ({"role": "tool", "tool_call_id": 5}, ".tool_call_id"),
        ({"role": "tool", "content": {"result": 1}}, ".content"),
        ({"role": "function", "content": "4"}, ".name"),
        ({"role": "user", "content": "x", "cache_control": True}, ".cache_control"),
        (
            {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": "y"}]},
            ".content[0].cache_control",
        ),
    ],
)
def test_the_place_of_a_fault_is_named(given: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        messages({"role": "user", "content": "x"}, given)
    assert caught.value.param == f"messages[1]{param}"


@pytest.mark.parametrize("given", [None, [], {}, "x", {"role": "user"}, [{"role": "user"}] * 100_001])
def test_what_are_no_messages(given: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_messages(given, Context(Notes()))
    assert caught.value.param == "messages"


def test_audio_is_dropped_where_the_settings_say_so() -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    assert messages({"role": "user", "content": [audio, "x"]}, audio="drop")[0].parts == (Text("x"),)
    assert codes({"role": "user", "content": [audio]}, drop_audio=True) == ["dropped:input_audio"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"role": "assistant", "audio": {"id": "audio_1"}}, ["dropped:audio"]),
        ({"role": "assistant", "audio": None}, []),
        ({"role": "assistant", "content": "x", "reasoning_content": "hm"}, []),
        ({"role": "user", "content": [IMAGE]}, []),
    ],
)
def test_what_a_message_loses_is_told(given: dict[str, Any], told: list[str]) -> None:
    assert codes(given) == told


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, []),
        ({"context": None, "citations": {"enabled": False}}, []),
        ({"context": "A report."}, ["dropped:context"]),
        ({"citations": {"enabled": True}}, ["dropped:citations"]),
    ],
)
def test_what_a_document_loses_is_told(fields: dict[str, Any], told: list[str]) -> None:
    block = {"type": "document", "source": {"type": "text", "data": "x"}, **fields}
    assert codes({"role": "user", "content": [block]}) == told


# -- Anthropic's tool blocks ------------------------------------------------------------------------------------------


def test_anthropics_tool_blocks_become_calls_and_results() -> None:
    use = {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "2"}], "is_error": True}
    plain = {"type": "tool_result", "tool_use_id": "t2", "content": "3"}
    assert messages(
        {"role": "assistant", "content": ["Wait.", use]}, {"role": "user", "content": ["x", result, plain]}
    ) == (
        Message("assistant", (Text("Wait."),), None, 0, calls=(ToolCall("add", '{"a":1}', "t1"),)),
        Message("tool", (Text("2"),), None, 1, call_id="t1", failed=True),
        Message("tool", (Text("3"),), None, 1, call_id="t2"),
        Message("user", (Text("x"),), None, 1),
    )


def test_results_alone_leave_no_message_of_the_user() -> None:
    result = {"type": "tool_result", "tool_use_id": "t1"}
    assert messages({"role": "user", "content": [result], "cache_control": EPHEMERAL}) == (
        Message("tool", (), None, 0, call_id="t1", cache="5m"),
    )


def test_a_mark_on_a_call_in_the_content_is_told() -> None:
    use = {"type": "tool_use", "id": "t1", "name": "add", "input": {}, "cache_control": EPHEMERAL}
    assert codes({"role": "assistant", "content": [use]}) == ["dropped:cache_control"]


# -- marks for the cache ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "ttl", "told"),
    [
        ({"cache_control": EPHEMERAL}, "5m", []),
        ({"cache_control": {**EPHEMERAL, "ttl": "5m"}}, "5m", []),
        ({"cache_control": {**EPHEMERAL, "ttl": "1h"}}, "1h", []),
        ({"cache_control": {**EPHEMERAL, "ttl": None, "scope": "global"}}, "5m", []),
        ({"cache_control": {"ttl": "1h"}}, "1h", []),
        ({"cache_control": {**EPHEMERAL, "ttl": "7d"}}, "5m", ["dropped:cache_ttl"]),
        ({"cache_control": {**EPHEMERAL, "ttl": ["1h"]}}, "5m", ["dropped:cache_ttl"]),
        ({"cache_control": {**EPHEMERAL, "ttl": 300}}, "5m", ["dropped:cache_ttl"]),
        ({"cache_control": {"type": "forever"}}, None, ["dropped:cache_control"]),
        ({"cache_control": None}, None, []),
        ({"cache_control": {}}, None, []),
        ({"prompt_cache_breakpoint": {"mode": "explicit"}}, "1h", []),
        ({"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}}, "1h", []),
        ({"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}, "1h", []),
        ({"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "5m"}}, "5m", []),
        ({"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "soon"}}, "5m", ["dropped:cache_ttl"]),
        ({"prompt_cache_breakpoint": {"mode": "implicit"}}, None, ["dropped:prompt_cache_breakpoint"]),
        ({"cache_control": EPHEMERAL, "prompt_cache_breakpoint": {"mode": "explicit"}}, "5m", []),
        (
            {"cache_control": {"type": "x"}, "prompt_cache_breakpoint": {"mode": "explicit"}},
            "1h",
            ["dropped:cache_control"],
        ),
    ],
)
def test_a_mark_for_the_cache(mark: dict[str, Any], ttl: str | None, told: list[str]) -> None:
    """Portkey drops the ttl."""
    notes = Notes()
    assert cache_of(mark, "", Context(notes)) == ttl
    assert [note.code for note in notes] == told


def test_a_breakpoint_without_a_time_takes_the_requests() -> None:
    assert cache_of({"prompt_cache_breakpoint": {"mode": "explicit"}}, "", Context(Notes(), lasting="5m")) == "5m"


@pytest.mark.parametrize("field", ["cache_control", "prompt_cache_breakpoint"])
@pytest.mark.parametrize("at", ["", "tools[0]"])
def test_a_mark_that_is_no_object(field: str, at: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        cache_of({field: "yes"}, at, Context(Notes()))
    assert caught.value.param == f"{at}.{field}".removeprefix(".")


@pytest.mark.parametrize(
    "given",
    [
        {"type": "text", "text": "x"},
        IMAGE,
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "file", "file": {"file_data": PDF}},
    ],
)
def test_every_part_can_be_marked(given: dict[str, Any]) -> None:
    assert parts({**given, "cache_control": {**EPHEMERAL, "ttl": "1h"}})[0].cache == "1h"
    assert parts(given)[0].cache is None


def test_a_message_can_be_marked() -> None:
    for role in ("system", "user", "assistant", "tool"):
        marked, plain = messages(
            {"role": role, "content": "x", "cache_control": EPHEMERAL}, {"role": role, "content": "x"}
        )
        assert (marked.cache, plain.cache) == ("5m", None)


# -- Anthropic's system field -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ()),
        ("", ()),
        ([], ()),
        ("You are Bob.", (Text("You are Bob."),)),
        (["a", {"type": "text", "text": "b", "cache_control": EPHEMERAL}], (Text("a"), Text("b", "5m"))),
    ],
)
def test_the_system_field(value: Any, expected: tuple[Part, ...]) -> None:
    found = read_system(value, Context(Notes()))
    assert found == ((Message("system", expected, None, -1),) if expected else ())


@pytest.mark.parametrize("value", [5, {"type": "text"}, [IMAGE], [{"type": "text", "text": "x"}, {"type": "thinking"}]])
def test_what_is_no_system_field(value: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_system(value, Context(Notes()))
    assert caught.value.param == "system"


# -- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["messages", "parts", "calls"])
def test_ten_times_the_messages_take_ten_times_the_time(kind: str) -> None:
    def chat(count: int) -> list[Any]:
        if kind == "messages":
            return [{"role": "user", "content": "x"}] * count
        if kind == "parts":
            return [{"role": "user", "content": [{"type": "text", "text": "x"}] * count}]
        return [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}] * count}]

    def seconds(count: int) -> float:
        given, begun = chat(count), time.process_time()
        messages(*given)
        return time.process_time() - begun

    assert min(seconds(20_000) for _ in range(3)) < 25 * min(seconds(2_000) for _ in range(3))
