"""What fails before its first byte is tried again elsewhere: with the next credential, region or cloud, and told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.io import FlowReader

from tests.support.behaviours import exception
from tests.support.cloud_errors import aws_error
from tests.support.fake_bedrock import FakeBedrock
from tests.support.fake_cloud import Received
from tests.support.fake_vertex import (
    Behaviour,
    Drop,
    FakeVertex,
    Hang,
    Reply,
    anthropic_error,
    broken,
    google_error,
    html_error,
    replay,
)
from tests.support.native_client import sdk
from tests.support.proxy import CHAT, Proxy, free_port

HOME, AWAY = "us-east5", "europe-west1"
FIRST, SECOND = "test-project", "second-project"
OPUS = "claude-opus-4-8"


def accounts(cloud: FakeVertex) -> list[dict[str, Any]]:
    """Two projects in one region, the first of them in another one, too."""
    cloud.regions |= {HOME, AWAY}
    keys = [json.dumps(cloud.service_account(project)) for project in (FIRST, SECOND)]
    return [{"credentials": keys[0], "regions": [HOME, AWAY]}, {"credentials": keys[1], "region": HOME}]


@contextmanager
def proxy(folder: Path, cloud: FakeVertex, **settings: Any) -> Iterator[Proxy]:
    vertex = {"base_url": cloud.base_url, "accounts": accounts(cloud)}
    config = {"vertex": vertex, "failover": {"rest": False}, **settings}
    with Proxy(folder, config=json.dumps(config), arguments=["-w", str(folder / "flows")]) as proxy:
        yield proxy


def records(folder: Path) -> list[dict[str, Any]]:
    """Those of the chats, after the proxy's end."""
    with (folder / "flows").open("rb") as file:
        flows = [flow for flow in FlowReader(file).stream() if "bridge" in flow.metadata]
    return [flow.metadata["bridge"] for flow in flows]  # type: ignore[misc]  # mitmproxy types it as dict[str, Any]


def places(cloud: FakeVertex) -> list[tuple[str, str]]:
    """Project and region of the requests so far, which are forgotten."""
    parts = [received.path.split("/") for received in cloud.requests]
    cloud.requests.clear()
    return [(part[3], part[5]) for part in parts]


def in_region(region: str, behaviour: Behaviour) -> Callable[[Received], Behaviour | None]:
    return lambda received: behaviour if f"/locations/{region}/" in received.path else None


TROUBLE: dict[str, Behaviour] = {
    "429": anthropic_error(429),
    "429 that says when": anthropic_error(429, retry_after=1),
    "Google's quota": google_error(429, retry_delay="1s"),
    "529": anthropic_error(529),
    "500": anthropic_error(500),
    "503 of a load balancer": html_error(503),
    "502 of a load balancer": html_error(502),
    "error first in the stream": broken("overloaded_error"),
    "stream cut before its first event": replay(stop_after=0, ending="cut"),
    "401": google_error(401),
    "403": google_error(403),
    "404": google_error(404),
    "402": anthropic_error(402, type="billing_error"),
}


@pytest.fixture(scope="module")
def two(cloud: FakeVertex, folder: Path) -> Iterator[Proxy]:
    with proxy(folder, cloud) as made:
        yield made


@pytest.mark.parametrize("name", TROUBLE)
@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
def test_the_next_credential_answers(two: Proxy, cloud: FakeVertex, name: str, path: str) -> None:
    """Whichever of the two is asked first, it is the other one that answers, in the same region."""
    cloud.requests.clear()
    trouble = TROUBLE[name]
    cloud.script(*[trouble] * (2 if name == "401" else 1))  # there a new token is tried before
    answer = two.post(path, ask(stream=True))
    assert answer.status == 200 and b"overloaded" not in answer.body
    asked = places(cloud)
    assert {project for project, _ in asked} == {FIRST, SECOND} and {region for _, region in asked} == {HOME}
    assert answer.headers["x-bridge-attempts"] == str(len(asked))
    assert len(asked) == (3 if name == "401" else 2)


@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_that_is_lost(tmp_path: Path, cloud: FakeVertex, reset: bool) -> None:
    """A new one means that the credential's region is in trouble; a kept one has most likely been closed long ago."""
    cloud.requests.clear()
    with proxy(tmp_path, cloud) as made:
        cloud.script(Drop(reset))
        assert made.post(CHAT, ask()).headers["x-bridge-attempts"] == "2"
        first, second = places(cloud)
        assert first != second
        cloud.script(Drop(reset))
        assert made.post(CHAT, ask()).headers["x-bridge-attempts"] == "2"
    assert len(cloud.requests) == 2 and len(set(places(cloud))) == 1


