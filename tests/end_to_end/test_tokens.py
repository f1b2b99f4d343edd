"""Google's access tokens: minted once for all, ahead of their end, replaced when the cloud refuses one."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from tests.support.fake_vertex import Behaviour, FakeVertex, Hang, Reply, google_error, html_error, invalid_grant
from tests.support.proxy import ASK, ONCE, Proxy, free_port


async def ask_many(proxy: Proxy, count: int) -> list[str | None]:
    async with proxy.async_sdk() as client:
        asked = [client.chat.completions.create(**ASK) for _ in range(count)]
        return [completion.choices[0].message.content for completion in await asyncio.gather(*asked)]


def test_a_hundred_first_requests_need_one_token(proxy: Proxy, cloud: FakeVertex) -> None:
    """The first of this file: the proxy has none yet. They all wait for it, and one who leaves takes it from no one."""
    assert cloud.mints == 0
    cloud.script_token(Hang())
    impatient = proxy.open_chat()
    cloud.wait_until(lambda: cloud.hanging == 1)
    impatient.close()

    async def ask() -> list[str | None]:
        asked = asyncio.create_task(ask_many(proxy, 100))
        await asyncio.sleep(0.5)  # most of them wait by now
        cloud.release()
        return await asked

    assert len([text for text in asyncio.run(ask()) if text]) == 100
    assert cloud.mints == cloud.token_requests == 1
    assert {received.headers["authorization"] for received in cloud.requests} == {f"Bearer {cloud.tokens[0]}"}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_token_that_the_cloud_refuses_is_replaced(proxy: Proxy, cloud: FakeVertex, stream: bool) -> None:
    assert proxy.chat().status == 200
    mints, asked = cloud.mints, len(cloud.requests)
    cloud.revoke_tokens()
    answer = proxy.chat(stream=stream)
    assert answer.status == 200 and answer.text
    assert answer.headers["x-bridge-attempts"] == "2"
    assert (cloud.mints, len(cloud.requests)) == (mints + 1, asked + 2)


def test_many_who_are_refused_together_need_one_new_token(proxy: Proxy, cloud: FakeVertex) -> None:
    assert proxy.chat().status == 200
    mints = cloud.mints
    cloud.revoke_tokens()
    assert all(asyncio.run(ask_many(proxy, 50)))
    assert cloud.mints == mints + 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_second_refusal_is_told(proxy: Proxy, cloud: FakeVertex, stream: bool) -> None:
    assert proxy.chat().status == 200
    mints, asked = cloud.mints, len(cloud.requests)
    cloud.script(google_error(401), google_error(401))
    answer = proxy.chat(stream=stream)
    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
    assert "credential" in answer.error["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert (cloud.mints, len(cloud.requests)) == (mints + 1, asked + 2)
    assert proxy.chat().status == 200


LOGIN_PAGE = Reply(200, b"<!DOCTYPE html><html><p>Sign in to the network</html>", content_type="text/html")
REFUSED = (401, "credential_refused")
FAILED = (503, "token_endpoint_failed")
TROUBLE: dict[str, tuple[list[Behaviour], tuple[int, str], str]] = {
    "a refused key": ([invalid_grant()], REFUSED, "Google does not accept the credential"),
    "a clock that is wrong": ([invalid_grant("Invalid JWT: Token must be short-lived")], REFUSED, "clock"),
    "a deleted account": ([invalid_grant("Invalid grant: account not found")], REFUSED, "account not found"),
    "trouble for long": ([Reply(503, {"error": "backend"})] * 9, FAILED, "in trouble"),
    "something in between that is in trouble": ([html_error(502)], FAILED, "web page"),
    "a network that wants a login": ([LOGIN_PAGE], FAILED, "web page"),
}


@pytest.mark.parametrize("case", TROUBLE)
def test_what_the_token_endpoint_says_is_told(proxy: Proxy, cloud: FakeVertex, case: str) -> None:
    replies, expected, part = TROUBLE[case]
    assert proxy.chat().status == 200
    cloud.revoke_tokens()
    cloud.script_token(*replies)
    answer = proxy.chat(stream=True)
    assert (answer.status, answer.error["code"]) == expected
    assert part in answer.error["message"]
    cloud.unscript()
    assert proxy.chat().status == 200


def test_short_trouble_of_the_token_endpoint_is_sat_out(proxy: Proxy, cloud: FakeVertex) -> None:
    assert proxy.chat().status == 200
    cloud.revoke_tokens()
    cloud.script_token(Reply(503, {"error": "backend"}))
    assert proxy.chat().status == 200


SHORT = 8  # seconds that a token lives: it is refreshed at half of them


def test_a_token_is_refreshed_ahead_of_its_end(proxy: Proxy, cloud: FakeVertex) -> None:
    """While the new one is on its way, the old one serves."""
    cloud.token_lifetime = SHORT
    cloud.revoke_tokens()
    assert proxy.chat().status == 200
    time.sleep(SHORT / 2)
    old, mints = cloud.tokens[-1], cloud.mints
    cloud.token_lifetime = 3599
    cloud.script_token(Hang())
    for _ in range(3):
        assert proxy.chat().status == 200
        assert cloud.requests[-1].headers["authorization"] == f"Bearer {old}"
    cloud.wait_until(lambda: cloud.hanging == 1)
    cloud.release()
    cloud.wait_until(lambda: cloud.mints == mints + 1)
    cloud.wait_until(lambda: proxy.chat().status == 200 and cloud.requests[-1].headers["authorization"][7:] != old)
    for _ in range(3):
        assert proxy.chat().status == 200
    assert cloud.mints == mints + 1


def test_a_refresh_that_fails_ahead_of_time_harms_nobody(proxy: Proxy, cloud: FakeVertex) -> None:
    cloud.token_lifetime = SHORT
    cloud.revoke_tokens()
    assert proxy.chat().status == 200
    time.sleep(SHORT / 2)
    cloud.token_lifetime = 3599
    asked = cloud.token_requests
    cloud.script_token(invalid_grant())
    assert proxy.chat().status == 200
    cloud.wait_until(lambda: cloud.token_requests == asked + 1)
    assert proxy.chat().status == 200


def test_a_token_endpoint_that_cannot_be_reached(cloud: FakeVertex, tmp_path: Path) -> None:
    account = {**cloud.service_account(), "token_uri": f"http://127.0.0.1:{free_port()}/token"}
    environment = {**cloud.environment(), "GOOGLE_APPLICATION_CREDENTIALS": json.dumps(account)}
    with Proxy(tmp_path, environment=environment, config=json.dumps(ONCE)) as proxy:
        answer = proxy.chat(stream=True)
        assert (answer.status, answer.error["code"]) == (503, "token_endpoint_unreachable")
        assert "can't be reached" in answer.error["message"]
        assert "127.0.0.1" in answer.error["message"]


def test_two_accounts_serve_in_turn(cloud: FakeVertex, tmp_path: Path) -> None:
    """Each with a token of its own, for its own project."""
    names = ("first-project", "second-project")
    accounts = [{"region": cloud.region, "credentials": cloud.service_account(name)} for name in names]
    config = json.dumps({"vertex": {"base_url": cloud.base_url, "accounts": accounts}})
    asked = len(cloud.requests)
    with Proxy(tmp_path, config=config) as proxy:
        for _ in range(4):
            assert proxy.chat().status == 200
    projects = [received.path.split("/")[3] for received in cloud.requests[asked:]]
    assert projects == [*names, *names]
    assert len({received.headers["authorization"] for received in cloud.requests[asked:]}) == 2
