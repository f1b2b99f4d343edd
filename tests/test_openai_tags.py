"""Thoughts out of the text: gpt-oss's, where Bedrock leaves them, and Gemini's."""

from __future__ import annotations

import time
from typing import Any

import pytest

from oai_bridge.dialects.openai_tags import unmark, untag


@pytest.mark.parametrize(
    ("content", "text", "thought"),
    [
        ("<reasoning>Hm.</reasoning>Yes.", "Yes.", "Hm."),
        ("<reasoning>Hm.</reasoning>", "", "Hm."),
        ("<reasoning>A\n</reasoning><reasoning>B</reasoning>\nYes.", "\nYes.", "A\nB"),
        ("<reasoning></reasoning>Yes.", "Yes.", ""),
        ("<reasoning>a <reasoning>b</reasoning>c", "c", "a <reasoning>b"),
        ("<reasoning>Never closed", "<reasoning>Never closed", None),
        ("Say <reasoning>x</reasoning>", "Say <reasoning>x</reasoning>", None),
        ("", "", None),
        (None, None, None),
        (5, 5, None),
    ],
)
def test_only_the_front_is_thought(content: Any, text: Any, thought: str | None) -> None:
    message = {"role": "assistant", "content": content}
    untag(message)
    expected = {"role": "assistant", "content": text} | ({} if thought is None else {"reasoning_content": thought})
    assert message == expected


def test_a_message_without_content_stays() -> None:
    message: dict[str, Any] = {"tool_calls": []}
    untag(message)
    assert message == {"tool_calls": []}


def test_the_time_is_linear() -> None:
    def seconds(pairs: int) -> float:
        best = 9.0
        for _ in range(3):
            message = {"content": "<reasoning>x</reasoning>" * pairs + "<reasoning>" * pairs}
            began = time.process_time()
            untag(message)
            best = min(best, time.process_time() - began)
        return best

    assert any(seconds(40_000) <= 3 * seconds(20_000) + 0.01 for _ in range(5))


MARKED = {"extra_content": {"google": {"thought": True}}}


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        ({"content": "Hm.", **MARKED}, {"reasoning_content": "Hm.", **MARKED}),
        ({"content": "", **MARKED}, {"reasoning_content": "", **MARKED}),
        *(
            (same, same)
            for same in (
                {"content": "Yes."},
                {"content": "Yes.", "extra_content": {"google": {"thought_signature": "x"}}},
                {"content": "Yes.", "extra_content": {"google": {"thought": "true"}}},
                {"content": None, **MARKED},
                dict(MARKED),
            )
        ),
    ],
)
def test_what_gemini_marks_is_thought(delta: dict[str, Any], expected: dict[str, Any]) -> None:
    changed = dict(delta)
    unmark(changed)
    assert changed == expected
