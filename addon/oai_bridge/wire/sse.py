"""Server-sent events: bytes in, the `data` of each event out, as soon as its blank line is in.

Three outcomes, nothing else: a message (`bytes`), a `FrameError`, or need more data (an empty list). Framing is that of
the WHATWG HTML standard (LF, CR or CRLF, several `data` lines joined by LF, comments, a leading byte order mark), but
an event that the end of the stream cuts before its blank line is still given out: servers forget the last one, and
whether the message is whole is for its reader to say.
"""

from __future__ import annotations

from .frames import MAX_MESSAGE, Frame, FrameError

_BOM = b"\xef\xbb\xbf"


class SseDecoder:
    """`feed(bytes)` any number of times, then `close()`. Linear in the bytes. A line and the `data` lines before it may
    have `limit` bytes together, however they are cut."""

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self._limit = limit
        self._line: list[bytes] = []  # pieces of the line that is not whole yet
        self._line_size = 0  # bytes
        self._data: list[bytes] = []  # the `data` lines of the event that is not whole yet
        self._data_size = 0  # bytes
        self._after_cr = False  # the last byte was CR: an LF that follows belongs to it
        self._begun = False
        self._dead = False

    def feed(self, chunk: bytes) -> list[Frame]:
        """The messages that `chunk` completes, in order."""
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if self._dead or not chunk:
            return []
        self._after_cr = chunk.endswith(b"\r")
        self._line.append(chunk)
        self._line_size += len(chunk)
        out: list[Frame] = []
        if b"\n" in chunk or b"\r" in chunk:
            lines = b"".join(self._line).splitlines()  # for bytes: LF, CR and CRLF, as the standard has it
            self._line = [] if chunk.endswith((b"\n", b"\r")) else [lines.pop()]
            self._line_size = sum(map(len, self._line))
            for line in lines:
                self._take(line, out)
        self._check(self._line_size, out)
        return out

    def close(self) -> list[Frame]:
        """The stream has ended: the event that has no blank line yet, if there is one."""
        out: list[Frame] = []
        if not self._dead:
            self._take(b"".join(self._line), out)
            self._take(b"", out)
            self._dead = True
        return out

    def _check(self, line_size: int, out: list[Frame]) -> None:
        if not self._dead and self._data_size + line_size > self._limit:
            self._dead = True
            self._line, self._data = [], []
            out.append(FrameError(f"a message of the stream is larger than {self._limit} bytes"))

    def _take(self, line: bytes, out: list[Frame]) -> None:
        self._check(len(line), out)
        if self._dead:
            return
        if not self._begun:
            self._begun = True
            line = line.removeprefix(_BOM)
        if line.startswith(b"data:") or line == b"data":
            self._data.append(line[5:].removeprefix(b" "))
            self._data_size += len(line)
        elif not line:
            if any(self._data):
                out.append(b"\n".join(self._data))
            self._data = []
            self._data_size = 0
