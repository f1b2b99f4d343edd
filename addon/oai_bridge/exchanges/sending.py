"""Sends the requests of one exchange to the cloud: credential, attempts, and what the record is told of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from ..backends import Account
from ..credentials.base import Access, Outbound
from ..directory import Door
from ..errors import BridgeError, CloudError, Unauthorized, UpstreamError
from ..inspector.record import Attempt, Record
from ..jsontext import write
from ..models.facts import Facts
from ..pool import Pool
from ..redaction import redact, request_id_of
from ..upstream import StaleConnection, UpstreamClient, UpstreamResponse

Pools = Mapping[Account, Pool]
"""Who pays, for each kind of account."""

_ANSWER_LIMIT = 64 * 1024 * 1024  # bytes of an answer in one piece
_ERROR_LIMIT = 1024 * 1024
_STALE_LIMIT = 2  # dead connections that are passed over before it counts as a failure
_SIGNATURE = re.compile(r"(?<=Signature=)\w+")


class Sender:
    """For one exchange: all its requests go with the same credential. `headers` are those of the cloud's last answer,
    names in lower case."""

    def __init__(self, upstream: UpstreamClient, pools: Pools, door: Door, facts: Facts, record: Record) -> None:
        self._upstream = upstream
        self._backend = door.backend
        self._record = record
        self._credential = pools[door.account].next(facts.id)
        self._attempts: dict[UpstreamResponse, Attempt] = {}
        self.headers: Mapping[str, str] = {}

    async def send(self, outbound_for: Callable[[Access], Outbound]) -> UpstreamResponse:
        """The cloud's 200; anything else is raised as `BridgeError`. A token that is refused is replaced once, and a
        kept connection that was dead already is no attempt at all for the cloud: both go before anything has reached
        the client."""
        credential = self._credential
        if credential is None:
            raise Unauthorized("No credential is configured for this model; README.md shows how to set one.")
        self._record.route = self._backend.name
        refused, stale = False, 0
        while True:
            access = await credential.access()
            self._record.route = f"{self._backend.name}/{access.region}"
            outbound = outbound_for(access)
            letting_in = access.headers(outbound)
            secrets = (*access.secrets, *_signature(letting_in))
            attempt = self._record.sending(outbound, credential.label, tuple(letting_in), secrets)
            try:
                return await self._send(
                    replace(outbound, headers={**outbound.headers, **letting_in}), attempt, access.region
                )
            except StaleConnection as error:
                attempt.error = error.message
                stale += 1
                if stale > _STALE_LIMIT:
                    raise
            except BridgeError as error:
                attempt.error = error.message
                if refused or error.status != 401 or not credential.refuse(access):
                    raise
                refused = True

    async def read(self, response: UpstreamResponse) -> bytes:
        """An answer in one piece; raises `UpstreamError`."""
        answer = await response.read(_ANSWER_LIMIT)
        self.received(response, answer)
        return answer

    def received(self, response: UpstreamResponse, chunk: bytes) -> None:
        """A piece of an answer, for the record."""
        self._record.received(self._attempts[response], chunk)

    def hide(self, error: BridgeError) -> None:
        """Takes out of an error what has let requests in: the cloud may have repeated it."""
        secrets = {secret for attempt in self._attempts.values() for secret in attempt.secrets}
        error.message = redact(error.message, *secrets)
        if error.param:
            error.param = redact(error.param, *secrets)
        if isinstance(error, CloudError) and error.inner:
            inner = write(error.inner).decode()
            error.inner = None if any(secret in inner for secret in secrets) else error.inner

    async def _send(self, outbound: Outbound, attempt: Attempt, region: str) -> UpstreamResponse:
        response = await self._upstream.send(outbound)
        self._attempts[response] = attempt
        self._record.answered(attempt, response.status, request_id_of(response.headers))
        self.headers = response.headers
        if response.status == 200:
            return response
        answer = b""
        with suppress(UpstreamError):  # cut off or endless: the status still says what is wrong
            answer = await response.read(_ERROR_LIMIT)
        self.received(response, answer)
        error = self._backend.error(response.status, response.headers, answer, outbound.model, region)
        self.hide(error)
        self._record.upstream_request_id = error.request_id or self._record.upstream_request_id
        raise error


def _signature(letting_in: Mapping[str, str]) -> list[str]:
    """AWS's signature: whoever has it can repeat the request for some minutes."""
    return _SIGNATURE.findall(letting_in.get("authorization", ""))
