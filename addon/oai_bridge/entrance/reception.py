"""Receives callers: hides their keys, asks the guard, and slows down who guesses."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from mitmproxy import http

from ..errors import BridgeError, WrongKey
from ..inspector.record import CLIENT
from ..pages import Page
from .cors import leave_for, preflight_page
from .guard import Guard, caller_from, masked
from .strangers import Strangers

_ORIGIN = "bridge_origin"
"""Where the listed origin of the web page that asks stands in `flow.metadata`."""

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Reception:
    """What a caller is told at once: `page` where a browser only asks for leave, `error` where it may not go on, after
    a `pause` in seconds; nothing where it may."""

    page: Page | None = None
    error: BridgeError | None = None
    pause: float = 0.0


class Receptionist:
    """One for the whole program."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._strangers = Strangers()

    def receive(self, guard: Guard, flow: http.HTTPFlow, headers: Headers) -> Reception:
        """Whether a request may go on; `headers` are those that came. Whose it is stands in the flow's metadata."""
        request, peer = flow.request, str(flow.client_conn.peername[0])
        caller = caller_from(request.method, request.path, headers, request.authority, peer)
        address = guard.address(caller)
        if origin := guard.listed_origin(caller):
            flow.metadata[_ORIGIN] = origin
        try:
            if caller.keys:
                self._strangers.check(address, self._clock())
            admission = guard.check(caller)
        except BridgeError as error:
            wrong = isinstance(error, WrongKey)
            return Reception(error=error, pause=self._strangers.wrong(address, self._clock()) if wrong else 0.0)
        if admission.preflight:
            return Reception(page=preflight_page(request.headers.get("access-control-request-headers")))
        flow.metadata[CLIENT] = admission.client
        return Reception()


def hide_keys(flow: http.HTTPFlow) -> Headers:
    """Nobody sees a key of a flow from here on. Returns the headers as they came."""
    headers = list(flow.request.headers.items(multi=True))
    for name, shown in masked(headers).items():
        flow.request.headers[name] = shown
    return headers


def tell_origin(flow: http.HTTPFlow, response: http.Response) -> None:
    """Lets a listed web page read the answer."""
    if origin := flow.metadata.get(_ORIGIN):
        response.headers.update(leave_for(str(origin)))
