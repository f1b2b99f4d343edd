"""Who has to wait: in order, fairly, with a sign of life, and never in vain."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.support.fake_vertex import FakeVertex, Hang, anthropic_error, broken, replay
from tests.support.native_client import sdk
from tests.support.proxy import ASK, CHAT, KEY, Proxy, events, read_all, unchunk

OTHER_KEY = "k-4Rt8uWq1Zx6Cv3Bn9Ml2Kj5Hg7Fd0Sa"
NATIVE = "/v1/messages"


@contextmanager
def limited(folder: Path, cloud: FakeVertex, **settings: Any) -> Iterator[Proxy]:
    with Proxy(folder, environment=cloud.environment(), config=json.dumps(settings)) as proxy:
        yield proxy


@pytest.fixture
def one(cloud: FakeVertex, tmp_path: Path) -> Iterator[Proxy]:
    """One request at a time, of two clients with keys of their own."""
    cloud.requests.clear()
    with limited(tmp_path, cloud, limits={"concurrent": 1}, server={"client_keys": [KEY, OTHER_KEY]}) as proxy:
        yield proxy


def chat(proxy: Proxy, name: str, key: str = KEY, **changes: Any) -> socket.socket:
    body = {"messages": [{"role": "user", "content": name}], **changes}
    return proxy.open_chat({"authorization": f"Bearer {key}"}, **body)


def waiting(proxy: Proxy) -> int:
    status = proxy.get("/status", {"authorization": f"Bearer {KEY}"}).json()["gcp-claude"]
    assert (status["estimatedQueueTime"] == "no wait") is (status["proomptersInQueue"] == 0)
    return int(status["proomptersInQueue"])


def names(cloud: FakeVertex) -> list[str]:
    """What the cloud was asked, in its order."""
    return [received.parsed["messages"][0]["content"][0]["text"] for received in cloud.requests]


def status_of(raw: bytes) -> int:
    return int(raw.split(b" ", 2)[1])


def test_they_go_in_turn_and_fairly(one: Proxy, cloud: FakeVertex) -> None:
    """One client sends four at once; another one's first does not wait for all of them."""
    cloud.script(*[Hang()] * 6)
    with ExitStack() as stack:
        opened = []
        for name, key in (("a0", KEY), ("a1", KEY), ("a2", KEY), ("a3", KEY), ("b1", OTHER_KEY), ("b2", OTHER_KEY)):
            opened.append(stack.enter_context(chat(one, name, key)))
            place = len(opened) - 1
            cloud.wait_until(lambda place=place: cloud.hanging == 1 and waiting(one) == place)
        for number in range(1, 1 + len(opened)):
            cloud.wait_until(lambda number=number: len(cloud.requests) == number and cloud.hanging == 1)
            cloud.release()
        assert [status_of(read_all(connection)) for connection in opened] == [200] * 6
    assert names(cloud) == ["a0", "a1", "b1", "a2", "b2", "a3"]
    assert waiting(one) == 0


def test_who_leaves_frees_his_place_at_once(one: Proxy, cloud: FakeVertex) -> None:
    cloud.script(Hang())
    opened = []
    for place, name in enumerate(("first", "second", "third")):
        opened.append(chat(one, name))
        cloud.wait_until(lambda place=place: cloud.hanging == 1 and waiting(one) == place)
    opened[1].close()
    cloud.wait_until(lambda: waiting(one) == 1)
    opened[0].close()  # and this one leaves its turn to the third
    assert status_of(read_all(opened[2])) == 200
    assert names(cloud) == ["first", "third"]


