"""The clock: what `Date` headers tell of it, and from when on it is a fault."""

from __future__ import annotations

import pytest

from oai_bridge.doctor.clock import judge, skew, told

NOON = 1_795_867_200.0
DATE = "Sat, 28 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(("date", "came", "off"), [(DATE, NOON + 0.5, 0.0), (DATE, NOON - 599.5, -600.0)])
def test_a_date_is_compared_with_the_time_of_its_coming(date: str, came: float, off: float) -> None:
    assert skew(date, came) == off


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sat, 99 Nov 2026 12:00:00 GMT", "0" * 5000])
def test_what_is_no_date_tells_nothing(date: str | None) -> None:
    assert skew(date, NOON) is None


@pytest.mark.parametrize(
    ("off", "state", "message"),
    [
        (2.0, "ok", "It is right (2 s off)."),
        (-60.0, "ok", "It is right (60 s off)."),
        (61.0, "warning", "It is 1 minute fast."),
        (-300.0, "warning", "It is 5 minutes slow."),
        (301.0, "failed", "It is 5 minutes fast."),
        (-600.0, "failed", "It is 10 minutes slow."),
    ],
)
def test_a_minute_is_told_and_five_are_a_fault(off: float, state: str, message: str) -> None:
    found = judge([off])
    assert (found.state, found.message) == (state, message)
    assert ("Set the clock" in found.remedy) == (state != "ok")


def test_one_server_with_a_clock_of_its_own_is_outvoted() -> None:
    assert judge([1.0, 600.0, 2.0]).state == "ok"


def test_without_an_answer_nothing_is_known() -> None:
    assert judge([]).state == "skipped"


@pytest.mark.parametrize(
    ("off", "text"), [(7_200.0, "2 hours fast"), (-86_400 * 365, "365 days slow"), (3_600.0, "60 minutes fast")]
)
def test_the_size_is_told_in_units_that_people_use(off: float, text: str) -> None:
    assert told(off) == text
