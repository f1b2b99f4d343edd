"""One streamed answer on its way through: the cloud's bytes in, the client's bytes out, and what was seen beside.

Total: whatever bytes come, whatever a decoder does, the client gets exactly one ending.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from ..backends.base import Decoder, Dialect
from ..errors import BridgeError, Internal, StreamBroken
from ..events import Event, Failure, Pause, Ping, Stop
from ..wire.frames import Frame, FrameError
from .defects import report_defect


class Writer(Protocol):
    """A client format: an event to bytes, b"" for those that the client is not to read."""

    def write(self, event: Event) -> bytes: ...


class Transcript:
    """`feed(bytes) -> bytes` until `ended`, then nothing more; `end()` when the cloud has ended, `lose()` when it was
    lost, `fail()` for whatever else went wrong. `begun` says that something of the answer has been written, pings not
    counted; `whole` that it ended well.

    While `paused`, `feed` and `end` say nothing: either `resume()` with the cloud's next stream, or `stop_paused()`.
    """

    def __init__(
        self,
        decoder: Decoder,
        dialect: Dialect,
        writer: Writer,
        observe: Callable[[Event], None] = lambda event: None,
        hide: Callable[[BridgeError], None] = lambda error: None,
    ) -> None:
        """`observe` sees each event of the answer before it is written; `hide` takes out of an error what the client is
        not to read."""
        self._decoder = decoder
        self._dialect = dialect
        self._writer = writer
        self._observe = observe
        self._hide = hide
        self.begun = False
        self.paused = False
        self.ended = False
        self.failure: BridgeError | None = None
        self.whole = False

    def feed(self, chunk: bytes) -> bytes:
        """What `chunk` lets the client read."""
        return b"" if self._rests() else self._read(self._events(self._decoder.feed, chunk))

    def take(self, body: bytes) -> bytes:
        """Instead of `feed` and `end`: the cloud has sent no stream, but an answer or an error in one piece."""
        return b"" if self._rests() else self._read(self._whole(body))

    def end(self) -> bytes:
        """The cloud has closed the stream. Without its last message that is a failure."""
        if self._rests():
            return b""
        last = self._read(self._last_events())
        cut = StreamBroken("The cloud's answer was cut off before its end; try again.")
        return last if self._rests() else last + self.fail(cut)

    def lose(self, error: BridgeError) -> bytes:
        """The connection to the cloud is lost, as `error` tells: a failure, unless nothing of the answer is missing."""
        last = b"" if self._rests() else self._read(self._end())
        return last + self.fail(error)

    def resume(self, decoder: Decoder) -> None:
        """The cloud goes on after a pause, in a stream of its own."""
        self._decoder = decoder
        self._dialect.resume()
        self.paused = False

    def stop_paused(self) -> bytes:
        """Ends a paused answer where it stands, as one that is too long."""
        self.paused = False
        return self._write(Stop("length"))

    def fail(self, error: BridgeError) -> bytes:
        """Ends the answer as broken, unless it has ended already."""
        if self.ended:
            return b""
        self.paused = False
        self.ended = True
        self.failure = error
        self._hide(error)
        return self._writer.write(Failure(error))

    def _rests(self) -> bool:
        """Whether nothing of the cloud's is read any more, or for now."""
        return self.ended or self.paused

    # What is asked of decoder and dialect is asked in generators, for `_read` to see their defects.

    def _events(self, read: Callable[..., Iterable[Frame]], *chunk: bytes) -> Iterator[Event]:
        for frame in read(*chunk):
            if isinstance(frame, bytes):
                if not self._rests():
                    yield from self._dialect.feed(frame)
            elif isinstance(frame, FrameError):
                yield Failure(StreamBroken(f"The cloud's answer can't be read: {frame.reason}."))
            else:
                yield Failure(frame)

    def _last_events(self) -> Iterator[Event]:
        yield from self._events(self._decoder.close)
        if not self._rests():
            yield from self._end()

    def _end(self) -> Iterator[Event]:
        yield from self._dialect.end()

    def _whole(self, body: bytes) -> Iterator[Event]:
        yield from self._dialect.whole(body)

    def _read(self, events: Iterator[Event]) -> bytes:
        """What the events become; a defect on the way ends the answer after what was written before it."""
        out: list[bytes] = []
        try:
            for event in events:
                out.append(self._write(event))
        except Exception as error:
            report_defect("A stream could not be read", error)
            out.append(self.fail(Internal("The proxy could not read the cloud's answer; its log has the details.")))
        return b"".join(out)

    def _write(self, event: Event) -> bytes:
        if self._rests():
            return b""
        if isinstance(event, Failure):
            return self.fail(event.error)
        if isinstance(event, Ping) and not self.begun:
            return b""  # would commit a 200 before it is known that there is an answer
        self._observe(event)
        written = self._writer.write(event)
        self.begun = self.begun or bool(written)
        self.paused = isinstance(event, Pause)
        self.ended = self.whole = isinstance(event, Stop)  # last, so that a defect before it can still be told
        return written
