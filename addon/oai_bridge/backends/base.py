"""What a backend is: a dialect, a framing, a path and a credential, put together in one file each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ..credentials.base import Access
from ..dialects.reading import Reading, Translated
from ..errors import BridgeError
from ..events import Event
from ..models.catalog import ModelFacts
from ..notes import Notes
from ..openai.chat import ChatRequest
from ..wire.sse import Frame

Call = Literal["whole", "stream", "count"]
"""An answer in one piece, one in a stream, or the number of the prompt's tokens."""


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
    """A cloud's answer (`dialects/`) as events. Total."""

    def feed(self, message: bytes) -> list[Event]:
        """The events of one message of a stream."""

    def whole(self, body: bytes) -> list[Event]:
        """The events of an answer that came in one piece."""

    def resume(self) -> None:
        """After a `Pause`: what comes next goes on with the same answer."""


class Backend(Protocol):
    """One door of one cloud. No method does I/O."""

    name: str
    """For people and for the `x-bridge-route` header, such as `vertex`."""

    def chat(self, chat: ChatRequest, facts: ModelFacts, notes: Notes) -> Translated:
        """The request in the cloud's terms; raises `BridgeError`."""

    def outbound(
        self, body: dict[str, Any], facts: ModelFacts, call: Call, betas: Sequence[str], access: Access
    ) -> Outbound:
        """The body with address and credential."""

    def decoder(self) -> Decoder:
        """A fresh decoder for one stream."""

    def dialect(self, reading: Reading) -> Dialect:
        """A fresh reader for one answer."""

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> BridgeError:
        """What an answer other than 200 means; header names are lower case."""

    def repaired(
        self, body: dict[str, Any], error: BridgeError, done: frozenset[str]
    ) -> tuple[str, dict[str, Any]] | None:
        """What to send instead after the cloud refused `body`, and the repair's name; `None` where nothing helps, or
        it is in `done`."""

    def continued(self, body: dict[str, Any], said: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The request for the rest of an answer to `body` that paused after `said`, which is all of it so far."""

    def remember(self, facts: ModelFacts, translated: Translated, said: Sequence[dict[str, Any]]) -> None:
        """Keeps the turn that the model wrote, for a client that can't send all of it back."""


class ClaudeBackend(Backend, Protocol):
    """A door with Claude behind it, which can be spoken to in Anthropic's own words, too."""

    def messages(self, body: dict[str, Any], facts: ModelFacts, betas: Iterable[str], notes: Notes) -> Translated:
        """A native Messages request with what the cloud demands changed."""

    def count(self, body: dict[str, Any], facts: ModelFacts, betas: Iterable[str], notes: Notes) -> Translated:
        """A native request to count tokens, likewise."""