def test_a_place_behind_a_full_queue(tmp_path: Path, cloud: FakeVertex) -> None:
    cloud.script(Hang())
    with limited(tmp_path, cloud, limits={"concurrent": 1}, queue={"length": 1}) as proxy:
        first = proxy.open_chat()
        cloud.wait_until(lambda: cloud.hanging == 1)
        second = proxy.open_chat()
        cloud.wait_until(lambda: proxy.get("/status").json()["gcp-claude"]["proomptersInQueue"] == 1)
        refused = proxy.chat()
        assert refused.status == 429 and refused.error["code"] == "queue_full"
        assert int(refused.headers["retry-after"]) >= 1
        cloud.release()
        assert [status_of(read_all(connection)) for connection in (first, second)] == [200, 200]


def test_nobody_waits_for_ever(tmp_path: Path, cloud: FakeVertex) -> None:
    cloud.script(Hang())
    with limited(tmp_path, cloud, limits={"concurrent": 1}, queue={"timeout": 0.5}) as proxy:
        first = proxy.open_chat()
        cloud.wait_until(lambda: cloud.hanging == 1)
        refused = proxy.chat()
        assert refused.status == 429 and refused.error["code"] == "queue_timeout"
        assert refused.error["type"] == "rate_limit_error"
        cloud.release()
        assert status_of(read_all(first)) == 200
        assert proxy.chat().status == 200


def test_a_wrong_request_does_not_wait_to_be_told(one: Proxy, cloud: FakeVertex) -> None:
    cloud.script(Hang())
    with chat(one, "first"):
        cloud.wait_until(lambda: cloud.hanging == 1)
        for changes in ({"n": 2}, {"model": "no-such-model"}, {"messages": []}):
            assert status_of(read_all(chat(one, "second", **changes))) in (400, 404)


def test_requests_a_minute_are_each_clients_own(tmp_path: Path, cloud: FakeVertex) -> None:
    settings = {"limits": {"requests_per_minute": 2}, "server": {"client_keys": [KEY, OTHER_KEY]}}
    with limited(tmp_path, cloud, **settings) as proxy:
        answers = [
            proxy.post(CHAT, {"model": "claude-opus-4-8", "messages": [{"role": "user", "content": "x"}]}, headers)
            for key in (KEY, OTHER_KEY)
            for headers in [{"authorization": f"Bearer {key}"}] * 3
        ]
        assert proxy.get("/v1/models", {"authorization": f"Bearer {KEY}"}).status == 200
    assert [answer.status for answer in answers] == [200, 200, 429] * 2
    refused = answers[2]
    assert refused.error["code"] == "client_rate_limit" and 50 <= int(refused.headers["retry-after"]) <= 60


def test_without_keys_all_are_one_client(tmp_path: Path, cloud: FakeVertex) -> None:
    body = json.dumps(ASK)
    with limited(tmp_path, cloud, limits={"requests_per_minute": 1}) as proxy:
        found = []
        for address in ("127.0.0.1", "127.0.0.2", "127.0.0.1"):
            connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=15, source_address=(address, 0))
            connection.request("POST", CHAT, body, {"content-type": "application/json"})
            found.append(connection.getresponse().status)
            connection.close()
    assert found == [200, 429, 429]


def test_the_tutorials_limit_counts(tmp_path: Path, cloud: FakeVertex) -> None:
    with Proxy(tmp_path, environment=cloud.environment(), dotenv="TEXT_MODEL_RATE_LIMIT=1") as proxy:
        assert [proxy.chat().status for _ in range(2)] == [200, 429]


# -- heartbeats --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def beating(cloud: FakeVertex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    settings = {"timeouts": {"heartbeat": 0.3}, "failover": {"rest": False}, "limits": {"concurrent": 1}}
    with limited(tmp_path_factory.mktemp("beating"), cloud, **settings) as proxy:
        yield proxy


def read_beats(connection: socket.socket, count: int) -> bytes:
    read = b""
    while read.count(b": ping\n\n") < count:
        piece = connection.recv(65_536)
        assert piece, read
        read += piece
    return read