def ask(**changes: Any) -> dict[str, Any]:
    return {"model": OPUS, "max_tokens": 99, "messages": [{"role": "user", "content": "Hello"}], **changes}


def test_a_dead_region_is_left(two: Proxy, cloud: FakeVertex) -> None:
    cloud.requests.clear()
    cloud.rule = in_region(HOME, anthropic_error(529))
    answer = two.post(CHAT, ask())
    cloud.rule = lambda received: None
    assert answer.status == 200 and answer.headers["x-bridge-route"] == f"vertex/{AWAY}"
    asked = places(cloud)
    assert sorted(asked[:2]) == [(SECOND, HOME), (FIRST, HOME)] and asked[2:] == [(FIRST, AWAY)]


@pytest.mark.parametrize("stream", [False, True])
def test_when_all_fail_the_last_word_is_the_clouds(two: Proxy, cloud: FakeVertex, stream: bool) -> None:
    cloud.requests.clear()
    cloud.script(anthropic_error(529), google_error(403), anthropic_error(429, "Slow down."))
    answer = two.post(CHAT, ask(stream=stream))
    assert answer.status == 429 and "Slow down." in answer.error["message"]
    assert answer.headers["x-bridge-attempts"] == "3" and len(cloud.requests) == 3


def test_what_is_nobodys_to_serve_says_less_than_what_comes_back(two: Proxy, cloud: FakeVertex) -> None:
    cloud.script(anthropic_error(529, "Overloaded."), google_error(403), google_error(403))
    assert two.post(CHAT, ask()).status == 503


@pytest.mark.parametrize("trouble", [anthropic_error(400, "No."), anthropic_error(413), google_error(400)])
def test_a_wrong_request_is_sent_once(two: Proxy, cloud: FakeVertex, trouble: Reply) -> None:
    cloud.requests.clear()
    cloud.script(trouble)
    assert two.post(CHAT, ask()).status == trouble.status
    assert len(cloud.requests) == 1


def test_after_the_first_byte_nothing_is_sent_again(two: Proxy, cloud: FakeVertex) -> None:
    cloud.requests.clear()
    cloud.script(broken(after=4))
    answer = two.post(CHAT, ask(stream=True))
    assert answer.status == 200 and answer.body.count(b'"error"') == 1 and b"[DONE]" not in answer.body
    assert len(cloud.requests) == 1


def test_a_repair_is_made_with_the_credential_that_asked_for_it(two: Proxy, cloud: FakeVertex) -> None:
    cloud.requests.clear()
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    tools = [{"type": "function", "function": {"name": "f", "strict": True, "parameters": schema}}]
    refused = anthropic_error(400, "Too many strict tools.")
    cloud.script(refused, anthropic_error(529))
    answer = two.post(CHAT, ask(tools=tools))
    assert answer.status == 200
    asked = [project for project, _ in places(cloud)]
    first, repaired, elsewhere = asked
    assert first == repaired != elsewhere  # which gets it repaired at once


def test_an_sdk_sees_none_of_it(two: Proxy, cloud: FakeVertex) -> None:
    cloud.script(anthropic_error(529), Drop())
    with sdk(two, "") as client, client.messages.stream(**ask()) as stream:
        assert stream.get_final_message().stop_reason == "end_turn"


# -- what may be paid for twice ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("resend", [True, False])
def test_what_may_have_run_is_sent_again_once_at_most(tmp_path: Path, cloud: FakeVertex, resend: bool) -> None:
    cloud.requests.clear()
    with proxy(tmp_path, cloud, failover={"rest": False, "resend": resend}) as made:
        cloud.script(Drop(reset=True), *([Drop()] if resend else []))
        answer = made.post(CHAT, ask())
    assert answer.status == 502 and answer.error["code"] == "upstream_closed"
    assert answer.headers["x-should-retry"] == "false"  # or an SDK would go on by itself
    assert len(cloud.requests) == 1 + resend
    (record,) = records(tmp_path)
    assert [attempt["may_have_run"] for attempt in record["attempts"]] == [True] * (1 + resend)


def test_each_attempt_is_in_the_record(tmp_path: Path, cloud: FakeVertex) -> None:
    with proxy(tmp_path, cloud) as made:
        cloud.script(broken("overloaded_error"), anthropic_error(429, retry_after=3))
        assert made.post(CHAT, ask(stream=True)).status == 200
    (record,) = records(tmp_path)
    assert [attempt["status"] for attempt in record["attempts"]] == [200, 429, 200]
    first, second, third = record["attempts"]
    assert "Overloaded" in first["error"] and "Overloaded" in first["reply"] and not first["may_have_run"]
    assert second["error"] and third["error"] is None
    assert len({attempt["credential"] for attempt in record["attempts"]}) == 3
    assert all(attempt["headers"]["authorization"] == "***" for attempt in record["attempts"])


