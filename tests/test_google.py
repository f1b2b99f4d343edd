"""credentials/google.py: a token from each kind of credential, minted once, a new login noticed at once."""

from __future__ import annotations

import asyncio
import functools
import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from oai_bridge.credentials.google import GoogleCredential
from oai_bridge.credentials.session import TokenSession
from oai_bridge.errors import Unauthorized
from oai_bridge.settings.values import (
    AmbientLogin,
    CredentialFile,
    GoogleAccount,
    GoogleSource,
    Network,
    ServiceAccount,
)
from tests.support.fake_vertex import FakeVertex, invalid_grant

SESSION = functools.partial(TokenSession, Network(), ssl.create_default_context)


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeVertex]:
    with FakeVertex() as cloud:
        yield cloud


def credential(source: GoogleSource, project: str | None = None) -> GoogleCredential:
    return GoogleCredential(GoogleAccount(project, "us-east5", source), SESSION)


@pytest.mark.parametrize("kind", ["key", "file", "login"])
async def test_each_kind_of_credential_names_its_project(
    cloud: FakeVertex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The login is where gcloud puts it: Application Default Credentials."""
    file = tmp_path / "application_default_credentials.json"
    file.write_text(json.dumps(cloud.service_account()))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    sources: dict[str, GoogleSource] = {
        "key": ServiceAccount(cloud.service_account()),
        "file": CredentialFile(str(file)),
        "login": AmbientLogin(),
    }
    access = await credential(sources[kind]).access()
    assert (access.project, access.region) == ("test-project", "us-east5")
    assert access.token in cloud.tokens
    assert access.token not in repr(access)
    assert (await credential(sources[kind], "another-project").access()).project == "another-project"


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_of_the_token_endpoint_is_not_followed(cloud: FakeVertex, status: int) -> None:
    """It would take the assertion to wherever it leads, by plain http too."""
    mints, paths = cloud.mints, []

    class Redirecting(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            paths.append(self.path)
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("location", cloud.token_uri)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Redirecting) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        try:
            info = {**cloud.service_account(), "token_uri": f"http://127.0.0.1:{server.server_port}/token"}
            with pytest.raises(Unauthorized, match="does not accept the credential"):
                await credential(ServiceAccount(info)).access()
        finally:
            server.shutdown()
    assert set(paths) == {"/token"} and cloud.mints == mints


async def test_all_who_wait_share_one_mint(cloud: FakeVertex) -> None:
    before = cloud.mints
    one = credential(ServiceAccount(cloud.service_account()))
    found = await asyncio.gather(*(one.access() for _ in range(100)))
    assert len({access.token for access in found}) == 1
    one.refuse(found[0])
    renewed = await one.access()
    one.refuse(found[1])  # the old one: the new one stays
    assert (await one.access()).token == renewed.token != found[0].token
    assert cloud.mints == before + 2


async def test_a_token_is_renewed_before_it_expires(cloud: FakeVertex) -> None:
    now = time.time()
    account = GoogleAccount(None, "global", ServiceAccount(cloud.service_account()))
    one = GoogleCredential(account, SESSION, lambda: now)
    first = (await one.access()).token
    now += cloud.token_lifetime - 200
    assert (await one.access()).token == first  # still good, and nobody waits for the next
    now -= cloud.token_lifetime - 200  # or each of the looks below would ask for one more
    async with asyncio.timeout(30):
        while (await one.access()).token == first:
            await asyncio.sleep(0.01)


async def test_a_new_login_is_noticed_without_a_restart(cloud: FakeVertex, tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    one = credential(CredentialFile(str(file)))
    with pytest.raises(Unauthorized, match="check the file and its path"):
        await one.access()
    file.write_text(json.dumps(cloud.service_account()))
    cloud.script_token(invalid_grant("Invalid JWT Signature."))
    with pytest.raises(Unauthorized, match="put a new key in its place") as refused:
        await one.access()
    assert "PRIVATE KEY" not in refused.value.message
    assert (await one.access()).token in cloud.tokens


async def test_one_token_serves_all_regions_of_a_payer(cloud: FakeVertex) -> None:
    source, mints = ServiceAccount(cloud.service_account()), cloud.mints
    first = credential(source)
    second = first.beside(GoogleAccount(None, "europe-west1", source))
    assert second is not None and first.beside(GoogleAccount("another-project", "us-east5", source)) is None
    accesses = await asyncio.gather(first.access(), second.access())
    assert [access.region for access in accesses] == ["us-east5", "europe-west1"]
    assert accesses[0].token == accesses[1].token and cloud.mints == mints + 1
    assert second.refuse(accesses[0])
    assert (await first.access()).token != accesses[0].token


@pytest.mark.parametrize(
    ("models", "served", "listed"), [((), True, False), (("claude-*",), True, True), (("gemini-?", "x"), False, False)]
)
def test_the_models_of_an_account(models: tuple[str, ...], served: bool, listed: bool) -> None:
    account = GoogleAccount(None, "us-east5", AmbientLogin(), models, rank=2)
    one = GoogleCredential(account, SESSION)
    assert (one.serves("claude-opus-4-8"), one.lists("claude-opus-4-8")) == (served, listed)
    assert (one.rank, one.place) == (2, "Vertex AI in us-east5")
