"""inspector/record.py: each attempt with its own answer, and no more memory for ten of them than for two."""

from __future__ import annotations

import base64
import json
import re
from itertools import count

import pytest
from mitmproxy.io import tnetstring

from oai_bridge.credentials.base import Outbound
from oai_bridge.events import Ping, Start, Text, Thinking, Usage, UsageReport
from oai_bridge.inspector.record import Attempt, Record
from oai_bridge.models.facts import Prices

MB = 2**20


def outbound(body: bytes = b"{}") -> Outbound:
    return Outbound("POST", "https://cloud/", {"accept": "*/*"}, body)


def send(kept: Record, body: bytes = b"{}") -> Attempt:
    return kept.sending(outbound(body), "a key", ("authorization",), ("s3cret",))


def record() -> Record:
    """Its clock says 0, 1, 2 …"""
    ticks = count()
    return Record("req_1", clock=lambda: float(next(ticks)))


def test_each_attempt_keeps_its_own_answer() -> None:
    kept = record()
    attempt = send(kept)
    kept.answered(attempt, 400, "up_1")
    kept.received(attempt, b"refused, ")
    kept.received(attempt, b"s3cret")
    attempt = send(kept, b'{"less": 1}')
    kept.answered(attempt, 200, "up_2")
    kept.received(attempt, b"hello")
    first, second = kept.to_metadata()["attempts"]
    assert (first["status"], first["body"], first["reply"], first["reply_size"]) == (400, "{}", "refused, ***", 15)
    assert (second["status"], second["body"], second["reply"], second["reply_size"]) == (200, '{"less": 1}', "hello", 5)
    assert first["headers"] == {"accept": "*/*", "authorization": "***"}


def test_the_first_byte_is_the_answers_and_no_refusals() -> None:
    kept = record()
    for status in (401, 200, 200):
        attempt = send(kept)
        kept.answered(attempt, status, None)
        kept.received(attempt, b"x")
        kept.received(attempt, b"y")
    assert kept.to_metadata()["timing"]["first_byte"] == 5  # after 1, 2 for the refusal and 3, 4 for the answer


def test_times_are_told_from_the_first_to_the_last() -> None:
    kept = record()
    attempt = send(kept)
    kept.answered(attempt, 200, None, 0.25)
    kept.received(attempt, b"x")
    for event in (Start("i", "m"), Ping(), Text("a"), Thinking("b")):
        kept.saw(event)
    told = kept.to_metadata()
    assert (told["attempts"][0]["sent"], told["attempts"][0]["answered"], told["attempts"][0]["connected"]) == (
        1,
        2,
        0.25,
    )
    assert (told["timing"]["first_byte"], told["timing"]["first_token"]) == (3, 4)


def test_a_cost_is_told_only_where_it_is_known() -> None:
    kept = record()
    kept.prices = Prices(input=1, output=2)
    assert kept.to_metadata()["cost"] is None, "no tokens were told"
    kept.saw(UsageReport(Usage(1_000_000, 1_000_000)))
    assert kept.to_metadata()["cost"]["total"] == 3
    kept.free = True
    assert kept.to_metadata()["cost"]["total"] == 0, "the demo"
    kept.free, kept.prices = False, None
    assert kept.to_metadata()["cost"] is None and kept.to_metadata()["rates"] is None


def test_many_attempts_take_no_more_memory_than_a_few() -> None:
    """Repairs and pauses send a prompt with its pictures again and again. The last ones are kept best: they tell why
    the answer is what it is."""
    kept = record()
    for number in range(10):
        attempt = send(kept, b"%d" % number * (3 * MB))
        kept.answered(attempt, 200, None)
        for _ in range(30):
            kept.received(attempt, b"y" * MB)
    attempts = kept.to_metadata()["attempts"]
    assert sum(len(attempt["body"]) + len(attempt["reply"]) for attempt in attempts) <= 16 * MB
    assert attempts[-1]["body"] == "9" * (3 * MB) and len(attempts[-1]["reply"]) == 4 * MB
    assert [attempt["body_size"] for attempt in attempts] == [3 * MB] * 10
    assert [attempt["reply_size"] for attempt in attempts] == [30 * MB] * 10


