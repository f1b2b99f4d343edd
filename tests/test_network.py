"""Tests for network.py: which requests go through which proxy, and whose certificates are trusted."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.outward.network import is_loopback, proxy_address, proxy_for, ssl_context
from oai_bridge.settings.values import ConfigError, Network

CLOUD = "https://us-east5-aiplatform.googleapis.com/v1/projects"
BOTH = {"http": "http://plain:1", "https": "http://secure:2"}


@pytest.mark.parametrize(
    ("url", "proxies", "expected"),
    [
        (CLOUD, {}, None),
        (CLOUD, BOTH, "http://secure:2"),
        ("http://example.com/", BOTH, "http://plain:1"),
        (CLOUD, {"http": "http://plain:1"}, None),
        (CLOUD, {"all": "socks5://any:3"}, "socks5://any:3"),
        (CLOUD, {**BOTH, "all": "socks5://any:3"}, "http://secure:2"),
        ("http://example.com/", {"https": "http://secure:2", "all": "socks5://any:3"}, "socks5://any:3"),
        ("http://localhost:1/", {"all": "http://p"}, None),
        ("http://LOCALHOST./", {"all": "http://p"}, None),
        ("http://demo.localhost:1/", {"all": "http://p"}, None),
        ("http://127.0.0.1:9/", {"all": "http://p"}, None),
        ("http://127.8.8.8/", {"all": "http://p"}, None),
        ("http://[::1]:9/", {"all": "http://p"}, None),
        ("http://[::ffff:127.0.0.1]:9/", {"all": "http://p"}, None),
        ("http://169.254.169.254/metadata", {"all": "http://p"}, None),
        ("http://[fe80::1]/", {"all": "http://p"}, None),
        ("http://169.253.169.254/", {"all": "http://p"}, "http://p"),
        ("http://notlocalhost/", {"all": "http://p"}, "http://p"),
        ("http://128.0.0.1/", {"all": "http://p"}, "http://p"),
    ],
)
def test_proxy_for(url: str, proxies: dict[str, str], expected: str | None) -> None:
    assert proxy_for(url, Network(proxies)) == expected


@pytest.mark.parametrize(
    ("url", "no_proxy", "direct"),
    [
        (CLOUD, "", False),
        (CLOUD, "*", True),
        (CLOUD, "a.example, *", True),
        (CLOUD, "googleapis.com", True),
        (CLOUD, ".googleapis.com", True),
        (CLOUD, "*.googleapis.com", True),
        (CLOUD, "GOOGLEAPIS.COM", True),
        (CLOUD, "apis.com", False),
        (CLOUD, "x.example; googleapis.com y.example", True),
        (CLOUD, "googleapis.com:443", True),
        (CLOUD, "googleapis.com:8443", False),
        (CLOUD, "10.0.0.0/8", False),
        ("http://example.com:80/", "example.com:80", True),
        ("http://10.1.2.3:80/", "10.0.0.0/8", True),
        ("http://10.1.2.3:80/", "10.1.2.9/8", True),
        ("http://11.1.2.3:80/", "10.0.0.0/8", False),
        ("http://10.1.2.3:80/", "10.1.2.3", True),
        ("http://10.1.2.3:80/", "10.1.2.3:80", True),
        ("http://10.1.2.3:80/", "nonsense/99", False),
        ("http://[fd00::1]:80/", "fd00::/8", True),
        ("http://[fd00::1]/", "[fd00::1]", True),
        ("http://[fc00::1]/", "fd00::/8", False),
        ("http://[::ffff:10.1.2.3]/", "10.0.0.0/8", True),
    ],
)
def test_no_proxy(url: str, no_proxy: str, direct: bool) -> None:
    expected = None if direct else "http://p:1"
    assert proxy_for(url, Network({"all": "http://p:1"}, no_proxy)) == expected


@given(st.text())
def test_no_proxy_is_total(no_proxy: str) -> None:
    assert proxy_for(CLOUD, Network({"all": "http://p:1"}, no_proxy)) in (None, "http://p:1")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://host:8080", "http://host:8080"),
        ("https://host:8080/", "https://host:8080/"),
        ("host:8080", "http://host:8080"),
        (" 127.0.0.1:7890 ", "http://127.0.0.1:7890"),
        ("HTTP://host:1", "http://host:1"),
        ("socks5://host:1", "socks5://host:1"),
        ("socks5h://user:pass@host:1", "socks5h://user:pass@host:1"),
        ("socks://host:1", "socks5://host:1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_proxy_address(text: str, url: str) -> None:
    assert proxy_address("HTTPS_PROXY", text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://",
        "ftp://canary:1",
        "socks4://canary:1",
        "http://canary:port",
        "http://[canary",
        "ca nary:1",
        "http://canary:0",
    ],
)
def test_wrong_proxy_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(ConfigError, match="HTTPS_PROXY is not a usable proxy") as caught:
        proxy_address("HTTPS_PROXY", text)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.0.0.53", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("Localhost.", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("*", False),
        ("192.168.1.5", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def subjects(context: ssl.SSLContext) -> list[str]:
    return [str(certificate["subject"]) for certificate in context.get_ca_certs()]


def company_ca() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Company CA of a test")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=36500))
    certificate = builder.add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM)


def test_own_ca_is_trusted_besides_the_public_ones(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(company_ca())
    without, with_own = ssl_context(Network()), ssl_context(Network(ca_file=str(file)))
    assert "Company CA of a test" not in str(subjects(without))
    assert "Company CA of a test" in str(subjects(with_own))
    public = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    public.load_verify_locations(certifi.where())
    assert set(subjects(public)) <= set(subjects(without)) <= set(subjects(with_own))
    assert with_own.verify_mode == ssl.CERT_REQUIRED and with_own.check_hostname


def test_folder_of_cas_is_taken(tmp_path: Path) -> None:
    assert ssl_context(Network(ca_file=str(tmp_path))).verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"\x00\xff"])
def test_bad_ca_file_is_told(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"ca\.pem can't be used.*PEM file"):
        ssl_context(Network(ca_file=str(file)))


def test_proxy_passwords_are_not_in_the_repr() -> None:
    assert "canary" not in repr(Network({"all": "http://user:canary@host:1"}))
