"""AWS's binary event stream (`application/vnd.amazon.eventstream`): bytes in, messages out as soon as they are whole.

Three outcomes, nothing else: a `Message`, a `FrameError`, or need more data (an empty list). A message is a prelude
(two lengths and their CRC), headers, a payload and a CRC of all before it, as in AWS's "Event stream encoding". No byte
of a message is given out before its CRC is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct
from types import MappingProxyType
from zlib import crc32

from .frames import MAX_MESSAGE, FrameError

HeaderValue = bool | int | bytes | str
"""Times are milliseconds since 1970, UUIDs are their 16 bytes."""

_PRELUDE = Struct(">III")  # length of the message, length of the headers, CRC of these two
_AROUND = _PRELUDE.size + 4  # bytes of a message besides headers and payload
_MAX_HEADERS = 128 * 1024  # bytes: AWS's own limit; that for payloads, 24 MB, is above ours for whole messages
_UINT32 = Struct(">I")

_BOOLEANS = {0: True, 1: False}
_INTEGERS = {2: 1, 3: 2, 4: 4, 5: 8, 8: 8}  # bytes; 8 is a time
_BYTES, _STRING, _UUID = 6, 7, 9


@dataclass(frozen=True, slots=True)
class Message:
    """One whole message; its payload is of the type that the header `:content-type` names."""

    headers: Mapping[str, HeaderValue]
    payload: bytes


class EventStreamDecoder:
    """`feed(bytes)` any number of times, then `close()`. Linear in the bytes. A message may have `limit` bytes."""

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self._limit = limit
        self._held = bytearray()  # of the message that is not whole yet
        self._needed = _PRELUDE.size  # bytes to hold before there is anything new to know
        self._headers: tuple[bytes, Mapping[str, HeaderValue]] = (b"", MappingProxyType({}))
        self._dead = False

    def feed(self, chunk: bytes) -> list[Message | FrameError]:
        """The messages that `chunk` completes, in order; after a `FrameError` nothing more."""
        if self._dead:
            return []
        self._held += chunk
        if len(self._held) < self._needed:
            return []
        data = bytes(self._held)
        out: list[Message | FrameError] = []
        start = 0
        try:
            while len(data) - start >= (needed := self._length(data, start)):
                out.append(self._message(data, start, start + needed))
                start += needed
        except _BadFrame as bad:
            return [*out, *self._end(str(bad))]
        self._needed = needed
        del self._held[:start]
        return out

    def close(self) -> list[Message | FrameError]:
        """The stream has ended: an error where it did so in the middle of a message."""
        out = self._end("the stream ends in the middle of a message") if self._held else []
        self._dead = True
        return out

    def _end(self, reason: str) -> list[Message | FrameError]:
        self._dead = True
        self._held.clear()
        return [FrameError(reason)]

    def _length(self, data: bytes, start: int) -> int:
        """The bytes of the message at `start`, or of its prelude while that is not whole."""
        if len(data) - start < _PRELUDE.size:
            return _PRELUDE.size
        length, headers, checksum = _PRELUDE.unpack_from(data, start)
        if crc32(data[start : start + 8]) != checksum:
            raise _BadFrame("the checksum of a message's beginning is wrong")
        if length > self._limit:
            raise _BadFrame(f"a message of the stream is larger than {self._limit} bytes")
        if headers > _MAX_HEADERS or length < headers + _AROUND:
            raise _BadFrame("the lengths of a message are impossible")
        return int(length)

    def _message(self, data: bytes, start: int, end: int) -> Message:
        (checksum,) = _UINT32.unpack_from(data, end - 4)
        if crc32(data[start : end - 4]) != checksum:
            raise _BadFrame("the checksum of a message is wrong")
        head = start + _PRELUDE.size
        body = head + int(_UINT32.unpack_from(data, start + 4)[0])
        encoded = data[head:body]
        if encoded != self._headers[0]:  # most messages have the headers of the one before
            self._headers = encoded, MappingProxyType(_headers(encoded))
        return Message(self._headers[1], data[body : end - 4])


class _BadFrame(Exception):
    """Why a message can't be read."""


def _headers(data: bytes) -> dict[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    at = 0
    try:
        while at < len(data):
            kind_at = at + 1 + data[at]
            name = data[at + 1 : kind_at].decode()
            if name in headers:
                raise _BadFrame("a header is there twice")
            headers[name], at = _value(data[kind_at], data, kind_at + 1)
    except (IndexError, ValueError):  # too short, or not UTF-8
        at = -1
    if at != len(data):
        raise _BadFrame("the headers of a message can't be read")
    return headers


def _value(kind: int, data: bytes, at: int) -> tuple[HeaderValue, int]:
    """The value at `at`, and where it ends, which may be after the end of `data`; raises `ValueError`."""
    if kind in _BOOLEANS:
        return _BOOLEANS[kind], at
    if size := _INTEGERS.get(kind):
        return int.from_bytes(data[at : at + size], signed=True), at + size
    if kind == _UUID:
        return data[at : at + 16], at + 16
    if kind not in (_BYTES, _STRING):
        raise ValueError("no such type")
    begin = at + 2
    end = begin + int.from_bytes(data[at:begin])
    value = data[begin:end]
    return value.decode() if kind == _STRING else value, end
