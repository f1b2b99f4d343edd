"""What a fake cloud does with a request, as values: an answer, a stream, a hang-up; and makers of the usual ones."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.support import claude_rules
from tests.support.claude_models import Model
from tests.support.claude_seals import Seals
from tests.support.claude_streams import sse

VECTORS = Path(__file__).parent.parent / "vectors"


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole answer. `body` that is no bytes is sent as JSON."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer in pieces, chunked.

    `body` is the stream, or makes its pieces; `message` is what gets who asks for no stream, cut up in the same way.
    Both are Anthropic's own; a door that speaks otherwise puts them into its words and frames, unless they are `raw`.
    `size` is the length of each piece, or the lengths in turn; without it the body goes out at once. `delay` seconds
    lie between pieces. After `pause_after` bytes, or `stepwise` between all pieces, it waits for `FakeCloud.release`.
    After `stop_after` bytes, or when all is sent, it ends: `end` properly, `cut` closes without the last chunk, `reset`
    sends a TCP reset.
    """

    body: bytes | Callable[[], Iterable[bytes]]
    message: bytes | None = None
    size: int | Sequence[int] | None = None
    delay: float = 0.0
    pause_after: int | None = None
    stepwise: bool = False
    stop_after: int | None = None
    ending: Literal["end", "cut", "reset"] = "end"
    raw: bool = False

    def steps(self, streamed: bool) -> Iterator[bytes | None]:
        """What to send, piece by piece; `None` stands for the pause."""
        body = self.body if streamed or self.message is None else self.message
        sent = 0
        if self.pause_after == 0:
            yield None
        for whole in split(body, self.size) if isinstance(body, bytes) else body():
            piece = whole if self.stop_after is None else whole[: self.stop_after - sent]
            if self.stepwise and sent:
                yield None
            at = 0 if self.pause_after is None else self.pause_after - sent
            if 0 < at <= len(piece):
                yield piece[:at]
                yield None
                yield piece[at:]
            else:
                yield piece
            sent += len(piece)
            if sent == self.stop_after:
                return


@dataclass(frozen=True, slots=True)
class Drop:
    """Leaves without a word: closes, or resets, before any header."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class Hang:
    """Says nothing until `FakeCloud.release` or until the peer leaves, then does `then`."""

    then: Behaviour | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A good request to a model, for a behaviour that depends on it. `body` is as Anthropic's API would have it,
    whatever the door speaks; `seals` signs what the model thinks."""

    body: Mapping[str, Any]
    model: Model
    seals: Seals


@dataclass(frozen=True, slots=True)
class Answers:
    """Does what `how` makes of the request; `agent`, `searcher`, `picky` and `refusing` are such."""

    how: Callable[[Asked], Behaviour]


Behaviour = Reply | Stream | Drop | Hang | Answers


def recorded(name: str) -> bytes:
    """A recorded body by its file name, such as `basic_response.txt`."""
    (path,) = VECTORS.rglob(name)
    return path.read_bytes()


def recordings() -> list[str]:
    """The names of all recorded streams."""
    return sorted(path.name for path in VECTORS.glob("*/*") if path.suffix in (".txt", ".sse"))


def split(body: bytes, size: int | Sequence[int] | None) -> Iterator[bytes]:
    sizes = itertools.cycle([len(body) or 1] if size is None else [size] if isinstance(size, int) else size)
    start = 0
    while start < len(body):
        end = start + next(sizes)
        yield body[start:end]
        start = end


def replay(name: str = "basic_response.txt", **how: Any) -> Stream:
    """A recorded stream; to `rawPredict` the message that it adds up to. `how`: the other fields of `Stream`."""
    body = recorded(name)
    return Stream(body, json.dumps(claude_rules.message_of(body)).encode(), **how)


def frames(name: str, **how: Any) -> Stream:
    """A body in frames as it was recorded, such as `first-frame-throttlingException.bin`. `how`: as in `replay`."""
    return Stream(recorded(name), raw=True, **how)


def exception(
    exception: str = "throttlingException",
    message: str = "Too many requests, please wait before trying again.",
    *,
    after: int = 0,
    name: str = "basic_response.txt",
    **more: Any,
) -> Stream:
    """A recorded stream whose first `after` events are followed by AWS's frame for an exception and nothing else.
    `more` stands beside its message."""
    frame = sse({"type": "exception", "exception": exception, "details": {"message": message, **more}})
    return Stream(b"".join(claude_rules.events_of(recorded(name))[:after]) + frame)


def broken(
    type: str = "overloaded_error", message: str = "Overloaded", *, after: int = 0, name: str = "basic_response.txt"
) -> Stream:
    """A recorded stream whose first `after` events are followed by an `error` event and nothing else."""
    error = sse({"type": "error", "error": {"type": type, "message": message}})
    return Stream(b"".join(claude_rules.events_of(recorded(name))[:after]) + error)


def garbled(
    garbage: bytes = b"\x00\xff\xfe\n\ndata: {not json\n\n", *, after: int = 4, name: str = "basic_response.txt"
) -> Stream:
    """A recorded stream with garbage after its first `after` events; the rest follows."""
    events = claude_rules.events_of(recorded(name))
    return Stream(b"".join([*events[:after], garbage, *events[after:]]))


def endless(delay: float = 0.02, text: str = "more ") -> Stream:
    """A stream that writes `text` for ever, at this pace."""
    return Stream(lambda: itertools.chain(_opening(), itertools.repeat(_delta(text))), delay=delay)


def huge(size: int, piece: int = 16_384) -> Stream:
    """A whole stream of about `size` bytes of text, as fast as the reader takes it."""
    return Stream(
        lambda: itertools.chain(_opening(), itertools.repeat(_delta("x" * piece), max(1, size // piece)), _closing())
    )


def _opening() -> list[bytes]:
    message = {"id": "msg_vrtx_made", "type": "message", "role": "assistant", "model": "claude-test", "content": []}
    ends = {"stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 1}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    return [sse({"type": "message_start", "message": message | ends}), sse(block)]


def _delta(text: str) -> bytes:
    return sse({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})


def _closing() -> list[bytes]:
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    return [
        sse({"type": "content_block_stop", "index": 0}),
        sse({"type": "message_delta", "delta": end, "usage": {"output_tokens": 99}}),
        sse({"type": "message_stop"}),
    ]
