"""Sends the requests of one attempt to the cloud, all with one credential, and tells the record of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from ..backends.base import Backend
from ..credentials.base import Access, Credential, Outbound
from ..errors import BridgeError, CloudError, UpstreamError
from ..inspector.record import Attempt, Record
from ..models.facts import Facts
from ..money.cost import prices_at
from ..outward.patience import Patience
from ..outward.upstream import StaleConnection, UpstreamClient, UpstreamResponse
from ..plain.jsontext import write
from ..plain.redaction import redact, request_id_of
from ..waiting.verdict import verdict

_ANSWER_LIMIT = 64 * 1024 * 1024  # bytes of an answer in one piece
_ERROR_LIMIT = 1024 * 1024
_ERROR_TIME = 5.0  # seconds for the words that belong to an error's status
_SIGNATURE = re.compile(r"(?<=Signature=)\w+")


@dataclass(slots=True)
class Resend:
    """Whether what the cloud may have worked on already may be sent again: once for a client's request, or
    for a batch of one, or never."""

    left: bool

    def take(self) -> bool:
        left, self.left = self.left, False
        return left


class Sender:
    """For one attempt. `headers` are those of the cloud's last answer, names in lower case."""

    def __init__(
        self,
        upstream: UpstreamClient,
        backend: Backend[Any, Any],
        credential: Credential,
        facts: Facts,
        *,
        patience: Patience,
        resend: Resend,
        record: Record,
    ) -> None:
        self._upstream = upstream
        self._backend = backend
        self._credential = credential
        self._facts = facts
        self._patience = patience
        self._resend = resend
        self._record = record
        self._attempts: dict[UpstreamResponse, Attempt] = {}
        self._latest: Attempt | None = None
        self._secrets: set[str] = set()
        self._refused = False
        self.headers: Mapping[str, str] = {}

    async def send(self, outbound_for: Callable[[Access], Outbound]) -> UpstreamResponse:
        """The cloud's 200; anything else is raised as `BridgeError`. A token that is refused is replaced once, and what
        went over a kept connection that was dead is sent over a fresh one."""
        fresh = False
        self._record.route = self._backend.name
        while True:
            access = await self._access()
            self._record.route = f"{self._backend.name}/{access.region}"
            outbound = outbound_for(access)
            self._record.prices = prices_at(self._facts, self._backend.name, access.region, outbound.model)
            letting_in = access.headers(outbound)
            secrets = (*access.secrets, *_signature(letting_in))
            self._secrets.update(secrets)
            self._latest = attempt = self._record.sending(outbound, self._credential.label, tuple(letting_in), secrets)
            try:
                return await self._send(
                    replace(outbound, headers={**outbound.headers, **letting_in}), attempt, access.region, fresh
                )
            except BridgeError as error:
                attempt.error, attempt.unsure = error.message, verdict(error).unsure
                if isinstance(error, StaleConnection) and self._resend.take():
                    fresh = True
                    continue
                if self._refused or error.status != 401 or not self._credential.refuse(access):
                    raise
                self._refused = True

    def began(self) -> None:
        """The first event of an answer is here: from now on it may not pause for long."""
        self._patience.heard()

    def failed(self, error: BridgeError) -> None:
        """All ends with this error, for the record: an answer that had come with a success was none."""
        attempt = self._latest
        if attempt is not None and attempt.status == 200 and attempt.error is None:
            attempt.error, attempt.unsure = error.message, verdict(error).unsure
            self._record.first_byte = None

    async def read(self, response: UpstreamResponse) -> bytes:
        """An answer in one piece; raises `UpstreamError`."""
        answer = await response.read(_ANSWER_LIMIT)
        self.received(response, answer)
        return answer

    def received(self, response: UpstreamResponse, chunk: bytes) -> None:
        """A piece of an answer, for the record."""
        self._record.received(self._attempts[response], chunk)

    def close(self) -> None:
        """Closes what is still open towards the cloud."""
        for response in self._attempts:
            response.close()

    def hide(self, error: BridgeError) -> None:
        """Takes out of an error what has let requests in: the cloud may have repeated it."""
        error.message = redact(error.message, *self._secrets)
        if error.param:
            error.param = redact(error.param, *self._secrets)
        if isinstance(error, CloudError) and error.inner:
            inner = write(error.inner).decode()
            error.inner = None if any(secret in inner for secret in self._secrets) else error.inner

    async def _access(self) -> Access:
        try:
            return await self._patience.within(self._credential.access())
        except BridgeError as error:
            self._record.not_sent(self._credential.label, error.message)
            raise

    async def _send(self, outbound: Outbound, attempt: Attempt, region: str, fresh: bool) -> UpstreamResponse:
        response = await self._upstream.send(outbound, self._patience, fresh=fresh)
        self._attempts[response] = attempt
        self._record.answered(attempt, response.status, request_id_of(response.headers), response.connected)
        self.headers = response.headers
        if response.status == 200:
            return response
        answer = b""
        with suppress(UpstreamError, TimeoutError):  # cut off, endless or slow: the status still says what is wrong
            async with asyncio.timeout(_ERROR_TIME):
                answer = await response.read(_ERROR_LIMIT)
        self.received(response, answer)
        error = self._backend.error(response.status, response.headers, answer, outbound.model, region)
        self.hide(error)
        self._record.upstream_request_id = error.request_id or self._record.upstream_request_id
        raise error


def _signature(letting_in: Mapping[str, str]) -> list[str]:
    """AWS's signature: whoever has it can repeat the request for some minutes."""
    return _SIGNATURE.findall(letting_in.get("authorization", ""))