def test_answers_at_the_same_time_do_not_mix() -> None:
    kept = record()
    first, second = send(kept, b"1"), send(kept, b"2")
    for attempt, status in ((first, 200), (second, 429)):
        kept.answered(attempt, status, None)
    kept.received(second, b"two")
    kept.received(first, b"one")
    assert [(one["body"], one["status"], one["reply"]) for one in kept.to_metadata()["attempts"]] == [
        ("1", 200, "one"),
        ("2", 429, "two"),
    ]


def test_answers_at_the_same_time_are_bound_together() -> None:
    """A slow one whose body was forgotten meanwhile keeps nothing of what comes later."""
    kept = record()
    slow = send(kept, b"s" * MB)
    for _ in range(60):
        attempt = send(kept, b"q" * MB)
        kept.answered(attempt, 200, None)
        kept.received(attempt, b"y" * MB)
    kept.answered(slow, 200, None)
    kept.received(slow, b"late" * MB)
    told = kept.to_metadata()["attempts"]
    assert sum(len(one["body"]) + len(one["reply"]) for one in told) <= 12 * MB
    assert (told[0]["body_size"], told[0]["reply_size"], told[0]["reply"]) == (MB, 4 * MB, "")
    assert told[-1]["reply"] == "y" * MB


def test_the_cache_coach_gets_all_of_a_large_body() -> None:
    kept = record()
    assert kept.sent() is None
    body = {"messages": ["a" * (5 * MB)]}
    attempt = kept.sending(Outbound.posted("https://cloud/", {}, body, "a model"), "a key")
    kept.answered(attempt, 200, None)
    kept.saw(UsageReport(Usage(7)))
    sent = kept.sent()
    assert sent and sent.body == body
    assert len(kept.to_metadata()["attempts"][0]["body"]) == 4 * MB
    attempt.status = 500
    assert kept.sent() is None


def test_a_secret_that_is_wrapped_is_found() -> None:
    """Bedrock wraps each event of a stream in base64."""
    secret = "ya29.canary-of-a-token"
    for before in range(6):
        kept = record()
        attempt = kept.sending(outbound(), "a key", ("authorization",), (secret,))
        kept.answered(attempt, 200, None)
        said = base64.b64encode(b"x" * before + b'{"text": "' + secret.encode() + b'"}')
        kept.received(attempt, b'{"bytes": "' + said + b'"}')
        reply = kept.to_metadata()["attempts"][0]["reply"]
        shown = base64.b64decode(re.sub(r"\*+", "", json.loads(reply)["bytes"]) + "==")
        assert b"canary" not in shown and "***" in reply


def test_who_looks_often_needs_no_bodies() -> None:
    kept = record()
    attempt = send(kept, b"{}" * 1000)
    kept.answered(attempt, 200, None)
    kept.received(attempt, b"x" * 1000)
    (told,) = kept.to_metadata(bodies=False)["attempts"]
    assert (told["body"], told["reply"], told["body_size"], told["reply_size"]) == ("", "", 2000, 1000)


@pytest.mark.parametrize(
    ("status", "unsure", "unpaid", "worked"),
    [(200, False, False, True), (200, False, True, False), (429, False, False, False), (None, True, False, True)],
)
def test_what_may_cost_something_is_known(status: int | None, unsure: bool, unpaid: bool, worked: bool) -> None:
    kept = record()
    kept.unpaid = unpaid
    assert not kept.worked and not kept.asked
    kept.not_sent("a key", "no token")
    assert not kept.asked
    attempt = send(kept)
    attempt.status, attempt.unsure = status, unsure
    assert kept.worked is worked and kept.asked


def test_a_binary_answer_stays_what_it_is() -> None:
    """Frames of AWS's event stream; a text would not give them back."""
    kept = record()
    attempt = send(kept)
    kept.received(attempt, b"\0\0\0\x80\xff s3cret")
    assert kept.to_metadata()["attempts"][0]["reply"] == b"\0\0\0\x80\xff ***"
    assert tnetstring.dumps(kept.to_metadata())


def test_it_can_be_saved() -> None:
    kept = record()
    attempt = send(kept, b"\xff{")
    kept.received(attempt, b"\xff\xfe\x00")
    assert tnetstring.dumps(kept.to_metadata())
