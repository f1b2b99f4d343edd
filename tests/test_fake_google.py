"""The fake cloud's token endpoint: it checks each claim, mints, fails as scripted, and hands out its accounts."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import google.auth.jwt
import pytest
import requests
from google.auth import crypt
from google.auth.exceptions import RefreshError

from tests.support import cloud_keys
from tests.support.cloud_client import mint, path, post
from tests.support.fake_vertex import SCOPE, FakeVertex, Hang, Reply, invalid_grant


@pytest.fixture
def cloud() -> Iterator[FakeVertex]:
    with FakeVertex() as cloud:
        yield cloud


# The token endpoint


def grant(cloud: FakeVertex, **changes: Any) -> requests.Response:
    """A token request as google-auth writes it, but for some claims."""
    info = cloud.service_account()
    now = int(time.time())
    claims = {"iss": info["client_email"], "aud": cloud.token_uri, "scope": SCOPE, "iat": now, "exp": now + 3600}
    signer = crypt.RSASigner.from_string(info["private_key"], info["private_key_id"])
    assertion = google.auth.jwt.encode(signer, claims | changes).decode()
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    return requests.post(cloud.token_uri, data=form, timeout=30)


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
    ids="-".join,
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
    key = crypt.RSASigner.from_string(cloud_keys.account_key.__wrapped__()[0])
    now = int(time.time())
    claims = {"iss": cloud.service_account()["client_email"], "aud": cloud.token_uri, "scope": SCOPE}
    assertion = google.auth.jwt.encode(key, claims | {"iat": now, "exp": now + 60}).decode()
    bearer = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
    for form in (bearer, bearer | {"assertion": assertion}, {"grant_type": "refresh_token"}, b"\xff"):
        assert requests.post(cloud.token_uri, data=form, timeout=30).status_code == 400
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
    waiting.join(timeout=30)
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
