"""Two chats as a diff for people: settings, tools, messages and replies; values in, lines out. Bounded and total.

Each line begins with what became of it: `~` changed, `-` only in the first, `+` only in the second. Of a changed text
both stand side by side, line by line: `[-…-]` was taken out and `{+…+}` put in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice, zip_longest
from typing import Any, Literal

from .figures import counted
from .lines import columns, escaped, wrapped
from .spoken import Call, Media, Message, Other, Part, Prompt, Refusal, Reply, Result, Text, Thinking, Tool, characters
from .turns import json_of

WIDTH = 100
_HALF = (WIDTH - 7) // 2  # columns of one of two texts
_LINES = 600  # of the whole
_VALUE = 300  # characters of a setting
_PIECE = 600  # characters of a text that is only on one side, or of a changed piece of it
_SAME_LINES = 3  # that are written out
_SAME = 12  # words at each end of a run that is the same
_PRODUCT = 4_000_000  # words of one text times those of the other, that are still looked at one by one
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+|\s+|.", re.DOTALL)

Tag = Literal["equal", "replace", "delete", "insert"]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: `title` says which, in a line."""

    title: str
    prompt: Prompt
    reply: Reply


def compare(first: Side, second: Side) -> list[str]:
    """The lines, about `WIDTH` columns wide."""
    lines = list(islice(_lines(first, second), _LINES + 1))
    if len(lines) > _LINES:
        lines[_LINES:] = ["… more differs than is shown here; bridge.export writes all of it to a file …"]
    return lines


def _lines(first: Side, second: Side) -> Iterator[str]:
    for sign, side in (("-", first), ("+", second)):
        yield from wrapped(escaped(f"{sign} {side.title} · {_size(side.prompt)}"), WIDTH)
    yield from _section("Settings", _facts(_settings(first.prompt), _settings(second.prompt)))
    yield from _section("Tools", _listed(first.prompt.tools, second.prompt.tools, "tool", _tool_key, _tool))
    yield from _section(
        "Messages", _listed(first.prompt.messages, second.prompt.messages, "message", _message_key, _message)
    )
    yield from _section("How the answer ended", _facts(_ending(first.reply), _ending(second.reply)))
    yield from _section("Reply", _listed(_said(first.reply), _said(second.reply), "reply", _message_key, _message))


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    begun = False
    for line in lines:
        if not begun:
            yield from ("", title)
            begun = True
        yield line


def _size(prompt: Prompt) -> str:
    length = sum(characters(message.parts) for message in prompt.messages)
    return f"{counted(len(prompt.messages), 'message')}, {counted(length, 'character')}"


# -- named values -----------------------------------------------------------------------------------------------------


def _settings(prompt: Prompt) -> dict[str, str]:
    stream = {"stream": True} if prompt.stream else {}
    return {name: json_of(value) for name, value in {"model": prompt.model, **stream, **prompt.parameters}.items()}


def _ending(reply: Reply) -> dict[str, str]:
    told = {
        "finish_reason": ", ".join(choice.finish_reason for choice in reply.choices),
        "error": reply.error,
        "trouble": " ".join(reply.troubles),
        "whole": "yes" if reply.whole else "no",
    }
    return {name: value for name, value in told.items() if value}


def _said(reply: Reply) -> list[Message]:
    return [choice.message for choice in reply.choices]


def _facts(first: dict[str, str], second: dict[str, str]) -> Iterator[str]:
    same = 0
    for name in dict.fromkeys((*first, *second)):
        before, after = first.get(name), second.get(name)
        if before == after:
            same += 1
        elif before is None:
            yield from _marked("+", f"{name}: {_short(after or '', _VALUE)}")
        elif after is None:
            yield from _marked("-", f"{name}: {_short(before, _VALUE)}")
        elif max(len(before), len(after)) < WIDTH // 3:
            yield from _marked("~", f"{name}: {before} → {after}")
        else:
            yield from _marked("~", f"{name}: {_changed(before, after)}")
    if same:
        yield f"  … {counted(same, 'value')} the same …"


# -- lists: tools and messages ----------------------------------------------------------------------------------------


def _listed[T: (Tool, Message)](
    first: Sequence[T], second: Sequence[T], what: str, key: Callable[[T], Any], text: Callable[[T], str]
) -> Iterator[str]:
    """What became of each entry. Where several were replaced, they are compared in their order, if they are of one
    role."""
    for tag, i1, i2, j1, j2 in _steps([key(one) for one in first], [key(one) for one in second]):
        if tag == "equal":
            yield f"  … {counted(i2 - i1, what)} the same …"
            continue
        old, new = list(first[i1:i2]), list(second[j1:j2])
        while old and new and _head(old[0]) == _head(new[0]):
            before, after = old.pop(0), new.pop(0)
            yield from _marked("~", _titled(before, after))
            yield from _side_by_side(text(before), text(after))
        for sign, left in (("-", old), ("+", new)):
            for one in left:
                yield from _marked(sign, _titled(one, one))
                yield from _indented(_short(text(one), _PIECE))


def _head(one: Tool | Message) -> str:
    return one.name if isinstance(one, Tool) else one.role


def _titled(before: Tool | Message, after: Tool | Message) -> str:
    place = before.at if before.at == after.at else f"{before.at} → {after.at}"
    return f"{place} · {_head(before)}" + (f" · {before.name}" if isinstance(before, Message) and before.name else "")


def _tool_key(tool: Tool) -> Any:
    return (tool.name, tool.kind, tool.description, tool.schema)


def _message_key(message: Message) -> Any:
    return (message.role, message.name, message.parts)


def _tool(tool: Tool) -> str:
    return "\n".join(filter(None, (tool.description, tool.schema)))


