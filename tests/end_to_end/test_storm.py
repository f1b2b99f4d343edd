"""Two hundred streams at once in every kind of trouble, and a thousand clients that leave: nobody is forgotten."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.support.fake_vertex import FakeVertex
from tests.support.proxy import Proxy
from tests.support.storms import Trouble, descriptors, hang_ups, leaving, settings, storm

SEED = 4
KEPT = 130
"""Seconds until unused connections to the cloud are closed, of which there may be more than before."""


def test_every_request_ends_in_one_answer_or_error(tmp_path: Path, cloud: FakeVertex) -> None:
    trouble = cloud.rule = Trouble(SEED)
    with Proxy(tmp_path, config=json.dumps(settings(cloud))) as proxy:
        tally = asyncio.run(storm(proxy, trouble, requests=400, at_once=200))
        cloud.wait_idle()
        family = proxy.get("/status").json()["gcp-claude"]
    cloud.rule = lambda received: None
    assert tally.wrong == []
    assert sum(tally.ends.values()) == 400 and tally.ends["answer"] > 160, tally.ends
    assert (family["proomptersInQueue"], family["revokedKeys"]) == (0, 0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="descriptors are counted in /proc")
def test_a_thousand_clients_leave_and_nothing_is_left(tmp_path: Path, cloud: FakeVertex) -> None:
    config = settings(cloud) | {"limits": {"concurrent": 20}}
    leaving(cloud, SEED)
    with Proxy(tmp_path, config=json.dumps(config)) as proxy:
        asyncio.run(hang_ups(proxy, 100, 100, SEED))  # which open what stays open
        cloud.wait_until(lambda: proxy.get("/status").json()["proomptersNow"] == 0)
        cloud.wait_idle()
        before = descriptors(proxy)
        asyncio.run(hang_ups(proxy, 1000, 100, SEED + 1))
        cloud.wait_until(lambda: proxy.get("/status").json()["proomptersNow"] == 0)
        cloud.wait_idle()
        cloud.wait_until(lambda: descriptors(proxy) <= before + 2, timeout=KEPT)
        assert proxy.get("/status").json()["gcp-claude"]["proomptersInQueue"] == 0
        cloud.rule = lambda received: None
        assert proxy.chat().status == 200