@pytest.mark.parametrize("path", [CHAT, NATIVE])
def test_who_waits_hears_something(beating: Proxy, cloud: FakeVertex, path: str) -> None:
    """In the queue, for the first token and between two; what comes then is whole."""
    asked = len(cloud.requests)
    cloud.script(Hang(), replay(pause_after=0), replay(pause_after=700))
    first = beating.open_chat(path=path, stream=True, max_tokens=9)
    cloud.wait_until(lambda: cloud.hanging == 1)
    queued = beating.open_chat(path=path, stream=True, max_tokens=9)
    read = [read_beats(queued, 2), read_beats(first, 2)]
    cloud.release()
    cloud.wait_until(lambda: len(cloud.requests) == asked + 2 and cloud.hanging == 1)  # it has begun, and says nothing
    read[0] += read_beats(queued, 2)
    cloud.release()
    third = beating.open_chat(path=path, stream=True, max_tokens=9)
    cloud.wait_until(lambda: len(cloud.requests) == asked + 3 and cloud.hanging == 1)  # in the middle of its answer
    read.append(read_beats(third, 2))
    cloud.release()
    for before, connection in ((read[1], first), (read[0], queued), (read[2], third)):
        head, body = unchunk(before + read_all(connection))
        assert b" 200 " in head and b"text/event-stream" in head
        assert body.count(b": ping\n\n") >= 2
        last = events(body)[-1]
        assert last == "[DONE]" if path == CHAT else json.loads(last)["type"] == "message_stop"


@pytest.mark.parametrize("path", [CHAT, NATIVE])
@pytest.mark.parametrize("name", ["400", "broken"])
def test_a_failure_after_a_heartbeat_is_an_event(beating: Proxy, cloud: FakeVertex, path: str, name: str) -> None:
    trouble = {"400": anthropic_error(400, "No."), "broken": broken("invalid_request_error", "No.")}[name]
    cloud.script(Hang(trouble))
    connection = beating.open_chat(path=path, stream=True, max_tokens=9)
    read = read_beats(connection, 1)
    cloud.release()
    head, body = unchunk(read + read_all(connection))
    (event,) = events(body)
    assert b" 200 " in head
    assert json.loads(event)["error"]["message"].startswith("No.")
    assert json.loads(event).get("choices") == ([] if path == CHAT else None)


def test_a_failover_after_heartbeats_is_invisible(beating: Proxy, cloud: FakeVertex) -> None:
    """A heartbeat is no first byte."""
    cloud.script(Hang(anthropic_error(529)))
    connection = beating.open_chat(stream=True)
    read = read_beats(connection, 1)
    cloud.release()
    _, body = unchunk(read + read_all(connection))
    assert events(body)[-1] == "[DONE]" and b'"error"' not in body


def test_the_sdks_take_heartbeats_for_nothing(beating: Proxy, cloud: FakeVertex) -> None:
    def let_go() -> None:
        cloud.wait_until(lambda: cloud.hanging == 1)
        time.sleep(0.7)
        cloud.release()

    cloud.script(Hang(), Hang())
    message: Any = {"role": "user", "content": "Hello"}
    for run in range(2):
        helper = Thread(target=let_go)
        helper.start()
        if run:
            with beating.sdk() as client:
                chunks = list(client.chat.completions.create(model="claude-opus-4-8", messages=[message], stream=True))
                assert chunks[-1].choices[0].finish_reason == "stop"
        else:
            with (
                sdk(beating, "") as client,
                client.messages.stream(model="claude-opus-4-8", max_tokens=9, messages=[message]) as stream,
            ):
                assert stream.get_final_message().stop_reason == "end_turn"
        helper.join()


def test_who_wants_one_piece_gets_no_comment(beating: Proxy, cloud: FakeVertex) -> None:
    cloud.script(Hang())
    connection = beating.open_chat()
    cloud.wait_until(lambda: cloud.hanging == 1)
    time.sleep(0.7)
    cloud.release()
    assert b": ping" not in read_all(connection)
