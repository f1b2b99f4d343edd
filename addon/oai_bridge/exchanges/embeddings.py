"""Vectors of texts: OpenAI's request in, one answer out of as many requests to the cloud as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ..answer import Answer
from ..backends.base import PassingBackend
from ..backends.bedrock_embeddings import BedrockEmbeddings
from ..dialects.bedrock_embeddings import Batch, Embedded
from ..dialects.openai_answers import renamed
from ..directory import Way
from ..errors import BridgeError
from ..events import Usage, UsageReport
from ..openai.embeddings import embeddings_answer, parse_embeddings
from ..openai.request import model_of
from ..outward.upstream import UpstreamResponse
from .openai import OpenAiExchange
from .sending import Sender

_AT_ONCE = 4  # requests of one client's request: more would only be throttled


class EmbeddingsExchange(OpenAiExchange):
    """`POST …/embeddings`."""

    async def _answer(self) -> Answer:
        body = self._body()
        ways = await self._ways(body, fallbacks=False)  # another model's vectors can't be compared with this one's
        backend = ways[0].door.backend
        if isinstance(backend, PassingBackend):
            answer, response = await self._called(ways, lambda attempt: self._pass_on(attempt, body, "embed"))
            answer = renamed(answer, model_of(body))
        else:
            assert isinstance(backend, BedrockEmbeddings), "the registry gives this duty to no other"
            answer, response = await self._translated(body, ways, backend)
        for piece in self._done(answer, response):
            yield piece

    async def _translated(
        self, body: dict[str, Any], ways: Sequence[Way], backend: BedrockEmbeddings
    ) -> tuple[bytes, UpstreamResponse]:
        record, facts = self._record, ways[0].facts
        request = parse_embeddings(body, record.notes)
        spent, answered = 0, 0

        async def embed(batch: Batch) -> tuple[Embedded, UpstreamResponse]:
            nonlocal spent, answered
            embedded, response = await self._called(ways, lambda attempt: asked(attempt.sender, batch))
            answered += 1
            spent += embedded.tokens or 0
            record.saw(UsageReport(Usage(input=spent)))  # at once: it is paid for even if another one fails
            return embedded, response

        async def asked(sender: Sender, batch: Batch) -> tuple[Embedded, UpstreamResponse]:
            response = await sender.send(lambda access: backend.outbound(batch.body, facts, "embed", (), access))
            return backend.read(facts, response.headers, await sender.read(response), batch.size), response

        try:
            found = await in_order(embed, backend.batches(request, facts, record.notes), _AT_ONCE)
        except BridgeError as error:
            if answered:  # an SDK that tries again would buy these once more
                error.retry = False
            raise
        if any(embedded.tokens is None for embedded, _ in found):
            record.notes.add("unknown:usage", "The cloud did not tell how many tokens these texts have.")
        vectors = [vector for embedded, _ in found for vector in embedded.vectors]
        return embeddings_answer(request.model, vectors, spent, request.base64), found[0][1]


async def in_order[A, B](ask: Callable[[A], Awaitable[B]], items: Sequence[A], at_once: int) -> list[B]:
    """What `ask` gives for each item, in the order of the items, at most so many under way at the same time. The first
    error calls all others off and is raised."""
    found: dict[int, B] = {}
    waiting = iter(enumerate(items))

    async def work() -> None:
        for index, item in waiting:
            found[index] = await ask(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(items))):
                group.create_task(work())
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [found[index] for index in range(len(items))]
