"""What a backend is: a dialect, a framing and a path, put together in one file each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from ..credentials.base import Outbound
from ..dialects.reading import Reading, Translated
from ..errors import BridgeError
from ..events import Event
from ..models.catalog import Catalog, ModelFacts
from ..models.facts import Facts
from ..models.passed import Cloud as OpenAiCloud
from ..models.passed import PassedFacts
from ..notes import Notes
from ..openai.chat import ChatRequest
from ..settings.values import Config
from ..wire.frames import Frame

Call = Literal["whole", "stream", "count", "embed", "image"]
"""An answer in one piece, one in a stream, the number of the prompt's tokens, vectors, pictures."""

Duty = Literal["chat", "messages", "count_tokens", "embeddings", "images"]
"""What a door can be asked for: OpenAI's chats, Anthropic's messages and their tokens, vectors, pictures."""
Duties = tuple[Duty, ...]
Account = Literal["google", "aws", "azure", "foundry"]
"""Whose credentials let a request in."""


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

    def end(self) -> list[Event]:
        """The stream has ended: the events that only this tells."""


class Backend[F: Facts, A](ABC):
    """One door of one cloud, for models of which `F` is known and with access of the kind `A`. No method does I/O."""

    name: ClassVar[str]
    """For people and for the `x-bridge-route` header, such as `vertex`."""

    @abstractmethod
    def listed(self) -> Sequence[F]:
        """The models that are shown, the most useful first."""

    @abstractmethod
    def find(self, name: str) -> F | None:
        """The model that a client calls so, in any spelling that this cloud knows; `None` where it has no such one."""

    def owns(self, name: str) -> bool:
        """Whether this is the cloud's very own spelling, which nobody else's models have."""
        return False

    def has(self, facts: F) -> bool:
        """Whether the cloud is known to have this model now; else it once had it, or its name is all there is."""
        return any(facts.id == one.id for one in self.listed())

    @abstractmethod
    def outbound(self, body: dict[str, Any], facts: F, call: Call, betas: Sequence[str], access: A) -> Outbound:
        """The request with its address, but for the headers that let it in."""

    @abstractmethod
    def error(
        self, status: int, headers: Mapping[str, str], body: bytes, model: str = "", region: str = ""
    ) -> BridgeError:
        """What an answer other than 200 means; header names are lower case. `model` is what was asked, by the cloud's
        name of it, and `region` where."""


class ChatBackend[A](Backend[ModelFacts, A]):
    """A door whose chats are translated."""

    @abstractmethod
    def chat(self, chat: ChatRequest, facts: ModelFacts, notes: Notes) -> Translated:
        """The request in the cloud's terms; raises `BridgeError`."""

    @abstractmethod
    def decoder(self) -> Decoder:
        """A fresh decoder for one stream."""

    @abstractmethod
    def dialect(self, reading: Reading) -> Dialect:
        """A fresh reader for one answer."""

    @abstractmethod
    def repaired(
        self, body: dict[str, Any], error: BridgeError, done: frozenset[str]
    ) -> tuple[str, dict[str, Any]] | None:
        """What to send instead after the cloud refused `body`, and the repair's name; `None` where nothing helps, or
        it is in `done`."""

    @abstractmethod
    def continued(self, body: dict[str, Any], said: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The request for the rest of an answer to `body` that paused after `said`, which is all of it so far."""

    @abstractmethod
    def remember(self, facts: ModelFacts, translated: Translated, said: Sequence[dict[str, Any]]) -> None:
        """Keeps the turn that the model wrote, for a client that can't send all of it back."""


class NativeBackend[A](ChatBackend[A]):
    """A door with Claude behind it that can be spoken to in Anthropic's own words, too. `fetches`: pictures and files
    that such a request names by URL have to be put in its place, since the cloud takes data only."""

    fetches: ClassVar[bool] = True

    @abstractmethod
    def messages(self, body: dict[str, Any], facts: ModelFacts, betas: Iterable[str], notes: Notes) -> Translated:
        """A native Messages request with what the cloud demands changed."""

    @abstractmethod
    def count(self, body: dict[str, Any], facts: ModelFacts, betas: Iterable[str], notes: Notes) -> Translated:
        """A native request to count tokens, likewise."""

    def counted(self, answer: bytes) -> bytes:
        """The cloud's answer to a count in Anthropic's form, `{"input_tokens": n}`; raises `BridgeError`."""
        return answer


class PassingBackend[A](Backend[PassedFacts, A]):
    """A door that speaks OpenAI's own language: chats, and whatever else it has, are passed on as they are, but for
    what the cloud would refuse. `cloud` is whose habits the answers have; `fetches`: pictures that a chat names by URL
    have to be put in its place, since the cloud takes data only."""

    cloud: ClassVar[OpenAiCloud]
    fetches: ClassVar[bool] = True

    @abstractmethod
    def passed(self, body: dict[str, Any], facts: PassedFacts, call: Call, notes: Notes) -> dict[str, Any]:
        """The client's body as the cloud takes it; raises `BridgeError`."""


def json_headers(streams: bool, betas: Sequence[str] = ()) -> Mapping[str, str]:
    """The headers of a request with JSON whose answer is JSON, or server-sent events of JSON. Compression is declined,
    since a stream would be held back by it."""
    headers = {
        "content-type": "application/json",
        "accept": "text/event-stream" if streams else "application/json",
        "accept-encoding": "identity",
    }
    return headers | {"anthropic-beta": ",".join(betas)} if betas else headers


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the registry. `cloud` is its name for people, `path` is what stands for it in URLs, such as
    `("gcp", "claude")`; `demo`: the embedded demo stands in for it where no credential is configured at all."""

    account: Account
    cloud: str
    path: tuple[str, str]
    duties: Duties
    make: Callable[[Config, Catalog], Backend[Any, Any]]
    demo: bool = False
