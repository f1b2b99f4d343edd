"""The findings as text and as JSON."""

from __future__ import annotations

import json

import pytest

from oai_bridge.doctor.findings import Finding, healthy
from oai_bridge.doctor.sentences import document, dollars, last_line, line

GOOD = Finding("model", "claude · é", "ok", "It answers; that cost $0.01.", cost=0.01)
WARNED = Finding("files", ".env", "warning", "It is open.", "Close it.")
FAILED = Finding("clock", "the clock", "failed", "It is off.", "Set it.")
SKIPPED = Finding("model", "x", "skipped", "See above.")


def test_a_finding_is_one_line_with_mark_and_remedy() -> None:
    assert line(FAILED) == "failed   clock      the clock: It is off. Set it."
    assert line(Finding("model", "x", "ok", "a\nb\x1b[31m")) == "ok       model      x: a\\nb\\x1b[31m"


def test_the_last_line_counts_what_is_not_well_and_sums_what_was_paid() -> None:
    assert last_line([GOOD, GOOD, WARNED, FAILED, FAILED, SKIPPED]) == (
        "6 checks: 2 failed, 1 warning, 1 skipped. The calls cost $0.02."
    )
    assert last_line([Finding("clock", "x", "ok", "y")]) == "1 check: all is well."


@pytest.mark.parametrize(
    ("cost", "text"), [(0.0, "nothing"), (0.00002, "less than $0.0001"), (0.0123, "$0.012"), (12.5, "$12.50")]
)
def test_tiny_amounts_are_told_as_such(cost: float, text: str) -> None:
    assert dollars(cost) == text


def test_the_document_is_ascii_and_has_all() -> None:
    text = document([GOOD, FAILED])
    assert text.isascii()
    told = json.loads(text)
    assert (told["ok"], told["cost"]) == (False, 0.01)
    assert told["findings"][1] == {
        **{"check": "clock", "subject": "the clock", "state": "failed", "message": "It is off.", "remedy": "Set it."},
        "cost": None,
    }


def test_only_a_failure_is_no_health() -> None:
    assert healthy([GOOD, WARNED, SKIPPED])
    assert not healthy([GOOD, FAILED])
