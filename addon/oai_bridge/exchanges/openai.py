"""What the exchanges in OpenAI's format have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..answer import Head
from ..backends.base import Call, PassingBackend
from ..dialects.openai_answers import usage_of
from ..errors import BridgeError
from ..events import Stop, UsageReport
from ..openai.reply import error_event
from ..outward.upstream import UpstreamResponse
from ..pages import Page, error_page
from .attempts import Attempt
from .base import Exchange
from .limits import limit_headers


class OpenAiExchange(Exchange):
    """OpenAI's rate limits and errors, and answers in one piece that are passed on."""

    async def _pass_on(self, attempt: Attempt, body: dict[str, Any], call: Call) -> tuple[bytes, UpstreamResponse]:
        """The answer in one piece of a cloud that speaks OpenAI's own language, as it came. Raises `BridgeError`."""
        backend, facts = attempt.way.door.backend, attempt.way.facts
        assert isinstance(backend, PassingBackend), "the registry gives this duty to no other"
        sent = backend.passed(body, facts, call, self._record.notes)
        response = await attempt.sender.send(lambda access: backend.outbound(sent, facts, call, (), access))
        answer = await attempt.sender.read(response)
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

    def _error_event(self, error: BridgeError) -> bytes:
        return error_event(error)
