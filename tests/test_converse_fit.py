"""What a model can't take: told, turned into text, or refused with its place named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from oai_bridge.dialects.converse_fit import fitted, fitted_facts, takes_tools
from oai_bridge.errors import InvalidRequest
from oai_bridge.notes import Note, Notes
from oai_bridge.openai.chat import ChatRequest, Document, Image, Message, Office, SignedThinking, Text, ToolCall
from oai_bridge.openai.request import parse_chat
from oai_bridge.settings.values import Claude
from tests.support.converse_chats import CALL, HI, LOOP, RESULT, TOOL, codes, facts_of

PICTURE = Image("image/png", "iVBORw0KGgo=")
PDF = Document("application/pdf", "JVBERi0=", "a.pdf")
WORD = Office("docx", "UEsDBA==", "p", "a.docx")


def asked(**fields: Any) -> ChatRequest:
    return parse_chat({"model": "m", "messages": [HI], **fields}, Notes(), Claude())


def said(*parts: Any, role: Any = "user") -> ChatRequest:
    return ChatRequest("m", (Message("user", (Text("Hi"),), None, 0), Message(role, parts, None, 1)))


def test_a_chat_that_the_model_takes_stays_as_it_is() -> None:
    chat = asked(messages=LOOP, tools=[TOOL], top_k=5, stop=["END"], parallel_tool_calls=False)
    notes = Notes()
    assert fitted(chat, facts_of("claude-sonnet-4-5"), notes) == chat
    assert list(notes) == []


def test_a_file_that_it_can_not_read_is_named() -> None:
    with pytest.raises(InvalidRequest) as refused:
        fitted(said(WORD), facts_of("nova-micro"), Notes())
    assert (refused.value.param, refused.value.code) == ("p", "unsupported_value")


@pytest.mark.parametrize("role", ["user", "tool"])
@pytest.mark.parametrize(("part", "model"), [(PICTURE, "deepseek-r1"), (PICTURE, "nova-micro"), (PDF, "nova-micro")])
def test_what_the_model_can_not_see_is_refused(part: Any, model: str, role: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        fitted(said(Text("What is this?"), part, role=role), facts_of(model), Notes())
    assert (refused.value.param, refused.value.code) == ("messages[1].content", "unsupported_value")
    assert model in refused.value.message


def test_what_it_can_see_stays() -> None:
    chat = said(Text("What is this?"), PICTURE, PDF, WORD)
    assert fitted(chat, facts_of("nova-pro"), Notes()) == chat


def test_a_system_prompt_alone_is_fitted_as_the_turn_that_it_becomes() -> None:
    note = Document("text/plain", "Hello", "a.txt")
    alone = ChatRequest("m", (Message("system", (note, Text("Sum up.")), None, 0),))
    (message,) = fitted(alone, facts_of("nova-pro"), Notes()).messages
    assert message.parts == (Text("[file a.txt]\nHello"), Text("Sum up."))
    with pytest.raises(InvalidRequest):
        fitted(ChatRequest("m", (Message("system", (PICTURE,), None, 0),)), facts_of("nova-micro"), Notes())
    beside = said(PICTURE, role="system")
    assert fitted(beside, facts_of("nova-micro"), Notes()) == beside, "it is dropped and told elsewhere"


def test_what_nobody_would_be_shown_is_no_reason_to_refuse() -> None:
    """The assistant's own pictures are dropped and told elsewhere."""
    chat = said(PICTURE, role="assistant")
    assert fitted(chat, facts_of("nova-micro"), Notes()) == chat


@pytest.mark.parametrize(("title", "text"), [("a.txt", "[file a.txt]\nOne\ntwo"), (None, "One\ntwo")])
@pytest.mark.parametrize("model", ["nova-micro", "nova-pro", "claude-sonnet-4-5"])
def test_a_text_file_is_text(model: str, title: str | None, text: str) -> None:
    notes = Notes()
    chat = fitted(said(Document("text/plain", "One\ntwo", title, "1h")), facts_of(model), notes)
    assert chat.messages[1].parts == (Text(text, "1h"),)
    assert [note.code for note in notes] == ["rewrote:document"]


@pytest.mark.parametrize("empty", ["", " \n"])
@pytest.mark.parametrize(("title", "text"), [("a.txt", "[file a.txt: empty]"), (None, "[file: empty]")])
def test_an_empty_text_file_says_so(title: str | None, text: str, empty: str) -> None:
    chat = fitted(said(Document("text/plain", empty, title, "1h")), facts_of("nova-pro"), Notes())
    assert chat.messages[1].parts == (Text(text, "1h"),)


# -- tools ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "stream", "takes"),
    [
        ("claude-opus-4-8", True, True),
        ("nova-pro", True, True),
        ("llama-3-3-70b", True, False),
        ("llama-3-3-70b", False, True),
        ("mistral-large-2407", True, False),
        ("mistral-large-2407", False, True),
        ("deepseek-r1", True, False),
        ("deepseek-r1", False, False),
    ],
)
def test_who_takes_tools(model: str, stream: bool, takes: bool) -> None:
    chat = asked(stream=stream, tools=[TOOL])
    assert takes_tools(chat, facts_of(model)) is takes
    assert bool(fitted(chat, facts_of(model), Notes()).tools) is takes
    forced = fitted_facts(chat, facts_of(model), Claude()).forced_tools
    assert forced is (takes and facts_of(model).forced_tools)


