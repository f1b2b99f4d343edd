"""How long anything may take, and what is said when that is over: each time-out has an error of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.fake_vertex import FakeVertex, Hang, Stream, replay, sse
from tests.support.proxy import CHAT, ONCE, Proxy, events

NATIVE = "/v1/messages"
PATHS = pytest.mark.parametrize("path", [CHAT, NATIVE])
SECONDS = {"first_byte": 0.6, "idle": 0.8, "total": 1.5}


@pytest.fixture(scope="module")
def hasty(cloud: FakeVertex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Proxy]]:
    """A proxy for each of these times, in which the others are as usual: a busy machine may need longer than that."""
    with ExitStack() as stack:
        made = {}
        for name, seconds in SECONDS.items():
            config, folder = {"timeouts": {name: seconds}, **ONCE}, tmp_path_factory.mktemp(name)
            proxy = Proxy(folder, environment=cloud.environment(), config=json.dumps(config))
            made[name] = stack.enter_context(proxy)
            proxy.chat()  # for its token
        yield made


def ask(proxy: Proxy, path: str, stream: bool) -> tuple[int, str, str]:
    """Status, code and message of the error that an answer is, or ends with."""
    body = {"model": "claude-opus-4-8", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
    answer = proxy.post(path, {**body, "stream": stream})
    told = events(answer.body)[-1] if answer.status == 200 else answer.body
    error = json.loads(told)["error"]
    return answer.status, error.get("code") or error["type"], error["message"]


@PATHS
@pytest.mark.parametrize("stream", [False, True])
def test_no_first_byte(hasty: Mapping[str, Proxy], cloud: FakeVertex, path: str, stream: bool) -> None:
    cloud.script(Hang())
    status, code, message = ask(hasty["first_byte"], path, stream)
    assert status == 504 and code in ("first_byte_timeout", "timeout_error")
    assert "did not begin to answer within 0.6 s" in message and "timeouts.first_byte" in message


PING, START = sse({"type": "ping"}), b'event: message_start\ndata: {"type": "message_start", "message": {'
SLOW = {"pings": Stream(PING * 50, size=len(PING), delay=0.1), "one event": Stream(START, size=1, delay=0.1)}


@PATHS
@pytest.mark.parametrize("name", SLOW)
def test_what_comes_before_the_first_event_is_no_first_byte(
    hasty: Mapping[str, Proxy], cloud: FakeVertex, path: str, name: str
) -> None:
    """Pings, and single bytes of an event that does not come to its end."""
    cloud.script(SLOW[name])
    status, _, message = ask(hasty["first_byte"], path, True)
    assert status == 504 and "did not begin to answer" in message


@PATHS
def test_silence_in_the_middle(hasty: Mapping[str, Proxy], cloud: FakeVertex, path: str) -> None:
    cloud.script(replay(pause_after=700))
    status, _, message = ask(hasty["idle"], path, True)
    assert status == 200 and "said nothing more for 0.8 s" in message and "timeouts.idle" in message


def test_silence_in_the_middle_of_one_piece(hasty: Mapping[str, Proxy], cloud: FakeVertex) -> None:
    cloud.script(replay(pause_after=30))
    status, code, message = ask(hasty["idle"], CHAT, False)
    assert (status, code) == (502, "idle_timeout") and "said nothing more for 0.8 s" in message


@PATHS
def test_all_of_it_takes_too_long(hasty: Mapping[str, Proxy], cloud: FakeVertex, path: str) -> None:
    """Each piece comes in time."""
    cloud.script(replay(size=[500, *[10] * 99], delay=0.1))
    begun = time.monotonic()
    status, _, message = ask(hasty["total"], path, True)
    assert status == 200 and "was not answered in full within 1.5 s" in message and "timeouts.total" in message
    assert time.monotonic() - begun >= 1.5


def test_a_slow_answer_that_keeps_within_its_times_is_left_alone(hasty: Mapping[str, Proxy], cloud: FakeVertex) -> None:
    cloud.script(replay(size=90, delay=0.1))
    begun = time.monotonic()
    assert hasty["idle"].chat(stream=True).body.endswith(b"data: [DONE]\n\n")
    assert time.monotonic() - begun > SECONDS["idle"]


def test_waiting_counts(tmp_path: Path, cloud: FakeVertex) -> None:
    """In the queue, and for a token."""
    config = {"timeouts": {"total": 3}, "limits": {"concurrent": 1}}
    with Proxy(tmp_path, environment=cloud.environment(), config=json.dumps(config)) as proxy:
        cloud.script(Hang(), Hang())
        with proxy.open_chat():
            cloud.wait_until(lambda: cloud.hanging == 1)
            assert ask(proxy, CHAT, False)[:2] == (504, "total_timeout")


def test_a_connection_that_does_not_come_about(tmp_path: Path, cloud: FakeVertex) -> None:
    """Nobody answers at this address, which is set aside for examples (RFC 5737)."""
    environment = cloud.environment() | {"ANTHROPIC_VERTEX_BASE_URL": "https://192.0.2.1"}
    config = {"timeouts": {"connect": 0.3}, "failover": {"attempts": 1}}
    with Proxy(tmp_path, environment=environment, config=json.dumps(config)) as proxy:
        status, code, message = ask(proxy, CHAT, False)
    assert status == 502 and code in ("connect_timeout", "connect_failed") and "can't be reached" in message
