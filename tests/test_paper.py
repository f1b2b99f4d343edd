"""inspector/paper.py: nothing is too wide, too long or able to fool a viewer, and what is left out is told."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.inspector.lines import escaped, wrapped
from oai_bridge.inspector.paper import WIDTH, Paper, shortened

TEXT = st.text(st.characters(codec="utf-8"), max_size=400) | st.text("a 文é\n\t\x1b", max_size=400)


def columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


def page(text: str) -> str:
    paper = Paper()
    paper.text(text)
    return str(paper)


@pytest.mark.parametrize(
    "hostile", ["\x1b[31m", "\x00", "\x7f", "\x9b", "\u202e", "\u2066", "\u2028", "\ufeff", "\ud800", "\u200b"]
)
def test_what_could_fool_a_viewer_is_written_out(hostile: str) -> None:
    assert hostile[0] not in escaped(f"a{hostile}b")
    assert re.fullmatch(r"a\\[xu][0-9a-f]+(\[31m)?b", escaped(f"a{hostile}b"))


def test_what_belongs_to_emoji_and_words_stays() -> None:
    for text in ("👨‍👩‍👧", "❤️", "नमस्ते", "a\nb"):
        assert escaped(text) == text


@given(TEXT)
def test_no_line_is_too_wide_and_no_word_is_lost(text: str) -> None:
    line = text.replace("\n", " ").replace("\t", " ")
    pieces = list(wrapped(line, 40))
    assert all(columns(piece) <= 41 for piece in pieces)
    assert "".join(pieces).replace(" ", "") == line.replace(" ", "")


def test_lines_are_cut_at_blanks() -> None:
    assert list(wrapped("one two three four", 9)) == ["one two", "three", "four"]
    assert list(wrapped("x" * 25, 10)) == ["x" * 10, "x" * 10, "x" * 5]
    assert list(wrapped("文" * 7, 10)) == ["文" * 5, "文" * 2]
    assert list(wrapped("", 10)) == [""]


def test_a_blank_line_has_a_height() -> None:
    assert page("a\n\nb") == "a\n \nb"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_end_as_they_end_anywhere(ending: str) -> None:
    assert page(f"a{ending}b") == "a\nb"


def test_of_a_long_text_the_beginning_and_the_end_are_shown() -> None:
    paper = Paper()
    paper.text("b" * 5000 + "z" * 5000, limit=1000)
    shown = str(paper)
    assert "[… 9,000 characters are left out here …]" in shown
    assert (shown.count("b"), shown.count("z")) == (800, 200)


@given(TEXT, st.integers(0, 1000))
def test_a_shortened_text_adds_up(text: str, limit: int) -> None:
    head, left_out, tail = shortened(text, limit)
    assert len(head) + left_out + len(tail) == len(text)
    assert text.startswith(head) and text.endswith(tail)
    assert len(head) + len(tail) <= max(limit, 0) or not left_out


def test_a_full_page_says_how_much_is_missing() -> None:
    paper = Paper(100)
    paper.text("x" * 90)
    paper.text("y" * 50)
    paper.line("z" * 7)
    paper.leave_out(3)
    assert paper.is_full
    found = re.search(r"\[… (\d+) characters more are not shown", str(paper))
    assert found and int(found[1]) == 50 - str(paper).count("y") + 7 + 3


def test_a_huge_text_costs_no_more_than_what_is_shown() -> None:
    paper = Paper(1000)
    paper.text("word " * 4_000_000)
    paper.text("文\n" * 4_000_000)
    found = re.search(r"\[… ([\d,]+) characters more", str(paper))
    assert len(str(paper)) < 2000 and found
    assert int(found[1].replace(",", "")) == pytest.approx(28_000_000, abs=2000)


def test_a_table_is_aligned_and_its_values_wrap() -> None:
    paper = Paper()
    paper.table([("a", "1"), ("empty", ""), ("longer", "word " * 30)], "  ")
    first, second, third, *_ = str(paper).splitlines()
    assert first == "  a       1"
    assert second.startswith("  longer  word") and third.startswith(" " * 10 + "word")
    assert max(map(len, str(paper).splitlines())) <= WIDTH


def test_a_heading_stands_apart() -> None:
    paper = Paper()
    paper.heading("One", "aside")
    paper.line("text")
    paper.heading("Two")
    lines = str(paper).splitlines()
    assert lines[0].startswith("── One ─") and lines[0].endswith("─ aside") and len(lines[0]) <= WIDTH
    assert lines[2] == " "
