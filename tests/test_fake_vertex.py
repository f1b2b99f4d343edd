"""The fake cloud itself: it refuses each wrong thing, takes what is right, and makes the trouble it is told to make."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import anthropic
import google.auth.jwt
import pytest
import requests
from google.auth import crypt
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials
from hypothesis import given
from hypothesis import strategies as st

from tests.support import fake_vertex
from tests.support.claude_rules import ERRORS, Model, events_of, faults, message_of, model
from tests.support.fake_vertex import (
    SCOPE,
    VECTORS,
    Drop,
    FakeVertex,
    Hang,
    Reply,
    Stream,
    anthropic_error,
    broken,
    endless,
    garbled,
    google_error,
    html_error,
    huge,
    invalid_grant,
    recorded,
    recordings,
    replay,
)

OLD, NEW = "claude-sonnet-4-5@20250929", "claude-opus-4-8"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n....").decode()
BODY: dict[str, Any] = {
    "anthropic_version": "vertex-2023-10-16",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
}


@pytest.fixture
def cloud() -> Iterator[FakeVertex]:
    with FakeVertex() as cloud:
        yield cloud


def mint(cloud: FakeVertex, **changes: str) -> str:
    credentials = Credentials.from_service_account_info(cloud.service_account() | changes, scopes=[SCOPE])
    with requests.Session() as session:
        session.trust_env = False  # else REQUESTS_CA_BUNDLE would stand above `verify`
        session.verify = cloud.ca_file or True
        credentials.refresh(Request(session))
    return credentials.token


def path(cloud: FakeVertex, id: str = OLD, method: str = "rawPredict") -> str:
    return f"/v1/projects/{cloud.project}/locations/{cloud.region}/publishers/anthropic/models/{id}:{method}"


def post(
    cloud: FakeVertex,
    body: Any = BODY,
    *,
    at: str | None = None,
    headers: dict[str, str | None] | None = None,
    session: requests.Session | None = None,
    **options: Any,
) -> requests.Response:
    """What our own client would send, but for what the caller changes; a header of `None` is left out."""
    usual: dict[str, str | None] = {"accept-encoding": "identity", "user-agent": "oai-vertex"}
    usual |= {"content-type": "application/json", "authorization": f"Bearer {mint(cloud)}"}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    if session is not None:
        return session.post(cloud.origin + (at or path(cloud)), data=raw, headers=usual | (headers or {}), **options)
    with requests.Session() as own:
        own.trust_env = False
        return own.post(cloud.origin + (at or path(cloud)), data=raw, headers=usual | (headers or {}), **options)


def ask(cloud: FakeVertex, *, streamed: bool = True) -> socket.socket:
    """A good request on a bare socket, so that a test sees every byte and every ending."""
    raw = json.dumps(BODY | {"stream": True} if streamed else BODY).encode()
    head = f"POST {path(cloud, method='streamRawPredict' if streamed else 'rawPredict')} HTTP/1.1\r\nhost: x\r\n"
    head += f"authorization: Bearer {mint(cloud)}\r\ncontent-type: application/json\r\naccept-encoding: identity\r\n"
    connection = socket.create_connection(("127.0.0.1", cloud.port), timeout=5)
    connection.sendall(f"{head}content-length: {len(raw)}\r\n\r\n".encode() + raw)
    return connection


def read_all(connection: socket.socket) -> bytes:
    """All bytes until the peer closes; a reset is `ConnectionResetError`."""
    with connection:
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def turns(*turns: tuple[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def picture(media_type: str = "image/png", data: str = PNG, **more: str) -> list[dict[str, Any]]:
    return [{"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data} | more}]


# What it takes


@pytest.mark.parametrize(
    ("id", "changes"),
    [
        (OLD, {}),
        (OLD, {"stop_sequences": ["\nUser:"], "temperature": 1, "top_k": 40, "metadata": {"user_id": "x"}}),
        (OLD, {"top_p": 0.5, "max_tokens": 64_000}),
        (NEW, {"max_tokens": 128_000}),
        ("claude-3-haiku@20240307", {"temperature": 0.5, "top_p": 0.5, "max_tokens": 4096}),
        (OLD, turns(("user", "Hi"), ("user", "there"), ("assistant", "A"), ("assistant", "B"))),
        (NEW, turns(("user", "Hi"), ("system", "Be brief."))),
        (NEW, turns(("user", "Hi"), ("system", "Be brief."), ("assistant", "A"), ("user", "C"))),
        (NEW, turns(("user", "Hi"), ("assistant", "A "), ("user", "C"))),
        (OLD, {"system": "Be brief."}),
        (OLD, {"system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]}),
        (OLD, turns(("user", picture()))),
        (OLD, turns(("user", picture("image/webp", base64.b64encode(b"RIFF\n\n\n\nWEBPVP8 ").decode())))),
    ],
)
def test_takes_what_is_right(cloud: FakeVertex, id: str, changes: dict[str, Any]) -> None:
    reply = post(cloud, BODY | changes, at=path(cloud, id))
    assert (reply.status_code, cloud.wrong) == (200, [])
    assert reply.json()["content"] == [{"type": "text", "text": "Hello there!"}]
    assert reply.headers["request-id"].startswith("req_vrtx_")
    assert cloud.requests[0].parsed == BODY | changes
    assert json.loads(cloud.requests[0].body) == BODY | changes
    assert cloud.requests[0].path == path(cloud, id)


# What it refuses


@pytest.mark.parametrize(
    ("id", "changes", "why"),
    [
        (OLD, {"model": OLD}, "model: Extra inputs are not permitted"),
        (OLD, {"frequency_penalty": 0}, "frequency_penalty: Extra inputs"),
        (OLD, {"anthropic_version": "2026-10-21"}, "anthropic_version: expected 'vertex-2023-10-16'"),
        (OLD, {"anthropic_version": None}, "anthropic_version: expected 'vertex-2023-10-16'"),
        (OLD, {"stream": True}, "stream: must be False"),
        (OLD, {"max_tokens": None}, "max_tokens: Input should be a valid integer"),
        (OLD, {"max_tokens": True}, "max_tokens: Input should be a valid integer"),
        (OLD, {"max_tokens": 10.0}, "max_tokens: Input should be a valid integer"),
        (OLD, {"max_tokens": 0}, "max_tokens: Input should be greater"),
        (OLD, {"max_tokens": 64_001}, "max_tokens: 64001 > 64000"),
        ("claude-opus-4-1@20250805", {"max_tokens": 32_001}, "max_tokens: 32001 > 32000"),
        (NEW, {"max_tokens": 128_001}, "max_tokens: 128001 > 128000"),
        (OLD, {"temperature": 1.1}, "temperature: range: 0..1"),
        (OLD, {"temperature": -0.1}, "temperature: range: 0..1"),
        (OLD, {"temperature": "1"}, "temperature: Input should be a valid number"),
        (OLD, {"top_k": 1.5}, "top_k: Input should be a valid number"),
        (OLD, {"temperature": 1, "top_p": 0.5}, "cannot both be specified"),
        ("claude-sonnet-4-6", {"temperature": 1, "top_p": 0.5}, "cannot both be specified"),
        ("claude-opus-4-7", {"temperature": 1}, "`temperature` is deprecated"),
        (NEW, {"top_p": 0.5}, "`top_p` is deprecated"),
        ("claude-unheard-of", {"top_k": 5}, "`top_k` is deprecated"),
        (OLD, {"stop_sequences": "x"}, "stop_sequences: Input should be a valid array"),
        (OLD, {"stop_sequences": ["x", " \n"]}, "stop_sequences: each stop sequence must contain non-whitespace"),
        (OLD, {"metadata": {"user": "x"}}, "metadata: Extra inputs"),
        (OLD, {"tool_choice": {"type": "auto"}}, "tool_choice: may only be specified"),
        (OLD, {"system": " "}, "system: text content blocks must be non-empty"),
        (OLD, {"system": 1}, "system: Input should be"),
        (OLD, {"system": ["x"]}, "system.0: Input should be a text block"),
        (OLD, {"system": [{"type": "text", "text": ""}]}, "system.0: text content blocks must be non-empty"),
        (OLD, {"messages": None}, "messages: Field required"),
        (OLD, {"messages": []}, "messages: at least one message"),
        (OLD, {"messages": ["x"]}, "messages.0.role: Input should be"),
        (OLD, turns(("assistant", "A"), ("user", "Hi")), "first message must use the 'user' role"),
        (OLD, turns(("user", "Hi"), ("tool", "A")), "messages.1.role: Input should be"),
        (OLD, {"messages": [{"role": "user", "content": "Hi", "name": "Ann"}]}, "messages.0.name: Extra inputs"),
        (OLD, turns(("user", None)), "messages.0.content: Input should be a valid list"),
        (OLD, turns(("user", [])), "messages.0: all messages must have non-empty content"),
        (OLD, turns(("user", "")), "messages.0.content.0: text content blocks must be non-empty"),
        (OLD, turns(("user", "Hi"), ("assistant", "\n"), ("user", "A")), "must contain non-whitespace"),
        (OLD, turns(("user", [{"type": "text", "text": 1}])), "text.text: Input should be a valid string"),
        (OLD, turns(("user", [{"type": "text", "text": "x", "id": 1}])), "text.id: Extra inputs"),
        (OLD, turns(("user", [{"type": "image_url", "image_url": {}}])), "Input tag 'image_url'"),
        (OLD, turns(("user", ["x"])), "Input tag None"),
        (OLD, turns(("user", "Hi"), ("assistant", "A ")), "cannot end with trailing whitespace"),
        (OLD, turns(("user", "Hi"), ("assistant", [{"type": "text", "text": "A\n"}])), "trailing whitespace"),
        ("claude-opus-4-6", turns(("user", "Hi"), ("assistant", "A")), "does not support assistant message prefill"),
        (OLD, turns(("user", "Hi"), ("system", "S")), "role 'system' is not supported"),
        ("claude-opus-4-7", turns(("user", "Hi"), ("system", "S")), "role 'system' is not supported"),
        (NEW, turns(("user", "Hi"), ("assistant", "A"), ("system", "S")), "a system message must follow a user turn"),
        (NEW, turns(("user", "Hi"), ("system", "S"), ("user", "A")), "a system message must follow a user turn"),
        (NEW, turns(("user", "Hi"), ("system", "S"), ("system", "T")), "a system message must follow a user turn"),
        (NEW, turns(("system", "S"), ("user", "A")), "first message must use the 'user' role"),
        (OLD, turns(("user", picture("image/jpeg"))), "does not match the provided media type image/jpeg"),
        (OLD, turns(("user", picture("image/svg+xml"))), "base64.media_type: Input should be"),
        (OLD, turns(("user", picture(data="!"))), "invalid base64 data"),
        (OLD, turns(("user", picture(detail="low"))), "base64.detail: Extra inputs"),
        (OLD, turns(("user", picture(type="url"))), "only base64 sources"),
        (OLD, turns(("user", "Hi"), ("assistant", picture()), ("user", "A")), "`image` blocks are not permitted"),
        (OLD, turns(("user", [{"type": "thinking", "thinking": "x", "signature": "y"}])), "`thinking` blocks are not"),
    ],
)
def test_refuses_what_the_api_refuses(cloud: FakeVertex, id: str, changes: dict[str, Any], why: str) -> None:
    reply = post(cloud, BODY | changes, at=path(cloud, id))
    assert reply.status_code == 400
    error = reply.json()
    assert (error["type"], error["error"]["type"]) == ("error", "invalid_request_error")
    assert error["request_id"].startswith("req_vrtx_")
    assert error["error"]["message"] == cloud.wrong[0]
    assert any(why in fault for fault in cloud.wrong), cloud.wrong


def cached(*points: Any) -> dict[str, Any]:
    return turns(("user", [{"type": "text", "text": "x", "cache_control": point} for point in points]))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (cached(*[{"type": "ephemeral"}] * 4), None),
        (cached(*[{"type": "ephemeral"}] * 5), "A maximum of 4 blocks"),
        (cached({"type": "ephemeral", "ttl": "1h"}, {"type": "ephemeral"}), None),
        (cached({"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}), "must not come after a ttl='5m'"),
        (cached({"type": "ephemeral", "ttl": "2h"}), "Input should be {'type': 'ephemeral'}"),
        (cached("ephemeral"), "Input should be {'type': 'ephemeral'}"),
        (cached({"type": "ephemeral", "scope": "global"}), "cache_control.ephemeral.scope: Extra inputs"),
    ],
)
def test_limits_cache_points(changes: dict[str, Any], why: str | None) -> None:
    found = faults(BODY | changes, Model("claude-sonnet-4-5", (4, 5)), streamed=False)
    assert found == [] if why is None else why in found[0]


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b'{"max_tokens": NaN}', b'{"system": "\xff"}', b'{"system": "\\ud83d"}', b"[" * 200_000],
    ids=repr,
)
def test_refuses_what_is_no_json(cloud: FakeVertex, raw: bytes) -> None:
    reply = post(cloud, raw)
    assert reply.status_code == 400
    assert len(cloud.wrong) == 1
    assert reply.json()["error"]["message"] == cloud.wrong[0]


@pytest.mark.parametrize(
    ("header", "value", "why"),
    [
        ("cookie", "a=b", "header cookie came through"),
        ("origin", "http://x", "header origin came through"),
        ("X-Api-Key", "secret", "header x-api-key came through"),
        ("x-forwarded-for", "1.2.3.4", "header x-forwarded-for came through"),
        ("user-agent", "OpenAI/Python", "user-agent is OpenAI/Python"),
        ("accept-encoding", "gzip", "accept-encoding is gzip"),
        ("content-type", "text/plain", "content-type is text/plain"),
        ("content-type", None, "content-type is None"),
    ],
)
def test_refuses_headers_that_come_from_elsewhere(cloud: FakeVertex, header: str, value: str | None, why: str) -> None:
    assert post(cloud, headers={header: value}).status_code == 400
    assert cloud.wrong == [why]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda good: good.replace("@", "%40"), 404),
        (lambda good: good.replace(":raw", "%3Araw"), 404),
        (lambda good: good.replace("rawPredict", "predict"), 404),
        (lambda good: good.replace("@20250929", "-20250929"), 404),
        (lambda good: good.replace("@20250929", ""), 404),
        (lambda good: good.replace(OLD, NEW + "@20260101"), 404),
        (lambda good: good.replace(OLD, "gemini-2.5-pro"), 404),
        (lambda good: good.replace("/v1/", "/"), 404),
        (lambda good: good + "?beta=true", 404),
        (lambda good: good.replace("us-east5", "europe-west1"), 403),
        (lambda good: good.replace("test-project", "other-project"), 403),
    ],
)
def test_refuses_other_paths(cloud: FakeVertex, change: Any, status: int) -> None:
    reply = post(cloud, at=change(path(cloud)))
    assert (reply.status_code, reply.json()["error"]["code"], len(cloud.wrong)) == (status, status, 1)


def test_refuses_another_method(cloud: FakeVertex) -> None:
    assert requests.get(cloud.origin + path(cloud), timeout=5).status_code == 404
    assert len(cloud.wrong) == 1


def test_a_stale_token_is_refused_but_no_fault_of_the_client(cloud: FakeVertex) -> None:
    token = {"authorization": f"Bearer {mint(cloud)}"}
    assert post(cloud, headers=token).status_code == 200
    cloud.revoke_tokens()
    usual = {"accept-encoding": "identity", "user-agent": "oai-vertex", "content-type": "application/json"}
    refused = requests.post(cloud.origin + path(cloud), json=BODY, headers=usual | token, timeout=5)
    assert (refused.status_code, refused.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert post(cloud).status_code == 200
    cloud.token_lifetime = 0
    assert post(cloud).status_code == 401
    assert cloud.wrong == []
    assert post(cloud, headers={"authorization": "Bearer made-up"}).status_code == 401
    assert cloud.wrong == ["the bearer token was not minted here"]


def test_each_project_has_an_account_of_its_own(cloud: FakeVertex) -> None:
    other = Credentials.from_service_account_info(cloud.service_account("other-project"), scopes=[SCOPE])
    with requests.Session() as session:
        other.refresh(Request(session))
    bearer = {"authorization": f"Bearer {other.token}"}
    assert post(cloud, at=path(cloud).replace("test-project", "other-project"), headers=bearer).status_code == 200
    assert post(cloud, headers=bearer).status_code == 403


def test_the_other_version_takes_no_sampling(cloud: FakeVertex) -> None:
    facts = Model("claude-sonnet-4-5", (4, 5))
    body = BODY | {"anthropic_version": "2026-10-21"}
    assert faults(body, facts, streamed=False, version="2026-10-21") == []
    assert faults(body | {"top_k": 1}, facts, streamed=False, version="2026-10-21") == [
        "`top_k` is deprecated for this model."
    ]


@pytest.mark.parametrize(
    ("id", "version"),
    [
        ("claude-3-5-sonnet@20240620", (3, 5)),
        ("claude-sonnet-4@20250514", (4, 0)),
        ("claude-opus-4-6", (4, 6)),
        ("claude-opus-4-6@default", (4, 6)),
        ("claude-fable-5", (5, 0)),
        ("claude-mythos-5-2", (5, 2)),
        ("claude-mythos-preview", (99, 0)),
        ("claude-sonnet-4-5-20250929", None),
        ("claude-3-5-sonnet-latest", None),
        ("claude-sonnet-4-5", None),
        ("claude-opus-4-6@20260101", None),
        ("Claude-opus-4-6", None),
        ("claude-opus-4-6\n", None),
    ],
)
def test_knows_the_generation_of_a_model(id: str, version: tuple[int, int] | None) -> None:
    facts = model(id)
    assert (facts and facts.version) == version


# The token endpoint


def grant(cloud: FakeVertex, **changes: Any) -> requests.Response:
    """A token request as google-auth writes it, but for some claims."""
    info = cloud.service_account()
    now = int(time.time())
    claims = {"iss": info["client_email"], "aud": cloud.token_uri, "scope": SCOPE, "iat": now, "exp": now + 3600}
    signer = crypt.RSASigner.from_string(info["private_key"], info["private_key_id"])
    assertion = google.auth.jwt.encode(signer, claims | changes).decode()
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    return requests.post(cloud.token_uri, data=form, timeout=5)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://elsewhere.example/token"},
        {"iss": "stranger@test-project.iam.gserviceaccount.com"},
        {"scope": "https://www.googleapis.com/auth/devstorage.read_only"},
        {"iat": 1, "exp": 3601},
        {"iat": 9_999_999_000, "exp": 9_999_999_999},
        {"exp": int(time.time()) + 9000},
    ],
    ids=str,
)
def test_the_token_endpoint_checks_the_claims(cloud: FakeVertex, changes: dict[str, Any]) -> None:
    refused = grant(cloud, **changes)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert (cloud.mints, len(cloud.wrong)) == (0, 1)


@pytest.mark.parametrize("audience", ["its own", "https://oauth2.googleapis.com/token"])
def test_the_token_endpoint_mints(cloud: FakeVertex, audience: str) -> None:
    answers = [grant(cloud, aud=cloud.token_uri if audience == "its own" else audience).json() for _ in range(2)]
    assert {answer["token_type"] for answer in answers} == {"Bearer"}
    assert {answer["expires_in"] for answer in answers} == {3599}
    assert [answer["access_token"] for answer in answers] == cloud.tokens
    assert (cloud.mints, len(set(cloud.tokens)), cloud.wrong) == (2, 2, [])


def test_the_token_endpoint_refuses_another_key_and_another_grant(cloud: FakeVertex) -> None:
    key = crypt.RSASigner.from_string(fake_vertex._key.__wrapped__()[0])
    now = int(time.time())
    claims = {"iss": cloud.service_account()["client_email"], "aud": cloud.token_uri, "scope": SCOPE}
    assertion = google.auth.jwt.encode(key, claims | {"iat": now, "exp": now + 60}).decode()
    bearer = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
    for form in (bearer, bearer | {"assertion": assertion}, {"grant_type": "refresh_token"}, b"\xff"):
        assert requests.post(cloud.token_uri, data=form, timeout=5).status_code == 400
    assert (cloud.mints, len(cloud.wrong)) == (0, 4)


def test_the_token_endpoint_fails_as_scripted(cloud: FakeVertex) -> None:
    cloud.script_token(invalid_grant(), Reply(503, b"later"), Hang())
    with pytest.raises(RefreshError, match="Invalid JWT Signature"):
        mint(cloud)
    late: list[str] = []
    waiting = threading.Thread(target=lambda: late.append(mint(cloud)))  # google-auth repeats after the 503
    waiting.start()
    cloud.wait_until(lambda: cloud.hanging == 1)
    assert (cloud.token_requests, cloud.mints) == (3, 0)
    cloud.release()
    waiting.join(timeout=5)
    assert late == cloud.tokens
    assert cloud.wrong == []


# What it hands out


def test_the_tutorials_string_holds_the_same_account(cloud: FakeVertex) -> None:
    info = cloud.service_account()
    project, email, region, key = cloud.gcp_credentials("europe-west1").split(":", 3)
    assert (project, email, region) == ("test-project", info["client_email"], "europe-west1")
    assert "\n" not in key
    assert key.replace("\\n", "\n") == info["private_key"]
    assert post(cloud, at=path(cloud).replace("us-east5", "europe-west1")).status_code == 200


def test_the_environment_points_here(cloud: FakeVertex) -> None:
    environment = cloud.environment()
    assert json.loads(environment["GOOGLE_APPLICATION_CREDENTIALS"]) == cloud.service_account()
    assert environment["ANTHROPIC_VERTEX_BASE_URL"] == f"http://127.0.0.1:{cloud.port}/v1"
    assert (environment["ANTHROPIC_VERTEX_PROJECT_ID"], environment["CLOUD_ML_REGION"]) == ("test-project", "us-east5")


# Anthropic's own client


@pytest.mark.parametrize("streamed", [False, True])
def test_the_vendors_own_client_is_content(streamed: bool) -> None:
    with FakeVertex(anthropic_version="2026-10-21", strict_headers=False) as cloud:
        vertex = anthropic.AnthropicVertex(
            region=cloud.region, project_id=cloud.project, access_token=mint(cloud), base_url=cloud.base_url
        )
        cloud.default = replay("stream-b-fallback.sse", size=11)
        talk: dict[str, Any] = {"model": OLD, "max_tokens": 99, "messages": [{"role": "user", "content": "Hi"}]}
        with vertex:
            if streamed:
                with vertex.messages.stream(**talk) as stream:
                    message = stream.get_final_message()
            else:
                message = vertex.messages.create(**talk)
        assert cloud.wrong == []
        (block,) = message.content
        assert block.type == "text" and block.text.endswith("sparking your interest!")
        assert message.usage.output_tokens == 547


# How it answers


@pytest.mark.parametrize("name", recordings())
def test_replays_a_recording_byte_for_byte(cloud: FakeVertex, name: str) -> None:
    cloud.script(replay(name), replay(name, size=[1, 7, 300]), replay(name))
    streaming = BODY | {"stream": True}
    stream = path(cloud, method="streamRawPredict")
    for _ in range(2):
        reply = post(cloud, streaming, at=stream)
        assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert "content-length" not in reply.headers
        assert reply.content == recorded(name)
    assert post(cloud).json() == message_of(recorded(name))
    assert b"".join(events_of(recorded(name))) == recorded(name)


def test_all_recordings_are_there() -> None:
    assert len(recordings()) == 15
    assert all((VECTORS / folder).is_dir() for folder in ("anthropic-sse", "anthropic-recorded"))


def test_a_recording_adds_up_to_its_message() -> None:
    message = message_of(recorded("tool_use_response.txt"))
    assert [block["type"] for block in message["content"]] == ["text", "tool_use"]
    assert message["content"][0]["text"] == "I'll check the current weather in Paris for you."
    assert message["content"][1]["input"] == {"location": "Paris"}
    assert message["stop_reason"] == "tool_use"
    assert message["usage"]["output_tokens"] == 65


def test_scripted_answers_come_in_turn_and_then_the_usual_one(cloud: FakeVertex) -> None:
    cloud.script(anthropic_error(529), Reply(body={"a": 1}))
    assert [post(cloud).status_code for _ in range(3)] == [529, 200, 200]
    assert post(cloud, BODY | {"model": OLD}).status_code == 400


@pytest.mark.parametrize("status", sorted(ERRORS))
def test_anthropics_errors(cloud: FakeVertex, status: int) -> None:
    cloud.script(anthropic_error(status, retry_after=7), anthropic_error(status, "Why not", type="api_error"))
    first, second = post(cloud), post(cloud)
    assert (first.status_code, first.headers["retry-after"]) == (status, "7")
    assert first.json()["error"] == {"type": ERRORS[status][0], "message": ERRORS[status][1]}
    assert first.json()["request_id"] == first.headers["request-id"]
    assert second.json()["error"] == {"type": "api_error", "message": "Why not"}
    assert "retry-after" not in second.headers
    assert cloud.wrong == []


def test_googles_errors(cloud: FakeVertex) -> None:
    cloud.script(google_error(429, retry_delay="12s", in_array=True), google_error(403, "No"), html_error(), Reply(500))
    (wrapped,), plain, html, empty = post(cloud).json(), post(cloud), post(cloud), post(cloud)
    assert wrapped["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert wrapped["error"]["details"][0]["retryDelay"] == "12s"
    refused = {"code": 403, "message": "No", "status": "PERMISSION_DENIED", "details": []}
    assert (plain.status_code, plain.json()["error"]) == (403, refused)
    assert (html.status_code, html.headers["content-type"]) == (502, "text/html; charset=UTF-8")
    assert (empty.status_code, empty.content) == (500, b"")


def test_closes_before_headers(cloud: FakeVertex) -> None:
    cloud.script(Drop())
    assert read_all(ask(cloud)) == b""


def test_resets_before_headers(cloud: FakeVertex) -> None:
    cloud.script(Drop(reset=True))
    with pytest.raises(ConnectionResetError):
        read_all(ask(cloud))


@pytest.mark.parametrize("streamed", [True, False])
def test_ends_early_in_three_ways(cloud: FakeVertex, streamed: bool) -> None:
    cloud.script(*(replay(stop_after=150, ending=ending) for ending in ("end", "cut", "reset")))
    stream = recorded("basic_response.txt")
    part = (stream if streamed else json.dumps(message_of(stream)).encode())[:150] + b"\r\n"
    raw = b""
    with ask(cloud, streamed=streamed) as ended:
        while not raw.endswith(b"\r\n0\r\n\r\n"):
            raw += ended.recv(65_536)
    assert raw.endswith(part + b"0\r\n\r\n")
    assert read_all(ask(cloud, streamed=streamed)).endswith(part)
    raw = b""
    with ask(cloud, streamed=streamed) as reset, pytest.raises(ConnectionResetError):
        while True:
            raw += reset.recv(65_536) or pytest.fail("closed, not reset")
    assert raw.endswith(part)
    cloud.wait_idle()
    assert [received.hung_up for received in cloud.requests] == [None] * 3
    assert [received.sent for received in cloud.requests] == [150] * 3


def test_puts_errors_and_garbage_where_it_is_told(cloud: FakeVertex) -> None:
    events = events_of(recorded("basic_response.txt"))
    cloud.script(broken(), broken("api_error", "Oh", after=4), garbled(b"garbage", after=3))
    first, later, garbage = (
        post(cloud, BODY | {"stream": True}, at=path(cloud, method="streamRawPredict")).content for _ in range(3)
    )
    (only,) = events_of(first)
    assert json.loads(only.partition(b"data: ")[2])["error"] == {"type": "overloaded_error", "message": "Overloaded"}
    assert events_of(later)[:4] == events[:4]
    assert json.loads(events_of(later)[4].partition(b"data: ")[2])["error"]["type"] == "api_error"
    assert len(events_of(later)) == 5
    assert garbage == b"".join([*events[:3], b"garbage", *events[3:]])


def test_hangs_until_it_is_let_go(cloud: FakeVertex) -> None:
    cloud.script(Hang(anthropic_error(503)), replay(pause_after=100), replay(pause_after=0))
    before_headers, midway, after_headers = ask(cloud), ask(cloud), ask(cloud)
    cloud.wait_until(lambda: cloud.hanging == 3)
    assert cloud.active == 3
    body = recorded("basic_response.txt")
    assert midway.recv(65_536).startswith(b"HTTP/1.1 200 OK\r\n")
    assert after_headers.recv(65_536).endswith(b"\r\n\r\n")
    before_headers.setblocking(False)
    with pytest.raises(BlockingIOError):
        before_headers.recv(1)
    before_headers.settimeout(5)
    assert sorted(received.sent for received in cloud.requests) == [0, 0, 100]
    cloud.release()
    assert before_headers.recv(65_536).startswith(b"HTTP/1.1 503 ")
    cloud.wait_idle()
    assert sorted(received.sent for received in cloud.requests) == [0, len(body), len(body)]
    assert cloud.hanging == 0
    for connection in (before_headers, midway, after_headers):
        connection.close()


@pytest.mark.parametrize(
    "behaviour", [Hang(), replay(pause_after=50), replay(pause_after=0), endless(0.01), huge(50_000_000)], ids=repr
)
def test_sees_a_hang_up_at_once(cloud: FakeVertex, behaviour: fake_vertex.Behaviour) -> None:
    cloud.script(behaviour)
    connection = ask(cloud)
    cloud.wait_until(lambda: cloud.active == 1 and bool(cloud.requests))
    time.sleep(0.05)
    assert cloud.requests[0].finished is None
    left = time.monotonic()
    connection.close()
    cloud.wait_idle()
    hung_up = cloud.requests[0].hung_up
    assert hung_up is not None and 0 <= hung_up - left < 2
    assert cloud.requests[0].finished is not None
    assert cloud.requests[0].sent < 50_000_000
    assert cloud.wrong == []


def test_paces_an_endless_stream(cloud: FakeVertex) -> None:
    cloud.script(endless(0.05))
    with ask(cloud) as connection:
        cloud.wait_until(lambda: bool(cloud.requests) and cloud.requests[0].sent > 0)
        started, sent = time.monotonic(), cloud.requests[0].sent
        cloud.wait_until(lambda: cloud.requests[0].sent > sent + 600)
        assert time.monotonic() - started > 0.15
        assert b"more " in connection.recv(65_536)


def test_a_huge_stream_is_whole_and_waits_for_its_reader(cloud: FakeVertex) -> None:
    cloud.script(huge(2_000_000, piece=1000), huge(100_000_000))
    body = post(cloud, BODY | {"stream": True}, at=path(cloud, method="streamRawPredict")).content
    assert len(message_of(body)["content"][0]["text"]) == 2_000_000
    with ask(cloud):
        time.sleep(0.3)
        assert cloud.active == 1
        assert cloud.requests[1].sent < 50_000_000


def test_counts_connections_and_exchanges(cloud: FakeVertex) -> None:
    bearer: dict[str, str | None] = {"authorization": f"Bearer {mint(cloud)}"}
    before = cloud.connections
    with requests.Session() as session:
        for _ in range(3):
            requests_before = cloud.connections
            post(cloud, headers=bearer, session=session)
        assert cloud.connections == requests_before + 1  # the helper's own call of the token endpoint
    assert len({received.peer for received in cloud.requests}) == 1
    assert cloud.connections == before + 4
    assert cloud.active == 0
    assert all(received.finished and received.finished >= received.arrived for received in cloud.requests)


def test_speaks_tls_with_a_ca_of_its_own() -> None:
    with FakeVertex(tls=True) as cloud:
        assert cloud.base_url.startswith("https://127.0.0.1:")
        assert urllib.parse.urlsplit(cloud.service_account()["token_uri"]).scheme == "https"
        cloud.script(Drop(reset=True))
        with pytest.raises(requests.ConnectionError):
            post(cloud, verify=cloud.ca_file)
        assert post(cloud, verify=cloud.ca_file).status_code == 200
        assert cloud.wrong == []
        context = ssl.create_default_context()
        with (
            socket.create_connection(("127.0.0.1", cloud.port)) as plain,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_stops_with_exchanges_open() -> None:
    with FakeVertex() as cloud:
        cloud.script(Hang())
        connection = ask(cloud)
        cloud.wait_until(lambda: cloud.hanging == 1)
    assert read_all(connection) == b""
    assert cloud.requests[0].hung_up is None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", cloud.port))


@given(
    body=st.binary(max_size=60),
    size=st.one_of(st.none(), st.integers(1, 9), st.lists(st.integers(1, 9), min_size=1)),
    pause=st.one_of(st.none(), st.integers(0, 70)),
    stop=st.one_of(st.none(), st.integers(0, 70)),
)
def test_any_cutting_up_keeps_the_bytes(
    body: bytes, size: int | list[int] | None, pause: int | None, stop: int | None
) -> None:
    steps = list(Stream(body, size=size, pause_after=pause, stop_after=stop).steps(streamed=True))
    sent = b"".join(step for step in steps if step is not None)
    assert sent == (body if stop is None else body[:stop])
    paused = pause is not None and pause <= len(sent)
    assert steps.count(None) == paused
    if paused:
        assert len(b"".join(step or b"" for step in steps[: steps.index(None)])) == pause
