"""flow_list.py: mitmproxy's own list, from which the oldest flows go, and no others."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator

import pytest
from mitmproxy import ctx, http
from mitmproxy.addons.intercept import Intercept
from mitmproxy.addons.view import View
from mitmproxy.test import taddons, tflow
from mitmproxy.tools.web.webaddons import WebAuth

from oai_bridge.inspector.retention import Bounds
from oai_bridge.watching.flow_list import FlowList, mitmweb_address, mitmweb_page

MB = 2**20


class Proxy:
    """The addon beside mitmproxy's list, as mitmweb has them."""

    def __init__(self, bounds: Bounds) -> None:
        self.list, self.view = FlowList(), View()
        self.list.bound(bounds)
        ctx.master.addons.add(self.list, self.view)
        self.removed: list[str] = []
        self._signal = lambda flow, index: self.removed.append(flow.id)  # held weakly
        self.view.sig_view_remove.connect(self._signal)

    def serve(self, size: int = 0, *, flow: http.HTTPFlow | None = None, live: bool = True) -> http.HTTPFlow:
        """A flow that comes in and is answered."""
        flow = flow or tflow.tflow(resp=True)
        flow.live = live
        flow.request.content = b"x" * size
        for addon in (self.list, self.view):
            addon.requestheaders(flow)
        for addon in (self.list, self.view):
            addon.response(flow)
        flow.live = False
        return flow

    @property
    def held(self) -> list[http.HTTPFlow]:
        return list(self.view)


@pytest.fixture(autouse=True)
async def context() -> Iterator[None]:
    with taddons.context() as context:
        context.options.add_option("intercept_active", bool, False, "")
        yield


async def test_the_oldest_are_dropped_and_the_page_is_told() -> None:
    proxy = Proxy(Bounds(flows=10))
    flows = [proxy.serve() for _ in range(11)]
    assert proxy.held == flows[2:]
    assert proxy.removed == [flow.id for flow in flows[:2]]
    assert proxy.view.store_count() == 9 and len(proxy.view.settings) == 9


async def test_bodies_and_the_record_count() -> None:
    proxy = Proxy(Bounds(size=4 * MB))
    flows = [proxy.serve(2 * MB)]
    flows.append(tflow.tflow(resp=True))
    flows[1].metadata["bridge"] = {"attempts": [{"body": "x" * 2 * MB}]}
    proxy.serve(flow=flows[1])
    assert proxy.held == flows[1:]
    flows.append(tflow.tflow(resp=http.Response.make(200, b"x" * 2 * MB)))
    proxy.serve(flow=flows[2])
    assert proxy.held == flows[2:]


async def test_marked_live_and_intercepted_ones_stay() -> None:
    proxy = Proxy(Bounds(flows=6))
    flows = [proxy.serve() for _ in range(6)]
    flows[0].marked = ":star:"
    flows[1].live = True
    flows[2].intercept()
    flows[3].response = None  # waits for its replay
    proxy.serve()
    assert [flow in proxy.held for flow in flows] == [True] * 4 + [False, True]
    assert flows[1].error is None, "it was not killed"
    asyncio.get_running_loop().call_soon(flows[2].resume)
    await flows[2].wait_for_resume()


async def test_flows_of_a_file_stay() -> None:
    proxy = Proxy(Bounds(flows=5))
    loaded = [proxy.serve(live=False) for _ in range(20)]
    served = [proxy.serve() for _ in range(9)]
    assert proxy.held[:20] == loaded
    assert served[-1] in proxy.held and len(proxy.held) <= 25


async def test_a_cleared_list_starts_anew() -> None:
    proxy = Proxy(Bounds(flows=5))
    for _ in range(5):
        proxy.serve()
    proxy.view.clear()
    flows = [proxy.serve() for _ in range(5)]
    assert proxy.held == flows


