"""Pictures: OpenAI's request goes to a cloud that speaks its language, and the answer comes back as it is."""

from __future__ import annotations

from ..answer import Answer
from ..errors import InvalidRequest
from ..openai.fields import boolean
from .openai import OpenAiExchange


class PicturesExchange(OpenAiExchange):
    """`POST …/images/generations`."""

    async def _answer(self) -> Answer:
        body = self._body()
        if boolean(body, "stream"):
            message = "Pictures are not streamed here; set `stream` to false, or leave it out."
            raise InvalidRequest(message, param="stream", code="unsupported_value")
        ways = await self._ways(body, fallbacks=False)  # another model's pictures are no substitute
        answer, response = await self._called(ways, lambda attempt: self._pass_on(attempt, body, "image"))
        for piece in self._done(answer, response):
            yield piece
