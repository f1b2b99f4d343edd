"""inspector/changes.py: each field's way is told, each change with its reason and its rule."""

from __future__ import annotations

import json
import time
from typing import Any

from hypothesis import given

from oai_bridge.inspector.changes import changes_page
from oai_bridge.inspector.told import Told, told
from tests.test_outline import JSON

ASKED = {
    "model": "claude-sonnet-4-6",
    "stream": True,
    "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
    "temperature": 1.7,
    "top_p": 1,
    "seed": 42,
    "stop": ["a"],
    "max_completion_tokens": 300,
    "logit_bias": {},
    "cache_control": {"type": "ephemeral"},
}
SENT = {
    "anthropic_version": "vertex-2023-10-16",
    "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "u"}],
    "temperature": 1,
    "stop_sequences": ["a"],
    "max_tokens": 300,
}
NOTES = [
    {"code": "dropped:seed", "detail": "Claude has no seed."},
    {"code": "clamped:temperature", "detail": "temperature was 1.7; the range is 0 to 1."},
    {"code": "merged", "detail": "Two turns of one role became one."},
    {"code": "dropped:top_p", "detail": "One of both."},
]


def seen(sent: Any = SENT, notes: Any = NOTES) -> Told:
    body = sent if isinstance(sent, str) else json.dumps(sent)
    found = told({"attempts": [{"url": "https://x", "body": body}], "notes": notes})
    assert found is not None
    return found


def page(asked: Any = ASKED, **given: Any) -> str:
    return changes_page(seen(**given), json.dumps(asked).encode())


def rows(shown: str) -> dict[str, str]:
    """The fields' table."""
    table = shown.partition("field by field")[2].splitlines()[1:]
    return {line.split()[0]: " ".join(line.split()[1:]) for line in table if line.strip()}


def test_changes_stand_with_their_reason_and_rule() -> None:
    shown = page()
    dropped = shown[shown.index("── dropped") : shown.index("── merged")]
    assert "  seed   Claude has no seed." in dropped and "  top_p  One of both." in dropped
    assert dropped.count("Rule: ") == 1 and "strict: true" in dropped
    assert "Rule: A value outside" in shown[: shown.index("── dropped")]
    assert "  merged  Two turns of one role became one." in shown


def test_what_became_of_each_field() -> None:
    assert rows(page()) == {
        "model": '"claude-sonnet-4-6" → in the URL',
        "stream": "true → in the URL",
        "messages": "2 items → 1 item",
        "temperature": "1.7 → 1",
        "top_p": "1 → left out",
        "seed": "42 → left out",
        "stop": "1 item (stop_sequences)",
        "max_completion_tokens": "300 (max_tokens)",
        "logit_bias": "{} → left out, it says nothing",
        "cache_control": '{type: "ephemeral"} → inside other fields',
        "anthropic_version": 'added: "vertex-2023-10-16"',
        "system": "added: 1 item",
    }


def test_converse_has_its_own_places() -> None:
    sent = {"inferenceConfig": {"maxTokens": 300, "temperature": 1, "stopSequences": ["a"]}, "messages": []}
    found = rows(page(sent=sent))
    assert found["max_completion_tokens"] == "300 (inferenceConfig.maxTokens)"
    assert found["temperature"] == "1.7 → 1 (inferenceConfig.temperature)"
    assert "inferenceConfig" not in found


def test_nothing_was_changed() -> None:
    assert page(notes=[]).startswith("Nothing was dropped")


def test_what_can_not_be_compared_is_told() -> None:
    assert "no JSON object" in changes_page(seen(), b"[")
    assert "can't be compared" in page(sent='{"cut of')
    assert "field by field" not in changes_page(told({"notes": NOTES}) or Told(), json.dumps(ASKED).encode())


def test_a_schemas_words_are_no_fields() -> None:
    sent = SENT | {"tools": [{"input_schema": {"properties": {"seed": {}}}}]}
    assert rows(page(sent=sent))["seed"] == "42 → left out"
    assert rows(page(sent=SENT | {"metadata": {"seed": 1}}, notes=[]))["seed"] == "42 → inside other fields"
    assert rows(page(sent=SENT | {"metadata": {"seed": 1}}))["seed"] == "42 → left out", "the note says so"


def test_thousands_of_fields_cost_nothing() -> None:
    asked = {"messages": [], **{f"field {number}": number for number in range(20_000)}}
    began = time.process_time()
    shown = page(asked, sent=SENT | {"system": "x" * 3_000_000})
    assert time.process_time() - began < 3 and "[… 19701 more fields …]" in shown


def test_depth_does_no_harm() -> None:
    deep: Any = "bottom"
    for _ in range(900):
        deep = {"a": deep}
    assert "{a: {a: {…}}}" in page({"deep": deep})


def test_thousands_of_changes_are_bounded() -> None:
    assert "[… 4700 more changes …]" in page(notes=[{"code": f"dropped:x{n}", "detail": "y"} for n in range(5000)])


@given(JSON, JSON)
def test_any_two_bodies_can_be_compared(asked: Any, sent: Any) -> None:
    assert page({"a": asked}, sent={"a": sent, "b": asked})
    assert page(asked, sent=sent)
