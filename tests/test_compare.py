"""inspector/compare.py: what differs is said where it differs, what is the same is folded, the output is bounded."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from oai_bridge.inspector.compare import WIDTH, Side, compare
from oai_bridge.inspector.lines import columns
from oai_bridge.inspector.prompts import read_prompt
from oai_bridge.inspector.replies import read_reply

TURNS = [{"role": "user" if place % 2 == 0 else "assistant", "content": f"turn {place}"} for place in range(8)]


def side(title: str, messages: Any = TURNS, reply: str = "Hello there.", **fields: Any) -> Side:
    answer = {"choices": [{"index": 0, "message": {"content": reply}, "finish_reason": "stop"}]}
    body = {"model": "m", "messages": messages, **fields}
    return Side(
        title, read_prompt(json.dumps(body).encode(), "openai"), read_reply(json.dumps(answer).encode(), "openai")
    )


def compared(second: Side, **first: Any) -> list[str]:
    lines = compare(side("A", **first), second)
    assert [line for line in lines if columns(line) > WIDTH] == []
    assert [line for line in lines if not line.isprintable()] == []
    return lines


def beside(left: str, right: str, wide: int = 0) -> str:
    """A row of two columns; `wide` letters of the left one are twice as wide."""
    return f"    {left:<{46 - wide}} │ {right}".rstrip()


def section(lines: list[str], title: str) -> list[str]:
    """The lines under a title."""
    rest = lines[lines.index(title) + 1 :]
    return rest[: rest.index("")] if "" in rest else rest


def test_two_that_are_alike_are_a_few_lines() -> None:
    assert compared(side("B")) == [
        "- A · 8 messages, 48 characters",
        "+ B · 8 messages, 48 characters",
        *("", "Settings", "  … 1 value the same …"),
        *("", "Messages", "  … 8 messages the same …"),
        *("", "How the answer ended", "  … 2 values the same …"),
        *("", "Reply", "  … 1 reply the same …"),
    ]


def test_changed_words_are_marked_in_their_message() -> None:
    changed = [*TURNS[:4], {"role": "user", "content": "turn four"}, *TURNS[5:]]
    assert section(compared(side("B", changed)), "Messages") == [
        "  … 4 messages the same …",
        "~ messages[4] · user",
        beside("turn [-4-]", "turn {+four+}"),
        "  … 3 messages the same …",
    ]


def test_an_inserted_message_moves_the_others_and_changes_none() -> None:
    inserted = [*TURNS[:2], {"role": "system", "content": "Lore: 你好"}, *TURNS[2:]]
    expected = [
        "  … 2 messages the same …",
        "+ messages[2] · system",
        "    Lore: 你好",
        "  … 6 messages the same …",
    ]
    assert section(compared(side("B", inserted)), "Messages") == expected
    expected[1] = "- messages[2] · system"
    assert section(compare(side("A", inserted), side("B")), "Messages") == expected


def test_a_message_of_another_role_is_no_change() -> None:
    other = [*TURNS[:7], {"role": "system", "content": "turn 7"}]
    assert section(compared(side("B", other)), "Messages")[1:] == [
        "- messages[7] · assistant",
        "    turn 7",
        "+ messages[7] · system",
        "    turn 7",
    ]


def test_settings_and_tools() -> None:
    look = {"type": "function", "function": {"name": "look", "description": "Looks at it.", "parameters": {}}}
    listen = {"type": "function", "function": {"name": "listen"}}
    closer = {"type": "function", "function": {**look["function"], "description": "Looks closely at it."}}  # type: ignore[dict-item]
    lines = compared(
        side("B", temperature=0.9, seed=1, tools=[closer]), temperature=0.7, stop=["x"], tools=[look, listen]
    )
    assert section(lines, "Settings") == [
        "~ temperature: 0.7 → 0.9",
        '- stop: ["x"]',
        "+ seed: 1",
        "  … 1 value the same …",
    ]
    assert section(lines, "Tools") == [
        "~ tools[0] · look",
        beside("Looks at it.", "Looks {+closely +}at it."),
        beside("{}", "{}"),
        "- tools[1] · listen",
    ]


def test_replies_and_how_they_ended() -> None:
    broken = Side("B", side("B").prompt, read_reply(b'data: {"error": {"message": "No."}}\n\n', "openai"))
    lines = compared(broken)
    ended = section(lines, "How the answer ended")
    assert ended == ["- finish_reason: stop", "~ whole: yes → no", "+ error: No."]
    assert section(lines, "Reply") == ["- choices[0].message · assistant", "    Hello there."]
    assert section(compared(side("B", reply="Hello here.")), "Reply") == [
        "~ choices[0].message · assistant",
        beside("Hello [-there-].", "Hello {+here+}."),
    ]


def test_every_kind_of_part_is_shown() -> None:
    def message(id: str) -> list[dict[str, Any]]:
        content = [
            {"type": "thinking", "thinking": f"hm {id}"},
            {"type": "redacted_thinking", "data": id},
            {"type": "refusal", "refusal": f"no {id}"},
            {"type": "tool_use", "id": id, "name": "look", "input": {"q": id}},
            {"type": "tool_result", "tool_use_id": id, "is_error": True, "content": f"lost {id}"},
            {"type": "image_url", "image_url": {"url": f"https://example.com/{id}"}},
            {"type": "document", "source": {"type": "text", "data": f"text {id}"}},
            {"type": "odd", "x": id},
        ]
        return [{"role": "assistant", "content": content}]

    text = "\n".join(compared(side("B", message("bbb")), messages=message("aaa")))
    for told in ("(thinking) hm", "(redacted thinking)", "(refusal) no", "look", "failed) lost", "(image", "(odd)"):
        assert told in text
    assert text.count("[-aaa-]") >= 7 and text.count("{+bbb+}") >= 7


def test_a_long_run_that_is_the_same_is_folded() -> None:
    long = "The kingdom is old and quiet. " * 200
    before, after = ([{"role": "user", "content": f"{long}It is {day}. {long}"}] for day in ("Monday", "Tuesday"))
    told = " ".join(section(compared(side("B", after), messages=before), "Messages"))
    assert "[-Monday-]" in told and "{+Tuesday+}" in told
    assert told.count("the same …") >= 2
    assert len(told) < 1500


def test_lines_stand_beside_their_counterparts() -> None:
    """Chinese is twice as wide."""
    before = "one\ntwo 你好\n" + "same\n" * 9 + "three\nlast"
    after = "one\ntwo 再见\n" + "same\n" * 9 + "put in\nthree\nlast"
    lines = section(
        compared(side("B", [{"role": "user", "content": after}]), messages=[{"role": "user", "content": before}]),
        "Messages",
    )
    assert lines == [
        "~ messages[0] · user",
        beside("one", "one"),
        beside("two [-你好-]", "two {+再见+}", wide=2),
        "    … 9 lines the same …",
        beside("", "{+put in+}"),
        beside("three", "three"),
        beside("last", "last"),
    ]


@pytest.mark.parametrize("count", [1, 3000])
def test_the_output_is_bounded(count: int) -> None:
    many = [{"role": "user", "content": f"{place} " * (200_000 // count)} for place in range(count)]
    start = time.process_time()
    lines = compared(side("B", many))
    assert time.process_time() - start < 5
    assert sum(map(len, lines)) < 70_000
    assert ("… more differs than is shown here" in lines[-1]) is (count == 3000)


def test_texts_without_a_word_in_common_take_no_time() -> None:
    before, after = ([{"role": "user", "content": " ".join(f"{sign}{n}" for n in range(50_000))}] for sign in "ab")
    start = time.process_time()
    lines = compared(side("B", after), messages=before)
    assert time.process_time() - start < 5
    assert "characters more" in "".join(lines)


def test_control_characters_are_escaped() -> None:
    changed = [*TURNS, {"role": "user\x1b[2J", "content": "a\x1b[31mb", "name": "\x07"}]
    text = "\n".join(compared(side("\x1bB", changed, stop="\x1b")))
    assert "\x1b" not in text and "\\x1b[31m" in text and "\\x1b[2J" in text and "\\x07" in text


def test_garbage_is_compared_too() -> None:
    broken = Side("B", read_prompt(b"\xff", "openai"), read_reply(b"", "openai"))
    assert compare(broken, broken)
    assert section(compared(broken), "Messages")[:2] == ["- messages[0] · user", "    turn 0"]
