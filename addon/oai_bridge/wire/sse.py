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
        out: list[Frame] = []
        if b"\n" in chunk or b"\r" in chunk:
            if self._line:
                chunk = b"".join((*self._line, chunk))
            lines = chunk.splitlines()  # for bytes: LF, CR and CRLF, as the standard has it
            rest = b"" if chunk.endswith((b"\n", b"\r")) else lines.pop()
            self._read(lines, out)
            self._line, self._line_size = ([rest] if rest else []), len(rest)
        else:
            self._line.append(chunk)
            self._line_size += len(chunk)
        if self._data_size + self._line_size > self._limit:
            self._die(out)
        return out

    def close(self) -> list[Frame]:
        """The stream has ended: the event that has no blank line yet, if there is one."""
        out: list[Frame] = []
        if not self._dead:
            self._read([b"".join(self._line), b""], out)
            self._dead = True
        return out

    def _read(self, lines: list[bytes], out: list[Frame]) -> None:
        """Whole lines, in one loop without a call for each: three of them make the usual event."""
        if not self._begun and lines:
            self._begun = True
            lines[0] = lines[0].removeprefix(_BOM)
        data, size = self._data, self._data_size
        for line in lines:
            if size + len(line) > self._limit:
                self._die(out)
                return
            if line.startswith(b"data:") or line == b"data":
                data.append(line[5:].removeprefix(b" "))
                size += len(line)
            elif not line:
                if any(data):
                    out.append(b"\n".join(data))
                data, size = [], 0
        self._data, self._data_size = data, size

    def _die(self, out: list[Frame]) -> None:
        if not self._dead:
            self._dead = True
            self._line, self._data = [], []
            out.append(FrameError(f"a message of the stream is larger than {self._limit} bytes"))
