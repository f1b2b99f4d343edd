"""The frame of every exchange: what is read of the request, how an answer is streamed, and the last word."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

from ..answer import Answer, Head
from ..errors import BridgeError, UpstreamError
from ..inspector.record import Record
from ..models.catalog import ModelFacts
from ..notes import Notes
from ..pages import Page, unknown_model
from ..transcript import Transcript
from ..upstream import UpstreamResponse
from ..wire.inflate import inflate
from .sending import Sender
from .services import Incoming, Services

_MODEL_SHOWN = 200  # characters of a name that may be anything


class Exchange(ABC):
    """Answers one request; `record` is filled on the way."""

    def __init__(self, services: Services, incoming: Incoming, record: Record) -> None:
        self._services = services
        self._incoming = incoming
        self._record = record
        self._door = services.doors[incoming.route.backend or "vertex"]
        self._sender = Sender(services, self._door, record)

    async def answer(self) -> Answer:
        """A `Head`, then bytes. Raises only what is a defect."""
        try:
            async with aclosing(self._answer()) as pieces:
                async for piece in pieces:
                    yield piece
        except BridgeError as error:
            self._record.error = error
            page = self._error_page(error)
            known = {name for name, _ in page.headers}
            told = tuple(header for header in self._headers() if header[0] not in known)
            yield Head(page.status, (*page.headers, *told), None, page.reason)
            yield page.body
        finally:
            self._record.ended = self._services.clock()

    @abstractmethod
    def _answer(self) -> Answer:
        """The answer while all goes well; raises `BridgeError` before the first piece, never later."""

    @abstractmethod
    def _limits(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """What the cloud's headers tell of its rate limits, in the client's format."""

    @abstractmethod
    def _error_page(self, error: BridgeError) -> Page:
        """An error in the client's format."""

    # -- the request --------------------------------------------------------------------------------------------------

    def _body(self, read: Callable[[bytes], dict[str, Any]]) -> dict[str, Any]:
        """The request's JSON object."""
        config = self._services.config
        body = read(inflate(self._incoming.body, self._incoming.encoding, config.max_body))
        if isinstance(model := body.get("model"), str):
            self._record.model = model[:_MODEL_SHOWN]
        self._record.notes = Notes(strict=config.strict)
        return body

    def _facts(self, model: str) -> ModelFacts:
        """What is known of the model that the client names, by alias or in any spelling."""
        config, catalog = self._services.config, self._services.catalog
        self._record.model = model
        facts = catalog.find(config.aliases.get(model, model))
        if facts is None:
            raise unknown_model(model, config, catalog)
        self._record.upstream_model = facts.vertex
        return facts

    # -- the answer ---------------------------------------------------------------------------------------------------

    def _whole(self, body: bytes, response: UpstreamResponse) -> tuple[Head, bytes]:
        """An answer in one piece."""
        headers = (("content-type", "application/json"), ("content-length", str(len(body))), *self._headers())
        return Head(200, headers, response.connection), body

    async def _streamed(
        self,
        response: UpstreamResponse,
        transcript: Transcript,
        go_on: Callable[[], Awaitable[UpstreamResponse | None]] | None = None,
    ) -> Answer:
        """The head is held until the answer has begun: what fails before is an HTTP error, not an event. `go_on` asks
        for the rest of an answer that paused, which ends there if there is none to be had."""
        committed = False
        async with aclosing(self._legs(response, transcript, go_on)) as pieces:
            async for piece in pieces:
                if transcript.failure and not committed and not transcript.begun:
                    raise transcript.failure
                if piece and not committed:
                    committed = True
                    head = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-store"))
                    yield Head(200, (*head, *self._headers()), response.connection)
                if piece:
                    yield piece
        self._record.error = transcript.failure

    async def _legs(
        self,
        response: UpstreamResponse,
        transcript: Transcript,
        go_on: Callable[[], Awaitable[UpstreamResponse | None]] | None,
    ) -> AsyncGenerator[bytes, None]:
        """The client's bytes, up to the one ending, over all pauses."""
        leg: UpstreamResponse | None = response
        while leg is not None:
            async with aclosing(self._leg(leg, transcript)) as pieces:
                async for piece in pieces:
                    yield piece
            leg = None
            if transcript.paused and go_on is not None:
                try:
                    leg = await go_on()
                except BridgeError as error:
                    yield transcript.fail(error)
        if transcript.paused:
            yield transcript.stop_paused()

    async def _leg(self, response: UpstreamResponse, transcript: Transcript) -> AsyncGenerator[bytes, None]:
        """The client's bytes out of one answer of the cloud."""
        try:
            if response.in_one_piece:
                yield transcript.take(await self._sender.read(response))
                return
            async for chunk in response.chunks():
                self._record.received(chunk)
                yield transcript.feed(chunk)
                if transcript.ended or transcript.paused:
                    break
            else:
                yield transcript.end()
        except UpstreamError as error:
            yield transcript.fail(error)
        finally:
            if transcript.whole or transcript.paused:
                self._services.upstream.finish(response)
            else:
                response.close()

    def _headers(self) -> tuple[tuple[str, str], ...]:
        """What is known of the exchange when the head goes out."""
        record = self._record
        told = {
            "x-request-id": record.request_id,
            "openai-processing-ms": str(int(1000 * (self._services.clock() - record.began))),
            "x-bridge-route": record.route,
            "x-bridge-model": record.upstream_model,
            "x-bridge-notes": record.notes.header(),
            "x-bridge-attempts": str(len(record.attempts)),
            "x-bridge-upstream-request-id": record.upstream_request_id,
            **self._limits(self._sender.headers),
        }
        return tuple((name, value) for name, value in told.items() if value)
