"""The frame of every exchange: what is read of the request, how an answer is streamed, and the last word."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

from ..answer import Answer, Head
from ..backends.base import Backend
from ..errors import BridgeError, UpstreamError
from ..inspector.record import Record
from ..notes import Notes
from ..pages import Page
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
        self._sender: Sender | None = None  # until it is known who is to be asked

    async def answer(self) -> Answer:
        """A `Head`, then bytes. Raises only what is a defect."""
        try:
            async with aclosing(self._answer()) as pieces:
                async for piece in pieces:
                    yield piece
        except BridgeError as error:
            if self._sender:
                self._sender.hide(error)
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

    def _enter(self, model: str) -> tuple[Sender, Backend[Any, Any], Any]:
        """Who answers for the model that the client names: the way there, the backend, what is known of the model.
        Raises `NotFound`."""
        services = self._services
        self._record.model = model[:_MODEL_SHOWN]
        door, facts = services.directory.find(self._incoming.route, model)
        self._record.family = "-".join(door.entry.path)
        self._sender = Sender(services.upstream, services.pools, door, facts, self._record)
        return self._sender, door.backend, facts

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
        sender = self._sender
        assert sender is not None, "it has brought the answer"
        try:
            if response.in_one_piece:
                yield transcript.take(await sender.read(response))
                return
            async for chunk in response.chunks():
                sender.received(response, chunk)
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
            **self._limits(self._sender.headers if self._sender else {}),
        }
        return tuple((name, value) for name, value in told.items() if value)
