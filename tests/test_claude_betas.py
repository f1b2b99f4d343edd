"""Betas go to a cloud only where it takes them, and by its own name of them."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.dialects.claude_betas import allowed_betas, beta_name
from oai_bridge.errors import InvalidRequest
from oai_bridge.models.catalog import Cloud
from oai_bridge.notes import Notes
from tests.support.catalogue import DATA
from tests.support.claude_clouds import BEDROCK, VERTEX
from tests.support.claude_clouds import Cloud as FakeCloud

CLOUDS = get_args(Cloud)


def told(notes: Notes) -> list[str]:
    return [note.code for note in notes]


@pytest.mark.parametrize(
    ("beta", "vertex", "bedrock", "foundry"),
    [
        ("interleaved-thinking-2025-05-14", True, False, True),
        ("context-1m-2025-08-07", True, True, True),
        ("effort-2025-11-24", False, True, True),
        ("fine-grained-tool-streaming-2025-05-14", False, True, False),
        ("context-management-2025-06-27", True, True, True),
        ("files-api-2025-04-14", False, False, True),
        ("compact-2026-09-04", True, False, True),
        ("invented-2027-01-01", False, False, True),
    ],
)
def test_each_cloud_has_its_list(beta: str, vertex: bool, bedrock: bool, foundry: bool) -> None:
    for cloud, taken in zip(CLOUDS, (vertex, bedrock, foundry), strict=True):
        notes = Notes()
        assert allowed_betas([beta], cloud, notes) == ((beta,) if taken else ())
        assert told(notes) == ([] if taken else ["dropped:anthropic_beta"])


def test_a_beta_may_have_another_name_elsewhere() -> None:
    given = ["advanced-tool-use-2025-11-20", "tool-search-tool-2025-10-19", "advanced-tool-use-2025-11-20"]
    assert allowed_betas(given, "vertex", Notes()) == ("tool-search-tool-2025-10-19",)
    assert beta_name("advanced-tool-use-2025-11-20", "foundry") == "advanced-tool-use-2025-11-20"


def test_vertex_gets_no_beta_that_it_would_answer_400_to_litellm_17755_claude_code_12429() -> None:
    """litellm#17755, claude-code#12429: "Unexpected value(s) … for the `anthropic-beta` header"."""
    claude_code = ["claude-code-20250219", "interleaved-thinking-2025-05-14", "structured-outputs-2025-11-13"]
    notes = Notes()
    assert allowed_betas(claude_code, "vertex", notes) == ("interleaved-thinking-2025-05-14",)
    assert told(notes) == ["dropped:anthropic_beta"]


@pytest.mark.parametrize(("cloud", "fake"), [("vertex", VERTEX), ("bedrock", BEDROCK)], ids=["vertex", "bedrock"])
def test_what_goes_out_is_what_the_fake_cloud_knows(cloud: Cloud, fake: FakeCloud) -> None:
    """Its list is kept by hand, apart from ours."""
    assert fake.betas is not None
    names = fake.betas | fake.header_betas
    assert set(allowed_betas(names, cloud, Notes())) == names
    every = json.loads(DATA.with_name("betas.json").read_bytes())["betas"]
    assert set(allowed_betas(every, cloud, Notes())) <= names


def test_notes_hold_no_text_of_the_client() -> None:
    notes = Notes()
    allowed_betas(["my secret", "fast-mode-2026-02-01", "other"], "vertex", notes)
    assert [note.detail for note in notes] == ["This cloud does not have these betas: fast-mode-2026-02-01, 2 more."]


def test_a_note_names_ten_of_them() -> None:
    missing = sorted(beta for beta in json.loads(DATA.with_name("betas.json").read_bytes())["betas"])
    missing = [beta for beta in missing if beta_name(beta, "vertex") is None]
    assert len(missing) > 10
    notes = Notes()
    allowed_betas(missing, "vertex", notes)
    assert [note.detail.rpartition(": ")[2] for note in notes] == [
        f"{', '.join(missing[:10])}, {len(missing) - 10} more."
    ]


def test_only_names_that_nobody_knows() -> None:
    notes = Notes()
    allowed_betas(["my secret"], "vertex", notes)
    assert [note.detail for note in notes] == ["This cloud does not have these betas: 1 of an unknown name."]


def test_strict_refuses_what_would_be_dropped() -> None:
    with pytest.raises(InvalidRequest) as caught:
        allowed_betas(["other"], "bedrock", Notes(strict=True))
    assert (caught.value.param, caught.value.code) == ("anthropic_beta", "unsupported_parameter")


@given(st.lists(st.text()), st.sampled_from(CLOUDS))
def test_what_is_sent_fits_in_a_header(given: list[str], cloud: Cloud) -> None:
    for name in allowed_betas(given, cloud, Notes()):
        assert name.isascii() and name.isprintable() and not set(name) & set(", \r\n")
