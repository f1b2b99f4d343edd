"""metrics.py: what requests add up to, with names that are bounded whatever clients call their models."""

from __future__ import annotations

import pytest

from oai_bridge.events import Usage
from oai_bridge.telemetry.metrics import OTHER, Counter, Histogram, Metrics, Names, outcome_of
from tests.support.entries import REFUSED, entry

ASKED = ("chat", "gcp.vertex_ai", "claude-sonnet-4-5", "claude-sonnet-4-5@20250929")
PAYER = ("gcp.vertex_ai", "claude-sonnet-4-5@20250929", "work")


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "ok"),
        ({"error": "overloaded"}, "error"),
        ({"error": "over_cap", "asked": False}, "refused"),
        ({"left": True, "error": "aborted"}, "left"),
        ({"asked": False}, "local"),
    ],
)
def test_how_a_request_ended(changes: dict[str, object], outcome: str) -> None:
    assert outcome_of(entry(**changes)) == outcome


def test_all_outcomes_are_there_from_the_start() -> None:
    assert set(Metrics().requests.values.values()) == {0.0}
    assert len(Metrics().requests.values) == 5


def test_a_request_is_counted_once_in_everything() -> None:
    metrics = Metrics()
    metrics.add(entry())
    metrics.add(entry(attempts=3, unpriced=True, cost=None, error="overloaded", usage=Usage(), first_token=None))
    assert metrics.requests.values["ok",] == metrics.requests.values["error",] == 1
    assert {kind: count for (*_, kind), count in metrics.tokens.values.items()} == {
        "input": 10,
        "cache_read": 100,
        "cache_write": 20,
        "output": 6,
    }
    assert metrics.usage.sums == {(*ASKED, "input"): 130, (*ASKED, "output"): 6}, "the conventions' input has all"
    assert metrics.cost.values == {PAYER: pytest.approx(1.0)}
    assert metrics.unpriced.values == {PAYER: 1}
    assert (metrics.attempts.values, metrics.retries.values) == ({PAYER[:1]: 4}, {PAYER[:1]: 2})
    assert metrics.duration.sums == {(*ASKED, ""): 2.5, (*ASKED, "overloaded"): 2.5}
    assert metrics.first_token.sums == {ASKED: 0.5}
    assert metrics.queued.sums == {(): 0.5}


def test_what_asked_no_cloud_is_no_operation() -> None:
    metrics = Metrics()
    metrics.add(REFUSED)
    assert metrics.requests.values["refused",] == 1
    assert not metrics.duration.values and not metrics.attempts.values and not metrics.cost.values


def test_values_are_counted_below_their_bound() -> None:
    histogram = Histogram("a", "b", (1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 2.5, 9.0):
        histogram.add(value=value)
    assert histogram.values == {(): [2, 2, 2]}


def test_the_bounds_are_those_of_the_conventions() -> None:
    metrics = Metrics()
    assert [*metrics.usage.bounds[:3], metrics.usage.bounds[-1]] == [1, 4, 16, 67108864]
    assert metrics.duration.bounds == pytest.approx(
        [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
    )


def test_models_that_nobody_has_can_not_fill_the_memory() -> None:
    metrics = Metrics()
    for number in range(1000):
        metrics.add(entry(requested=f"model-{number}" + "x" * 500, model=f"cloud-{number}", error=f"error-{number}"))
        metrics.turned_away(f"code-{number}")
    asked = {labels[2] for labels in metrics.duration.values}
    assert len(asked) == 201 and OTHER in asked
    assert max(map(len, asked)) <= 100
    assert len({labels[3] for labels in metrics.duration.values}) == 201
    assert metrics.duration.values[("chat", "gcp.vertex_ai", OTHER, OTHER, OTHER)]
    assert len(metrics.refused.values) == 201


def test_combinations_of_labels_are_bounded_too() -> None:
    counter = Counter("a", "b", "c", "d")
    for number in range(3000):
        counter.add(str(number), "x")
    assert len(counter.values) == 2001
    assert counter.values[OTHER, OTHER] == 1000
    histogram = Histogram("a", "b", (1.0,), "c")
    for number in range(3000):
        histogram.add(str(number), value=0.5)
    assert len(histogram.values) == len(histogram.sums) == 251


def test_a_name_has_no_secret_and_can_be_encoded() -> None:
    assert Names().of("ya29.a0AfH6SMBx-secret") == "***"
    assert Names().of("half \ud800").encode()
