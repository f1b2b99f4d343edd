"""What the exchanges in OpenAI's format have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..answer import Head
from ..backends.base import Call, PassingBackend
from ..dialects.openai_answers import usage_of
from ..errors import BridgeError
from ..events import Stop, UsageReport
from ..models.passed import PassedFacts
from ..pages import Page, error_page
from ..upstream import UpstreamResponse
from .base import Exchange
from .limits import limit_headers
from .sending import Sender


class OpenAiExchange(Exchange):
    """OpenAI's rate limits and errors, and answers in one piece that are passed on."""

    async def _pass_on(
        self, body: dict[str, Any], sender: Sender, backend: PassingBackend[Any], facts: PassedFacts, call: Call
    ) -> tuple[bytes, UpstreamResponse]:
        """The answer in one piece of a cloud that speaks OpenAI's own language, as it came. Raises `BridgeError`."""
        sent = backend.passed(body, facts, call, self._record.notes)
        response = await sender.send(lambda access: backend.outbound(sent, facts, call, (), access))
        answer = await sender.read(response)
        if (usage := usage_of(answer, backend.cloud)) is not None:
            self._record.saw(UsageReport(usage))
        return answer, response

    def _done(self, answer: bytes, response: UpstreamResponse) -> tuple[Head, bytes]:
        """All of the answer to the client."""
        self._record.saw(Stop("stop"))
        return self._whole(answer, response)

    def _limits(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        return limit_headers(headers, self._services.clock())

    def _error_page(self, error: BridgeError) -> Page:
        return error_page(error, self._record.request_id)
