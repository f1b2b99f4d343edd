"""inspector/story.py: the list tells what happened without a click."""

from __future__ import annotations

from typing import Any

import pytest

from oai_bridge.inspector.story import marker, story
from oai_bridge.inspector.told import Told, told

TIMING = {"began": 100.0, "queued": 0.0, "first_byte": 100.5, "first_token": 100.8, "ended": 113.3}


def seen(**given: Any) -> Told:
    found = told(
        {
            "model": "claude-sonnet-4-5",
            "route": "vertex/us-east5",
            "usage": {"input": 500, "cache_read": 11_800, "output": 512},
            "cost": {"input": 0.0015, "cache_read": 0.0035, "output": 0.0071},
            "timing": TIMING,
            "finish_reason": "stop",
        }
        | given
    )
    assert found is not None
    return found


def test_a_good_answer() -> None:
    notes = [{"code": "dropped:seed"}, {"code": "merged"}]
    assert story(seen(notes=notes)) == (
        "claude-sonnet-4-5 · vertex us-east5 · 12.3k (11.8k cached) → 512 tok · $0.012 · 0.8 s + 41 tok/s · 2 notes"
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cost": None}, "cost unknown"),
        ({"usage": {"input": 9, "output": 1}}, "9 → 1 tok"),
        ({"timing": TIMING | {"first_token": None}}, "13 s"),
        ({"finish_reason": "length"}, "cut at max_tokens"),
        ({"finish_reason": "content_filter"}, "refused by the model"),
        ({"attempts": [{}, {}]}, "2 attempts"),
        ({"notes": [{"code": "merged"}]}, "1 note"),
        ({"error": {"message": "The quota is used up."}}, "The quota is used up."),
        ({"usage": {}, "timing": {"began": 100.0}}, "…"),
    ],
)
def test_what_else_there_is_to_tell(given: dict[str, Any], words: str) -> None:
    assert words in story(seen(**given)).split(" · ")


def test_of_what_broke_off_the_cost_is_the_least() -> None:
    """Claude tells the output's tokens at the end only."""
    assert "≥ $0.012" in story(seen(finish_reason=None, error={"message": "Lost."})).split(" · ")


def test_a_broken_connection_is_told() -> None:
    assert story(seen(), "Client disconnected.").startswith(
        "■ claude-sonnet-4-5 · vertex us-east5 · Client disconnected. · 12.3k"
    )


def test_what_did_not_end_well_is_seen_at_once() -> None:
    assert story(seen(error={"message": "No."})).startswith("✗ claude-sonnet-4-5 · vertex us-east5 · No. · ")
    assert story(seen(finish_reason="length")).startswith("✂ ")
    assert story(seen(finish_reason="content_filter")).startswith("⊘ ")


def test_without_tokens_there_is_no_cost() -> None:
    assert story(seen(usage={}, cost=None)) == "claude-sonnet-4-5 · vertex us-east5 · 13 s"


def test_it_is_one_short_line() -> None:
    told_story = story(seen(model="a\nb\x1b", error={"message": "x" * 5000}))
    assert told_story.isprintable() and len(told_story) < 400


@pytest.mark.parametrize(
    ("given", "left", "expected"),
    [
        ({}, False, ""),
        ({"finish_reason": "tool_calls"}, False, ""),
        ({"finish_reason": None}, False, ""),
        ({"finish_reason": "length"}, False, ":scissors:"),
        ({"finish_reason": "content_filter"}, False, ":no_entry_sign:"),
        ({"error": {"message": "no"}}, False, ":x:"),
        ({"error": {"message": "no"}}, True, ":x:"),
        ({}, True, ":hand:"),
    ],
)
def test_what_did_not_end_well_is_marked(given: dict[str, Any], left: bool, expected: str) -> None:
    assert marker(seen(**given), left) == expected


def test_mitmproxy_knows_the_markers() -> None:
    from mitmproxy.utils.emoji import emoji

    assert {":scissors:", ":no_entry_sign:", ":x:", ":hand:"} <= set(emoji)
