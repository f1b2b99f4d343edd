"""The list of flows that mitmweb and mitmproxy's console keep: the oldest are dropped from it, as the settings say."""

from __future__ import annotations

import logging

from mitmproxy import ctx, flow, http

from ..inspector.retention import Bounds, Retention, Standing, weight
from .inspection import is_marked

logger = logging.getLogger(__name__)

_FRAME = 16 * 1024  # bytes that mitmproxy holds of a flow beside its bodies
_TOLD = (
    "From now on the oldest flows are dropped from the list, so that memory stays bounded. Mark those that you want to "
    "keep, or raise inspector.max_flows and inspector.max_mb in config.yaml."
)


def mitmweb_address() -> str:
    """Of its page, without the token, as a browser on this machine reaches it; empty where it doesn't run."""
    if ctx.master.addons.get("webauth") is None:
        return ""
    host, port = ctx.options.web_host, ctx.options.web_port
    if host in ("", "0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def mitmweb_page() -> str:
    """The same with the token that opens it, which there is unless a password is set."""
    if not (address := mitmweb_address()):
        return ""
    web_url: str = ctx.master.addons.get("webauth").web_url  # whose host can't be opened everywhere
    return f"{address}/{''.join(web_url.partition('?')[1:])}"


class FlowList:
    """Counts what comes in over the network; flows that were loaded from a file stay. mitmdump has no list."""

    def __init__(self) -> None:
        self._retention = Retention(Bounds())
        self._told = False

    def bound(self, bounds: Bounds) -> None:
        """To be called before the first flow comes."""
        self._retention = Retention(bounds)

    def leave_out(self, flow: http.HTTPFlow) -> None:
        """Nobody wants to see it, and there are many of its kind; what somebody intercepts stays."""
        view = ctx.master.addons.get("view")
        if view is None or ctx.options.intercept_active:
            return
        live, flow.live = flow.live, False  # else its answer would be taken from it
        view.remove([flow])
        flow.live = live
        self._retention.left(flow.id)

    def holds(self, id: str) -> bool:
        """Whether the list has a flow of this id."""
        view = ctx.master.addons.get("view")
        return view is not None and view.get_by_id(id) is not None

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        if not flow.live or ctx.master.addons.get("view") is None:
            return
        if flow.is_replay != "request" or self._retention.holds(flow.id):  # one from a file stays, replayed or not
            self._retention.came(flow.id)

    def response(self, flow: http.HTTPFlow) -> None:
        self._ended(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self._ended(flow)

    def _ended(self, flow: http.HTTPFlow) -> None:
        view = ctx.master.addons.get("view")
        if view is None:
            return
        self._retention.ended(flow.id, _size(flow))
        dropped = self._retention.surplus(lambda id: _standing(view.get_by_id(id)))
        for id in dropped:
            view.remove([view.get_by_id(id)])  # one at a time: of several it tells each time how many they were
        if dropped and not self._told:
            self._told = True
            logger.info(_TOLD)


def _size(flow: http.HTTPFlow) -> int:
    messages = [message.raw_content for message in (flow.request, flow.response) if message is not None]
    return _FRAME + weight([messages, flow.metadata])


def _standing(held: flow.Flow | None) -> Standing:
    if held is None:
        return "gone"
    waits = held.error is None and isinstance(held, http.HTTPFlow) and held.response is None  # for its replay
    return "kept" if is_marked(held) or held.live or held.intercepted or waits else "free"
