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
from ..openai.chat import Remote
from ..openai.media import Media
from ..openai.request import model_of, read_body
from ..outward.patience import within
from ..outward.upstream import UpstreamResponse
from ..pages import Page
from ..streaming.transcript import Transcript
from ..wire.inflate import inflate
from .admission import grew, let_in
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
        self._attempts: Attempts | None = None  # the last ones
        self._fetched: dict[str, Media] = {}  # what the request names by URL
        self._heartbeat: Heartbeat | None = None
        self._size = 0  # bytes of the client's body
        self._admitted: tuple[Sequence[Way], Mapping[str, Any]] = ((), {})  # who may be asked, for which body

    async def answer(self) -> Answer:
        """A `Head`, perhaps a `Heartbeat` before it, then bytes. Raises only what is a defect."""
        try:
            async with aclosing(self._answer()) as pieces:
                async for piece in pieces:
                    if not (isinstance(piece, Head) and self._committed):
                        yield piece
        except BridgeError as error:
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
            self._record.ended = self._record.clock()
            self._break_circles()

    def _break_circles(self) -> None:
        """What we know and what knows us would keep the bodies of both sides until Python looks for such circles, which
        may be minutes later."""
        self._heartbeat = None
        if self._attempts is not None:
            self._attempts.forget()
        if self._record.error is not None:
            self._record.error.__traceback__ = self._record.error.__context__ = None

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

    def _body(self) -> dict[str, Any]:
        """The request's JSON object, read anew each time."""
        config = self._services.config
        raw = inflate(self._incoming.body, self._incoming.encoding, config.max_body)
        self._size = len(raw)
        body = read_body(raw)
        if isinstance(model := body.get("model"), str):
            self._record.model = model[:_MODEL_SHOWN]
        self._record.notes = Notes(strict=config.strict)
        return body

    # -- who is asked -------------------------------------------------------------------------------------------------

    async def _ways(self, body: Mapping[str, Any], *, fallbacks: bool = True) -> tuple[Way, ...]:
        """Who may answer for the model that the client names, in the order in which they are asked; raises `NotFound`,
        `Forbidden` for a model that the client may not use, `Busy` for one that asks too often, and `SpendingLimit`."""
        model = model_of(body)
        self._record.model = model[:_MODEL_SHOWN]
        client = self._services.config.client(self._incoming.client)
        ways = self._services.directory.ways(self._incoming.route, model, client)
        # No Unix time: after a step back of the clock a client would have to wait for as long.
        self._services.rates.take(self._incoming.client, asyncio.get_running_loop().time())
        self._record.family = "-".join(ways[0].door.entry.path)
        ways = ways if fallbacks else ways[:1]
        ways = await let_in(self._services, self._incoming.client, self._record, ways, body=body, size=self._size)
        self._admitted = ways, dict(body)
        return ways

    def _tries(self, ways: Sequence[Way]) -> Attempts:
        self._attempts = Attempts(self._services, self._incoming, self._record, ways, self._deadline)
        return self._attempts

    async def _within[T](self, coming: Awaitable[T]) -> T:
        """What comes, in time for the whole request; raises `UpstreamError` when it does not."""
        return await within(coming, self._services.config.timeouts, self._deadline)

    async def _media(self, remotes: Sequence[Remote]) -> Mapping[str, Media]:
        """What stands at these URLs, each fetched once, however often the request is translated."""
        missing = [remote for remote in remotes if remote.url not in self._fetched]
        self._fetched |= await self._services.fetcher.get_all(missing)
        ways, body = self._admitted
        size = self._size + sum(len(self._fetched[remote.url].data) for remote in remotes)
        grew(self._services, self._record, ways, body=body, size=size)
        return self._fetched

    async def _served[T](
        self,
        ways: Sequence[Way],
        body: dict[str, Any],
        prepare: Callable[[dict[str, Any], Way], Awaitable[T]],
        serve: Callable[[Attempt, T], Awaitable[Answer]],
    ) -> Answer:
        """What `serve` makes of the first attempt that brings an answer; `BridgeError` is raised before the first
        piece, never later. `prepare` translates the client's `body`, anew for each way, and may change it."""
        way, prepared = ways[0], await self._within(prepare(body, ways[0]))
        async for attempt in self._tries(ways):
            async with attempt:
                if attempt.way is not way:
                    way, body = attempt.way, self._body()
                    self._record.notes = self._notes(way, ways[0])
                    prepared = await self._within(prepare(body, way))
                async with aclosing(await serve(attempt, prepared)) as pieces:
                    async for piece in pieces:
                        attempt.answered()
                        yield piece
                if self._record.error is not None:
                    attempt.failed(self._record.error)

    async def _called[T](self, ways: Sequence[Way], ask: Callable[[Attempt], Awaitable[T]]) -> T:
        """What `ask` brings in the first attempt that brings an answer."""
        async for attempt in self._tries(ways):
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

    async def _at_once(self, body: bytes, response: UpstreamResponse) -> Answer:
        """The same as pieces."""
        for piece in self._whole(body, response):
            yield piece

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
                    raise transcript.failure
                if piece and not begun:
                    begun = True
                    yield Head(200, (*_STREAM_HEAD, *self._headers()), response.connection)
                if piece:
                    self._record.error = transcript.failure  # known before the client is given it
                    yield piece
        self._record.error = transcript.failure

    async def _legs(
        self,
        attempt: Attempt,
        response: UpstreamResponse,
        transcript: Transcript,
        go_on: Callable[[], Awaitable[UpstreamResponse | None]] | None,
    ) -> AsyncGenerator[bytes, None]:
        """The client's bytes out of the cloud's answers, up to the one ending, over all pauses."""
        sender = attempt.sender
        leg: UpstreamResponse | None = response
        while leg is not None:
            try:
                if leg.in_one_piece:
                    yield transcript.take(await sender.read(leg))
                else:
                    while chunk := await leg.more():
                        sender.received(leg, chunk)
                        yield transcript.feed(chunk)
                        if transcript.begun:
                            sender.began()
                        if transcript.ended or transcript.paused:
                            break
                    else:
                        yield transcript.end()
            except UpstreamError as error:
                yield transcript.lose(error)
            finally:
                if transcript.whole or transcript.paused:
                    self._services.upstream.finish(leg)
                else:
                    leg.close()
            leg = None
            if transcript.paused and go_on is not None:
                try:
                    leg = await go_on()
                except BridgeError as error:
                    yield transcript.fail(error)
        if transcript.paused:
            yield transcript.stop_paused()

    def _headers(self) -> tuple[tuple[str, str], ...]:
        """What is known of the exchange when the head goes out."""
        record = self._record
        shown = self._attempts.shown if self._attempts else None
        told = {
            "x-request-id": record.request_id,
            "openai-processing-ms": str(int(1000 * (record.clock() - record.began))),
            "x-bridge-route": record.route,
            "x-bridge-model": record.upstream_model,
            "x-bridge-notes": record.notes.header(),
            "x-bridge-attempts": str(len(record.attempts)),
            "x-bridge-upstream-request-id": record.upstream_request_id,
            **self._limits(shown.sender.headers if shown else {}),
        }
        return tuple((name, value) for name, value in told.items() if value)
