"""inspector/figures.py: numbers as people read them."""

from __future__ import annotations

import pytest

from oai_bridge.inspector.figures import counted, dollars, seconds, size, tokens


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (1000, "1k"), (12345, "12.3k"), (999_940, "999.9k"), (999_960, "1M"), (1_234_567, "1.2M")],
)
def test_tokens(count: int, text: str) -> None:
    assert tokens(count) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "cost unknown"),
        (0, "$0"),
        (0.0000001, "< $0.000001"),
        (0.0000123, "$0.000012"),
        (0.0123, "$0.012"),
        (0.129, "$0.13"),
        (1.234, "$1.23"),
        (1234.5, "$1234.50"),
    ],
)
def test_dollars(amount: float | None, text: str) -> None:
    assert dollars(amount) == text


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (-1, "0.0 s"),
        (0.84, "0.8 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (200.2, "3 min 20 s"),
        (3700, "1 h 1 min"),
    ],
)
def test_seconds(time: float, text: str) -> None:
    assert seconds(time) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (140_000, "140 kB"), (999_600, "1.0 MB"), (12_300_000, "12.3 MB")],
)
def test_size(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf"), 10**400, -(10**400)])
def test_what_can_be_no_number_is_no_crash(odd: float) -> None:
    assert (tokens(odd), seconds(odd), size(odd), dollars(odd)) == ("?", "?", "?", "cost unknown")


def test_counted() -> None:
    assert (counted(0, "note"), counted(1, "note"), counted(2, "note")) == ("0 notes", "1 note", "2 notes")
