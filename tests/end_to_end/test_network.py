"""The way out: a company's proxy, a private CA, connections that outlive their clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.connect_proxy import ConnectProxy, SocksProxy
from tests.support.fake_vertex import FakeVertex, endless
from tests.support.proxy import ONCE, Proxy, free_port

CLOUD, TOKENS = "cloud.test", "tokens.test"
"""Names that nobody but the company's proxy can resolve."""


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeVertex]:
    with FakeVertex(tls=True) as cloud:
        yield cloud
        assert cloud.wrong == []


@pytest.fixture(scope="module")
def proxy(cloud: FakeVertex, folder: Path) -> Iterator[Proxy]:
    with Proxy(folder, environment=cloud.environment() | {"SSL_CERT_FILE": ca_file(cloud)}) as proxy:
        yield proxy


def far(cloud: FakeVertex) -> dict[str, str]:
    """The settings for a cloud behind the company's proxy."""
    account = {**cloud.service_account(), "token_uri": f"https://{TOKENS}/token"}
    return {
        **cloud.environment(),
        "GOOGLE_APPLICATION_CREDENTIALS": json.dumps(account),
        "ANTHROPIC_VERTEX_BASE_URL": f"https://{CLOUD}/v1",
    }


def ca_file(cloud: FakeVertex) -> str:
    assert cloud.ca_file is not None
    return cloud.ca_file


# --- A private CA -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["environment", "dotenv", "config"])
def test_a_private_ca(cloud: FakeVertex, tmp_path: Path, place: str) -> None:
    """For the token endpoint and for the cloud; the paths in the files start from their folder."""
    (tmp_path / "company.pem").write_bytes(Path(ca_file(cloud)).read_bytes())
    environment = cloud.environment() | ({"REQUESTS_CA_BUNDLE": ca_file(cloud)} if place == "environment" else {})
    dotenv = "SSL_CERT_FILE='company.pem'" if place == "dotenv" else ""
    config = "network: {ca_file: company.pem}" if place == "config" else ""
    with Proxy(tmp_path, environment=environment, dotenv=dotenv, config=config) as proxy:
        assert proxy.chat().text
        assert proxy.chat(stream=True).text


def test_a_ca_that_nobody_knows_is_explained(cloud: FakeVertex, tmp_path: Path) -> None:
    """First by the token endpoint; then, with a token from elsewhere, by the cloud itself."""
    with Proxy(tmp_path, environment=cloud.environment(), config=json.dumps(ONCE)) as proxy:
        answer = proxy.chat(stream=True)
        assert answer.status == 503
        assert "network.ca_file" in answer.error["message"]
    with FakeVertex() as plain:
        environment = {**plain.environment(), "ANTHROPIC_VERTEX_BASE_URL": cloud.base_url}
        with Proxy(tmp_path, environment=environment, config=json.dumps(ONCE)) as proxy:
            answer = proxy.chat(stream=True)
            assert (answer.status, answer.error["code"]) == (502, "tls_failed")
            assert "network.ca_file" in answer.error["message"]


# --- A company's proxy ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["environment", "dotenv", "config"])
def test_everything_goes_through_the_proxy(cloud: FakeVertex, tmp_path: Path, place: str) -> None:
    login = None if place == "environment" else "user:secret-of-the-proxy"
    with ConnectProxy({CLOUD: cloud.port, TOKENS: cloud.port}, login) as company:
        environment = far(cloud) | {"SSL_CERT_FILE": ca_file(cloud)}
        dotenv = config = ""
        match place:
            case "environment":
                environment["https_proxy"] = company.url
            case "dotenv":
                dotenv = f"HTTPS_PROXY={company.url}"
            case _:
                config = json.dumps({"network": {"proxy": company.url}})
        with Proxy(tmp_path, environment=environment, dotenv=dotenv, config=config) as proxy:
            assert proxy.chat().text
            assert proxy.chat(stream=True).text
            assert "secret-of-the-proxy" not in proxy.log()
        assert company.asked == [f"{TOKENS}:443", f"{CLOUD}:443"]
        assert company.others == []


