"""inspector/told.py: what a record writes can be read back; what anybody else wrote harms nobody."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.errors import InvalidRequest
from oai_bridge.events import Stop, Text, Usage, UsageReport
from oai_bridge.inspector.record import Record
from oai_bridge.inspector.told import Told, ToldTiming, told
from oai_bridge.models.facts import Prices
from oai_bridge.money.cost import Cost
from tests.test_record import record, send


def full() -> Record:
    kept = record()
    kept.model, kept.route, kept.client = "claude-sonnet-4-6", "vertex/us-east5", "key 1"
    kept.prices = Prices(input=3, output=15, cache_read=0.3, cache_write_5m=3.75, cache_write_1h=6)
    attempt = send(kept, b'{"a": 1}')
    kept.answered(attempt, 200, "up_1")
    kept.received(attempt, b"\0\xff")
    kept.saw(Text("a"))
    kept.saw(UsageReport(Usage(1000, 500, 10_000, 100, 20, cache_write_1h=40)))
    kept.saw(Stop("stop", upstream_reason="end_turn"))
    kept.notes.add("merged", "Two turns became one.")
    kept.ended = kept.clock()
    return kept


def test_a_record_is_read_back() -> None:
    kept = full()
    seen = told(kept.to_metadata())
    assert seen is not None
    assert (seen.model, seen.route, seen.client, seen.finish_reason) == (kept.model, kept.route, "key 1", "stop")
    assert seen.usage == kept.usage
    assert seen.cost == kept.cost == Cost(0.003, 60 * 3.75e-6 + 40 * 6e-6, 0.003, 0.0075)
    assert seen.rates is not None and seen.rates["cache_read"] == 0.3
    (attempt,) = seen.attempts
    assert (attempt.status, attempt.body, attempt.reply_bytes, attempt.was_sent) == (200, '{"a": 1}', b"\0\xff", True)
    assert (attempt.sent, attempt.answered) == (1, 2)
    assert [note.code for note in seen.notes] == ["merged"]
    assert seen.timing.first_token == 4 and seen.first_token_after == 4
    assert seen.tokens_per_second == 500  # from 4 to 5


def test_an_error_is_read_back() -> None:
    kept = record()
    kept.error = InvalidRequest("No.", param="n")
    seen = told(kept.to_metadata())
    assert seen and seen.error and (seen.error.message, seen.error.param) == ("No.", "n")


def test_files_of_earlier_versions_are_read() -> None:
    assert told({}) == Told()
    assert told({"model": "m", "something": "new"}) == Told(model="m")


@given(st.none() | st.text() | st.dictionaries(st.sampled_from(["model", "usage", "attempts", "timing"]), st.text()))
def test_garbage_is_no_record(garbage: Any) -> None:
    assert told(garbage) is None or isinstance(told(garbage), Told)


@pytest.mark.parametrize(
    "timing", [ToldTiming(0, 0, None, None, 9), ToldTiming(0, 0, 1, 1, 1.01), ToldTiming(0, 0, 1, 1)]
)
def test_a_speed_is_told_only_where_there_is_one(timing: ToldTiming) -> None:
    assert Told(timing=timing).tokens_per_second is None
