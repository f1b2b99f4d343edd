"""A chat completion: OpenAI's request in, one completion or chunks out, translated or passed on."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import Any

from ..answer import Answer, Head
from ..backends.base import Call, ChatBackend, PassingBackend
from ..events import Event, Stop
from ..models.facts import ModelFacts
from ..models.passed import PassedFacts
from ..openai.chat import ChatRequest
from ..openai.fields import boolean
from ..openai.passed import PassedStream, pass_completion
from ..openai.remote import remote_pictures, with_pictures
from ..openai.reply import ChunkWriter, Completion, ReplyTo
from ..openai.request import asks_for_usage, model_of, parse_chat, read_body
from ..pages import is_test_message, reply_to_test_message
from ..transcript import Transcript
from ..upstream import UpstreamResponse
from ..wire.sse import SseDecoder
from .conversation import Conversation
from .openai import OpenAiExchange
from .sending import Sender


class ChatExchange(OpenAiExchange):
    """`POST …/chat/completions`."""

    async def _answer(self) -> Answer:
        config = self._services.config
        body = self._body(read_body)
        if config.answer_test_message and is_test_message(body):
            self._record.route = "answered here"
            page = reply_to_test_message(body.get("model"), self._record.began)
            yield Head(page.status, (*page.headers, ("x-request-id", self._record.request_id)), None)
            yield page.body
            return
        sender, backend, facts = self._enter(model_of(body))
        if isinstance(backend, PassingBackend):
            answer = self._passed(body, sender, backend, facts)
        else:
            assert isinstance(backend, ChatBackend), "the registry gives this duty to no other"
            answer = self._translated(body, sender, backend, facts)
        async with aclosing(answer) as pieces:
            async for piece in pieces:
                yield piece

    # -- translated ---------------------------------------------------------------------------------------------------

    async def _translated(
        self, body: dict[str, Any], sender: Sender, backend: ChatBackend[Any], facts: ModelFacts
    ) -> Answer:
        services, notes = self._services, self._record.notes
        chat = parse_chat(body, notes, services.config.claude)
        chat = await services.fetcher.resolved(replace(chat, betas=(*chat.betas, *self._incoming.betas)))
        call: Call = "stream" if chat.stream else "whole"
        translated = backend.chat(chat, facts, notes)
        talk = Conversation(sender, backend, translated, facts=facts, call=call, notes=notes)
        answer = self._chunks if chat.stream else self._completion
        async with aclosing(answer(talk, sender, backend, self._to(chat))) as pieces:
            async for piece in pieces:
                yield piece

    async def _completion(self, talk: Conversation, sender: Sender, backend: ChatBackend[Any], to: ReplyTo) -> Answer:
        dialect, completion = backend.dialect(talk.reading), Completion(to)
        response: UpstreamResponse | None = await talk.ask()
        while response is not None:
            for event in dialect.whole(await sender.read(response)):
                self._saw(talk, event)
                if body := completion.add(event):
                    for piece in self._whole(body, response):
                        yield piece
                    return
            last, response = response, await talk.go_on()
            dialect.resume()
        stop = Stop("length")
        self._saw(talk, stop)
        if body := completion.add(stop):
            for piece in self._whole(body, last):
                yield piece

    async def _chunks(self, talk: Conversation, sender: Sender, backend: ChatBackend[Any], to: ReplyTo) -> Answer:
        transcript = Transcript(
            backend.decoder(),
            backend.dialect(talk.reading),
            ChunkWriter(to),
            lambda event: self._saw(talk, event),
            sender.hide,
        )

        async def go_on() -> UpstreamResponse | None:
            response = await talk.go_on()
            if response is not None:
                transcript.resume(backend.decoder())
            return response

        async with aclosing(self._streamed(await talk.ask(), transcript, go_on)) as pieces:
            async for piece in pieces:
                yield piece

    # -- passed on ----------------------------------------------------------------------------------------------------

    async def _passed(
        self, body: dict[str, Any], sender: Sender, backend: PassingBackend[Any], facts: PassedFacts
    ) -> Answer:
        record, settings = self._record, self._services.config.claude
        call: Call = "stream" if boolean(body, "stream") else "whole"
        sent = backend.passed(body, facts, call, record.notes)
        if backend.fetches and (remotes := remote_pictures(sent["messages"])):
            sent["messages"] = with_pictures(sent["messages"], await self._services.fetcher.get_all(remotes))
        to = ReplyTo(
            model_of(body),
            int(record.began),
            record.request_id,
            include_usage=settings.always_usage or asks_for_usage(body),
            reasoning_field=settings.reasoning_field,
        )
        response = await sender.send(lambda access: backend.outbound(sent, facts, call, (), access))
        if call == "whole":
            answer = pass_completion(await sender.read(response), to, backend.cloud, record.saw)
            for piece in self._whole(answer, response):
                yield piece
            return
        passed = PassedStream(to, backend.cloud)
        transcript = Transcript(SseDecoder(), passed, passed, record.saw, sender.hide)
        async with aclosing(self._streamed(response, transcript)) as pieces:
            async for piece in pieces:
                yield piece

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
