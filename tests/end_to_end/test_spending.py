"""Money: what chats cost is kept over restarts and kills, several proxies share it, and no cap is passed."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_vertex import FakeVertex, Hang, replay
from tests.support.native_client import SAID
from tests.support.proxy import ASK, Answer, Proxy, read_all

USAGE = SAID["usage"]
COST = 1.1 * (3 * USAGE["input_tokens"] + 15 * USAGE["output_tokens"]) / 1e6  # of Sonnet in a region of Vertex's
KEYS = {name: f"k-{name}-7Xq2mZv9LbT4wRc8Ny3Pd6Fh5Js" for name in ("anna", "bert", "carl")}
CAPS = {"anna": {"usd_per_day": 2.5 * COST}, "carl": {"usd_per_month": COST / 2}}
CLIENTS = [{"name": name, "key": key, **CAPS.get(name, {})} for name, key in KEYS.items()]


def made(folder: Path, name: str, cloud: FakeVertex) -> Proxy:
    (folder / name).mkdir()
    config = {
        "server": {"client_keys": CLIENTS},
        "ledger": {"file": str(folder / "shared" / "ledger")},
        "spending": {"tokens_per_month": 1_000_000},
    }
    return Proxy(folder / name, environment=cloud.environment(), config=json.dumps(config))


def chat(proxy: Proxy, name: str, path: str = "/v1/chat/completions", **changes: Any) -> Answer:
    return proxy.post(path, {**ASK, **changes}, {"authorization": f"Bearer {KEYS[name]}"})


@pytest.fixture(scope="module")
def ledger(folder: Path) -> Path:
    return folder / "shared" / "ledger"


@pytest.fixture(scope="module")
def killed(cloud: FakeVertex, folder: Path) -> Iterator[Proxy]:
    """Is killed by one of the tests."""
    proxy = made(folder, "killed", cloud)
    proxy.start()
    try:
        proxy.wait_until_it_serves()
        yield proxy
    finally:
        proxy.kill()


@pytest.fixture(scope="module")
def other(cloud: FakeVertex, folder: Path, killed: Proxy) -> Iterator[Proxy]:
    """Runs beside it."""
    with made(folder, "other", cloud) as proxy:
        yield proxy


def rows(ledger: Path, what: str = "client, status, error") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(ledger)) as connection:
        return connection.execute(f"SELECT {what} FROM requests ORDER BY id").fetchall()


@contextmanager
def locked(ledger: Path) -> Iterator[None]:
    with closing(sqlite3.connect(ledger, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def until(connection: socket.socket, text: bytes) -> None:
    """Waits until the answer has come so far."""
    said = b""
    while text not in said:
        more = connection.recv(65_536)
        assert more, said
        said += more


def refusal(answer: Answer) -> str:
    assert (answer.status, answer.headers["x-should-retry"]) == (402, "false")
    error = answer.error
    assert (error["type"], error["code"]) == ("insufficient_quota", "spending_limit")
    return str(error["message"])


def test_an_answer_ends_when_its_row_is_written(killed: Proxy, cloud: FakeVertex, ledger: Path) -> None:
    assert chat(killed, "anna").status == 200
    (row,) = rows(ledger, "client, cloud, region, model, requested, operation, status, unpriced, counted_tokens")
    model = ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5")
    assert row == ("anna", "vertex", "us-east5", *model, "chat", 200, 0, sum(map(USAGE.get, TOKENS)))
    assert rows(ledger, "usd_input + usd_cache_write + usd_cache_read + usd_output, counted_usd") == [
        (pytest.approx(COST), pytest.approx(COST))
    ]
    asked = len(cloud.requests) + 1
    for streamed in (True, False):
        with locked(ledger):
            connection = killed.open_chat({"authorization": f"Bearer {KEYS['bert']}"}, stream=streamed)
            if streamed:
                until(connection, b"Hello")
            else:
                cloud.wait_until(lambda: len(cloud.requests) > asked)
            connection.settimeout(0.5)
            said = b""
            with pytest.raises(TimeoutError):
                while more := connection.recv(65_536):
                    said += more
            assert b"[DONE]" not in said and b"Hello" not in said
            assert len(rows(ledger)) == 2 - streamed
        connection.settimeout(30)
        assert (b"[DONE]" in read_all(connection)) is streamed
        assert len(rows(ledger)) == 3 - streamed


TOKENS = ("input_tokens", "output_tokens")


def test_a_cap_is_one_for_all_processes(killed: Proxy, other: Proxy, cloud: FakeVertex, ledger: Path) -> None:
    assert chat(other, "anna").status == 200
    assert chat(killed, "anna", stream=True).status == 200
    asked, mints = len(cloud.requests), cloud.mints
    for proxy in (killed, other):
        message = refusal(chat(proxy, "anna", stream=True))
        assert message.startswith("The cap of $") and "a day for the client anna is reached" in message
        assert "tomorrow" in message and "its usd_per_day in server.client_keys" in message
    native = chat(other, "anna", "/v1/messages", max_tokens=9)
    assert (native.status, native.json()["error"]["type"]) == (402, "billing_error")
    assert (len(cloud.requests), cloud.mints) == (asked, mints)  # nobody was asked, not even for a token
    assert rows(ledger).count(("anna", 200, None)) == 3
    assert chat(other, "anna", "/v1/messages/count_tokens").status == 200  # costs nothing
    cloud.wait_until(lambda: rows(ledger).count(("anna", 200, None)) == 4)
    assert other.log().count(" · The cap of $") == 2  # the line of a request that asked nobody


def test_what_runs_counts_with_what_it_may_cost(other: Proxy, cloud: FakeVertex) -> None:
    cloud.script(Hang())
    connection = other.open_chat({"authorization": f"Bearer {KEYS['carl']}"})
    cloud.wait_until(lambda: cloud.hanging == 1)
    message = refusal(chat(other, "carl"))
    assert "$0 is spent, and requests that run may cost up to $0.2" in message
    assert "Send it again when those have ended" in message
    cloud.release()
    assert b" 200 " in read_all(connection).partition(b"\r\n")[0]
    assert "on the 1st" in refusal(chat(other, "carl"))


def test_what_has_no_price_is_refused_under_a_cap_in_usd(other: Proxy, ledger: Path) -> None:
    answer = chat(other, "anna", model="google/gemini-99-new")
    assert (answer.status, answer.error["code"], answer.error["param"]) == (402, "price_unknown", "model")
    assert "spending.unpriced: allow" in answer.error["message"] and "models.overrides" not in answer.error["message"]
    assert "models.overrides" in chat(other, "anna", model="claude-opus-99").error["message"]
    assert chat(other, "bert", model="google/gemini-2.5-pro").status == 200


def test_who_hangs_up_pays_for_what_was_made(other: Proxy, cloud: FakeVertex, ledger: Path) -> None:
    cloud.script(replay(pause_after=900))
    connection = other.open_chat({"authorization": f"Bearer {KEYS['bert']}"}, stream=True)
    until(connection, b"Hello")
    before = len(rows(ledger))
    connection.close()
    cloud.wait_until(lambda: len(rows(ledger)) > before)
    unpriced, known, counted, left = rows(ledger, "unpriced, usd_input + usd_output, counted_usd, left_early")[-1]
    assert (unpriced, left) == (1, 1) and 0 < known < counted < COST * 1.5


def test_a_kill_loses_the_request_in_flight_alone(
    killed: Proxy, other: Proxy, cloud: FakeVertex, ledger: Path, folder: Path
) -> None:
    before = rows(ledger)
    assert chat(killed, "bert").status == 200
    cloud.script(replay(pause_after=900))
    with killed.open_chat({"authorization": f"Bearer {KEYS['bert']}"}, stream=True) as connection:
        until(connection, b"Hello")
        killed.kill()
    cloud.release()
    assert rows(ledger) == [*before, ("bert", 200, None)]
    assert rows(ledger, "count(DISTINCT request_id)") == [(len(before) + 1,)]
    with made(folder, "again", cloud) as again:
        refusal(chat(again, "anna"))
        assert chat(again, "bert").status == 200
    assert len(rows(ledger)) == len(before) + 2


def test_no_cap_without_a_ledger(tmp_path: Path, cloud: FakeVertex) -> None:
    (tmp_path / "ledger").write_bytes(b"none" * 1000)
    config = {"spending": {"usd_per_day": 1}, "ledger": {"file": "ledger"}}
    proxy = Proxy(tmp_path, environment=cloud.environment(), config=json.dumps(config))
    proxy.start()
    assert proxy.process.wait(timeout=60) == 2
    assert "(file is not a database). Move it away" in proxy.log() and "no cap on spending can be kept" in proxy.log()
