"""A chat completion: OpenAI's request in, the cloud's answer out as one completion or as chunks."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace

from ..answer import Answer, Head
from ..backends.base import Call
from ..errors import BridgeError
from ..events import Event, Stop
from ..openai.chat import ChatRequest
from ..openai.reply import ChunkWriter, Completion, ReplyTo
from ..openai.request import parse_chat, read_body
from ..pages import Page, error_page, is_test_message, reply_to_test_message
from ..transcript import Transcript
from ..upstream import UpstreamResponse
from .base import Exchange
from .conversation import Conversation
from .limits import limit_headers


class ChatExchange(Exchange):
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
        notes = self._record.notes
        chat = parse_chat(body, notes, config.claude)
        facts = self._facts(chat.model)
        chat = await self._services.fetcher.resolved(replace(chat, betas=(*chat.betas, *self._incoming.betas)))
        backend = self._door.backend
        call: Call = "stream" if chat.stream else "whole"
        translated = backend.chat(chat, facts, notes)
        talk = Conversation(self._sender, backend, translated, facts=facts, call=call, notes=notes)
        answer = self._chunks if chat.stream else self._completion
        async with aclosing(answer(talk, self._to(chat))) as pieces:
            async for piece in pieces:
                yield piece

    async def _completion(self, talk: Conversation, to: ReplyTo) -> Answer:
        dialect, completion = self._door.backend.dialect(talk.reading), Completion(to)
        response: UpstreamResponse | None = await talk.ask()
        while response is not None:
            for event in dialect.whole(await self._sender.read(response)):
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

    async def _chunks(self, talk: Conversation, to: ReplyTo) -> Answer:
        backend = self._door.backend
        transcript = Transcript(
            backend.decoder(), backend.dialect(talk.reading), ChunkWriter(to), lambda event: self._saw(talk, event)
        )

        async def go_on() -> UpstreamResponse | None:
            response = await talk.go_on()
            if response is not None:
                transcript.resume(backend.decoder())
            return response

        async with aclosing(self._streamed(await talk.ask(), transcript, go_on)) as pieces:
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

    def _limits(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        return limit_headers(headers, self._services.clock())

    def _error_page(self, error: BridgeError) -> Page:
        return error_page(error, self._record.request_id)
