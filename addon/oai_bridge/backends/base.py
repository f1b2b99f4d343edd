"""What a backend is: a dialect, a framing, a path and a credential, put together in one file each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..credentials.base import Access
from ..errors import BridgeError
from ..events import Event
from ..models.catalog import ModelFacts
from ..notes import Notes
from ..openai.request import ChatRequest
from ..wire.sse import Frame


@dataclass(frozen=True, slots=True)
class Outbound:
    """One request to the cloud. `headers` hold the credential: they go on the wire and nowhere else."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes


class Decoder(Protocol):
    """A framing (`wire/`): bytes to messages. Total and linear."""

    def feed(self, chunk: bytes) -> list[Frame]: ...
    def close(self) -> list[Frame]: ...


class Dialect(Protocol):
    """A cloud's stream (`dialects/`): a message to events. Total."""

    def feed(self, message: bytes) -> list[Event]: ...


class Backend(Protocol):
    """One door of one cloud. Pure: no method does I/O."""

    name: str
    """For people and for the `x-bridge-route` header, such as `vertex`."""

    def body(self, chat: ChatRequest, facts: ModelFacts, notes: Notes) -> dict[str, Any]:
        """The request's body in the cloud's terms; raises `BridgeError`."""

    def outbound(self, body: dict[str, Any], facts: ModelFacts, stream: bool, access: Access) -> Outbound:
        """The body with address and credential."""

    def stream(self) -> tuple[Decoder, Dialect]:
        """Fresh decoders for one streamed answer."""

    def whole(self, body: bytes) -> list[Event]:
        """The events of an answer that came in one piece."""

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> BridgeError:
        """What an answer other than 200 means; header names are lower case."""
