"""Sends the requests of one exchange to the cloud: credential, attempts, and what the record is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from ..backends.base import Outbound
from ..credentials.base import Access, Credential
from ..errors import BridgeError, Unauthorized, UpstreamError
from ..inspector.record import Record
from ..redaction import plain_id, redact
from ..upstream import StaleConnection, UpstreamResponse
from .services import Door, Services

_ANSWER_LIMIT = 64 * 1024 * 1024  # bytes of an answer in one piece
_ERROR_LIMIT = 1024 * 1024
_STALE_LIMIT = 2  # dead connections that are passed over before it counts as a failure


class Sender:
    """For one exchange: all its requests go with the same credential. `headers` are those of the cloud's last answer,
    names in lower case."""

    def __init__(self, services: Services, door: Door, record: Record) -> None:
        self._services = services
        self._door = door
        self._record = record
        self._credential: Credential | None = None
        self.headers: Mapping[str, str] = {}

    async def send(self, outbound_for: Callable[[Access], Outbound]) -> UpstreamResponse:
        """The cloud's 200; anything else is raised as `BridgeError`. A token that is refused is replaced once, and a
        kept connection that was dead already is no attempt at all for the cloud: both go before anything has reached
        the client."""
        credential = self._credential = self._credential or self._door.pool.next()
        if credential is None:
            raise Unauthorized("No cloud credential is configured; set GCP_CREDENTIALS, or see README.md.")
        self._record.route = f"{self._door.backend.name}/{credential.region}"
        refused, stale = False, 0
        while True:
            access = await credential.access()
            outbound = outbound_for(access)
            self._record.sending(outbound, credential.label)
            try:
                return await self._attempt(outbound, access)
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

    async def read(self, response: UpstreamResponse) -> bytes:
        """An answer in one piece; raises `UpstreamError`."""
        answer = await response.read(_ANSWER_LIMIT)
        self._record.received(answer)
        return answer

    async def _attempt(self, outbound: Outbound, access: Access) -> UpstreamResponse:
        response = await self._services.upstream.send(outbound)
        self._record.answered(response.status, plain_id(response.headers.get("request-id")))
        self.headers = response.headers
        if response.status == 200:
            return response
        answer = b""
        with suppress(UpstreamError):  # cut off or endless: the status still says what is wrong
            answer = await response.read(_ERROR_LIMIT)
        self._record.received(answer)
        error = self._door.backend.error(response.status, response.headers, answer)
        error.message = redact(error.message, access.token)
        self._record.upstream_request_id = error.request_id
        raise error
