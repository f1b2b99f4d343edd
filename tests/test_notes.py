"""What was changed, told: codes for the header, sentences for people, a 400 when strict."""

from __future__ import annotations

import pytest

from oai_bridge.errors import InvalidRequest
from oai_bridge.notes import Note, Notes


def test_notes_are_kept_in_order_and_once() -> None:
    notes = Notes()
    notes.dropped("seed", "No seed.")
    notes.add("merged", "Joined.")
    notes.dropped("seed", "No seed.")
    notes.dropped("the client's text", "Unknown.", code="unknown")
    notes.dropped("another text", "Also unknown.", code="unknown")
    assert list(notes) == [
        *(Note("dropped:seed", "No seed."), Note("merged", "Joined.")),
        *(Note("dropped:unknown", "Unknown."), Note("dropped:unknown", "Also unknown.")),
    ]
    assert notes.header() == "dropped:seed, merged, dropped:unknown"


def test_strict_refuses_what_would_be_dropped_and_nothing_else() -> None:
    notes = Notes(strict=True)
    notes.add("merged", "Joined.")
    with pytest.raises(InvalidRequest) as caught:
        notes.dropped("seed", "No seed.")
    assert (caught.value.param, caught.value.code) == ("seed", "unsupported_parameter")
    assert notes.header() == "merged"


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 5000])
def test_the_header_is_short_and_says_when_it_is_cut(count: int) -> None:
    notes = Notes()
    for number in range(count):
        notes.add(f"code{number:04}", "")  # 8 letters and a separator of 2
    header = notes.header()
    assert len(header) <= 1000
    assert header.endswith(", ...") is (count > 100)
    assert len(header.split(", ")) == min(count, 100) or not count