async def test_errors_count_too() -> None:
    proxy = Proxy(Bounds(size=MB))
    first = tflow.tflow(err=True)
    first.live = True
    first.request.content = b"x" * MB
    proxy.list.requestheaders(first)
    proxy.view.requestheaders(first)
    proxy.list.error(first)
    first.live = False
    second = proxy.serve(MB // 2)
    assert proxy.held == [second]


async def test_it_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    proxy = Proxy(Bounds(flows=2))
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            proxy.serve()
        assert "dropped" not in caplog.text
        for _ in range(10):
            proxy.serve()
    assert caplog.text.count("the oldest flows are dropped") == 1
    assert "Removed" not in caplog.text


async def test_without_a_list_nothing_is_counted() -> None:
    """As in mitmdump, which would otherwise hold an id for each request for ever."""
    addon = FlowList()
    addon.bound(Bounds(flows=2))
    for _ in range(5):
        flow = tflow.tflow(resp=True)
        flow.live = True
        addon.requestheaders(flow)
        addon.response(flow)
    assert addon._retention._sizes == {}


async def test_one_from_a_file_stays_though_it_was_replayed() -> None:
    proxy = Proxy(Bounds(flows=5))
    loaded = tflow.tflow(resp=True)
    proxy.view.add([loaded])
    loaded.is_replay = "request"
    proxy.serve(flow=loaded)
    flows = [proxy.serve() for _ in range(12)]
    assert loaded in proxy.held and flows[0] not in proxy.held


async def test_one_of_ours_that_is_replayed_is_the_newest() -> None:
    proxy = Proxy(Bounds(flows=5))
    flows = [proxy.serve() for _ in range(4)]
    flows[0].is_replay = "request"
    proxy.serve(flow=flows[0])
    proxy.serve()
    proxy.serve()
    assert flows[0] in proxy.held and flows[1] not in proxy.held


async def test_markers_of_outcomes_are_no_marks_of_the_users() -> None:
    proxy = Proxy(Bounds(flows=5))
    failed, starred = proxy.serve(), proxy.serve()
    failed.marked, failed.metadata["bridge_story"] = ":x:", ["✗ failed", ":x:"]
    starred.marked, starred.metadata["bridge_story"] = ":star:", ["✗ failed", ":x:"]
    for _ in range(9):
        proxy.serve()
    assert failed not in proxy.held and starred in proxy.held


async def test_what_nobody_wants_to_see_is_left_out_and_answered_all_the_same() -> None:
    proxy = Proxy(Bounds())
    kept, polled = proxy.serve(), tflow.tflow()
    polled.live = True
    for addon in (proxy.list, proxy.view):
        addon.requestheaders(polled)
    proxy.list.leave_out(polled)
    proxy.view.response(polled)
    proxy.list.response(polled)
    assert proxy.held == [kept] and proxy.list.holds(kept.id) and not proxy.list.holds(polled.id)
    assert polled.live and polled.error is None
    assert list(proxy.list._retention._sizes) == [kept.id]


async def test_what_is_intercepted_is_not_left_out() -> None:
    proxy = Proxy(Bounds())
    ctx.master.addons.add(Intercept())
    ctx.options.update(intercept="~all")
    flow = proxy.serve()
    proxy.list.leave_out(flow)
    assert proxy.held == [flow]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8081"),
        ("::1", "http://[::1]:8081"),
        ("", "http://127.0.0.1:8081"),
        ("0.0.0.0", "http://127.0.0.1:8081"),
        ("::", "http://127.0.0.1:8081"),
        ("192.168.1.5", "http://192.168.1.5:8081"),
    ],
)
async def test_the_address_of_mitmweb_with_and_without_its_token(host: str, address: str) -> None:
    assert mitmweb_address() == mitmweb_page() == ""
    ctx.options.add_option("web_host", str, host, "")
    ctx.options.add_option("web_port", int, 8081, "")
    ctx.master.addons.add(WebAuth())
    assert mitmweb_address() == address
    assert re.fullmatch(re.escape(address) + r"/\?token=[0-9a-f]{32}", mitmweb_page())
    ctx.options.web_password = "a password"
    assert mitmweb_page() == f"{address}/"
