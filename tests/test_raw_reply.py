"""inspector/raw_reply.py: what the cloud said can be read, also in AWS's binary frames, whole or cut."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.inspector.raw_reply import raw_reply_page
from oai_bridge.inspector.told import Told, told
from tests.support.aws_frames import event_frame, exception_frame, invoke_frame

SSE = "event: message_start\ndata: {}\n\nevent: ping\ndata: {}\n\n"


def page(*replies: Any, **given: Any) -> str:
    attempts = [{"url": "https://x", "status": 200, "reply": one, "reply_size": len(one)} | given for one in replies]
    found = told({"attempts": attempts})
    assert found is not None
    return raw_reply_page(found)


def test_a_stream_of_events_is_shown_as_it_came() -> None:
    assert page(SSE).splitlines()[:3] == ["event: message_start", "data: {}", " "]


def test_frames_are_decoded() -> None:
    inner = {"type": "content_block_delta", "delta": {"text": "文"}}
    shown = page(invoke_frame(inner) + event_frame("metadata", {"usage": {}}))
    assert "event: chunk\n  {" in shown and "content_block_delta" in shown and "文" in shown
    assert "event: metadata\n  {" in shown and '"usage"' in shown


def test_an_exception_is_a_frame_too() -> None:
    assert "exception: throttlingException" in page(exception_frame("throttlingException", "Slow down."))


def test_a_cut_stream_shows_what_is_whole() -> None:
    data = invoke_frame({"a": "first"}) + invoke_frame({"a": "second"})
    shown = page(data[:-3])
    assert "first" in shown and "second" not in shown and "[the rest is no frame:" in shown


def test_several_answers_and_what_is_not_kept() -> None:
    shown = page("refused", "hello", reply_size=5000)
    assert "Answer 1 of 2" in shown and "refused" in shown and "hello" in shown
    assert "[… only the first 7 B of 5.0 kB are kept …]" in shown


def test_nothing_came() -> None:
    assert raw_reply_page(Told()) == "The cloud has not answered."
    assert "no body" in page("")


@given(st.binary(max_size=300))
def test_any_bytes_can_be_shown(reply: bytes) -> None:
    assert page(b"\0" + reply)
