"""Anthropic's own Messages API: requests go on with what the cloud demands changed, answers come back as they are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from ..answer import Answer
from ..anthropic.errors import error_event
from ..anthropic.reply import PassedStream, pass_on
from ..backends.base import Call, NativeBackend
from ..dialects.claude_native import count_of, put_source, remote_sources
from ..dialects.reading import Translated
from ..directory import Way
from ..errors import BridgeError
from ..models.catalog import ModelFacts
from ..openai.chat import Remote
from ..outward.upstream import UpstreamResponse
from ..pages import Page, anthropic_error_page
from ..streaming.transcript import Transcript
from .attempts import Attempt
from .base import Exchange
from .limits import anthropic_limits


@dataclass(frozen=True, slots=True)
class _Native:
    """A request as a cloud takes it, `call` by call."""

    backend: NativeBackend[Any]
    facts: ModelFacts
    call: Call
    translated: Translated


class _NativeExchange(Exchange):
    async def _answer(self) -> Answer:
        body = self._body()
        ways = await self._ways(body)
        if self._call(body) == "stream":
            yield self._beating()
        async with aclosing(self._served(ways, body, self._prepared, self._serve)) as pieces:
            async for piece in pieces:
                yield piece

    @abstractmethod
    def _call(self, body: Mapping[str, Any]) -> Call:
        """What the client asks for."""

    @abstractmethod
    async def _serve(self, attempt: Attempt, native: _Native) -> Answer:
        """As `Exchange._answer`, for one attempt. Raises `BridgeError`, too."""

    async def _prepared(self, body: dict[str, Any], way: Way) -> _Native:
        """The client's body with what it names by URL in it, and with what the way's cloud demands changed."""
        backend, call = way.door.backend, self._call(body)
        assert isinstance(backend, NativeBackend), "the registry gives these duties to no other"
        sources = remote_sources(body) if backend.fetches else ()
        if sources:
            fetched = await self._media([Remote(source.url, source.param) for source in sources])
            for source in sources:
                put_source(body, source, fetched[source.url])
        translate = backend.count if call == "count" else backend.messages
        translated = translate(body, way.facts, self._incoming.betas, self._record.notes)
        return _Native(backend, way.facts, call, translated)

    async def _sent(self, attempt: Attempt, native: _Native) -> UpstreamResponse:
        backend, translated = native.backend, native.translated
        return await attempt.sender.send(
            lambda access: backend.outbound(translated.body, native.facts, native.call, translated.betas, access)
        )

    def _limits(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        return anthropic_limits(headers)

    def _error_page(self, error: BridgeError) -> Page:
        return anthropic_error_page(error, self._record.request_id)

    def _error_event(self, error: BridgeError) -> bytes:
        return error_event(error, self._record.request_id)

    def _headers(self) -> tuple[tuple[str, str], ...]:
        return (*super()._headers(), ("request-id", self._record.request_id))


class MessagesExchange(_NativeExchange):
    """`POST …/messages`."""

    def _call(self, body: Mapping[str, Any]) -> Call:
        return "stream" if body.get("stream") else "whole"

    async def _serve(self, attempt: Attempt, native: _Native) -> Answer:
        sender, dialect = attempt.sender, native.backend.dialect(native.translated.reading)
        response = await self._sent(attempt, native)
        if native.call == "whole":
            answer = await sender.read(response)
            return self._at_once(pass_on(answer, dialect.whole(answer), self._record.saw), response)
        passed = PassedStream(dialect, self._record.request_id)
        transcript = Transcript(native.backend.decoder(), passed, passed, self._record.saw, sender.hide)
        return self._streamed(attempt, response, transcript)


class CountExchange(_NativeExchange):
    """`POST …/messages/count_tokens`."""

    def _call(self, body: Mapping[str, Any]) -> Call:
        return "count"

    async def _serve(self, attempt: Attempt, native: _Native) -> Answer:
        response = await self._sent(attempt, native)
        answer = native.backend.counted(await attempt.sender.read(response))
        count_of(answer)
        return self._at_once(answer, response)
