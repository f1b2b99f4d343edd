"""What decoders give: messages, or why there are no more."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import BridgeError

MAX_MESSAGE = 8 * 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class FrameError:
    """The bytes are not what the framing promises; nothing more will come from this decoder."""

    reason: str


Frame = bytes | FrameError | BridgeError
"""A message; garbage; or an error that the framing itself tells, as AWS's event stream can."""
