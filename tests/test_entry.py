"""entry.py: what a request came to, and that what has run is never counted as nothing."""

from __future__ import annotations

import pytest

from oai_bridge.credentials.base import Outbound
from oai_bridge.errors import SpendingLimit, StreamBroken, UpstreamError
from oai_bridge.events import RedactedThinking, Signature, Stop, Text, ToolArguments, ToolStart, Usage, UsageReport
from oai_bridge.inspector.record import Record
from oai_bridge.models.facts import Prices
from oai_bridge.money.entry import Entry, entry_of
from oai_bridge.money.worst import Counted, Worst

WORST = Worst(100, 1000, 0.001, 0.05)


def asked(*, status: int | None = 200, error: str | None = None, **fields: bool) -> Record:
    record = Record("req_1", client="anna", **fields)
    record.model, record.route, record.worst = "sonnet", "vertex/us-east5", WORST
    record.prices = Prices(input=3, output=15)
    attempt = record.sending(Outbound("POST", "https://cloud/", {}, b"{}", "sonnet@1"), "an account")
    attempt.error = error
    if status is not None:
        record.answered(attempt, status, None)
    return record


def ended(record: Record) -> Entry:
    return entry_of(record, operation="chat", status=200, left=False)


def test_a_whole_answer() -> None:
    record = asked()
    record.saw(UsageReport(Usage(1000, 100)))
    record.saw(Stop("stop"))
    entry = ended(record)
    assert (entry.cloud, entry.region, entry.model, entry.requested) == ("vertex", "us-east5", "sonnet@1", "sonnet")
    assert entry.counted == Counted(pytest.approx(0.0045), 1100) and not entry.unpriced and entry.asked


def test_what_told_no_tokens_is_not_free() -> None:
    entry = ended(asked())
    assert entry.unpriced and entry.cost is None and entry.counted == Counted(0.001, 100)


def test_a_broken_answer_counts_as_far_as_it_was_seen() -> None:
    record = asked()
    record.saw(UsageReport(Usage(1000, 1)))
    for event in (Text("a" * 60), ToolStart(0, "id", "name"), ToolArguments(0, "{" * 6), Signature("s" * 30)):
        record.saw(event)
    record.saw(RedactedThinking("r" * 30))
    record.saw(Text("好" * 11))  # as 44 letters
    record.error = StreamBroken("Cut.")
    entry = ended(record)
    assert entry.unpriced and entry.error == "stream_truncated"
    assert entry.cost and entry.counted == Counted(pytest.approx(entry.cost.total + 49 * 15 / 1e6), 1050)
    assert record.seen == 174


@pytest.mark.parametrize(("status", "error", "runs"), [(None, None, True), (None, "Refused", False), (429, "x", False)])
def test_who_leaves_before_the_answer_pays_for_it(status: int | None, error: str | None, runs: bool) -> None:
    entry = ended(asked(status=status, error=error))
    assert entry.asked and entry.unpriced is runs and (entry.counted.usd > 0) is runs


def test_what_may_have_run() -> None:
    record = asked(status=None, error="timed out")
    record.attempts[0].unsure = True
    record.error = UpstreamError("Timed out.")
    assert ended(record).counted == Counted(0.001, 100)


def test_who_leaves_while_nothing_is_told_pays_for_what_may_have_been_made() -> None:
    for first_token, tokens in ((None, 500), (1.5, 50)):
        record = asked(status=None)
        record.attempts[0].sent = record.began = 1e9
        record.ended = record.began + 6
        record.first_token = first_token and record.began + first_token
        entry = ended(record)
        assert entry.counted == Counted(pytest.approx(0.001 + tokens * 15 / 1e6), 100 + tokens)


@pytest.mark.parametrize(("took", "times"), [(0.3, 1), (30, 2)])
def test_an_attempt_that_was_lost_may_have_cost_as_much_as_the_next_one(took: float, times: int) -> None:
    record = asked(status=None, error="cut")
    record.attempts[0].unsure = True
    record.attempts[0].sent -= took
    attempt = record.sending(Outbound("POST", "https://cloud/", {}, b"{}", "sonnet@1"), "an account")
    record.answered(attempt, 200, None)
    record.saw(UsageReport(Usage(1000, 100)))
    record.saw(Stop("stop"))
    entry = ended(record)
    assert entry.counted == Counted(pytest.approx(0.0045 * times), 1100 * times) and entry.unpriced is (times == 2)
    assert entry.cost and entry.cost.total == pytest.approx(0.0045)


@pytest.mark.parametrize("kind", ["free", "unpaid"])
def test_what_nobody_is_paid_for_counts_as_nothing(kind: str) -> None:
    record = asked(**{kind: True})
    record.saw(UsageReport(Usage(1000, 100)))
    assert ended(record).counted == Counted()


def test_what_is_refused_asks_nobody() -> None:
    record = Record("req_1")
    record.error = SpendingLimit("Enough.")
    entry = ended(record)
    assert not entry.asked and entry.error == "spending_limit" and entry.counted == Counted()
