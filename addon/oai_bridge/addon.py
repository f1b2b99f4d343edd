"""The mitmproxy addon: its hooks, in the order of a request's way; the logic is elsewhere."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import time
import uuid
from collections.abc import Awaitable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from mitmproxy import addonmanager, ctx, exceptions, http
from mitmproxy.hooks import UpdateHook
from mitmproxy.log import ALERT

from .answer import Answer, Head
from .desk import Desk
from .directory import Directory
from .entrance.guard import Guard
from .entrance.reception import Receptionist, hide_keys, tell_origin
from .errors import BridgeError, Internal, TooLarge, UpstreamError
from .exchanges import EXCHANGES, Incoming, Services, exchange
from .inspector.record import CLIENT, Record, one_line
from .inspector.retention import Bounds
from .models.catalog import Catalog, CatalogError
from .money.books import Books, open_books
from .money.entry import entry_of
from .money.ledger_file import LedgerFileError
from .outward.network import ssl_context
from .pages import Page, error_event_for, error_page, error_page_for
from .routing import Route, route
from .settings.config import load_config, settings_files
from .settings.values import Config, ConfigError
from .start.assembly import assemble
from .start.banner import banner
from .start.listening import LOOPBACK, Listener, address
from .start.options import add_options, danger, put_right
from .start.starting import LISTENING, changed_listeners, check_listeners, served, stop
from .start.stopping import end_in_peace
from .streaming import stream_layer
from .telemetry.json_lines import JsonLines
from .telemetry.reports import Reports
from .watching.flow_list import FlowList, mitmweb_address, mitmweb_page
from .watching.inspection import Inspector
from .watching.offline import Offline
from .watching.views import add_views

if TYPE_CHECKING:
    from .start.demo import Demo

logger = logging.getLogger(__name__)

_LAST_WORDS = 2.0  # seconds to tell all clients of the end
_OFTEN = frozenset({"details", "health", "metrics"})
_ID = "bridge_request_id"  # where the id that the client is given stands in `flow.metadata`
PROJECT = Path(__file__).resolve().parent.parent.parent


class Bridge:
    """One for the whole program. It is the `Host` of the stream layer, too."""

    config: Config | None = None
    max_body = 0
    watched = False
    base_url = ""  # its own address, for clients on this machine
    _stopping = False
    _offline: Offline | None = None
    _demo: Demo | None = None

    def __init__(self) -> None:
        self._live: dict[str, tuple[Route, Record]] = {}  # chats by flow id, from their request to their last hook
        self.inspector = Inspector()
        self._receptionist = Receptionist()
        self._reports = Reports()
        self.books = Books(Config(), time.time)  # until the settings are read
        self._flow_list = FlowList()
        self.addons = [self._flow_list]  # mitmproxy calls its hooks after ours

    # ---- start and end ---------------------------------------------------------------------------------------------

    def load(self, loader: addonmanager.Loader) -> None:
        add_options(loader)
        add_views(self.inspector.recall)

    def configure(self, updated: set[str]) -> None:
        """Comes right after `load`, before anybody is answered, and then with every change of an option."""
        if self.config is not None:
            if "bridge_config" in updated:
                raise exceptions.OptionsError("bridge_config is read at the start only; start again to change it.")
            if updated & LISTENING and not self._stopping:
                self._serve(changed_listeners(ctx.options, self.config))
            if reason := danger(ctx.options):
                raise exceptions.OptionsError(reason)
            return
        path = Path(ctx.options.bridge_config) if ctx.options.bridge_config else None
        folders = [Path.cwd(), PROJECT]
        try:
            self.config = load_config(path, os.environ, folders)
            self._files = settings_files(path, folders)
            self._catalog = Catalog(self.config.model_overrides)
            self._directory = Directory(self.config, self._catalog)
            if self.config.network.ca_file:
                ssl_context(self.config.network)  # a wrong file is told now, not with the first request
        except (ConfigError, CatalogError) as error:
            stop(str(error))
        if reason := danger(ctx.options):
            stop(reason)
        self._serve(check_listeners(ctx.options, self.config))
        try:
            self.books = open_books(self.config, os.environ, time.time)
        except LedgerFileError as error:
            stop(str(error))
        put_right(ctx.options, self.config, self._listeners)
        if self.config.log_format == "json" and (terminal := ctx.master.addons.get("termlog")):
            terminal.logger.setFormatter(JsonLines())
        self.max_body = self.config.max_body
        self._flow_list.bound(Bounds(self.config.inspector.max_flows, self.config.inspector.max_size))
        self._offline = Offline(self.config, ctx.options, ctx.master.addons.get("serverplayback"))
        try:
            self._reports.start(self.config)
            self._installed = stream_layer.install(self)
        except (ConfigError, RuntimeError) as error:
            stop(str(error))

    def _serve(self, listeners: list[Listener]) -> None:
        assert self.config is not None
        self._listeners = listeners
        self._guard = Guard(self.config, [listener.host for listener in listeners])

    def running(self) -> None:
        assert self.config is not None
        self.watched = ctx.master.addons.get("view") is not None
        first = next(iter(self._listeners), Listener("reverse", LOOPBACK[0], self.config.port))
        self.base_url = address(served(first, ctx.master.addons.get("proxyserver")))
        self._desk = Desk(
            self.config,
            self._catalog,
            self._directory,
            files=self._files,
            base_url=self.base_url,
            metrics=self._reports.metrics,
            ledger=self.books.ledger,
            held=self._flow_list.holds,
        )
        self._services = asyncio.ensure_future(self._start(self.config))
        if self._offline is not None:
            self._offline.read()

    async def _start(self, config: Config) -> Services:
        if config.demo:
            from .start.demo import Demo  # with a web server, which takes its time to load and which few need

            self._demo = Demo()
        services = await assemble(config, self._catalog, self._directory, self._demo, self.books)
        if self._listeners:
            doors = self._directory.doors
            model = self._directory.example() or "YOUR_DEPLOYMENT"
            logger.log(ALERT, banner(config, doors, self.base_url, model, mitmweb_page(), windows=os.name == "nt"))
        gc.freeze()  # what is here now stays: to look through all of it again would hold up every stream
        return services

    def done(self) -> Awaitable[None] | None:
        """Comes when mitmproxy stops, and waits for what is returned; and, in vain, when the script is loaded anew."""
        if self.config is None:
            return None
        if not ctx.master.should_exit.is_set():
            self._installed.undo()
        self._closing = asyncio.ensure_future(self._close(self.config.timeouts.shutdown))
        return self._closing

    async def _close(self, grace: float) -> None:
        if ctx.master.should_exit.is_set():
            self._stopping = True
            ctx.options.update(server=False)  # nobody new is let in
            await end_in_peace(self._installed.answering.none(), grace)
            self._installed.undo()
            await end_in_peace(self._installed.answering.none(), _LAST_WORDS)
        await self._desk.close()
        await self.books.close()
        services = await self._services
        await services.upstream.close()
        await services.fetcher.close()
        if self._demo is not None:
            await self._demo.stop()
        await self._reports.close()

    # ---- a request -------------------------------------------------------------------------------------------------

    def requestheaders(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """Decides before the body is read whether this caller may go on. What is shown from here on has no key."""
        flow.metadata[_ID] = _new_id()  # a replay is another request
        try:
            return self._received(flow)
        except BaseException:  # nobody gets in by that
            flow.response = _response(error_page(_broken(), _id(flow)))
            raise

    def _received(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        headers = hide_keys(flow)
        if flow.is_replay == "request":
            return None  # was let in when it came first, and its key is gone
        told = self._receptionist.receive(self._guard, flow, headers)
        if told.page is not None:
            flow.response = self._answered_here(flow, told.page)
        elif error := told.error or self._misguided(flow):
            flow.response = self._refused(flow, error)
        # Shown instead of the dead target. Nothing is sent there: the stream layer makes no connections.
        flow.request.data.host, flow.request.data.port = flow.client_conn.sockname[:2]
        return asyncio.sleep(told.pause) if told.pause else None

    def _misguided(self, flow: http.HTTPFlow) -> BridgeError | None:
        """Why somebody who may ask need not send the body."""
        try:
            self._route(flow)
        except BridgeError as error:
            return error
        return _stopping() if self._stopping else None

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Every answer has the request's id, and one to a listed web page says that it may be read."""
        assert flow.response is not None
        flow.response.headers.setdefault("x-request-id", _id(flow))
        tell_origin(flow, flow.response)

    def request(self, flow: http.HTTPFlow) -> None:
        """Answers what needs no cloud. A chat is left without response: the stream layer will ask for its answer."""
        assert self.config is not None
        if flow.response is not None:
            return
        try:
            found = self._route(flow)
            if found.kind in EXCHANGES:
                client = str(flow.metadata.get(CLIENT, ""))
                unpaid = found.kind == "count_tokens"
                record = Record(_id(flow), client=client, free=self.config.demo, unpaid=unpaid)
                self._live[flow.id] = (found, record)
                self.inspector.began(flow, record)
            else:
                flow.response = self._answered_here(flow, self._page(found, flow), often=found.kind in _OFTEN)
        except BridgeError as error:
            flow.response = self._refused(flow, error)

    def open(self, flow: http.HTTPFlow) -> Answer:
        """The answer to a chat, with the request as it stands now: it may have been edited since `request`."""
        found, record = self._live[flow.id]
        if self._offline is not None and (answer := self._offline.answer(flow, found, record)) is not None:
            return answer
        headers = flow.request.headers
        betas = tuple(name.strip() for name in headers.get("anthropic-beta", "").split(",") if name.strip())
        incoming = Incoming(
            found,
            flow.request.raw_content or b"",
            headers.get("content-encoding"),
            betas,
            str(flow.metadata.get(CLIENT, "")),
        )
        return self._answer(incoming, record)

    async def _answer(self, incoming: Incoming, record: Record) -> Answer:
        """What a request has cost is written down before the client is given the last of its answer: then it leaves."""
        services = await asyncio.shield(self._services)
        status, owed = 200, None  # the bytes that are still to come, where the head tells
        async with aclosing(exchange(services, incoming, record).answer()) as pieces:
            async for piece in pieces:
                if isinstance(piece, Head):
                    status, owed = piece.status, piece.length
                elif isinstance(piece, bytes):  # never a head: a heartbeat might send another one while that waits
                    owed = None if owed is None else owed - len(piece)
                    if record.stop or record.error or owed == 0:
                        await self._book(incoming.route, record, status)
                yield piece
        await self._book(incoming.route, record, status)

    async def _book(self, found: Route, record: Record, status: int) -> None:
        """Only the first time anything happens."""
        if record.request_id in self.books.budget:
            record.ended = record.clock()
            self.books.add(entry_of(record, operation=found.kind, status=status, left=False))
            await self.books.kept(record.request_id)

    def too_large(self, flow: http.HTTPFlow) -> http.Response:
        return self._refused(flow, TooLarge(self.max_body))

    def last_word(self, flow: http.HTTPFlow, started: bool, reason: stream_layer.Premature) -> bytes:
        error = _stopping() if reason == "stopping" else _broken()
        if reason == "aborted":
            error = UpstreamError(
                "The request was aborted at the proxy; send it again if that was not meant.",
                code="aborted",
                retry=False,
            )
        if flow.id in self._live:
            self._live[flow.id][1].error = error
        if started:
            return error_event_for(flow.request.path, error, _id(flow))
        return error_page_for(flow.request.path, error, _id(flow)).body

    def grew(self, flow: http.HTTPFlow) -> None:
        self.inspector.grew(flow)
        ctx.master.addons.trigger(UpdateHook([flow]))

    # ---- its end ---------------------------------------------------------------------------------------------------

    async def response(self, flow: http.HTTPFlow) -> None:
        await self._ended(flow)

    async def error(self, flow: http.HTTPFlow) -> None:
        await self._ended(flow)

    async def _ended(self, flow: http.HTTPFlow) -> None:
        if flow.id not in self._live:
            return
        found, record = self._live.pop(flow.id)
        record.ended = record.ended or record.clock()  # a client that left ends its chat before the exchange does
        status = flow.response.status_code if flow.response else 0
        trouble = flow.error.msg if flow.error else None
        left = trouble is not None and record.error is None  # else it was us who ended it
        entry = entry_of(record, operation=found.kind, status=status, left=left)
        self.books.add(entry)
        self.inspector.ended(flow)
        self._desk.ended(flow.id, entry)
        self._reports.ended(entry, record, _asked(flow), flow.request.headers, trouble)
        await self.books.kept(entry.id)

    # ---- small things ----------------------------------------------------------------------------------------------

    def _route(self, flow: http.HTTPFlow) -> Route:
        assert self.config is not None
        return route(flow.request.method, flow.request.path, self.config.prefix)

    def _page(self, found: Route, flow: http.HTTPFlow) -> Page:
        started = self._services.done() and not self._services.cancelled() and self._services.exception() is None
        return self._desk.page(
            found,
            flow.request.headers,
            str(flow.metadata.get(CLIENT, "")),
            services=self._services.result() if started else None,
            running=len(self._live),
            web=mitmweb_address(),
        )

    def _answered_here(self, flow: http.HTTPFlow, page: Page, *, often: bool = False) -> http.Response:
        """`often`: who watches the proxy asks for it again and again, and would drive the chats out of the list."""
        self.inspector.answered_here(flow, _asked(flow))
        if often:
            self._flow_list.leave_out(flow)
        else:
            self._reports.answered(_asked(flow), page.status, _id(flow))
        return _response(page)

    def _refused(self, flow: http.HTTPFlow, error: BridgeError) -> http.Response:
        self._reports.refused(error, _asked(flow), _id(flow))
        self.inspector.answered_here(flow, one_line(f"{_asked(flow)} · {error.message}"))
        return _response(error_page_for(flow.request.path, error, _id(flow)))


def _asked(flow: http.HTTPFlow) -> str:
    return one_line(f"{flow.request.method} {flow.request.path.partition('?')[0][:200]}")


def _response(page: Page) -> http.Response:
    response = http.Response.make(page.status, page.body, dict(page.headers))
    response.reason = page.reason or response.reason
    return response


def _broken() -> BridgeError:
    return Internal("The proxy failed; its log has the details. Please report it.")


def _stopping() -> BridgeError:
    return UpstreamError(
        "The proxy is being stopped; send the request again when it is back.", status=503, code="shutting_down"
    )


def _id(flow: http.HTTPFlow) -> str:
    """The id that stands in everything that is told of this request."""
    if _ID not in flow.metadata:
        flow.metadata[_ID] = _new_id()
    return str(flow.metadata[_ID])


def _new_id() -> str:
    return f"req_{uuid.uuid4().hex}"
