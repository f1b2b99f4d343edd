"""Is this machine's clock right? The `Date` of answers against the time at which they came."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from statistics import median

from .findings import Finding, State

NOTICED, TOO_MUCH = 60.0, 300.0
"""Seconds: clouds may already wonder about the first, and refuse what is signed with a clock off by the second."""
_HALF = 0.5  # a Date has whole seconds, which are cut off
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))
_SUBJECT = "this machine's clock"
_REMEDY = (
    "Set the clock: switch automatic time on in the system's settings (Linux: `sudo timedatectl set-ntp true`, "
    "Windows: `w32tm /resync`, WSL: `sudo hwclock -s`), then start again."
)


def skew(date: str | None, came: float) -> float | None:
    """By how many seconds our clock is fast: `date` is a header of an answer whose head came at `came`, in Unix seconds
    of our clock. `None` where it tells no time."""
    try:
        there = parsedate_to_datetime(date or "").timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return came - there - _HALF


def judge(skews: Sequence[float]) -> Finding:
    """What several answers say together: one server's clock may itself be wrong."""
    if not skews:
        return Finding("clock", _SUBJECT, "skipped", "Nobody could be asked for the time.")
    off = median(skews)
    if abs(off) <= NOTICED:
        return Finding("clock", _SUBJECT, "ok", f"It is right ({abs(off):.0f} s off).")
    state: State = "failed" if is_too_much(off) else "warning"
    return Finding("clock", _SUBJECT, state, f"It is {told(off)}.", _REMEDY)


def is_too_much(off: float) -> bool:
    return abs(off) > TOO_MUCH


def told(off: float) -> str:
    """`10 minutes slow`; `off` as from `skew`."""
    size, way = abs(off), "fast" if off > 0 else "slow"
    unit, seconds = next((unit for unit in _UNITS if size >= 1.5 * unit[1]), _UNITS[-1])
    count = round(size / seconds)
    return f"{count} {unit}{'' if count == 1 else 's'} {way}"
