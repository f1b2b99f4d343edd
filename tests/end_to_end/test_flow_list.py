"""mitmweb's list is bounded as the settings say: the oldest chats go, marked ones stay."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.fake_vertex import FakeVertex
from tests.support.proxy import Proxy, Web


def test_the_oldest_flows_go_and_marked_ones_stay(cloud: FakeVertex, tmp_path: Path) -> None:
    web = Web()
    config = json.dumps({"inspector": {"max_flows": 10}})
    with Proxy(
        tmp_path, environment=cloud.environment(), config=config, program="mitmweb", arguments=web.arguments
    ) as proxy:
        for _ in range(3):
            assert proxy.chat().status == 200
        first, second, third = web.chats()
        web.ask("PUT", f"/flows/{first['id']}", {"marked": ":star:"})
        for _ in range(12):
            assert proxy.chat().status == 200
        chats = web.chats()
        held = [chat["id"] for chat in chats]
        assert first["id"] in held and not {second["id"], third["id"]} & {*held}
        assert len(held) <= 10
        assert proxy.log().count("the oldest flows are dropped") == 1
