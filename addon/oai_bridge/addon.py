"""The mitmproxy addon: its hooks, in the order of a request's way; the logic is elsewhere."""

from __future__ import annotations

import asyncio
import logging
import os
import time
import uuid
from collections.abc import Awaitable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mitmproxy import addonmanager, ctx, exceptions, http
from mitmproxy.hooks import UpdateHook
from mitmproxy.log import ALERT

from . import __version__, stream_layer
from .answer import Answer, Head
from .assembly import assemble
from .banner import banner
from .books import Books, open_books
from .checkup import Checkup
from .config import load_config, settings_files
from .cors import leave_for, preflight_page
from .directory import Directory
from .doctor.examine import examine
from .entry import entry_of
from .errors import BridgeError, Internal, TooLarge, UpstreamError, WrongKey
from .exchanges import EXCHANGES, Incoming, Services, exchange
from .exchanges.services import queues_of, rests_of
from .flow_list import FlowList, mitmweb_address
from .guard import Caller, Guard, caller_from, masked
from .inspection import Inspector
from .inspector.record import CLIENT, Record, one_line
from .inspector.retention import Bounds
from .json_lines import JsonLines
from .ledger_file import LedgerFileError
from .listening import LOOPBACK, Listener, address
from .models.catalog import Catalog, CatalogError
from .network import ssl_context
from .offline import Offline
from .options import add_options, danger, put_right
from .overview import Overview
from .pages import (
    Page,
    Snapshot,
    accepted_page,
    details_page,
    error_event_for,
    error_page,
    error_page_for,
    metrics_page,
    page_for,
)
from .reports import Reports
from .routing import Route, route
from .settings import Config, ConfigError
from .starting import LISTENING, changed_listeners, check_listeners, stop
from .stopping import end_in_peace
from .strangers import Strangers
from .views import add_views

if TYPE_CHECKING:
    from .demo import Demo

logger = logging.getLogger(__name__)

