"""One chat with the cloud over several requests: what is refused is repaired, what pauses goes on, turns are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..backends.base import Call, ChatBackend
from ..dialects.reading import Reading, Translated
from ..errors import BridgeError
from ..events import Event, Said, Stop
from ..models.catalog import ModelFacts
from ..notes import Notes
from ..outward.upstream import UpstreamResponse
from .sending import Sender

_LEGS = 10  # requests that one answer may take: each of them costs the whole prompt
_REPAIRS: Mapping[str, str] = {
    "strict": "The cloud refused the tools' schemas as strict ones; they were sent again without `strict`.",
    "thinking": "The cloud refused the thinking of earlier turns; the chat was sent again without it.",
    "output_config": "The cloud refused the answer's schema; it was sent again as an instruction.",
    "cache": "The cloud refused the cache breakpoints; the chat was sent again without them.",
    "field": "The cloud refused a setting that this model does not have; the chat was sent again without it.",
}


class Conversation:
    """For one request of a client, over all its attempts. `reading` says how the answers are to be read, `sender` is
    that of the attempt."""

    sender: Sender

    def __init__(
        self,
        backend: ChatBackend[Any],
        translated: Translated,
        *,
        facts: ModelFacts,
        call: Call,
        notes: Notes,
    ) -> None:
        self._backend = backend
        self._translated = translated
        self._facts = facts
        self._call = call
        self._notes = notes
        self._body = translated.body
        self._legs = 1
        self._repaired: frozenset[str] = frozenset()
        self._said: tuple[dict[str, Any], ...] = ()

    @property
    def reading(self) -> Reading:
        return self._translated.reading

    async def ask(self) -> UpstreamResponse:
        """The cloud's 200. What it refuses for a reason that can be taken away is sent again without it, once for each
        reason; strict settings forbid that as any other drop."""
        while True:
            try:
                return await self._send(
                    self._body if self._legs == 1 else self._backend.continued(self._body, self._said)
                )
            except BridgeError as error:
                repair = self._backend.repaired(self._body, error, self._repaired)
                if repair is None or self._notes.strict:
                    raise
                name, body = repair
                self._notes.add(f"repaired:{name}", _REPAIRS[name])
                self._repaired |= {name}
                self._body = body

    async def go_on(self) -> UpstreamResponse | None:
        """The rest of an answer that paused; `None` after too many pauses."""
        if self._legs == _LEGS:
            return None
        self._legs += 1
        return await self.ask()

    async def _send(self, body: dict[str, Any]) -> UpstreamResponse:
        return await self.sender.send(
            lambda access: self._backend.outbound(body, self._facts, self._call, self._translated.betas, access)
        )

    def saw(self, event: Event) -> None:
        """An event of an answer: a turn that is whole can be recalled when the client sends its results."""
        match event:
            case Said(content):
                self._said = content
            case Stop() if self._said:
                self._backend.remember(self._facts, self._translated, self._said)
