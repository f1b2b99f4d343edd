"""inspector/lines.py: nothing harmful gets to a screen, nothing is lost, no line is too wide."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.inspector.lines import columns, escaped, wrapped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\r\nb\rc\td", "a\nb\\rc    d"),
        ("\u202eabc", "\\u202eabc"),
        ("a\u2028b\x85\x9b", "a\\u2028b\\x85\\x9b"),
        ("你好 é 🎉", "你好 é 🎉"),
    ],
)
def test_what_harms_a_screen_is_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown


@given(st.text())
def test_no_control_character_is_left(text: str) -> None:
    assert not [letter for letter in escaped(text) if unicodedata.category(letter) in ("Cc", "Cs") and letter != "\n"]


@pytest.mark.parametrize(("text", "wide"), [("", 0), ("abc", 3), ("你好", 4), ("e\u0301", 1), ("\uff57", 2)])
def test_columns_are_those_of_a_screen(text: str, wide: int) -> None:
    assert columns(text) == wide


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("one two three", ["one two", "three"]),
        ("  one two three", ["  one two", "three"]),
        ("a\n\nb", ["a", "", "b"]),
        ("abcdefghijklmnop", ["abcdefghij", "klmnop"]),
        ("ab abcdefghijklm", ["ab", "abcdefghij", "klm"]),
        ("你好世界你好", ["你好世界你", "好"]),
        (" " * 30, [""]),
    ],
)
def test_long_lines_are_broken(text: str, lines: list[str]) -> None:
    assert list(wrapped(text, 10)) == lines


@settings(max_examples=60)
@given(st.text(alphabet="ab 你\n", max_size=80), st.integers(2, 12))
def test_no_letter_is_lost_and_no_line_too_wide(text: str, width: int) -> None:
    lines = list(wrapped(text, width))
    assert all(columns(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
