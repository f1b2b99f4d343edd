"""The golden cases of tests/cases: adding one is adding files; `UPDATE_CASES=1` writes anew what is expected."""

from __future__ import annotations

import os

import pytest

from tests.support import claude_rules
from tests.support.cases import CASES, IN, OUT, TESTS, Case, name


@pytest.mark.parametrize("case", CASES, ids=name)
def test_a_case_comes_out_as_written(case: Case) -> None:
    if os.environ.get("UPDATE_CASES"):
        case.update()
    outcome = case.outcome()
    assert outcome == case.expected()
    assert outcome, "the case shows nothing"


@pytest.mark.parametrize("case", CASES, ids=name)
def test_a_case_has_only_known_files(case: Case) -> None:
    assert {file.name for file in case.folder.iterdir()} <= IN | OUT


@pytest.mark.parametrize("case", [case for case in CASES if (case.folder / "cloud.json").exists()], ids=name)
def test_what_goes_upstream_is_what_the_cloud_takes(case: Case) -> None:
    body, model = case.expected()["cloud.json"], claude_rules.model(case.facts.vertex)
    assert model is not None
    faults = claude_rules.faults(
        body,
        model,
        streamed="stream" in body,
        version=case.settings.get("vertex", {}).get("anthropic_version", claude_rules.VERTEX_VERSION),
    )
    assert faults == []


def test_every_recorded_stream_is_a_case() -> None:
    recorded = {file.relative_to(TESTS / "vectors").as_posix() for file in (TESTS / "vectors").rglob("anthropic-*/*")}
    named = {
        (case.folder / "recorded.txt").read_text("utf-8").strip()
        for case in CASES
        if (case.folder / "recorded.txt").exists()
    }
    assert named == {file for file in recorded if not file.endswith(".json")}