ORIGIN = "bridge_origin"
"""Where the listed origin of the web page that asks stands in `flow.metadata`."""
_LAST_WORDS = 2.0  # seconds to tell all clients of the end
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
        self._strangers = Strangers()
        self._reports = Reports()
        self._overview = Overview()
        self._checkup = Checkup()
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
        self.base_url = address(first)
        self._snapshot = Snapshot(
            version=__version__,
            base_url=self.base_url,
            started_at=time.time(),
            now=time.time(),
            accounts={kind: tuple(one.label for one in given) for kind, given in self.config.accounts.items()},
        )
        self._services = asyncio.ensure_future(self._start(self.config))
        if self._offline is not None:
            self._offline.read()

    async def _start(self, config: Config) -> Services:
        if config.demo:
            from .demo import Demo  # with a web server, which takes its time to load and which few need

            self._demo = Demo()
        services = await assemble(config, self._catalog, self._directory, self._demo, self.books)
        if self._listeners:
            doors = self._directory.doors
            web = ctx.master.addons.get("webauth")
            web_url = web.web_url if web else None
            model = self._directory.example() or "YOUR_DEPLOYMENT"
            logger.log(ALERT, banner(config, doors, self.base_url, model, web_url, windows=os.name == "nt"))
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
        await self._checkup.close()
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
        before = flow.response
        flow.metadata[_ID] = _new_id()  # a replay is another request
        flow.response = _response(error_page(_broken(), _id(flow)))  # stands if this hook fails: nobody gets in by that
        headers = list(flow.request.headers.items(multi=True))
        for name, shown in masked(headers).items():
            flow.request.headers[name] = shown
        if flow.is_replay == "request":
            flow.response = before
            return None  # was let in when it came first, and its key is gone
        peer, request = str(flow.client_conn.peername[0]), flow.request
        caller = caller_from(request.method, request.path, headers, request.authority, peer)
        pause = 0.0
        try:
            flow.response = self._admitted(flow, caller) or before
        except BridgeError as error:
            if isinstance(error, WrongKey):
                pause = self._strangers.wrong(self._guard.address(caller), time.monotonic())
            flow.response = self._refused(flow, error)
        # Shown instead of the dead target. Nothing is sent there: the stream layer makes no connections.
        flow.request.data.host, flow.request.data.port = flow.client_conn.sockname[:2]
        return asyncio.sleep(pause) if pause else None

    def _admitted(self, flow: http.HTTPFlow, caller: Caller) -> http.Response | None:
        """The answer to a browser that only asks for leave, else `None`: the request may go on. Raises `BridgeError`
        where it may not."""
        if origin := self._guard.listed_origin(caller):
            flow.metadata[ORIGIN] = origin
        if caller.keys and self.config and self.config.clients:
            self._strangers.check(self._guard.address(caller), time.monotonic())
        admission = self._guard.check(caller)
        if admission.preflight:
            self.inspector.answered_here(flow, _asked(flow))
            page = preflight_page(flow.request.headers.get("access-control-request-headers"))
            self._reports.answered(_asked(flow), page.status, _id(flow))
            return _response(page)
        flow.metadata[CLIENT] = admission.client
        self._route(flow)
        if self._stopping:
            raise _stopping()
        return None

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Every answer has the request's id, and one to a listed web page says that it may be read."""
        assert flow.response is not None
        flow.response.headers.setdefault("x-request-id", _id(flow))
        if origin := flow.metadata.get(ORIGIN):
            flow.response.headers.update(leave_for(str(origin)))

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
                flow.response = _response(self._page(found, flow))
                self.inspector.answered_here(flow, _asked(flow))
                if found.kind == "details":
                    self._flow_list.leave_out(flow)  # the status page asks every other second
                else:
                    self._reports.answered(_asked(flow), flow.response.status_code, _id(flow))
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
        """What a request has cost is written down before the client is given the last of its answer."""
        services, status = await asyncio.shield(self._services), 200
        async with aclosing(exchange(services, incoming, record).answer()) as pieces:
            async for piece in pieces:
                status = piece.status if isinstance(piece, Head) else status
                if record.stop or record.error:
                    await self._book(incoming.route, record, status)
                yield piece
        await self._book(incoming.route, record, status)

    async def _book(self, found: Route, record: Record, status: int) -> None:
        """Only the first time anything happens."""
        if record.request_id in self.books.budget:
            record.ended = time.time()
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
        record.ended = record.ended or time.time()  # a client that left ends its chat before the exchange does
        status = flow.response.status_code if flow.response else 0
        trouble = flow.error.msg if flow.error else None
        left = trouble is not None and record.error is None  # else it was us who ended it
        entry = entry_of(record, operation=found.kind, status=status, left=left)
        self.books.add(entry)
        self.inspector.ended(flow)
        self._overview.ended(flow.id, entry)
        families = dict(self._snapshot.family_tokens)
        if record.family:
            families[record.family] = families.get(record.family, 0) + record.usage.prompt + record.usage.output
        self._snapshot = replace(
            self._snapshot,
            family_tokens=families,
            requests=self._snapshot.requests + bool(record.attempts),
            prompt_tokens=self._snapshot.prompt_tokens + record.usage.prompt,
            completion_tokens=self._snapshot.completion_tokens + record.usage.output,
        )
        self._reports.ended(entry, record, _asked(flow), flow.request.headers, trouble)
        await self.books.kept(entry.id)

    # ---- small things ----------------------------------------------------------------------------------------------

    def _route(self, flow: http.HTTPFlow) -> Route:
        assert self.config is not None
        return route(flow.request.method, flow.request.path, self.config.prefix)

    def _page(self, found: Route, flow: http.HTTPFlow) -> Page:
        assert self.config is not None
        snapshot = replace(self._snapshot, now=time.time(), in_flight=len(self._live))
        if self._services.done() and not self._services.cancelled() and self._services.exception() is None:
            services = self._services.result()
            snapshot = replace(snapshot, queues=queues_of(services), rests=rests_of(services))
        headers = flow.request.headers
        if found.kind == "metrics":
            return metrics_page(self._reports.metrics, snapshot, headers.get("accept"))
        client = self.config.client(str(flow.metadata.get(CLIENT, "")))
        if found.kind == "check":
            if not self._checkup.running:
                self._checkup.begin(examine(self.config, self._catalog, files=self._files))
            return accepted_page()
        if found.kind != "details":
            return page_for(found, headers, snapshot, self.config, self._directory, client=client)
        details = self._overview.details(
            snapshot, self.books.ledger, self._checkup.seen(), mitmweb_address(), self._flow_list.holds
        )
        return details_page(details, self.config, self._directory, headers.get("if-none-match"), client)

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
    return str(flow.metadata.setdefault(_ID, _new_id()))


def _new_id() -> str:
    return f"req_{uuid.uuid4().hex}"
