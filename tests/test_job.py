"""job.py: heartbeats break a long silence, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from oai_bridge.answer import Answer, BrokenAnswer, Head, Heartbeat
from oai_bridge.streaming.job import Answering, Job

HEAD, EARLY = Head(200, (("x", "late"),)), Head(200, (("x", "early"),))
BEAT = b": ping\n\n"


async def running(answer: Answer, turns: int = 5) -> Job:
    job = Job(lambda: answer)
    job.start(lambda: None)
    for _ in range(turns):
        await asyncio.sleep(0)
    return job


def later(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_silence_is_broken_after_so_long_and_with_a_head() -> None:
    heartbeat, go_on = Heartbeat(10, lambda: EARLY), asyncio.Event()

    async def answer() -> Answer:
        yield heartbeat
        await go_on.wait()
        yield b"data: 1\n\n"

    job = await running(answer())
    job.beat(later(9))
    assert job.head is None and not heartbeat.begun and job.take() == b""
    job.beat(later(11))
    assert job.head is EARLY and heartbeat.begun and job.take() == BEAT
    job.beat(later(9))
    assert job.take() == b"", "the beat itself has broken the silence"
    job.beat(later(11))
    assert job.take() == BEAT
    go_on.set()
    await asyncio.sleep(0.01)
    assert job.take() == b"data: 1\n\n" and job.whole and job.ended
    job.beat(later(100))
    assert job.take() == b""


async def test_between_two_pieces_there_is_no_second_head() -> None:
    heartbeat = Heartbeat(10, lambda: EARLY)

    async def answer() -> Answer:
        yield heartbeat
        yield HEAD
        yield b"1"
        await asyncio.Event().wait()

    job = await running(answer())
    job.beat(later(100))
    assert job.take() == b"1", "what waits for the client is sign of life enough"
    job.beat(later(100))
    assert job.take() == BEAT and job.head is HEAD and not heartbeat.begun
    job.stop()


async def test_an_answer_without_heartbeat_has_none() -> None:
    async def answer() -> Answer:
        yield HEAD
        await asyncio.Event().wait()

    job = await running(answer())
    job.beat(later(1000))
    assert job.take() == b""
    job.stop()
    job.beat(later(1000))
    assert job.take() == b""


async def test_nothing_comes_between_the_pieces_of_a_body_of_known_length() -> None:
    async def answer() -> Answer:
        yield Heartbeat(10, lambda: EARLY)
        yield Head(429, (("content-length", "2"),))
        await asyncio.Event().wait()

    job = await running(answer())
    job.beat(later(1000))
    assert job.take() == b""
    job.stop()


async def test_a_heartbeat_that_fails_is_told_and_given_up(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Head:
        raise BrokenAnswer("no head")

    async def answer() -> Answer:
        yield Heartbeat(10, broken)
        await asyncio.Event().wait()

    job = await running(answer())
    for _ in range(2):
        job.beat(later(1000))
    assert job.head is None and job.take() == b"" and caplog.text.count("A heartbeat failed") == 1
    job.stop()


async def test_who_waits_for_all_to_be_answered_waits_for_the_last() -> None:
    answering = Answering()
    await answering.none()
    with answering.one():
        waiting = asyncio.ensure_future(answering.none())
        with answering.one():
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
    await waiting


async def test_a_sink_gets_each_piece_and_what_it_does_not_take_keeps_its_place() -> None:
    given, taken = [b"1", b"2", b"3", b"4"], list[bytes]()

    async def answer() -> Answer:
        yield HEAD
        for piece in given:
            yield piece

    def sink(piece: bytes) -> bool:
        taken.append(piece)
        return len(taken) != 2

    job = Job(answer)
    job.sink = sink
    job.start(lambda: None)
    for _ in range(5):
        await asyncio.sleep(0)
    assert taken == [b"1", b"2"], "what is held goes before what comes after it"
    assert job.take() == b"234" and job.ended and job.whole


async def test_nothing_goes_into_the_sink_of_a_job_that_was_called_off() -> None:
    taken, beat = list[bytes](), Heartbeat(1, lambda: EARLY)

    async def answer() -> Answer:
        yield beat
        await asyncio.Event().wait()

    job = await running(answer())
    job.sink = lambda piece: not taken.append(piece)
    job.beat(later(2))
    job.stop()
    job.beat(later(4))
    assert taken == [BEAT]
