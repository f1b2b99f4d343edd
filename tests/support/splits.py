"""Ways to cut a stream into pieces, and to damage it."""

from __future__ import annotations

import random
from collections.abc import Iterator

from hypothesis import strategies as st

TROUBLE = (
    b"",
    b"\n",
    b"\r",
    b"\n\n",
    b"\0",
    b"\xff",
    b"data:",
    b"data: {}\n\n",
    b"data: []\n\n",
    b"data: null\n\n",
    b'data: {"type":"message_stop"}\n\n',
    b'data: {"type":"error","error":{}}\n\n',
    b'"',
    b"}",
    b"[[[[",
    b"\\ud83d",
    b"\xe2\x80\xa8",
    b"\xef\xbb\xbf",
    b"1e999",
    b"-1",
)


def bytewise(stream: bytes) -> list[bytes]:
    return [stream[at : at + 1] for at in range(len(stream))]


def in_two(stream: bytes) -> Iterator[list[bytes]]:
    """Every split into two."""
    for at in range(len(stream) + 1):
        yield [stream[:at], stream[at:]]


def everywhere(stream: bytes, size: int = 256) -> Iterator[list[bytes]]:
    """Splits into pieces of `size` bytes, one for each place where the first may end: together they cut everywhere, and
    take far less time than every split into two, which a stream of less than `size` bytes still gets."""
    for first in range(min(size, len(stream) + 1)):
        cuts = range(first, len(stream) + 1, size)
        yield [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def at_random(stream: bytes, times: int) -> Iterator[list[bytes]]:
    """`times` splits, the same in every run; some pieces are empty, some splits are fine and some coarse."""
    dice = random.Random(len(stream))
    for _ in range(times):
        cuts = sorted(dice.choices(range(len(stream) + 1), k=dice.randint(1, 40)))
        yield [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


@st.composite
def damaged(draw: st.DrawFn, streams: list[bytes]) -> list[bytes]:
    """One of the streams with pieces replaced, removed, repeated or moved, in chunks."""
    stream = draw(st.sampled_from(streams))
    for _ in range(draw(st.integers(0, 4))):
        start, end = sorted((draw(st.integers(0, len(stream))), draw(st.integers(0, len(stream)))))
        piece = draw(st.sampled_from([*TROUBLE, stream[start:end], stream[start:end] * 2]))
        at = draw(st.sampled_from([start, end]))
        stream = stream[:start] + piece + stream[at:]
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=4)))
    return [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
