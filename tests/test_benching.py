"""scripts/bench.py: what it says of its figures, and its load generator with its fake cloud."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from benching import processes, talk, upstream
from benching.findings import DIRECT, FLOOR, OURS, Finding, Target, table
from benching.load import BadAnswer, Job, Seen, run
from benching.upstream import Cloud, Line, pieces
from oai_bridge.dialects.bedrock_frames import InvokeDecoder
from oai_bridge.wire.sse import SseDecoder


def found(target: Target | None = None, **rounds: list[float]) -> Finding:
    return Finding("speed", "µs", rounds, target)


def test_rounds_are_compared_by_themselves() -> None:
    finding = found(ours=[11, 220, 36], floor=[10, 200, 30])
    assert finding.compared("ratio", FLOOR) == pytest.approx(1.1)  # the medians' own ratio would be 1.2
    assert finding.compared("difference", FLOOR) == 6
    assert finding.compared("alone", FLOOR) == 36
    assert finding.compared("ratio", "LiteLLM") is None


@pytest.mark.parametrize(
    ("target", "held"),
    [
        (Target("ratio", most=1.1), True),
        (Target("ratio", most=1.05), False),
        (Target("ratio", least=1.2), False),
        (Target("difference", least=1), True),
        (Target("alone", most=10.5), False),
        (Target("ratio", "LiteLLM", least=5), None),
        (None, None),
    ],
)
def test_a_target_is_held_or_not(target: Target | None, held: bool | None) -> None:
    assert found(target, ours=[11.0], floor=[10.0]).held is held


def test_the_table_has_a_column_for_each_program() -> None:
    lines = table([found(Target("ratio", most=1.05), ours=[11.0], floor=[10.0]), found(direct=[3.0], ours=[123.4])])
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines.splitlines()]
    assert rows[0] == ["measure", OURS, FLOOR, DIRECT, "compared", "target", "held"]
    assert rows[2] == ["speed, µs", "11", "10", "", "1.1 ×", "≤ 1.05 ×", "**no**"]
    assert rows[3] == ["speed, µs", "123", "", "3", "", "", ""]


@pytest.mark.parametrize("binary", [False, True])
def test_the_cloud_speaks_as_the_real_ones_do(binary: bool) -> None:
    first, *both, last = pieces(binary, 3)
    body = first.partition(b"\r\n\r\n")[2] + b"".join(both) + last
    raw = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        raw, body = raw + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    decoder = InvokeDecoder() if binary else SseDecoder()
    assert len([*decoder.feed(raw), *decoder.close()]) == len(talk.FIRST) + 6 + len(talk.LAST)


class Cloudy:
    """The fake cloud in this process; a context manager."""

    def __init__(self, far: bool = False) -> None:
        self.far = far

    async def __aenter__(self) -> int:
        loop = asyncio.get_running_loop()
        self.server = server = await loop.create_server(Cloud, "127.0.0.1", 0)
        port = int(server.sockets[0].getsockname()[1])
        if not self.far:
            return port
        self.line = await loop.create_server(lambda: Line(None, port), "127.0.0.1", 0)
        return int(self.line.sockets[0].getsockname()[1])

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        if self.far:
            self.line.close()
        await asyncio.sleep(0.4 if self.far else 0)  # for what is still on the line


async def load(folder: Path, text: str, *, far: bool = False, ending: str = "message_stop", keep: bool = True) -> Seen:
    file = folder / "request"
    stream = text != "[[whole]]"
    body = talk.claude_chat(text, stream=stream)
    file.write_bytes(talk.post(talk.vertex_path(stream), body, keep=keep))
    async with Cloudy(far) as port:
        return await run(Job(port, str(file), 4, 2, keep=keep, ending=ending if stream else ""))


@pytest.mark.parametrize("text", ["[[whole]]", "[[stream 100 10 0]]", "[[stream 2 1 1]]"])
@pytest.mark.parametrize("keep", [True, False])
async def test_every_answer_is_seen_whole(tmp_path: Path, text: str, keep: bool) -> None:
    seen = await load(tmp_path, text, keep=keep)
    assert (seen.requests, len(seen.first), seen.transit) == (4, 4, [])


async def test_stamps_tell_how_long_each_piece_was_on_its_way(tmp_path: Path) -> None:
    seen = await load(tmp_path, "[[stamped 5 2]]")
    assert len(seen.transit) == 20
    assert all(0 < transit < 1000 for transit in seen.transit)


async def test_a_long_line_takes_a_round_to_connect_and_one_for_each_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "ONE_WAY", 0.15)  # a busy machine adds to each
    seen = await load(tmp_path, "[[whole]]", far=True)
    first = sorted(seen.first)
    assert 290 < first[0] < 590 < first[2]  # each of two connections is made once


async def test_an_answer_that_does_not_end_as_it_should_counts_for_nothing(tmp_path: Path) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        await load(tmp_path, "[[stream 2 1 0]]", ending="[DONE]")
    assert raised.value.subgroup(BadAnswer)


def test_a_process_is_asked_what_it_uses() -> None:
    assert os.getpid() in processes.tree(os.getpid())
    assert processes.cpu(os.getpid()) > 0
    assert processes.memory(os.getpid()) > 10
