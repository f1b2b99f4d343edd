"""A chat completion: OpenAI's request in, one completion or chunks out, translated or passed on."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from ..answer import Answer, Head
from ..backends.base import Call, ChatBackend, PassingBackend
from ..directory import Way
from ..events import Event, Stop
from ..models.passed import PassedFacts
from ..openai.chat import ChatRequest
from ..openai.fields import boolean
from ..openai.passed import PassedStream, pass_completion
from ..openai.remote import remote_pictures, with_pictures
from ..openai.reply import ChunkWriter, Completion, ReplyTo
from ..openai.request import asks_for_usage, model_of, parse_chat
from ..outward.upstream import UpstreamResponse
from ..pages import is_test_message, reply_to_test_message
from ..streaming.transcript import Transcript
from ..wire.sse import SseDecoder
from .attempts import Attempt
from .conversation import Conversation
from .openai import OpenAiExchange


@dataclass(frozen=True, slots=True)
class _Translation:
    """A chat, and what it is in the words of a model."""

    backend: ChatBackend[Any]
    chat: ChatRequest
    talk: Conversation


@dataclass(frozen=True, slots=True)
class _Passing:
    """A chat that is passed on as `body`, and how its answer is."""

    backend: PassingBackend[Any]
    facts: PassedFacts
    call: Call
    body: dict[str, Any]
    to: ReplyTo


class ChatExchange(OpenAiExchange):
    """`POST …/chat/completions`."""

    async def _answer(self) -> Answer:
        config = self._services.config
        body = self._body()
        if config.answer_test_message and is_test_message(body):
            self._record.route = "answered here"
            page = reply_to_test_message(body.get("model"), self._record.began)
            yield Head(page.status, (*page.headers, ("x-request-id", self._record.request_id)), None)
            yield page.body
            return
        ways = await self._ways(body)
        if boolean(body, "stream"):
            yield self._beating()
        async with aclosing(self._served(ways, body, self._prepared, self._serve)) as pieces:
            async for piece in pieces:
                yield piece

    async def _prepared(self, body: dict[str, Any], way: Way) -> _Translation | _Passing:
        """The request in the words of the way's cloud."""
        backend = way.door.backend
        if isinstance(backend, PassingBackend):
            return await self._passing(body, backend, way.facts)
        assert isinstance(backend, ChatBackend), "the registry gives this duty to no other"
        notes, config = self._record.notes, self._services.config
        chat = parse_chat(body, notes, config.claude)
        chat = replace(chat, betas=(*chat.betas, *self._incoming.betas))
        chat = await self._services.fetcher.resolved(chat, self._media)
        translated = backend.chat(chat, way.facts, notes)
        call: Call = "stream" if chat.stream else "whole"
        return _Translation(backend, chat, Conversation(backend, translated, facts=way.facts, call=call, notes=notes))

    async def _passing(self, body: dict[str, Any], backend: PassingBackend[Any], facts: PassedFacts) -> _Passing:
        call: Call = "stream" if boolean(body, "stream") else "whole"
        sent = backend.passed(body, facts, call, self._record.notes)
        if backend.fetches and (remotes := remote_pictures(sent["messages"])):
            sent["messages"] = with_pictures(sent["messages"], await self._media(remotes))
        settings = self._services.config.claude
        to = ReplyTo(
            model_of(body),
            int(self._record.began),
            self._record.request_id,
            include_usage=settings.always_usage or asks_for_usage(body),
            reasoning_field=settings.reasoning_field,
        )
        return _Passing(backend, facts, call, sent, to)

    async def _serve(self, attempt: Attempt, prepared: _Translation | _Passing) -> Answer:
        if isinstance(prepared, _Passing):
            return await self._passed(attempt, prepared)
        prepared.talk.sender = attempt.sender
        to = self._to(prepared.chat)
        if prepared.chat.stream:
            return await self._chunks(attempt, prepared.talk, prepared.backend, to)
        return self._completion(attempt, prepared.talk, prepared.backend, to)

    # -- translated ---------------------------------------------------------------------------------------------------

    async def _completion(self, attempt: Attempt, talk: Conversation, backend: ChatBackend[Any], to: ReplyTo) -> Answer:
        dialect, completion = backend.dialect(talk.reading), Completion(to)
        response: UpstreamResponse | None = await talk.ask()
        while response is not None:
            for event in dialect.whole(await attempt.sender.read(response)):
                self._saw(talk, event)
                if body := completion.add(event):
                    self._note_usage()
                    for piece in self._whole(body, response):
                        yield piece
                    return
            attempt.answered()  # it has cost something already
            last, response = response, await talk.go_on()
            dialect.resume()
        stop = Stop("length")
        self._saw(talk, stop)
        if body := completion.add(stop):
            for piece in self._whole(body, last):
                yield piece

    async def _chunks(self, attempt: Attempt, talk: Conversation, backend: ChatBackend[Any], to: ReplyTo) -> Answer:
        transcript = Transcript(
            backend.decoder(),
            backend.dialect(talk.reading),
            ChunkWriter(to),
            lambda event: self._saw(talk, event),
            attempt.sender.hide,
        )

        async def go_on() -> UpstreamResponse | None:
            attempt.answered()  # it has cost something already, even if nothing of it is for the client
            response = await talk.go_on()
            if response is not None:
                transcript.resume(backend.decoder())
            return response

        return self._streamed(attempt, await talk.ask(), transcript, go_on)

    # -- passed on ----------------------------------------------------------------------------------------------------

    async def _passed(self, attempt: Attempt, passing: _Passing) -> Answer:
        backend, sender, record = passing.backend, attempt.sender, self._record
        response = await sender.send(
            lambda access: backend.outbound(passing.body, passing.facts, passing.call, (), access)
        )
        if passing.call == "whole":
            answer = pass_completion(await sender.read(response), passing.to, backend.cloud, record.saw)
            self._note_usage()
            return self._at_once(answer, response)
        passed = PassedStream(passing.to, backend.cloud)
        transcript = Transcript(SseDecoder(), passed, passed, record.saw, sender.hide)
        return self._streamed(attempt, response, transcript)

    def _note_usage(self) -> None:
        if not self._record.usage.prompt + self._record.usage.output:
            self._record.notes.add("unknown:usage", "The cloud did not tell how many tokens this chat has.")

    def _saw(self, talk: Conversation, event: Event) -> None:
        self._record.saw(event)
        talk.saw(event)

    def _to(self, chat: ChatRequest) -> ReplyTo:
        settings = self._services.config.claude
        return ReplyTo(
            chat.model,
            int(self._record.began),
            self._record.request_id,
            include_usage=chat.include_usage or settings.always_usage,
            legacy_functions=chat.legacy_functions,
            thinking_blocks=settings.thinking_blocks,
            reasoning_field=settings.reasoning_field,
        )
