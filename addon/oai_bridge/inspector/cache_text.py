"""A finding of the cache coach, from its plain data, as text for people. Total: a file may hold anything."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from ..pages.page import short
from .cache_reasons import duration
from .record import one_line

_WIDTH = 78
_SIDE = 20  # columns of an excerpt beside what differs
_MIDDLE = 26  # columns of what differs
_LARGEST = 1e12  # of numbers that are shown
_REASONS = 12  # that are shown
_VERDICTS = {
    "used": "The cache was used.",
    "partly": "The cache was used in part only.",
    "missed": "The cache was missed.",
    "new": "A new conversation: nothing to read yet.",
    "off": "No cache was asked for.",
    "none": "Nothing could be read from the cache.",
    "unknown": "It is not known what became of the cache.",
    "unread": "The prompt could not be compared.",
}


def finding_text(metadata: object) -> str:
    """The whole of the Cache view. `metadata` is `Finding.to_metadata()`."""
    data = metadata if isinstance(metadata, dict) else {}
    head = _VERDICTS.get(_text(data, "verdict"), "Nothing is known of this request's cache.")
    blocks = [[head, *_cost(data)], list(_conversation(data)), list(_comparison(data)), list(_numbers(data))]
    blocks.append(list(_reasons(data)))
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def _cost(data: Mapping[str, Any]) -> Iterator[str]:
    if not (missed := _number(data, "missed")):
        return
    cost = _number(data, "cost")
    if _text(data, "verdict") == "off":
        price = "; the price is unknown." if cost is None else f", which would have saved up to ${cost:.4f}."
        price = price if cost != 0 else ", which would not have paid for the writing yet."
        yield from _wrapped(f"With cache points {_about(data)}{_count(missed)} tokens could have been read{price}")
        return
    tokens = f"{_about(data).capitalize()}{_count(missed)} tokens were paid for that could have been read"
    price = "; the price is unknown." if cost is None else f": ${cost:.4f} more."
    yield from _wrapped(tokens + price)


def _conversation(data: Mapping[str, Any]) -> Iterator[str]:
    conversation, previous = _part(data, "conversation"), _part(data, "previous")
    if number := _number(conversation, "number"):
        title = _line(_text(conversation, "title"), 50)
        words = f" “{title}”" if title else ""
        yield f"Conversation {_count(number)}{words}, request {_count(_number(conversation, 'request') or 0)}"
    if previous:
        what = "Nearest request of another one" if previous.get("other") is True else "Previous request"
        sent = _part(data, "sent")
        told = [_line(_text(previous, key), 60) for key in ("model", "place", "credential") if _text(previous, key)]
        same = all(_text(previous, key) == _text(sent, key) for key in ("model", "place", "credential"))
        seconds = _number(previous, "seconds")
        yield f"{what}: {'at an unknown time' if seconds is None else duration(seconds) + ' before'}"
        went = "Both went" if same else "That one went"
        yield from _wrapped(f"{went} to {', '.join(told)}", rest="  ")


def _comparison(data: Mapping[str, Any]) -> Iterator[str]:
    same, difference = _part(data, "same"), _part(data, "difference")
    if same:
        pairs = [
            f"{_count(_number(same, key) or 0)} of {_count(_number(same, 'of_' + key) or 0)} {key}"
            for key in ("blocks", "characters", "tokens")
        ]
        yield f"The same at the beginning: {pairs[0]}"
        yield f"                           {pairs[1]}"
        yield f"                           about {pairs[2]}"
        if not difference:
            yield "First difference:          none; this prompt only goes on from that one"
    if difference:
        where = f"{_line(_text(difference, 'where'), 40)}, character {_number(difference, 'character') or 0:,.0f}"
        yield f"First difference:          {where}"
        yield f"  before: {_excerpt(difference.get('before'))}"
        yield f"  now:    {_excerpt(difference.get('now'))}"


def _numbers(data: Mapping[str, Any]) -> Iterator[str]:
    usage = _part(data, "usage")
    told = [(_number(usage, key), key) for key in ("read", "written", "uncached")]
    if any(count for count, _ in told):
        yield "The cloud reported:        " + ", ".join(f"{_count(count or 0)} {key}" for count, key in told)
    if (expected := _number(data, "expected")) is not None:
        yield f"It could have read:        {_about(data)}{_count(expected)} tokens"


def _reasons(data: Mapping[str, Any]) -> Iterator[str]:
    reasons = data.get("reasons")
    listed = [reason for reason in reasons if isinstance(reason, dict)] if isinstance(reasons, list) else []
    if listed:
        yield "Why"
    for reason in listed[:_REASONS]:
        code, text, remedy = (_line(_text(reason, key), 600) for key in ("code", "text", "remedy"))
        normal = " (normal)" if reason.get("normal") is True and code != "used" else ""
        yield from _wrapped(f"{code}{normal}: {text}", "- ", "  ")
        if remedy:
            yield from _wrapped(remedy, "  → ", "    ")


def _excerpt(pieces: object) -> str:
    if pieces is None:
        return "(the prompt has ended)"
    if not isinstance(pieces, list) or [type(piece) for piece in pieces] != [str, str, str]:
        return "(not kept)"
    lead, differs, tail = pieces
    shown = _clip(one_line(lead)[::-1], _SIDE)[::-1]
    return f"{shown}⟦{_clip(one_line(differs), _MIDDLE)}⟧{_clip(one_line(tail), _SIDE)}"


def _clip(text: str, columns: int) -> str:
    """The beginning of the text that takes so many columns, of which a Chinese letter takes two."""
    used = 0
    for index, letter in enumerate(text):
        used += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if used > columns:
            return text[: index - 1] + "…" if index else "…"
    return text


def _wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def _line(text: str, most: int) -> str:
    return _clip(one_line(text[:most]), most)


def _about(data: Mapping[str, Any]) -> str:
    return "" if data.get("exact") is True else "about "


def _count(number: float) -> str:
    return short(round(number))


def _part(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _number(data: Mapping[str, Any], key: str) -> float | None:
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LARGEST:
        return None
    return float(value)
