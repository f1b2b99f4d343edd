"""Messages for a door that speaks OpenAI's language."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from oai_bridge.dialects.openai_messages import passed_messages
from oai_bridge.errors import InvalidRequest
from oai_bridge.models.passed import Cloud
from oai_bridge.notes import Notes

GEMINI, LLAMA, GPT, OSS = "google/gemini-3.5-flash", "meta/llama-4-maas", "my-deployment", "openai.gpt-oss-120b-1:0"
DOORS: tuple[tuple[str, Cloud], ...] = ((GPT, "azure"), (GEMINI, "vertex"), (LLAMA, "vertex"), (OSS, "bedrock"))
PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}


def sent(*messages: Any, name: str = GPT, cloud: Cloud = "azure", notes: Notes | None = None, **more: Any) -> list[Any]:
    body = {"messages": list(messages), **more}
    before = copy.deepcopy(body)
    out = passed_messages(body, name, cloud, notes if notes is not None else Notes(strict=True))
    assert body == before, "the client's body stays"
    return out


def content(*parts: Any, name: str = GPT, cloud: Cloud = "azure") -> Any:
    [message] = sent({"role": "user", "content": list(parts)}, name=name, cloud=cloud)
    return message["content"]


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


# -- what goes through -------------------------------------------------------------------------------------------------

CALL = {"id": "call_a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ALL = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hi", "name": "Ann"},
    {"role": "assistant", "content": None, "tool_calls": [CALL], "name": "Bob"},
    {"role": "tool", "tool_call_id": "call_a", "content": [{"type": "text", "text": "42"}]},
    {"role": "assistant", "content": "", "refusal": "No.", "audio": {"id": "audio_1"}},
    {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}},
    {"role": "function", "name": "f", "content": "43"},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "Look", "prompt_cache_breakpoint": {"mode": "explicit"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            {"type": "file", "file": {"file_id": "file_1"}},
            {"type": "brand_new", "x": 1},
        ],
    },
]


@pytest.mark.parametrize(("name", "cloud"), DOORS)
def test_openais_own_messages_go_through(name: str, cloud: Cloud) -> None:
    assert sent(*ALL, name=name, cloud=cloud) == ALL


def test_bedrock_takes_no_name_beside_a_tools_result() -> None:
    tool = {"role": "tool", "tool_call_id": "call_a", "content": "42", "name": "f"}
    assert sent(tool, name=OSS, cloud="bedrock") == [{"role": "tool", "tool_call_id": "call_a", "content": "42"}]
    assert sent(tool) == [tool]


# -- what others add ---------------------------------------------------------------------------------------------------

SIGNED = {"google": {"thought_signature": "sig"}}


@pytest.mark.parametrize(
    ("name", "cloud", "kept"),
    [
        (GPT, "azure", set()),
        (OSS, "bedrock", set()),
        (GEMINI, "vertex", {"extra_content"}),
        (LLAMA, "vertex", {"reasoning_content"}),
    ],
)
def test_thoughts_go_back_only_where_they_are_taken(name: str, cloud: Cloud, kept: set[str]) -> None:
    added = {
        "reasoning_content": "Hm.",
        "reasoning": "Hm.",
        "thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "x"}],
        "reasoning_details": [],
        "extra_content": SIGNED,
        "cache_control": {"type": "ephemeral"},
        "annotations": [],
        "prefix": True,
    }
    said = {"role": "assistant", "content": "Yes."}
    assert sent({**said, **added}, name=name, cloud=cloud) == [said | {key: added[key] for key in kept}]
    call = {**CALL, "index": 0, "extra_content": SIGNED, "reasoning_content": "Hm."}
    [message] = sent({"role": "assistant", "content": None, "tool_calls": [call]}, name=name, cloud=cloud)
    assert message["tool_calls"] == [CALL | {key: call[key] for key in kept}]


def test_null_is_not_set() -> None:
    dumped = {"role": "assistant", "content": None, "refusal": None, "function_call": None, "tool_calls": [CALL]}
    assert sent(dumped) == [{"role": "assistant", "content": None, "tool_calls": [CALL]}]
    assert sent({"role": "assistant", "tool_calls": ["odd"]}) == [{"role": "assistant", "tool_calls": ["odd"]}]
    assert sent({"role": "assistant", "content": "Hi", "tool_calls": []}) == [{"role": "assistant", "content": "Hi"}]


@pytest.mark.parametrize(
    ("name", "kept"),
    [("Ann", "Ann"), ("Ann  of\nGables", "Ann_of_Gables"), ("a<b>", "a_b_"), ("x" * 99, "x" * 64), ("", None)],
)
def test_a_name_has_letters_that_openai_allows(name: str, kept: str | None) -> None:
    assert sent({**user("Hi"), "name": name}) == [user("Hi") | ({"name": kept} if kept else {})]


def test_the_developer_is_the_system_on_vertex() -> None:
    for name, cloud in DOORS:
        [message] = sent({"role": "developer", "content": "x"}, name=name, cloud=cloud)
        assert message["role"] == ("system" if cloud == "vertex" else "developer")


def test_a_wrong_system_is_named_where_it_stands() -> None:
    with pytest.raises(InvalidRequest) as refused:
        sent(user("Hi"), system=["Be brief.", 0])
    assert refused.value.param == "system[1]"


@pytest.mark.parametrize("system", ["Be brief.", [{"type": "text", "text": "Be brief.", "cache_control": {}}]])
def test_anthropics_system_is_a_message(system: Any) -> None:
    said = system if isinstance(system, str) else [{"type": "text", "text": "Be brief."}]
    assert sent(user("Hi"), system=system) == [{"role": "system", "content": said}, user("Hi")]


# -- content -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "out"),
    [
        ("Hi", {"type": "text", "text": "Hi"}),
        ({"type": "input_text", "text": "Hi"}, {"type": "text", "text": "Hi"}),
        ({"type": "output_text", "text": "Hi", "citations": []}, {"type": "text", "text": "Hi"}),
        (
            {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}, "extra_content": SIGNED},
            {"type": "text", "text": "Hi"},
        ),
        ({"type": "image_url", "image_url": "data:x"}, {"type": "image_url", "image_url": {"url": "data:x"}}),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        ),
        ({"type": "document", "source": {"type": "text", "data": "Hi"}}, {"type": "text", "text": "Hi"}),
        (
            {"type": "document", "source": PDF, "title": "a.pdf"},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
        ),
        (
            {"type": "document", "source": {"type": "base64", "data": "JVBERg=="}},
            {"type": "file", "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
        ),
    ],
)
def test_others_parts_become_openais(part: Any, out: Any) -> None:
    assert content(part) == [out]


@pytest.mark.parametrize(
    ("part", "url"),
    [
        ({"type": "document", "source": PDF}, "data:application/pdf;base64,JVBERg=="),
        ({"type": "document", "source": {"type": "url", "url": "gs://b/a.pdf"}}, "gs://b/a.pdf"),
        ({"type": "file", "file": {"file_data": "data:text/csv;base64,AA=="}}, "data:text/csv;base64,AA=="),
        ({"type": "file", "file": {"file_data": "JVBERg=="}}, "data:application/pdf;base64,JVBERg=="),
    ],
)
def test_gemini_takes_any_file_as_a_picture(part: Any, url: str) -> None:
    assert content(part, name=GEMINI, cloud="vertex") == [{"type": "image_url", "image_url": {"url": url}}]


def test_thoughts_among_the_parts_are_left_out() -> None:
    thoughts = [{"type": "thinking", "thinking": "Hm.", "signature": "x"}, {"type": "redacted_thinking", "data": "x"}]
    assert content(*thoughts, "Hi") == [{"type": "text", "text": "Hi"}]
    assert content(*thoughts) == ""


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ([5], "messages[0].content[0]"),
        (["x", {"type": "image", "source": {"type": "file", "file_id": "x"}}], "messages[0].content[1].source"),
        ([{"type": "image", "source": {"type": "base64", "data": "AA=="}}], "messages[0].content[0].source"),
        ([{"type": "image", "source": None}], "messages[0].content[0].source"),
        ([{"type": "document", "source": {"type": "url", "url": "https://x"}}], "messages[0].content[0].source"),
        ([{"type": "document", "source": {"type": "content", "content": []}}], "messages[0].content[0].source"),
    ],
)
def test_what_cant_be_passed_on_is_refused(parts: list[Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        content(*parts)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("messages", "param"),
    [(None, "messages"), ([], "messages"), ("Hi", "messages"), ({}, "messages"), ([user("Hi"), "Hi"], "messages[1]")],
)
def test_what_are_no_messages_is_refused(messages: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        passed_messages({"messages": messages}, GPT, "azure", Notes())
    assert refused.value.param == param


# -- Gemini's empty messages -------------------------------------------------------------------------------------------


def test_gemini_gets_no_empty_messages() -> None:
    notes = Notes()
    kept = [
        user("Hi"),
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "content": "", "tool_call_id": "x"},
    ]
    empty = [
        {"role": "system", "content": ""},
        user([{"type": "text", "text": ""}]),
        {"role": "assistant", "content": None},
    ]
    assert sent(*empty, *kept, name=GEMINI, cloud="vertex", notes=notes) == kept
    assert [note.code for note in notes] == ["dropped:empty_messages"]
    notes = Notes()
    assert len(sent(*empty, *kept, name=LLAMA, cloud="vertex", notes=notes)) == 6 and not list(notes)
    assert sent(user(""), name=GEMINI, cloud="vertex") == [user("")], "it is for Google to say what is missing"