def test_without_tools_their_history_is_text() -> None:
    notes = Notes()
    chat = fitted(asked(messages=LOOP, tools=[TOOL], tool_choice="required"), facts_of("deepseek-r1"), notes)
    assert (chat.tools, chat.tool_choice) == ((), None)
    called = chat.messages[1]
    assert called.parts == (Text("Let me see."), Text('[tool call weather {"city": "Rome"}]'))
    assert called.calls == ()
    assert [note.code for note in notes] == ["dropped:tools", "rewrote:tool_calls"]
    assert codes("deepseek-r1", messages=LOOP) == ["rewrote:tool_calls", "rewrote:tool_result"]


def test_without_tools_what_calls_nothing_stays_as_it_is() -> None:
    spoken = Message("assistant", (Text("Hi"),), None, 1, thoughts=(SignedThinking("Hm", "seal"),))
    chat = fitted(ChatRequest("m", (Message("user", (Text("Hi"),), None, 0), spoken)), facts_of("deepseek-r1"), Notes())
    assert chat.messages[1] == spoken


def test_where_tools_do_not_stream_the_note_says_what_to_do() -> None:
    for model, words in (("deepseek-r1", "This model takes no tools."), ("llama-3-3-70b", "set `stream` to false")):
        fitted(asked(stream=True, tools=[TOOL]), facts_of(model), notes := Notes())
        assert words in next(note.detail for note in notes if note.code == "dropped:tools")


def test_what_only_claude_has_goes() -> None:
    given = replace(asked(), betas=("context-1m-2025-08-07",), context_management={"edits": []}, top_k=5)
    chat = fitted(given, facts_of("llama-3-3-70b"), notes := Notes())
    assert (chat.betas, chat.context_management, chat.top_k) == ((), None, None)
    assert [note.code for note in notes] == [
        *("dropped:anthropic_beta", "dropped:context_management", "dropped:top_k"),
    ]


def test_a_call_without_arguments_is_text_too() -> None:
    message = Message("assistant", (), None, 0, calls=(ToolCall("now", " "),))
    chat = fitted(ChatRequest("m", (message,)), facts_of("deepseek-r1"), Notes())
    assert chat.messages[0].parts == (Text("[tool call now {}]"),)


def test_older_functions_are_named_as_such() -> None:
    fields: dict[str, Any] = {"functions": [TOOL["function"]]}
    with pytest.raises(InvalidRequest) as refused:
        fitted(asked(**fields), facts_of("deepseek-r1"), Notes(strict=True))
    assert refused.value.param == "functions"


# -- the rest ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "kept", "told"),
    [
        ("claude-sonnet-4-5", 5, []),
        ("nova-pro", 4, [Note("dropped:stop", "This model takes at most 4 stop sequences.")]),
        ("qwen3-235b", 0, [Note("dropped:stop", "This model takes no stop sequences.")]),
        ("llama-3-3-70b", 5, []),
    ],
)
def test_stop_sequences(model: str, kept: int, told: list[Note]) -> None:
    notes = Notes()
    stops = ("a", "b", "c", "d", "e")
    assert fitted(asked(stop=list(stops)), facts_of(model), notes).stop == stops[:kept]
    assert list(notes) == told


MARK = {"cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(
    "fields",
    [
        MARK,
        {"messages": [HI | MARK]},
        {"messages": [HI | {"content": [{"type": "text", "text": "Hi", **MARK}]}]},
        {"messages": [HI, CALL, RESULT | MARK], "tools": [TOOL]},
        {"tools": [TOOL | MARK]},
    ],
)
def test_a_wish_for_a_cache_is_told_where_there_is_none(fields: Any) -> None:
    assert codes("qwen3-235b", **fields) == ["dropped:cache_control"]
    assert codes("claude-sonnet-4-5", **fields) == []


@pytest.mark.parametrize(
    ("model", "thinking", "effort"),
    [
        ("claude-sonnet-4-5", "manual", ()),
        ("nova-2-lite", "adaptive", ("low", "medium", "high")),
        ("gpt-oss-120b", "adaptive", ("low", "medium", "high")),
        ("deepseek-r1", "none", ()),
    ],
)
def test_what_makes_it_think_is_an_effort(model: str, thinking: str, effort: tuple[str, ...]) -> None:
    facts = fitted_facts(asked(), facts_of(model), Claude())
    assert (facts.thinking, facts.effort) == (thinking, effort)


def test_hard_thinking_of_nova_has_no_limit() -> None:
    capped = Claude(max_output_tokens=1000)
    assert fitted_facts(asked(), facts_of("nova-2-lite"), capped).effort == ("low", "medium")
    assert fitted_facts(asked(), facts_of("gpt-oss-120b"), capped).effort == ("low", "medium", "high")
