"""Anthropic's own Messages API: requests go on with what the cloud demands changed, answers come back as they are."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from ..answer import Answer
from ..anthropic.reply import PassedStream, pass_on
from ..backends.base import Call, NativeBackend
from ..dialects.claude_native import count_of, put_source, remote_sources
from ..errors import BridgeError
from ..models.catalog import ModelFacts
from ..openai.chat import Remote
from ..openai.request import model_of, read_body
from ..pages import Page, anthropic_error_page
from ..transcript import Transcript
from .base import Exchange
from .limits import anthropic_limits
from .sending import Sender


class _NativeExchange(Exchange):
    async def _request(self) -> tuple[dict[str, Any], Sender, NativeBackend[Any], ModelFacts]:
        """The client's body, with what it names by URL in it; and who answers."""
        body = self._body(read_body)
        sender, backend, facts = self._enter(model_of(body))
        assert isinstance(backend, NativeBackend), "the registry gives these duties to no other"
        sources = remote_sources(body) if backend.fetches else ()
        if sources:
            fetched = await self._services.fetcher.get_all([Remote(source.url, source.param) for source in sources])
            for source in sources:
                put_source(body, source, fetched[source.url])
        return body, sender, backend, facts

    def _limits(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        return anthropic_limits(headers)

    def _error_page(self, error: BridgeError) -> Page:
        return anthropic_error_page(error, self._record.request_id)

    def _headers(self) -> tuple[tuple[str, str], ...]:
        return (*super()._headers(), ("request-id", self._record.request_id))


class MessagesExchange(_NativeExchange):
    """`POST …/messages`."""

    async def _answer(self) -> Answer:
        body, sender, backend, facts = await self._request()
        translated = backend.messages(body, facts, self._incoming.betas, self._record.notes)
        call: Call = "stream" if body.get("stream") else "whole"
        response = await sender.send(
            lambda access: backend.outbound(translated.body, facts, call, translated.betas, access)
        )
        dialect = backend.dialect(translated.reading)
        if call == "whole":
            answer = await sender.read(response)
            for piece in self._whole(pass_on(answer, dialect.whole(answer), self._record.saw), response):
                yield piece
            return
        passed = PassedStream(dialect, self._record.request_id)
        transcript = Transcript(backend.decoder(), passed, passed, self._record.saw, sender.hide)
        async with aclosing(self._streamed(response, transcript)) as pieces:
            async for piece in pieces:
                yield piece


class CountExchange(_NativeExchange):
    """`POST …/messages/count_tokens`."""

    async def _answer(self) -> Answer:
        body, sender, backend, facts = await self._request()
        translated = backend.count(body, facts, self._incoming.betas, self._record.notes)
        response = await sender.send(
            lambda access: backend.outbound(translated.body, facts, "count", translated.betas, access)
        )
        answer = backend.counted(await sender.read(response))
        count_of(answer)
        for piece in self._whole(answer, response):
            yield piece
