"""inspector/record.py: each attempt with its own answer, and no more memory for ten of them than for two."""

from __future__ import annotations

from itertools import count

from mitmproxy.io import tnetstring

from oai_bridge.backends.base import Outbound
from oai_bridge.inspector.record import Record

MB = 2**20


def outbound(body: bytes = b"{}") -> Outbound:
    return Outbound("POST", "https://cloud/", {"authorization": "Bearer s3cret"}, body)


def record() -> Record:
    """Its clock says 0, 1, 2 …"""
    ticks = count()
    return Record("req_1", clock=lambda: float(next(ticks)))


def test_each_attempt_keeps_its_own_answer() -> None:
    kept = record()
    kept.sending(outbound(), "a key")
    kept.answered(400, "up_1")
    kept.received(b"refused, ")
    kept.received(b"s3cret")
    kept.sending(outbound(b'{"less": 1}'), "a key")
    kept.answered(200, "up_2")
    kept.received(b"hello")
    first, second = kept.to_metadata()["attempts"]
    assert (first["status"], first["body"], first["reply"], first["reply_size"]) == (400, "{}", "refused, ***", 15)
    assert (second["status"], second["body"], second["reply"], second["reply_size"]) == (200, '{"less": 1}', "hello", 5)
    assert first["headers"] == {"authorization": "Bearer ***"}


def test_the_first_byte_is_the_answers_and_no_refusals() -> None:
    kept = record()
    for status in (401, 200, 200):
        kept.sending(outbound(), "a key")
        kept.answered(status, None)
        kept.received(b"x")
        kept.received(b"y")
    assert kept.to_metadata()["timing"]["first_byte"] == 1


def test_many_attempts_take_no_more_memory_than_a_few() -> None:
    """Repairs and pauses send a prompt with its pictures again and again. The last ones are kept best: they tell why
    the answer is what it is."""
    kept = record()
    for number in range(10):
        kept.sending(outbound(b"%d" % number * (3 * MB)), "a key")
        kept.answered(200, None)
        for _ in range(30):
            kept.received(b"y" * MB)
    attempts = kept.to_metadata()["attempts"]
    assert sum(len(attempt["body"]) + len(attempt["reply"]) for attempt in attempts) <= 16 * MB
    assert attempts[-1]["body"] == "9" * (3 * MB) and len(attempts[-1]["reply"]) == 4 * MB
    assert [attempt["body_size"] for attempt in attempts] == [3 * MB] * 10
    assert [attempt["reply_size"] for attempt in attempts] == [30 * MB] * 10


def test_it_can_be_saved() -> None:
    kept = record()
    kept.sending(outbound(b"\xff{"), "a key")
    kept.received(b"\xff\xfe\x00")
    assert tnetstring.dumps(kept.to_metadata())
