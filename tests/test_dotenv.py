"""Tests for dotenv.py: the reader of `.env` files, and what it tells of lines that say nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oai_bridge.settings.values.dotenv import oddities, parse_dotenv

from tests.support.google_keys import rsa_pem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("A=1", {"A": "1"}),
        ("A=1\nB=2\n", {"A": "1", "B": "2"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("A=1\rB=2", {"A": "1", "B": "2"}),
        ("\ufeffA=1", {"A": "1"}),
        ("export A=1", {"A": "1"}),
        ("  A = 1  ", {"A": "1"}),
        ("A: 1", {"A": "1"}),
        ("A=", {"A": ""}),
        ("A=\nB=2", {"A": "", "B": "2"}),
        ("A=b=c==", {"A": "b=c=="}),
        ("A=1\nA=2", {"A": "2"}),
        ("# A=1", {}),
        ("A=1 # why", {"A": "1"}),
        ("A= # why", {"A": ""}),
        ("A=#1", {"A": "#1"}),
        ("A=a#b", {"A": "a#b"}),
        ("A='a # b' # why", {"A": "a # b"}),
        ('A="x y"', {"A": "x y"}),
        ("A='x\"y'", {"A": 'x"y'}),
        ("A=`x'y`", {"A": "x'y"}),
        ('A="x\\"y"', {"A": 'x\\"y'}),
        ('A="x\\ny"', {"A": "x\\ny"}),
        ("A=x\\ny", {"A": "x\\ny"}),
        ('A="x\ny"\nB=2', {"A": "x\ny", "B": "2"}),
        ("A='x\r\ny'\r\nB=2", {"A": "x\ny", "B": "2"}),
        ("A='x\nB='y'", {"A": "'x", "B": "y"}),
        ('A="C:\\keys\\"', {"A": '"C:\\keys\\"'}),
        ("POW-DIFFICULTY_LEVEL=low", {"POW-DIFFICULTY_LEVEL": "low"}),
        ("no assignment\nA=1", {"A": "1"}),
        ("=x\nA=1", {"A": "1"}),
    ],
)
def test_dotenv(text: str, expected: dict[str, str]) -> None:
    assert parse_dotenv(text) == expected


@given(st.text(), st.text(st.characters(blacklist_characters="'\r", blacklist_categories=["Cs"])))
def test_dotenv_is_total_and_keeps_what_single_quotes_hold(noise: str, value: str) -> None:
    parse_dotenv(noise)
    oddities(noise)
    assert parse_dotenv(f"# comment\nA='{value}'\nB=2")["A"] == value.strip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n# a comment\n  # another\n",
        "\ufeffA=1 # why\r\nB = 'x\ny' # why\r\n\r\nexport C=`z`\nD:\t1\nE=\nE=2",
        '# {\nA="x\n\n{ y }\n"\n',
    ],
)
def test_nothing_is_odd_about_a_good_file(text: str) -> None:
    assert oddities(text) == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("GCP_CREDENTIALS\uff1dx", "line 1:"),
        ("A=1\nset B=canary\n", "line 2:"),
        ("\ufeff$env:A='canary'\r\nB=2\r\n\r\ncanary", "line 1, 4:"),
        ("A='x\ny'\nPORT\uff1a7860", "line 3:"),
        ("A=1\n" + "canary\n" * 5, "line 2, 3, 4 and 2 more:"),
    ],
)
def test_lines_that_assign_nothing_are_told_by_number(text: str, lines: str) -> None:
    (told,) = oddities(text)
    assert lines in told and "canary" not in told


def test_a_name_that_stands_twice_is_told() -> None:
    assert oddities("A=1\nA=2\nA=") == ["A stands in .env 2 times, and only the last one counts."]
    (told,) = oddities("GCP_CREDENTIALS=a\nGCP_CREDENTIALS=b\nPORT=1\n")
    assert "with commas between" in told and told.startswith("GCP_CREDENTIALS stands")


def test_nothing_of_a_torn_key_is_told() -> None:
    pem = rsa_pem()
    told = " ".join(oddities(f"GCP_CREDENTIALS=a:b:c:{pem}\nab12==\nab12=="))
    assert "line 2, 3, 4 and" in told and "ab12" not in told
    assert not any(line in told for line in pem.split("\n") if line)
