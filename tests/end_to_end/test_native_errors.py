"""What fails on the native route is raised by Anthropic's SDK as what it is, in the middle of a stream too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.support.claude_rules import events_of
from tests.support.fake_vertex import (
    Behaviour,
    FakeVertex,
    anthropic_error,
    broken,
    google_error,
    html_error,
    recorded,
    replay,
)
from tests.support.native_client import (
    ASK,
    HELLO,
    OLD,
    SAID,
    ask,
    given,
    plain,
    sdk,
)
from tests.support.proxy import KEY, Proxy


@pytest.fixture(scope="module")
def guarded(cloud: FakeVertex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with Proxy(tmp_path_factory.mktemp("guarded"), environment=cloud.environment() | {"PROXY_KEY": KEY}) as proxy:
        yield proxy


ERRORS: list[tuple[Behaviour, type[anthropic.APIStatusError], int, str]] = [
    (anthropic_error(400), anthropic.BadRequestError, 400, "invalid_request_error"),
    (google_error(400), anthropic.BadRequestError, 400, "invalid_request_error"),
    (anthropic_error(402), anthropic.PaymentRequiredError, 402, "billing_error"),
    (google_error(403, in_array=True), anthropic.PermissionDeniedError, 403, "permission_error"),
    (google_error(404), anthropic.NotFoundError, 404, "not_found_error"),
    (anthropic_error(413), anthropic.ContentTooLargeError, 413, "request_too_large"),
    (anthropic_error(429, retry_after=12), anthropic.RateLimitError, 429, "rate_limit_error"),
    (google_error(429, retry_delay="12s"), anthropic.RateLimitError, 429, "rate_limit_error"),
    (google_error(500), anthropic.InternalServerError, 500, "api_error"),
    (html_error(502), anthropic.InternalServerError, 502, "api_error"),
    (google_error(503), anthropic.ServiceUnavailableError, 503, "overloaded_error"),
    (anthropic_error(504), anthropic.GatewayTimeoutError, 504, "timeout_error"),
    (anthropic_error(529), anthropic.OverloadedError, 529, "overloaded_error"),
]


@pytest.mark.parametrize("how", ["whole", "streamed", "counted"])
@pytest.mark.parametrize("error", ERRORS, ids=range(len(ERRORS)))
def test_errors_are_raised_as_what_they_are(proxy: Proxy, cloud: FakeVertex, error: Any, how: str) -> None:
    behaviour, kind, status, type = error
    cloud.script(behaviour)
    with sdk(proxy) as client, pytest.raises(kind) as caught:
        ask(client.messages, how, {})
    told = caught.value
    assert (told.status_code, told.type) == (status, type)
    assert told.api_message
    assert told.request_id is not None and told.request_id.startswith("req_")
    assert told.body["request_id"] == told.request_id  # type: ignore[index]  # of an untyped body
    assert told.response.headers.get("retry-after") == ("12" if status == 429 else None)


def test_an_overload_is_tried_again(proxy: Proxy, cloud: FakeVertex) -> None:
    before = len(cloud.requests)
    cloud.script(anthropic_error(529, retry_after=0.05), anthropic_error(429, retry_after=0.05))
    with sdk(proxy, max_retries=2) as client:
        assert plain(client.messages.create(**ASK)) == given(SAID)
    assert len(cloud.requests) == before + 3


def test_what_cannot_get_better_is_not_tried_again(proxy: Proxy, cloud: FakeVertex) -> None:
    before = len(cloud.requests)
    cloud.script(google_error(403))
    with sdk(proxy, max_retries=2) as client, pytest.raises(anthropic.PermissionDeniedError):
        client.messages.create(**ASK)
    assert len(cloud.requests) == before + 1


@pytest.mark.parametrize("how", ["whole", "streamed", "counted"])
@pytest.mark.parametrize("model", ["claude nonsense", "gpt-4o"])
def test_an_unknown_model(proxy: Proxy, model: str, how: str) -> None:
    with sdk(proxy) as client, pytest.raises(anthropic.NotFoundError) as caught:
        ask(client.messages, how, {"model": model})
    assert caught.value.type == "not_found_error"
    assert "model" in caught.value.message


@pytest.mark.parametrize("path", ["/v1/messages", "/proxy/gcp/claude/v1/messages/count_tokens"])
@pytest.mark.parametrize(
    ("raw", "status"), [(b"", 400), (b"[]", 400), (b"{", 400), (b"{}", 400), (b'{"model": 5}', 400)], ids=range(5)
)
def test_what_is_no_request(proxy: Proxy, path: str, raw: bytes, status: int) -> None:
    answer = proxy.post(path, raw)
    assert answer.status == status
    told = answer.json()
    assert told.keys() == {"type", "error", "request_id"} and told["type"] == "error"
    assert {"type", "message"} <= told["error"].keys() <= {"type", "message", "details"}
    assert answer.headers["request-id"] == told["request_id"]


def test_what_is_not_served_is_told_in_the_same_form(proxy: Proxy) -> None:
    with sdk(proxy) as client, pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.batches.list()
    assert caught.value.type == "not_found_error"
    answer = proxy.get("/v1/messages")
    assert (answer.status, answer.headers["allow"], answer.json()["type"]) == (405, "POST", "error")


ALL_KEYS = {
    "as the SDK sends it": {"api_key": KEY},
    "as a token": {"api_key": None, "auth_token": KEY},
    "as the former SDK sends it": {
        "default_headers": {
            "authorization": anthropic.Omit(),
            "x-api-key": KEY,
            "anthropic-version": "2023-06-01",
        }
    },
}


@pytest.mark.parametrize("case", ALL_KEYS)
def test_the_right_key_is_let_in(guarded: Proxy, cloud: FakeVertex, case: str) -> None:
    with sdk(guarded, **ALL_KEYS[case]) as client:
        assert plain(client.messages.create(**ASK)) == given(SAID)
        assert client.messages.count_tokens(model=OLD, messages=[HELLO]).input_tokens
    assert KEY not in str(dict(cloud.requests[-1].headers))


@pytest.mark.parametrize("case", ALL_KEYS)
def test_another_key_is_refused(guarded: Proxy, cloud: FakeVertex, case: str) -> None:
    before = len(cloud.requests)
    wrong = json.loads(json.dumps(ALL_KEYS[case], default=lambda _: None).replace(KEY, f"{KEY}x"))
    if "default_headers" in wrong:
        wrong["default_headers"]["authorization"] = anthropic.Omit()
    for how in ("whole", "streamed", "counted"):
        with sdk(guarded, **wrong) as client, pytest.raises(anthropic.AuthenticationError) as caught:
            ask(client.messages, how, {})
        assert caught.value.type == "authentication_error"
        assert caught.value.request_id is not None
    assert len(cloud.requests) == before


# --- Broken streams ---------------------------------------------------------------------------------------------------

EVENTS = events_of(recorded("basic_response.txt"))
MIDDLE = sum(map(len, EVENTS[:4]))
BREAKS: dict[str, tuple[Behaviour, str]] = {
    "an error event": (broken(after=4), "overloaded_error"),
    "another error event": (broken("api_error", "Internal server error", after=4), "api_error"),
    "cut between events": (replay(stop_after=MIDDLE, ending="cut"), "api_error"),
    "cut within an event": (replay(stop_after=MIDDLE + 30, ending="cut"), "api_error"),
    "reset": (replay(stop_after=MIDDLE, ending="reset"), "api_error"),
    "ended in good form but too soon": (replay(stop_after=MIDDLE), "api_error"),
    "only its last event is missing": (replay(stop_after=len(b"".join(EVENTS[:-1]))), "api_error"),
}


@pytest.mark.parametrize("case", BREAKS)
def test_a_broken_stream_is_an_error_and_no_short_success(proxy: Proxy, cloud: FakeVertex, case: str) -> None:
    behaviour, type = BREAKS[case]
    cloud.script(behaviour, behaviour)
    with sdk(proxy) as client:
        with pytest.raises(anthropic.APIStatusError) as caught, client.messages.stream(**ASK) as stream:
            assert "".join(stream.text_stream) == "never whole"
        assert caught.value.type == type
        with pytest.raises(anthropic.APIStatusError):
            list(client.messages.create(**ASK, stream=True))
    assert proxy.chat().status == 200


def test_a_broken_stream_is_properly_ended(proxy: Proxy, cloud: FakeVertex) -> None:
    cloud.script(replay(stop_after=MIDDLE, ending="reset"))
    answer = proxy.post("/v1/messages", ASK | {"stream": True})  # which fails where the last chunk is missing
    *good, last = events_of(answer.body)
    assert [event.partition(b"\n")[0] for event in good] == [
        *(b"event: message_start", b"event: content_block_start", b"event: ping", b"event: content_block_delta"),
    ]
    assert last.startswith(b"event: error\ndata: {")


@pytest.mark.parametrize("behaviour", [broken(), broken("rate_limit_error", "No")], ids=["overloaded", "limited"])
def test_what_fails_before_the_first_event_is_an_http_error(
    proxy: Proxy, cloud: FakeVertex, behaviour: Behaviour
) -> None:
    """With its own status: the SDK tries again by itself."""
    cloud.script(behaviour)
    with sdk(proxy, max_retries=1) as client, client.messages.stream(**ASK) as stream:
        assert stream.get_final_text() == SAID["content"][0]["text"]
