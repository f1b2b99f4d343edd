"""What messages hold as blocks: names, pictures and files, arguments, cache marks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from oai_bridge.dialects.claude_blocks import Block, content_blocks, text_block
from oai_bridge.errors import InvalidRequest
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import Document, Image, Message, Part, Remote, Role, Text
from oai_bridge.settings.values import Claude
from tests.support.chats import (
    IMAGE_BLOCK,
    PDF,
    PNG,
    THINKING,
    THOUGHT,
    answer,
    assistant,
    calls,
    faults,
    message,
    result,
    short,
    text,
    told,
    translated,
    use,
    user,
)


@pytest.mark.parametrize(
    ("one", "blocks"),
    [
        (user("Hi", name="Mark"), ["Mark: Hi"]),
        (user(" ", "Hi", "there", name=" Mark "), ["Mark: Hi", "there"]),
        (user("Mark: Hi", name="Mark"), ["Mark: Hi"]),
        (user("Hi", name=" "), ["Hi"]),
        (user(PNG, "Hi", name="Mark"), [IMAGE_BLOCK, "Mark: Hi"]),
        (user(PNG, " ", name="Mark"), ["Mark:", IMAGE_BLOCK]),
        (user(" ", name="Mark"), ["."]),
    ],
)
def test_names_stand_before_what_is_said(one: Message, blocks: list[Any]) -> None:
    assert short(translated([one])) == [("user", blocks)]


def test_names_can_be_switched_off() -> None:
    turns = translated([user("Hi", name="Mark"), assistant("Yo", name="Ann"), user(PNG, name="Mark")])
    assert short(turns) == [("user", ["Mark: Hi"]), ("assistant", ["Ann: Yo"]), ("user", ["Mark:", IMAGE_BLOCK])]
    turns = translated([user("Hi", name="Mark"), user(PNG, name="Mark")], claude=Claude(names=False))
    assert short(turns) == [("user", ["Hi", IMAGE_BLOCK])]


@pytest.mark.parametrize(
    ("part", "kind"), [(PNG, "image"), (PDF, "document"), (Remote("https://example.com/a.png", "p"), "file")]
)
@pytest.mark.parametrize("role", ["assistant", "system"])
def test_pictures_and_files_are_the_users_alone(role: Role, part: Part, kind: str) -> None:
    chat = [user("A"), message(role, "B", part), user("C")]
    assert f"dropped:{role}_{kind}" in told(chat)
    assert faults(translated(chat), inline=True, prefill=True) == []
    with pytest.raises(InvalidRequest) as refused:
        translated(chat, notes=Notes(strict=True))
    assert refused.value.param == "messages[1].content"


def test_a_megabyte_is_passed_by_reference() -> None:
    data = "A" * 2**20
    turns = translated([user(Image("image/png", data)), calls("a"), result("a", Document("application/pdf", data))])
    assert turns[0].blocks[0]["source"]["data"] is data
    assert turns[2].blocks[0]["content"][0]["source"]["data"] is data


@pytest.mark.parametrize("role", ["user", "tool"])
def test_a_part_that_nobody_fetched_is_refused(role: Role) -> None:
    with pytest.raises(InvalidRequest) as refused:
        translated([user("A"), message(role, Remote("https://example.com/a.png", "messages[1].content[0]"))])
    assert refused.value.param == "messages[1].content[0]"


@pytest.mark.parametrize(
    ("arguments", "input", "codes"),
    [
        ("", {}, []),
        (" \n", {}, []),
        ("null", {}, []),
        ('{"a": [1, 2.5, "é"]}', {"a": [1, 2.5, "é"]}, []),
        ('{"n": 123456789012345678901234567890}', {"n": 123456789012345678901234567890}, []),
        ("[1]", {"value": [1]}, ["rewrote:tool_arguments"]),
        ("0", {"value": 0}, ["rewrote:tool_arguments"]),
        ('"x"', {"value": "x"}, ["rewrote:tool_arguments"]),
        ('{"a": 1', {"_raw": '{"a": 1'}, ["rewrote:tool_arguments"]),
        ('{"a": NaN}', {"_raw": '{"a": NaN}'}, ["rewrote:tool_arguments"]),
        ('{"a": 1e999}', {"_raw": '{"a": 1e999}'}, ["rewrote:tool_arguments"]),
        ("9" * 5000, {"_raw": "9" * 5000}, ["rewrote:tool_arguments"]),
        (r'{"a": "\ud800"}', {"_raw": r'{"a": "\ud800"}'}, ["rewrote:tool_arguments"]),
        ("[" * 101 + "]" * 101, {"_raw": "[" * 101 + "]" * 101}, ["rewrote:tool_arguments"]),
        ('{"a":' * 101 + "1" + "}" * 101, {"_raw": '{"a":' * 101 + "1" + "}" * 101}, ["rewrote:tool_arguments"]),
        ('{"a":' * 9999 + "1" + "}" * 9999, {"_raw": '{"a":' * 9999 + "1" + "}" * 9999}, ["rewrote:tool_arguments"]),
        ('{"a": "' + "[" * 500 + '"}', {"a": "[" * 500}, []),
        ("[" + "[]," * 500 + "[]]", {"value": [[]] * 501}, ["rewrote:tool_arguments"]),
    ],
)
def test_arguments_become_an_object_whatever_they_are(arguments: str, input: Any, codes: list[str]) -> None:
    chat = [user("A"), calls("a", arguments=arguments), result("a", "R")]
    assert translated(chat)[1].blocks == [use("a", **input)]
    assert told(chat) == codes


# -- caching -----------------------------------------------------------------------------------------------------------


FIVE = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


@pytest.mark.parametrize(
    ("one", "blocks"),
    [
        (user(Text("A", "5m"), Text("B", "1h")), [text("A") | FIVE, text("B") | HOUR]),
        (user(Text("A"), Text(" ", "1h"), "B"), [text("A") | HOUR, text("B")]),
        (user(Text(" ", "1h"), "B"), [text("B")]),
        (user("A", "B", cache="5m"), [text("A"), text("B") | FIVE]),
        (user("A", replace(PNG, cache="1h")), [text("A"), IMAGE_BLOCK | HOUR]),
        (user(" ", cache="5m"), [text(".")]),
        (user(replace(PNG, cache="1h"), name="Mark"), [text("Mark:"), IMAGE_BLOCK | HOUR]),
    ],
)
def test_marks_stay_where_they_were_put(one: Message, blocks: list[Block]) -> None:
    assert translated([one])[0].blocks == blocks


def test_a_mark_survives_what_happens_to_its_text() -> None:
    turns = translated([user("A"), user(Text("B", "5m")), assistant(Text("C ", "1h"))])
    assert [turn.blocks for turn in turns] == [[text("A"), text("\n\nB") | FIVE], [text("C") | HOUR]]


def test_marks_of_calls_and_results_stand_on_the_blocks_that_take_them() -> None:
    first = replace(PNG, cache="1h")
    chat = [
        user("A"),
        calls("a", "b", cache="5m", thoughts=(THOUGHT,)),
        result("b", "2", cache="1h"),
        result("a", first, "1"),
    ]
    turns = translated(chat)
    assert turns[1].blocks == [THINKING, use("a"), use("b") | FIVE]
    assert turns[2].blocks == [answer("a", [IMAGE_BLOCK, text("1")]) | HOUR, answer("b", "2") | HOUR]
    orphan = translated([user("A"), result("x", "R", cache="5m")])
    assert orphan[0].blocks[-1] == text("\n\n[tool result x]\nR") | FIVE


@pytest.mark.parametrize("empty", ["", " \n"])
def test_a_file_of_nothing_says_so(empty: str) -> None:
    parts = (Document("text/plain", empty, "a.txt", "5m"), Document("text/plain", empty), Text("Hello"))
    message = Message("user", parts, None, 0)
    named = text_block("[file a.txt: empty]") | FIVE
    assert content_blocks(message, True, Notes()) == [named, text_block("[file: empty]"), text_block("Hello")]
    notes = Notes()
    assert content_blocks(Message("assistant", parts, None, 0), True, notes) == [text_block("Hello")]
    assert [note.code for note in notes] == ["dropped:assistant_document"]
