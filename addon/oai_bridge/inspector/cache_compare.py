"""Two prompts side by side: how much of the beginning is the same, where they part, and what comes again after that."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .cache_prompt import Prompt, Segment

Change = Literal["date", "inserted", "removed", "few", "rewritten"]
"""What became of a text: another date or time in it; more or less of it at one place; a few letters; more than that."""

_AROUND = 24  # characters beside a difference that are looked at for the rest of a date
_LONGEST_DATES = 20_000  # characters of a difference that is looked through for dates
_FEW = 60  # characters

_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|(?-i:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.?)"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_CLOCK = r"\d{1,2}[:：]\d{2}(?:[:：]\d{2}(?:[.,]\d+)?)?(?:\s?[ap]\.?m\b\.?)?"
_DATE = re.compile(
    rf"\d{{4}}-\d{{1,2}}-\d{{1,2}}(?:T{_CLOCK}(?:Z|[+-]\d{{2}}:?\d{{2}})?)?"  # 2026-11-28T10:59:00Z
    rf"|{_CLOCK}|\b\d{{1,2}}\s?[ap]\.?m\b\.?"  # 10:59 pm
    r"|\d{1,4}[./]\d{1,2}[./]\d{1,4}"  # 28.11.2026, 11/28/26
    rf"|\b(?:{_DAY}\s+(?:of\s+)?)?{_MONTH}(?:\s+{_DAY})?(?:,?\s+\d{{4}})?\b"  # November 28, 2026
    r"|\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?-i:Mon|Tue|Wed|Thu|Fri|Sat|Sun))\b"
    r"|\b(?:just now|(?:\d+|an?|a few|one)\s+(?:second|minute|hour|day|week|month|year)s?)(?:\s+ago)?\b"
    r"|(?:\d{2,4}|[〇零一二三四五六七八九]{4})年(?:\d{1,2}|[一二三四五六七八九十]{1,3})月"
    r"(?:(?:\d{1,2}|[一二三四五六七八九十]{1,3})[日号])?"  # 2026年11月28日
    r"|\d{1,2}月\d{1,2}[日号]|(?:星期|礼拜|周)[一二三四五六日天]"
    r"|(?:凌晨|清晨|早上|上午|中午|下午|傍晚|晚上|深夜)?\s?\d{1,2}[点时](?:\d{1,2}分?)?(?:\d{1,2}秒)?"
    r"|凌晨|清晨|早上|上午|中午|下午|傍晚|晚上|深夜"
    r"|\b1[5-9]\d{8}(?:\d{3})?\b",  # a Unix time
    re.IGNORECASE | re.ASCII,  # a word ends where Chinese begins
)


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two prompts part: in `before` and `now`, of which one may have ended, after that many same characters."""

    before: Segment | None
    now: Segment | None
    character: int

    @property
    def same_tokens(self) -> float:
        """A rough estimate of what is the same in `now`."""
        return self.now.tokens * self.character / len(self.now.text) if self.now and self.character else 0.0


def same_segments(before: Prompt, now: Prompt) -> int:
    """How many segments at the beginning are the same."""
    pairs = zip(before.segments, now.segments, strict=False)
    return next(
        (index for index, (old, new) in enumerate(pairs) if not old.same_as(new)),
        min(len(before.segments), len(now.segments)),
    )


def same_keys(before: Sequence[Segment], now: Sequence[Segment]) -> int:
    """How many segments at the beginning say the same, white space at their ends aside."""
    pairs = zip(before, now, strict=False)
    return next((index for index, (old, new) in enumerate(pairs) if old.key != new.key), min(len(before), len(now)))


def first_difference(before: Prompt, now: Prompt, same: int) -> Difference | None:
    """`None` where `now` only goes on from `before`."""
    if same == len(before.segments):
        return None
    old = before.segments[same]
    new = now.segments[same] if same < len(now.segments) else None
    if new is None or (old.part, old.message, old.role) != (new.part, new.message, new.role):
        return Difference(old, new, 0)
    return Difference(old, new, same_letters(old.text, new.text))


def repeated_tokens(before: Prompt, now: Prompt, start: int, end: int) -> float:
    """A rough estimate of what `now` has after its first `start` segments, which are the same, that `before` has
    between `start` and `end` too, wherever it stands there."""
    left = Counter(segment.key for segment in before.segments[start:end])
    tokens = 0.0
    for index, segment in enumerate(now.segments[start:], start):
        if left[segment.key] > 0:
            left[segment.key] -= 1
            tokens += segment.tokens
        elif index < end and segment.part == before.segments[index].part:
            tokens += segment.tokens * _common_share(before.segments[index].text, segment.text)
    return tokens


def meeting(before: Sequence[Segment], now: Sequence[Segment]) -> tuple[int, int] | None:
    """The first segment of `before` that `now` has, too: `(how many of before, how many of now)` stand in front."""
    places: dict[tuple[str, str], int] = {}
    for index, segment in enumerate(now):
        places.setdefault(segment.key, index)
    return next(((index, places[one.key]) for index, one in enumerate(before) if one.key in places), None)


def changed_text(before: str, now: str) -> Change:
    """What kind of difference there is between two texts that differ."""
    old, new = changed_span(before, now)
    start = same_letters(before, now)
    if len(old) + len(new) <= _LONGEST_DATES and (old or new):
        around = max(0, start - _AROUND)
        wide = before[around : start + len(old) + _AROUND], now[around : start + len(new) + _AROUND]
        if _DATE.sub("⏲", wide[0]) == _DATE.sub("⏲", wide[1]):
            return "date"
    if len(old) <= _FEW and len(new) <= _FEW:
        return "few"
    if not old:
        return "inserted"
    return "rewritten" if new else "removed"


def changed_span(before: str, now: str) -> tuple[str, str]:
    """What differs, without the beginning and the end that are the same."""
    start = same_letters(before, now)
    room = min(len(before), len(now)) - start
    end = _same_end(before, now, room)
    return before[start : len(before) - end], now[start : len(now) - end]


def same_letters(before: str, now: str) -> int:
    """How many characters at the beginning are the same. Linear: each step compares what no other has compared."""
    low, high = 0, min(len(before), len(now))
    while low < high:
        middle = (low + high + 1) // 2
        if before[low:middle] == now[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _same_end(before: str, now: str, most: int) -> int:
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if before[len(before) - middle : len(before) - low] == now[len(now) - middle : len(now) - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_share(before: str, now: str) -> float:
    """The share of `now` that stands in `before` at its beginning and end; 0 where they have little in common."""
    old, new = changed_span(before, now)
    share = 1 - len(new) / len(now) if now else 0.0
    return share if share >= 0.5 and len(old) <= len(before) / 2 else 0.0
