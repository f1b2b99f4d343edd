"""The frame of every exchange: what is read of the request, who is asked, how an answer is streamed, the last word."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from ..answer import Answer, Head, Heartbeat
from ..directory import Way
from ..errors import BridgeError, UpstreamError
from ..inspector.record import Record
from ..notes import Notes
from ..pages import Page
from ..transcript import Transcript
from ..upstream import UpstreamResponse
from ..wire.inflate import inflate
from .attempts import Attempt, Attempts
from .services import Incoming, Services

_MODEL_SHOWN = 200  # characters of a name that may be anything
_STREAM_HEAD = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-store"))


class Exchange(ABC):
    """Answers one request; `record` is filled on the way."""

    def __init__(self, services: Services, incoming: Incoming, record: Record) -> None:
        self._services = services
        self._incoming = incoming
        self._record = record
        self._deadline = asyncio.get_running_loop().time() + services.config.timeouts.total
        self._attempt: Attempt | None = None  # the last one
        self._heartbeat: Heartbeat | None = None

    async def answer(self) -> Answer:
        """A `Head`, perhaps a `Heartbeat` before it, then bytes. Raises only what is a defect."""
        try:
            async with aclosing(self._answer()) as pieces:
                async for piece in pieces:
                    if not (isinstance(piece, Head) and self._committed):
                        yield piece
        except BridgeError as error:
            if self._attempt:
                self._attempt.sender.hide(error)
            self._record.error = error
            if self._committed:
                yield self._error_event(error)
            else:
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

    @abstractmethod
    def _error_event(self, error: BridgeError) -> bytes:
        """The same as the only event of a stream."""

    # -- the request --------------------------------------------------------------------------------------------------

    def _body(self, read: Callable[[bytes], dict[str, Any]]) -> dict[str, Any]:
        """The request's JSON object."""
        config = self._services.config
        body = read(inflate(self._incoming.body, self._incoming.encoding, config.max_body))
        if isinstance(model := body.get("model"), str):
            self._record.model = model[:_MODEL_SHOWN]
        self._record.notes = Notes(strict=config.strict)
        return body

    # -- who is asked -------------------------------------------------------------------------------------------------

    def _ways(self, model: str) -> tuple[Way, ...]:
        """Who may answer for the model that the client names, in the order in which they are asked; raises `NotFound`,
        and `Busy` for a client that asks too often."""
        self._record.model = model[:_MODEL_SHOWN]
        ways = self._services.directory.ways(self._incoming.route, model)
        self._services.rates.take(self._incoming.client, self._services.clock())
        self._record.family = "-".join(ways[0].door.entry.path)
        return ways

    def _attempts(self, ways: Sequence[Way]) -> Attempts:
        return Attempts(self._services, self._record, self._incoming.client, ways, self._deadline)

    async def _served[T](
        self, ways: Sequence[Way], prepare: Callable[[Way], Awaitable[T]], serve: Callable[[Attempt, T], Answer]
    ) -> Answer:
        """What `serve` makes of the first attempt that brings an answer; it raises `BridgeError` before its first
        piece, never later. `prepare` translates the client's request, anew for each way."""
        way = ways[0]
        prepared = await prepare(way)
        async for attempt in self._attempts(ways):
            self._attempt = attempt
            async with attempt:
                if attempt.way is not way:
                    way = attempt.way
                    self._record.notes = self._notes(way, ways[0])
                    prepared = await prepare(way)
                async with aclosing(serve(attempt, prepared)) as pieces:
                    async for piece in pieces:
                        attempt.answered()
                        yield piece
                if self._record.error is not None:
                    attempt.failed(self._record.error)

    async def _called[T](self, ways: Sequence[Way], ask: Callable[[Attempt], Awaitable[T]]) -> T:
        """What `ask` brings in the first attempt that brings an answer."""
        async for attempt in self._attempts(ways):
            self._attempt = attempt
            async with attempt:
                found = await ask(attempt)
                attempt.answered()
                return found
        raise AssertionError("attempts end with an answer or with an error")

    def _notes(self, way: Way, first: Way) -> Notes:
        """Fresh ones for a way, which tell if it is not the one that the client asked for."""
        notes = Notes(strict=self._services.config.strict)
        if way is not first:
            place = f"{way.door.backend.name}/{way.facts.id}"
            notes.add(f"fallback:{place}", f"The model asked for could not be had; {place} was asked in its place.")
        return notes

    def _beating(self) -> Heartbeat:
        """To be yielded where the client waits for a stream: what fails after a heartbeat is an event, too."""
        every = self._services.config.timeouts.heartbeat
        self._heartbeat = Heartbeat(every or float("inf"), lambda: Head(200, (*_STREAM_HEAD, *self._headers())))
        return self._heartbeat

    @property
    def _committed(self) -> bool:
        """A heartbeat has sent the head."""
        return self._heartbeat is not None and self._heartbeat.begun

    # -- the answer ---------------------------------------------------------------------------------------------------

    def _whole(self, body: bytes, response: UpstreamResponse) -> tuple[Head, bytes]:
        """An answer in one piece."""
        headers = (("content-type", "application/json"), ("content-length", str(len(body))), *self._headers())
        return Head(200, headers, response.connection), body

    async def _streamed(
        self,
        attempt: Attempt,
        response: UpstreamResponse,
        transcript: Transcript,
        go_on: Callable[[], Awaitable[UpstreamResponse | None]] | None = None,
    ) -> Answer:
        """The head is held until the answer has begun: what fails before is an HTTP error, not an event. `go_on` asks
        for the rest of an answer that paused, which ends there if there is none to be had."""
        begun = False
        async with aclosing(self._legs(attempt, response, transcript, go_on)) as pieces:
            async for piece in pieces:
                if transcript.failure and not begun and not transcript.begun:
                    attempt.sender.failed(response, transcript.failure)
                    raise transcript.failure
                if piece and not begun:
                    begun = True
                    yield Head(200, (*_STREAM_HEAD, *self._headers()), response.connection)
                if piece:
                    yield piece
        self._record.error = transcript.failure

    async def _legs(
        self,
        attempt: Attempt,
        response: UpstreamResponse,
        transcript: Transcript,
        go_on: Callable[[], Awaitable[UpstreamResponse | None]] | None,
    ) -> AsyncGenerator[bytes, None]:
        """The client's bytes, up to the one ending, over all pauses."""
        leg: UpstreamResponse | None = response
        while leg is not None:
            async with aclosing(self._leg(attempt, leg, transcript)) as pieces:
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

    async def _leg(
        self, attempt: Attempt, response: UpstreamResponse, transcript: Transcript
    ) -> AsyncGenerator[bytes, None]:
        """The client's bytes out of one answer of the cloud."""
        sender = attempt.sender
        try:
            if response.in_one_piece:
                yield transcript.take(await sender.read(response))
                return
            async for chunk in response.chunks():
                sender.received(response, chunk)
                yield transcript.feed(chunk)
                if transcript.begun:
                    sender.began()
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
            **self._limits(self._attempt.sender.headers if self._attempt else {}),
        }
        return tuple((name, value) for name, value in told.items() if value)
