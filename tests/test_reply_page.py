"""inspector/reply.py: the answer, and what it took, can be read while it comes and afterwards."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.inspector.reply import reply_page
from oai_bridge.inspector.told import Told, told

TIMING = {"began": 100.0, "queued": 1.5, "first_byte": 102.0, "first_token": 102.0, "ended": 112.0}


def stream(*texts: str, ending: str = "data: [DONE]\n\n") -> bytes:
    chunks = [{"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]} for text in texts]
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return "".join(f"data: {json.dumps(one)}\n\n" for one in (*chunks, last)).encode() + ending.encode()


def seen(**given: Any) -> Told:
    attempt = {"url": "https://x", "answered": 101.0, "connected": 0.0524}
    found = told(
        {
            "model": "claude-sonnet-4-5",
            "route": "vertex/us-east5",
            "upstream_model": "claude-sonnet-4-5@20250929",
            "usage": {"input": 500, "cache_write": 100, "cache_read": 11_800, "output": 512, "reasoning": 120},
            "cost": {"input": 0.0015, "cache_write": 0.0004, "cache_read": 0.0035, "output": 0.0071},
            "timing": TIMING,
            "finish_reason": "stop",
            "upstream_reason": "end_turn",
            "attempts": [attempt],
            "request_id": "req_1",
        }
        | given
    )
    assert found is not None
    return found


def facts(page: str) -> dict[str, str]:
    """The table at the beginning, each value in one line."""
    table: dict[str, str] = {}
    name = ""
    for line in page.partition("── ")[0].splitlines():
        if line.strip():
            word, _, rest = line.partition("  ")
            name = word.strip() or name
            table[name] = f"{table.get(name, '')} {rest.strip()}".strip()
    return table


def test_an_answer_and_what_it_took() -> None:
    page = reply_page(stream("Hello ", "there."), "openai", seen())
    assert facts(page) == {
        "state": "whole",
        "finish": "stop · the cloud's word: end_turn",
        "model": "claude-sonnet-4-5 · vertex/us-east5 · claude-sonnet-4-5@20250929",
        "tokens": "12,400 prompt (500 new + 100 written to the cache + 11,800 read from it) → 512 output, 120 of them "
        "thinking",
        "cost": "$0.013 = $0.0015 new + $0.00040 cache write + $0.0035 cache read + $0.0071 output",
        "time": "1.5 s in the queue · connected in 0.052 s · first word after 2.0 s · then 51 tokens/s · 12 s in all",
        "request": "req_1",
    }
    assert page.splitlines()[-1] == "  Hello there."


def test_an_unknown_price_is_no_zero() -> None:
    assert facts(reply_page(stream("a"), "openai", seen(cost=None)))["cost"].startswith("unknown")


def test_while_it_comes() -> None:
    running = seen(timing={"began": 100.0}, usage={}, cost=None, finish_reason=None)
    page = reply_page(stream("Hel")[:-30], "openai", running)
    assert "still coming" in facts(page)["state"] and page.splitlines()[-1] == "  Hel"
    assert "Nothing has come yet." in reply_page(b"", "openai", running)


def test_what_broke_off_says_so() -> None:
    error = 'data: {"error": {"message": "The cloud was lost."}, "choices": []}\n\n'
    page = reply_page(stream("a", ending=error), "openai", seen(error={"message": "The cloud was lost."}))
    assert "broke off" in facts(page)["state"] and page.count("The cloud was lost.") == 1
    failed = reply_page(b'{"error": {"message": "No."}}', "openai", seen(error={"message": "No."}))
    assert facts(failed)["state"] == "it failed" and failed.splitlines()[-1] == "  No."
    left = reply_page(stream("a", ending=""), "openai", seen())
    assert "not whole" in facts(left)["state"]


def test_what_is_kept_in_part_only_is_not_broken() -> None:
    page = reply_page(stream("a", ending=""), "openai", seen(), is_cut=True)
    assert "only the first 8 MB" in facts(page)["state"]
    assert reply_page(None, "openai", None) == "Nothing has come yet."


def test_the_demo_costs_nothing() -> None:
    assert facts(reply_page(stream("a"), "openai", seen(cost={})))["cost"] == "$0"


def test_without_a_record() -> None:
    """A HAR keeps none."""
    page = reply_page(stream("a"), "openai", None)
    assert facts(page) == {"state": "whole", "finish": "stop"} and page.splitlines()[-1] == "  a"


def test_several_choices() -> None:
    choices = [{"message": {"content": text}, "finish_reason": "stop"} for text in ("one", "two")]
    page = reply_page(json.dumps({"choices": choices}).encode(), "openai", None)
    assert "── answer 0 " in page and "── answer 1 " in page and page.endswith("  two")


def test_calls_and_thinking() -> None:
    call = {"id": "t1", "function": {"name": "f", "arguments": '{"a": [1]}'}}
    message = {"reasoning_content": "hm", "content": None, "tool_calls": [call]}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "tool_calls"}]}).encode()
    lines = reply_page(body, "openai", None).splitlines()
    assert lines[-5:] == ["  [thinking]", "    hm", "  [call of f · t1]", "    a:", "      - 1"]


@given(st.binary(max_size=200))
def test_any_bytes_can_be_shown(body: bytes) -> None:
    assert reply_page(body, "openai", seen())
    assert reply_page(b"data: " + body, "openai", None)
