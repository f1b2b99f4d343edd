"""What is measured of the programs, and what ours has to reach."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping

from benching import micro, peers, talk
from benching.findings import DIRECT, FLOOR, OURS, Finding, Target
from benching.load import Job
from benching.peers import LITELLM, PORTKEY
from benching.programs import floor, ours, seconds_to_answer
from benching.stage import Contestant, Stage, Turn

BURSTS = (10, 50)
"""Events that come in one piece."""
PIECES, PAUSE = 150, 20
"""Of a stream, and the milliseconds between two of them."""


class Measures:
    """All measures on one stage. `others` are the names of the peers that are here."""

    def __init__(self, stage: Stage, others: Mapping[str, str]) -> None:
        self.stage = stage
        self.others = others
        self.all: dict[str, Callable[[], Iterator[Finding]]] = {
            "paced": self.paced,
            "bursts": self.bursts,
            "bedrock-paced": self.bedrock_paced,
            "bedrock-bursts": self.bedrock_bursts,
            "rate": self.rate,
            "tls": self.tls,
            "flood": self.flood,
            "transit": self.transit,
            "images": self.images,
            "far": self.far,
            "start": self.start,
            "memory": self.memory,
            "transform": self.transform,
        }

    # -- who takes part -----------------------------------------------------------------------------------------------

    def contestants(
        self,
        text: str,
        *,
        stream: bool,
        bedrock: bool = False,
        to: str = "plain",
        pictures: int = 0,
        keep: bool = True,
        direct: bool = True,
        others: bool = False,
    ) -> list[Contestant]:
        stage = self.stage
        ports, folder = stage.upstream.ports, stage.folder
        chat = talk.chat(text, stream=stream, pictures=pictures)
        if bedrock:
            chat["model"] = f"bedrock/{talk.MODEL}"
        path = talk.bedrock_path(stream) if bedrock else talk.vertex_path(stream)
        raw = talk.post(path, talk.claude_chat(text, stream=stream, pictures=pictures), keep=keep)
        asked = talk.post(talk.CHAT, chat, keep=keep)
        ours_now = stage.running((OURS, to), lambda: ours(folder / f"ours-{to}", ports, to))
        floor_now = stage.running((FLOOR, to), lambda: floor(folder / f"floor-{to}", ports, to))
        done, stop = ("[DONE]", "" if bedrock else "message_stop") if stream else ("", "")
        found = [
            Contestant(OURS, ours_now, ours_now.port, asked, done),
            Contestant(FLOOR, floor_now, floor_now.port, raw, stop),
        ]
        if direct and to == "plain":
            found.append(Contestant(DIRECT, stage.upstream, ports.plain, raw, stop))
        if others and LITELLM in self.others:
            one = stage.running(LITELLM, lambda: peers.litellm(folder / "litellm", ports))
            request = talk.post(talk.CHAT, chat, {"authorization": f"Bearer {peers.KEY}"}, keep=keep)
            found.append(Contestant(LITELLM, one, one.port, request, done))
        if others and PORTKEY in self.others and not stream:  # its streams are errors of its own here
            one = stage.running(PORTKEY, lambda: peers.portkey(folder / "portkey"))
            request = talk.post(talk.CHAT, chat, peers.portkey_headers(ports), keep=keep)
            found.append(Contestant(PORTKEY, one, one.port, request, done))
        return found

    # -- streams ------------------------------------------------------------------------------------------------------

    def paced(self) -> Iterator[Finding]:
        yield self._cpu_per_chunk("SSE, paced", 1, most=1.1)

    def bursts(self) -> Iterator[Finding]:
        for size in BURSTS:
            yield self._cpu_per_chunk(f"SSE, bursts of {size}", size, most=1.15)

    def bedrock_paced(self) -> Iterator[Finding]:
        yield self._cpu_per_chunk("Bedrock, paced", 1, most=1.15, bedrock=True)

    def bedrock_bursts(self) -> Iterator[Finding]:
        for size in BURSTS:
            yield self._cpu_per_chunk(f"Bedrock, bursts of {size}", size, most=1.3, bedrock=True)

    def _cpu_per_chunk(self, name: str, size: int, *, most: float, bedrock: bool = False) -> Finding:
        """Streams side by side, `size` events in a piece: the CPU of the whole exchanges, by their events."""
        streams, events = 8 if size > 10 else 20, PIECES * size
        text = f"[[stream {events} {size} {PAUSE}]]"
        who = self.contestants(text, stream=True, bedrock=bedrock, direct=False, others=size == 1 and not bedrock)
        turns = self.stage.by_turns(who, streams, connections=streams)

        def each(turn: Turn) -> float:
            return turn.cpu / (streams * events) * 1e6

        return finding(f"CPU per chunk: {name}", "µs", turns, each, Target("ratio", most=most))

    def flood(self) -> Iterator[Finding]:
        """Events as fast as they go through."""
        events, streams = self.stage.many(1000), 16
        who = self.contestants(f"[[stream {events} 1 0]]", stream=True, others=True)
        turns = self.stage.by_turns(who, streams, connections=streams)
        target = Target("ratio", LITELLM, least=9) if LITELLM in self.others else None
        yield finding(
            "chunks as fast as they go", "per s", turns, lambda turn: streams * events / turn.seen.seconds, target
        )

    def transit(self) -> Iterator[Finding]:
        """One stream, one event every 20 ms."""
        events = self.stage.many(100, 20)
        who = self.contestants(f"[[stamped {events} 20]]", stream=True, others=True)
        turns = self.stage.by_turns(who, 3)
        yield finding(
            "one stream: transit of a chunk", "ms", turns, lambda turn: turn.transit, Target("difference", most=0.2)
        )
        yield finding(
            "one stream: time to its first chunk", "ms", turns, lambda turn: turn.first, Target("difference", most=1.0)
        )
        if LITELLM in self.others:
            yield finding(
                "the same, against LiteLLM", "ms", turns, lambda turn: turn.first, Target("ratio", LITELLM, most=0.25)
            )

    # -- requests -----------------------------------------------------------------------------------------------------

    def rate(self) -> Iterator[Finding]:
        who = self.contestants("[[whole]]", stream=False, others=True)
        turns = self.stage.by_turns(who, self.stage.many(1500), connections=16)
        name = "requests, kept connections"
        yield finding(name, "per s", turns, lambda turn: turn.rate, Target("ratio", least=0.75))
        yield finding("CPU of such a request", "ms", turns, lambda turn: turn.cpu / turn.seen.requests * 1000, None)
        if LITELLM in self.others:
            yield finding(
                "the same, against LiteLLM", "per s", turns, lambda turn: turn.rate, Target("ratio", LITELLM, least=5)
            )

    def tls(self) -> Iterator[Finding]:
        """Each request on a connection of its own, for which the floor makes one to the cloud."""
        who = self.contestants("[[whole]]", stream=False, to="tls", keep=False)
        turns = self.stage.by_turns(who, self.stage.many(600), connections=16, keep=False)
        name = "requests, new connections, TLS to the cloud"
        yield finding(name, "per s", turns, lambda turn: turn.rate, Target("ratio", least=1.3))

    def images(self) -> Iterator[Finding]:
        who = self.contestants("[[whole]]", stream=False, pictures=10, direct=False)
        turns = self.stage.by_turns(who, self.stage.many(12, 4))
        name = "CPU of a request with 10 MB of images"
        yield finding(name, "ms", turns, lambda turn: turn.cpu / turn.seen.requests * 1000, Target("ratio", most=2.2))

    def far(self) -> Iterator[Finding]:
        """The cloud is 50 ms away, behind TLS; one client keeps its connection, the other makes a new one each time."""
        name, rounds = "time to the first byte from a cloud 50 ms away", {}
        for keep, who_is_it in ((True, "with keep-alive"), (False, "without")):
            who = self.contestants("[[whole]]", stream=False, to="far", keep=keep)
            turns = self.stage.by_turns(who, self.stage.many(20, 5), keep=keep)
            yield finding(f"{name}, {who_is_it}", "ms", turns, lambda turn: turn.first, None)
            rounds[who_is_it] = [turn.first for turn in turns[OURS]]
        pairs = zip(rounds["without"], rounds["with keep-alive"], strict=True)
        added = {OURS: [without - kept for without, kept in pairs]}
        yield Finding("what a client without keep-alive waits longer", "ms", added, Target("alone", most=10))

    # -- the process --------------------------------------------------------------------------------------------------

    def start(self) -> Iterator[Finding]:
        """Each time a process of its own: to its first answer, and its memory then."""
        stage = self.stage
        ports, chat = stage.upstream.ports, talk.chat("[[whole]]", stream=False)
        asked = talk.post(talk.CHAT, chat, keep=False)
        raw = talk.post(talk.vertex_path(False), talk.claude_chat("[[whole]]", stream=False), keep=False)
        seconds: dict[str, list[float]] = {OURS: [], FLOOR: []}
        idle: dict[str, list[float]] = {OURS: [], FLOOR: []}
        for _ in range(stage.rounds + 1):
            for name, request in ((OURS, asked), (FLOOR, raw)):
                folder = stage.folder / f"start-{name}"
                shutil.rmtree(folder / "state", ignore_errors=True)
                program = ours(folder, ports, bedrock=False) if name == OURS else floor(folder, ports)
                try:
                    seconds[name].append(seconds_to_answer(program, request))
                    idle[name].append(program.memory)
                finally:
                    program.end()
        yield Finding("start to the first answer", "s", warm(seconds), Target("alone", most=1.5))
        yield Finding("memory then, with Vertex AI only", "MB", warm(idle), Target("alone", most=85))

    def memory(self) -> Iterator[Finding]:
        """What many requests leave behind, after some that filled what is kept anyway."""
        stage = self.stage
        folder, ports, requests = stage.folder, stage.upstream.ports, stage.many(10_000)
        asked = talk.post(talk.CHAT, talk.chat("[[whole]]", stream=False))
        raw = talk.post(talk.vertex_path(False), talk.claude_chat("[[whole]]", stream=False))
        grown = {}
        for name, request in ((OURS, asked), (FLOOR, raw)):
            home = folder / f"memory-{name}"
            with ours(home, ports) if name == OURS else floor(home, ports) as program:
                contestant = Contestant(name, program, program.port, request)
                stage.turn(contestant, Job(program.port, "", stage.many(1000), connections=16))
                before = program.memory
                stage.turn(contestant, Job(program.port, "", requests, connections=16))
                grown[name] = [program.memory - before]
        yield Finding(f"memory that {requests} requests left", "MB", grown, Target("alone", most=5))

    def transform(self) -> Iterator[Finding]:
        """The pure part alone, in this process, one event in each piece."""
        for name, measure, most in (("SSE", micro.vertex_event, 8), ("Bedrock", micro.bedrock_event, 15)):
            measure()
            rounds = {OURS: [measure() for _ in range(self.stage.rounds)]}
            yield Finding(f"pure transform of an event: {name}", "µs", rounds, Target("alone", most=most))


def finding(
    name: str, unit: str, turns: Mapping[str, list[Turn]], what: Callable[[Turn], float], target: Target | None
) -> Finding:
    return Finding(name, unit, {who: [what(turn) for turn in found] for who, found in turns.items()}, target)


def warm(rounds: Mapping[str, list[float]]) -> dict[str, list[float]]:
    return {name: found[1:] for name, found in rounds.items()}