# -- the next cloud ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both(cloud: FakeVertex, bedrock: FakeBedrock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    key = bedrock.keys.access_key()
    aws = {"access_key_id": key.id, "secret_access_key": key.secret, "region": bedrock.region}
    google = {
        "base_url": cloud.base_url,
        "accounts": [{"credentials": json.dumps(cloud.service_account()), "region": HOME}],
    }
    config = {
        "vertex": google,
        "bedrock": {"base_url": bedrock.origin, "accounts": [aws]},
        "models": {"fallbacks": {OPUS: ["bedrock/claude-opus-4-8", "vertex/claude-sonnet-4-6"]}},
        "failover": {"rest": False},
    }
    with Proxy(tmp_path_factory.mktemp("both"), config=json.dumps(config)) as made:
        yield made


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/proxy/gcp/claude/v1/chat/completions"])
def test_a_fallback_is_asked_in_its_own_words(
    both: Proxy, cloud: FakeVertex, bedrock: FakeBedrock, path: str, stream: bool
) -> None:
    cloud.requests.clear()
    cloud.script(anthropic_error(529))
    answer = both.post(path, ask(stream=stream))
    assert answer.status == 200
    assert answer.headers["x-bridge-route"] == f"bedrock/{bedrock.region}"
    assert "fallback:bedrock/claude-opus-4-8" in answer.headers["x-bridge-notes"]
    assert len(cloud.requests) == 1 and bedrock.requests[-1].path.startswith("/model/")
    model = json.loads(answer.body)["model"] if not stream and path != "/v1/messages" else OPUS
    assert model == OPUS  # what the client has asked for


def test_the_next_fallback_follows(both: Proxy, cloud: FakeVertex, bedrock: FakeBedrock) -> None:
    cloud.script(anthropic_error(429))
    bedrock.script(aws_error("ThrottlingException"))
    answer = both.post(CHAT, ask())
    assert answer.status == 200 and answer.headers["x-bridge-attempts"] == "3"
    assert answer.headers["x-bridge-model"].startswith("claude-sonnet-4-6")


def test_an_exception_first_in_a_stream_of_aws(both: Proxy, cloud: FakeVertex, bedrock: FakeBedrock) -> None:
    cloud.script(anthropic_error(429))
    bedrock.script(exception("throttlingException"))
    answer = both.post(CHAT, ask(stream=True))
    assert answer.status == 200 and answer.headers["x-bridge-attempts"] == "3" and b"[DONE]" in answer.body