def _message(message: Message) -> str:
    return "\n".join(map(_part, message.parts))


def _part(part: Part) -> str:
    match part:
        case Text(text):
            return text
        case Thinking(redacted=True):
            return "(redacted thinking)"
        case Thinking(text):
            return f"(thinking) {text}"
        case Refusal(text):
            return f"(refusal) {text}"
        case Call(id, name, arguments):
            return f"(call {id}) {name} {arguments}"
        case Result(id, name, parts, failed):
            told = f"(result of {id or name}{', failed' if failed else ''}) "
            return told + "\n".join(map(_part, parts))
        case Media():
            size = "" if part.size is None else f"{part.size:,} bytes"
            told = " ".join(filter(None, (part.media_type, size, part.name, part.source[:_VALUE], part.digest)))
            return f"({part.kind} {told})" + (f"\n{part.text}" if part.text else "")
        case Other(name, json):
            return f"({name}) {json}"


# -- side by side -----------------------------------------------------------------------------------------------------


def _side_by_side(before: str, after: str) -> Iterator[str]:
    """Two texts in two columns, with what is the same in both on the same height."""
    old, new = before.split("\n"), after.split("\n")
    if old == new:
        yield "    (only what is not shown, such as a part's place, differs)"
        return
    for tag, i1, i2, j1, j2 in _steps(old, new):
        if tag == "equal" and i2 - i1 > _SAME_LINES:
            yield f"    … {counted(i2 - i1, 'line')} the same …"
            continue
        for left, right in zip_longest(old[i1:i2], new[j1:j2]):
            yield from _row(*_both(left, right))


def _both(left: str | None, right: str | None) -> tuple[str, str]:
    """Two lines with what differs between them marked; `None` for one that has no counterpart."""
    if left is None:
        return "", f"{{+{_short(right or '', _PIECE)}+}}"
    if right is None:
        return f"[-{_short(left, _PIECE)}-]", ""
    old, new = _WORD.findall(left), _WORD.findall(right)
    steps = list(_steps(old, new))
    first: list[str] = []
    second: list[str] = []
    for place, (tag, i1, i2, j1, j2) in enumerate(steps):
        if tag == "equal":
            run = _folded(old[i1:i2], place == 0 and len(steps) > 1, place == len(steps) - 1 and place > 0)
            first.append(run)
            second.append(run)
            continue
        if i2 > i1:
            first.append(f"[-{_short(''.join(old[i1:i2]), _PIECE)}-]")
        if j2 > j1:
            second.append(f"{{+{_short(''.join(new[j1:j2]), _PIECE)}+}}")
    return "".join(first), "".join(second)


def _row(left: str, right: str) -> Iterator[str]:
    for one, other in zip_longest(wrapped(escaped(left), _HALF), wrapped(escaped(right), _HALF), fillvalue=""):
        yield f"    {one}{' ' * (_HALF - columns(one))} │ {other}".rstrip()


# -- words ------------------------------------------------------------------------------------------------------------


def _changed(before: str, after: str) -> str:
    """Both texts in one."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    out: list[str] = []
    steps = list(_steps(old, new))
    for place, (tag, i1, i2, j1, j2) in enumerate(steps):
        if tag == "equal":
            out.append(_folded(old[i1:i2], place == 0, place == len(steps) - 1))
            continue
        if i2 > i1:
            out.append(f"[-{_short(''.join(old[i1:i2]), _PIECE)}-]")
        if j2 > j1:
            out.append(f"{{+{_short(''.join(new[j1:j2]), _PIECE)}+}}")
    return "".join(out) or "(only what is not shown, such as a part's place, differs)"


def _folded(words: Sequence[str], first: bool, last: bool) -> str:
    """A run that is the same, with its ends, but for those of the whole text."""
    head, tail = (0 if first else _SAME), (0 if last else _SAME)
    if len(words) <= head + tail + 2 * _SAME:
        return "".join(words)
    folded = sum(1 for word in words[head : len(words) - tail] if not word.isspace())
    return "".join(words[:head]) + f" … {counted(folded, 'word')} the same … " + "".join(words[len(words) - tail :])


def _short(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[: limit // 2]} … {len(text) - limit // 2 * 2:,} characters more … {text[-(limit // 2) :]}"


# -- both -------------------------------------------------------------------------------------------------------------


def _steps(first: Sequence[Any], second: Sequence[Any]) -> Iterator[tuple[Tag, int, int, int, int]]:
    """As `SequenceMatcher.get_opcodes`, in bounded time: the ends that are the same are taken off first, and what is
    left is one replacement where it is too much."""
    shorter = min(len(first), len(second))
    head = next((place for place in range(shorter) if first[place] != second[place]), shorter)
    left = shorter - head
    tail = next((place for place in range(left) if first[-1 - place] != second[-1 - place]), left)
    old, new = first[head : len(first) - tail], second[head : len(second) - tail]
    if head:
        yield "equal", 0, head, 0, head
    if len(old) * len(new) > _PRODUCT or (bool(old) != bool(new)):
        tag: Tag = "replace" if old and new else "delete" if old else "insert"
        yield tag, head, head + len(old), head, head + len(new)
    else:
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new).get_opcodes():
            yield tag, head + i1, head + i2, head + j1, head + j2
    if tail:
        yield "equal", len(first) - tail, len(first), len(second) - tail, len(second)


def _marked(sign: str, text: str) -> Iterator[str]:
    lines = wrapped(escaped(text), WIDTH - 2)
    yield f"{sign} {next(lines, '')}"
    for line in lines:
        yield f"    {line}"


def _indented(text: str) -> Iterator[str]:
    for line in wrapped(escaped(text), WIDTH - 4):
        yield f"    {line}".rstrip()
