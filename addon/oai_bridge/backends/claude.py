"""What all doors with Claude behind them share: Anthropic's dialect, the native route, repairs, the memory of turns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ..dialects.claude_memory import TurnMemory
from ..dialects.claude_native import count_body, native_body
from ..dialects.claude_repair import continued, repaired
from ..dialects.claude_reply import ClaudeStream
from ..dialects.claude_request import claude_body
from ..dialects.cloud_errors import GOOGLE, Hints
from ..dialects.reading import Reading, Translated
from ..errors import BridgeError
from ..models.catalog import Catalog, Cloud, ModelFacts
from ..notes import Notes
from ..openai.chat import ChatRequest
from ..settings.values import Claude
from ..wire.sse import SseDecoder
from .base import Decoder, Dialect, NativeBackend

_NO_SAMPLING_SINCE = "2026-10-21"  # this API version has no temperature, top_p and top_k for any model


class ClaudeBackend[A](NativeBackend[A]):
    """Settings in, requests and events out; it remembers turns, and nothing else. `version` is the cloud's own word for
    the API version, which ends in a date."""

    cloud: ClassVar[Cloud]
    tiers: ClassVar[Mapping[str, str]] = {}
    """The client's words for a service tier to those of the body."""
    hints: ClassVar[Hints] = GOOGLE
    """What to do about errors at this cloud."""

    def __init__(self, catalog: Catalog, claude: Claude, version: str) -> None:
        self._catalog = catalog
        self._claude = claude
        self._version = version
        self._memory = TurnMemory()

    def listed(self) -> Sequence[ModelFacts]:
        return self._catalog.listed(self.cloud)

    def find(self, name: str) -> ModelFacts | None:
        return self._catalog.find(name)

    def has(self, facts: ModelFacts) -> bool:
        return self._catalog.serves(self.cloud, facts)

    def chat(self, chat: ChatRequest, facts: ModelFacts, notes: Notes) -> Translated:
        return claude_body(
            chat,
            facts,
            self._claude,
            notes,
            cloud=self.cloud,
            sampling=self._takes_sampling,
            memory=self._memory,
            tiers=self.tiers,
        )

    @property
    def _takes_sampling(self) -> bool:
        return self._version[-len(_NO_SAMPLING_SINCE) :] < _NO_SAMPLING_SINCE

    def messages(self, body: dict[str, Any], facts: ModelFacts, betas: Iterable[str], notes: Notes) -> Translated:
        return native_body(body, facts, cloud=self.cloud, header_betas=betas, notes=notes)

    def count(self, body: dict[str, Any], facts: ModelFacts, betas: Iterable[str], notes: Notes) -> Translated:
        return count_body(body, facts, cloud=self.cloud, header_betas=betas, notes=notes)

    def decoder(self) -> Decoder:
        return SseDecoder()

    def dialect(self, reading: Reading) -> Dialect:
        return ClaudeStream(reading, self.hints)

    def repaired(
        self, body: dict[str, Any], error: BridgeError, done: frozenset[str]
    ) -> tuple[str, dict[str, Any]] | None:
        return repaired(body, error, done)

    def continued(self, body: dict[str, Any], said: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return continued(body, said)

    def remember(self, facts: ModelFacts, translated: Translated, said: Sequence[dict[str, Any]]) -> None:
        self._memory.remember(facts.id, translated.prefix, said)


OWN_TIERS: Mapping[str, str] = {"auto": "auto", "default": "standard_only"}
"""Of the doors that have Anthropic's own API."""