@pytest.mark.parametrize("kind", [ConnectProxy, SocksProxy])
def test_the_tutorials_env_file_reaches_google(cloud: FakeVertex, tmp_path: Path, kind: type[ConnectProxy]) -> None:
    """`.env` as oai-reverse-proxy's users have it, Google's own host names, and the proxy that many of them need."""
    names = {"oauth2.googleapis.com": cloud.port, "us-east5-aiplatform.googleapis.com": cloud.port}
    (tmp_path / "ca.pem").write_bytes(Path(ca_file(cloud)).read_bytes())
    with kind(names) as company:
        lines = [
            "# Service account",
            f'GCP_CREDENTIALS="{cloud.gcp_credentials("us-east5")}"',
            "GATEKEEPER=none",
            f"HTTPS_PROXY={company.url}",
            "SSL_CERT_FILE=ca.pem",
        ]
        with Proxy(tmp_path, dotenv="\ufeff" + "\r\n".join(lines)) as proxy:
            assert proxy.chat().text
            assert proxy.chat(stream=True).text
        assert company.asked == ["oauth2.googleapis.com:443", "us-east5-aiplatform.googleapis.com:443"]
    assert "/locations/us-east5/" in cloud.requests[-1].path


def test_loopback_never_goes_through_the_proxy(tmp_path: Path) -> None:
    with FakeVertex() as cloud, ConnectProxy({}) as company:
        proxies = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "http_proxy"), company.url)
        with Proxy(tmp_path, environment=cloud.environment() | proxies) as proxy:
            assert proxy.chat().text
        demo = tmp_path / "demo"
        demo.mkdir()
        with Proxy(demo, environment=proxies) as proxy:
            assert "demo" in proxy.chat().text
        assert company.asked == company.others == []


def test_no_proxy_is_heard(cloud: FakeVertex, tmp_path: Path) -> None:
    """The name can't be resolved without the proxy: the error shows that it was not asked."""
    with ConnectProxy({CLOUD: cloud.port, TOKENS: cloud.port}) as company:
        environment = far(cloud) | {"HTTPS_PROXY": company.url, "SSL_CERT_FILE": ca_file(cloud), "NO_PROXY": ".test"}
        with Proxy(tmp_path, environment=environment, config=json.dumps(ONCE)) as proxy:
            answer = proxy.chat()
            assert (answer.status, answer.error["code"]) == (503, "token_endpoint_unreachable")
        assert company.asked == []


TROUBLE = {
    "dead": (None, "proxy_unreachable", "can't be reached"),
    "refuses": ({}, "proxy_refused", "refused"),
    "wants a login": ("user:secret-of-the-proxy", "proxy_refused", "password"),
}


@pytest.mark.parametrize("case", TROUBLE)
def test_trouble_with_the_proxy_is_explained(tmp_path: Path, case: str) -> None:
    """The token endpoint is near, so that the cloud's own way is what fails."""
    what, code, part = TROUBLE[case]
    login = what if isinstance(what, str) else None
    with FakeVertex() as near, ConnectProxy({}, login) as company:
        url = f"http://127.0.0.1:{free_port()}" if what is None else company.url.replace("secret-of", "wrong-of")
        environment = near.environment() | {"ANTHROPIC_VERTEX_BASE_URL": f"https://{CLOUD}", "HTTPS_PROXY": url}
        with Proxy(tmp_path, environment=environment, config=json.dumps(ONCE)) as proxy:
            answer = proxy.chat(stream=True)
            assert (answer.status, answer.error["code"]) == (502, code)
            assert part in answer.error["message"] and "HTTPS_PROXY" in answer.error["message"]
            assert "of-the-proxy" not in proxy.log() + answer.body.decode()


def test_no_network_is_explained(tmp_path: Path) -> None:
    with FakeVertex() as near:
        for base, code in ((f"https://{CLOUD}", "dns_failed"), (f"http://127.0.0.1:{free_port()}", "connect_failed")):
            folder = tmp_path / code
            folder.mkdir()
            environment = near.environment() | {"ANTHROPIC_VERTEX_BASE_URL": base}
            with Proxy(folder, environment=environment, config=json.dumps(ONCE)) as proxy:
                answer = proxy.chat(stream=True)
                assert (answer.status, answer.error["code"]) == (502, code)
                assert "check the network" in answer.error["message"]


# --- Connections ------------------------------------------------------------------------------------------------------


def test_clients_share_a_connection_to_the_cloud(cloud: FakeVertex, proxy: Proxy) -> None:
    """Each of these clients comes with a connection of its own and closes it."""
    asked = len(cloud.requests)
    for number in range(6):
        assert proxy.chat(stream=bool(number % 2)).text
    assert len({received.peer for received in cloud.requests[asked:]}) == 1


def test_an_answer_that_is_left_costs_its_connection_only(cloud: FakeVertex, proxy: Proxy) -> None:
    """What is not read to its end can't be shared: the next chat has a fresh connection, and no bytes of the former."""
    cloud.script(endless())
    connection = proxy.open_chat(stream=True)
    while b"more" not in connection.recv(65_536):
        pass
    connection.close()
    cloud.wait_idle()
    answer = proxy.chat(stream=True)
    assert answer.text and "more" not in answer.text