@pytest.mark.parametrize("way", ["refused", "TLS"])
def test_a_cloud_that_can_not_be_reached_is_left(
    tmp_path: Path, cloud: FakeVertex, bedrock: FakeBedrock, way: str
) -> None:
    """At once: nothing was sent, so nothing can have run. From then on its region rests."""
    key = bedrock.keys.access_key()
    aws = {"access_key_id": key.id, "secret_access_key": key.secret, "region": bedrock.region}
    with FakeVertex(tls=True) as strange:
        address = f"http://127.0.0.1:{free_port()}" if way == "refused" else strange.origin
        account = {"credentials": json.dumps(cloud.service_account()), "region": HOME}
        config = {
            "vertex": {"base_url": address, "accounts": [account]},
            "bedrock": {"base_url": bedrock.origin, "accounts": [aws]},
            "models": {"fallbacks": {OPUS: f"bedrock/{OPUS}"}},
            "failover": {"resend": False},
        }
        with Proxy(tmp_path, config=json.dumps(config)) as made:
            answers = [made.post(CHAT, ask(stream=True)) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert [answer.headers["x-bridge-attempts"] for answer in answers] == ["2", "1"]
    assert all(b"[DONE]" in answer.body for answer in answers)


def test_a_model_without_fallback_has_none(both: Proxy, cloud: FakeVertex, bedrock: FakeBedrock) -> None:
    asked = len(bedrock.requests)
    cloud.script(*[anthropic_error(529)] * 3)
    assert both.post(CHAT, ask(model="claude-haiku-4-5")).status == 503
    assert len(bedrock.requests) == asked


def test_a_fallback_that_nobody_serves_is_told_at_the_start(tmp_path: Path, cloud: FakeVertex) -> None:
    config = {"models": {"fallbacks": {OPUS: "bedrock/claude-opus-4-8"}}}
    made = Proxy(tmp_path, environment=cloud.environment(), config=json.dumps(config), port=free_port())
    made.start()
    assert made.process.wait(60) == 2
    assert "models.fallbacks: 'bedrock/claude-opus-4-8'" in made.log() and "configure its cloud" in made.log()


# -- credentials that rest ---------------------------------------------------------------------------------------------


def test_what_rests_is_not_asked(tmp_path: Path, cloud: FakeVertex) -> None:
    """One region says that it has no room for an hour: it is asked once by each, and never again."""
    cloud.requests.clear()
    cloud.rule = in_region(HOME, anthropic_error(429, retry_after=3600))
    with proxy(tmp_path, cloud, failover={}) as made:
        answers = [made.post(CHAT, ask()) for _ in range(5)]
        status = made.get("/status").json()
        details = made.get("/status/details").json()
    cloud.rule = lambda received: None
    assert [answer.status for answer in answers] == [200] * 5
    asked = places(cloud)
    assert sorted(asked[:3]) == sorted([(FIRST, HOME), (SECOND, HOME), (FIRST, AWAY)])
    assert asked[3:] == [(FIRST, AWAY)] * 4
    assert status["gcp-claude"]["proomptersInQueue"] == 0 and status["gcp-claude"]["revokedKeys"] == 0
    rests = [rest for account in details["accounts"] for rest in account["rests"]]
    assert [(rest["model"], rest["state"]) for rest in rests] == [(OPUS, "cooling")] * 2
    assert all(3500 < rest["until"] - details["now"] <= 3600.5 for rest in rests)  # it is a whole number


def test_when_all_rest_the_client_is_told_how_long(tmp_path: Path, cloud: FakeVertex) -> None:
    cloud.requests.clear()
    cloud.rule = lambda received: anthropic_error(429, "No room.", retry_after=300)
    with proxy(tmp_path, cloud, failover={}) as made:
        first, second = made.post(CHAT, ask()), made.post(CHAT, ask())
    cloud.rule = lambda received: None
    assert first.status == second.status == 429
    assert "No room." in first.error["message"] and first.headers["retry-after"] == "300"
    assert len(cloud.requests) == 3  # the second one was not sent at all
    assert second.error["code"] == "rate_limit_exceeded" and 290 <= int(second.headers["retry-after"]) <= 300


def test_a_key_that_is_not_accepted_rests_and_is_asked_again(tmp_path: Path, cloud: FakeVertex) -> None:
    cloud.requests.clear()
    cloud.rule = lambda received: google_error(401) if f"/{SECOND}/" in received.path else None
    with proxy(tmp_path, cloud, failover={}) as made:
        answers = [made.post(CHAT, ask()) for _ in range(6)]
        revoked = made.get("/status").json()["gcp-claude"]["revokedKeys"]
    cloud.rule = lambda received: None
    assert [answer.status for answer in answers] == [200] * 6
    assert [project for project, _ in places(cloud)].count(SECOND) == 2  # with a new token the second time
    assert revoked == 1


def test_a_single_key_that_is_not_accepted_is_asked_each_time_but_not_in_a_rush(
    tmp_path: Path, cloud: FakeVertex
) -> None:
    cloud.requests.clear()
    cloud.rule = lambda received: google_error(403)
    with Proxy(tmp_path, environment=cloud.environment()) as made:
        answers = [made.post(CHAT, ask()) for _ in range(8)]
        assert [answer.status for answer in answers] == [403] * 8
        assert 3 <= len(cloud.requests) < 8
        assert "has just refused all accounts" in answers[3].error["message"]
        cloud.rule = lambda received: None  # the user has given it the role that it lacked
        cloud.wait_until(lambda: made.post(CHAT, ask()).status == 200)


def test_a_pause_that_the_cloud_asks_for_is_waited_for(tmp_path: Path, cloud: FakeVertex) -> None:
    """There is one credential: a second request waits with the first, and neither is refused."""
    cloud.requests.clear()
    with Proxy(tmp_path, environment=cloud.environment()) as made:
        cloud.script(anthropic_error(429, retry_after=1))
        answer = made.post(CHAT, ask())
    assert answer.status == 200 and answer.headers["x-bridge-attempts"] == "2"
    assert cloud.requests[1].arrived - cloud.requests[0].arrived >= 1


def test_hanging_is_trouble_too(tmp_path: Path, cloud: FakeVertex) -> None:
    cloud.requests.clear()
    with proxy(tmp_path, cloud, timeouts={"first_byte": 1}) as made:
        cloud.script(Hang())
        answer = made.post(CHAT, ask())
        assert answer.status == 200 and answer.headers["x-bridge-attempts"] == "2"
        cloud.script(Hang(), Hang())
        answer = made.post(CHAT, ask())
        assert answer.status == 504 and answer.error["code"] == "first_byte_timeout"
    assert len(cloud.requests) == 4
