"""The tables: nothing in them is without words, fits nothing, or can never be reached."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from oai_bridge.doctor.causes import CASES, LOGINS, Case

FIELDS = {"payer", "region", "project", "model", "option", "or_global"}
TABLES = [*CASES.values(), LOGINS]


@pytest.mark.parametrize("case", [case for table in TABLES for case in table], ids=lambda case: case.cause[:30])
def test_a_case_is_whole(case: Case) -> None:
    re.compile(case.words)
    assert set(re.findall(r"{(\w+)}", case.cause + case.remedy)) <= FIELDS
    assert not case.cause.endswith(".")
    assert case.statuses


@pytest.mark.parametrize("table", TABLES)
def test_a_case_for_any_words_comes_after_those_for_certain_ones(table: tuple[Case, ...]) -> None:
    for before, after in pairwise(table):
        assert before.words or not set(before.statuses) & set(after.statuses)
