"""One request's life: read, translate, find a credential, send, translate back, and the last word, whatever happens."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from .answer import Answer, Head
from .backends.base import Backend
from .credentials.base import Credential
from .errors import BridgeError, Unauthorized, UpstreamError
from .inspector.record import Record
from .models.catalog import Catalog, ModelFacts
from .notes import Notes
from .openai.reply import ChunkWriter, Completion, ReplyTo
from .openai.request import parse_chat, read_body
from .pages import error_page, is_test_message, reply_to_test_message, unknown_model
from .pool import Pool
from .redaction import redact
from .routing import Route
from .settings import Config
from .transcript import Transcript
from .upstream import StaleConnection, UpstreamClient, UpstreamResponse
from .wire.inflate import inflate

_ANSWER_LIMIT = 64 * 1024 * 1024  # bytes of an answer in one piece
_ERROR_LIMIT = 1024 * 1024
_MODEL_SHOWN = 200  # characters of a name that may be anything
_STALE_LIMIT = 2  # dead connections that are passed over before it counts as a failure


@dataclass(frozen=True, slots=True)
class Door:
    """A backend and those who pay for it."""

    backend: Backend
    pool: Pool[Credential]


@dataclass(frozen=True, slots=True)
class Services:
    """What all exchanges share. `clock` gives Unix seconds."""

    config: Config
    catalog: Catalog
    doors: Mapping[str, Door]
    upstream: UpstreamClient
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Incoming:
    """The client's request: `body` as it came, `encoding` its Content-Encoding."""

    route: Route
    body: bytes
    encoding: str | None = None


class Exchange:
    """Answers one chat request; `record` is filled on the way."""

    def __init__(self, services: Services, incoming: Incoming, record: Record) -> None:
        self._services = services
        self._incoming = incoming
        self._record = record

    async def answer(self) -> Answer:
        """A `Head`, then bytes. Raises only what is a defect."""
        try:
            async with aclosing(self._answer()) as pieces:
                async for piece in pieces:
                    yield piece
        except BridgeError as error:
            self._record.error = error
            page = error_page(error, self._record.request_id)
            known = {name for name, _ in page.headers}
            told = tuple(header for header in self._headers() if header[0] not in known)
            yield Head(page.status, (*page.headers, *told), None, page.reason)
            yield page.body
        finally:
            self._record.ended = self._services.clock()

    async def _answer(self) -> Answer:
        config = self._services.config
        body = read_body(inflate(self._incoming.body, self._incoming.encoding, config.max_body))
        if isinstance(model := body.get("model"), str):
            self._record.model = model[:_MODEL_SHOWN]
        if config.answer_test_message and is_test_message(body):
            self._record.route = "answered here"
            page = reply_to_test_message(body.get("model"), self._record.began)
            yield Head(page.status, (*page.headers, ("x-request-id", self._record.request_id)), None)
            yield page.body
            return
        notes = self._record.notes = Notes(strict=config.strict)
        chat = parse_chat(body, notes)
        facts = self._facts(chat.model)
        door = self._services.doors[self._incoming.route.backend or "vertex"]
        response = await self._send(door, door.backend.body(chat, facts, notes), facts, chat.stream)
        to = ReplyTo(chat.model, int(self._record.began), self._record.request_id, chat.include_usage)
        rest = self._streamed(door, response, to) if chat.stream else self._whole(door, response, to)
        async with aclosing(rest) as pieces:
            async for piece in pieces:
                yield piece

    def _facts(self, model: str) -> ModelFacts:
        """What is known of the model that the client names, by alias or in any spelling."""
        config, catalog = self._services.config, self._services.catalog
        self._record.model = model
        facts = catalog.find(config.aliases.get(model, model))
        if facts is None:
            raise unknown_model(model, config, catalog)
        self._record.upstream_model = facts.vertex
        return facts

    async def _send(self, door: Door, body: dict[str, Any], facts: ModelFacts, stream: bool) -> UpstreamResponse:
        """The cloud's 200; anything else is raised. A token that is refused is replaced once, and a kept connection
        that was dead already is no attempt at all for the cloud: both go before anything has reached the client."""
        credential = door.pool.next()
        if credential is None:
            raise Unauthorized("No cloud credential is configured; set GCP_CREDENTIALS, or see README.md.")
        self._record.route = f"{door.backend.name}/{credential.region}"
        refused, stale = False, 0
        while True:
            access = await credential.access()
            outbound = door.backend.outbound(body, facts, stream, access)
            self._record.sending(outbound, credential.label)
            try:
                response = await self._services.upstream.send(outbound)
                self._record.answered(response.status, response.headers.get("request-id"))
                if response.status == 200:
                    return response
                answer = b""
                with suppress(UpstreamError):  # cut off or endless: the status still says what is wrong
                    answer = await response.read(_ERROR_LIMIT)
                self._record.received(answer)
                error = door.backend.error(response.status, response.headers, answer)
                error.message = redact(error.message, access.token)
                self._record.upstream_request_id = error.request_id
                raise error
            except StaleConnection as error:
                self._record.failed(error)
                stale += 1
                if stale > _STALE_LIMIT:
                    raise
            except BridgeError as error:
                self._record.failed(error)
                if refused or error.status != 401:
                    raise
                credential.refuse(access)
                refused = True

    async def _whole(self, door: Door, response: UpstreamResponse, to: ReplyTo) -> Answer:
        answer = await response.read(_ANSWER_LIMIT)
        self._record.received(answer)
        completion = Completion(to)
        for event in door.backend.whole(answer):
            self._record.saw(event)
            if body := completion.add(event):
                length = ("content-length", str(len(body)))
                yield Head(200, (("content-type", "application/json"), length, *self._headers()), response.connection)
                yield body

    async def _streamed(self, door: Door, response: UpstreamResponse, to: ReplyTo) -> Answer:
        """The head is held until the answer has begun: what fails before is an HTTP error, not an event."""
        decoder, dialect = door.backend.stream()
        transcript = Transcript(decoder, dialect, ChunkWriter(to), self._record.saw)
        committed = False
        async with aclosing(self._pieces(response, transcript)) as pieces:
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

    async def _pieces(self, response: UpstreamResponse, transcript: Transcript) -> AsyncGenerator[bytes, None]:
        """The client's bytes, up to the one ending."""
        try:
            async for chunk in response.chunks():
                self._record.received(chunk)
                yield transcript.feed(chunk)
                if transcript.ended:
                    break
            else:
                yield transcript.end()
        except UpstreamError as error:
            yield transcript.fail(error)
        finally:
            if transcript.whole:
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
        }
        return tuple((name, value) for name, value in told.items() if value)
