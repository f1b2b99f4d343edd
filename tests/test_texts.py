"""Tests for texts.py: what is taken off written settings, which are stand-ins, and which keys and URLs are fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.settings.texts import bare, entries, is_http_url, is_placeholder, key_named, secure_url
from oai_bridge.settings.values import ConfigError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", "a"),
        (" a b ", "a b"),
        ("'a'", "a"),
        (' "a" ', "a"),
        ("` a `", "a"),
        ("\u201ca\u201d", "a"),
        ("'a", "a"),
        ("''", ""),
        ("", ""),
    ],
)
def test_bare(text: str, expected: str) -> None:
    assert bare(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a:b,c:d", ["a:b", "c:d"]),
        (" a , 'b' ,\n\"c\" ", ["a", "b", "c"]),
        ("a,,b,", ["a", "b"]),
        (",", []),
        ("a\uff1ab\uff0c\uff02\uff43\uff1a\uff14\uff02\u3000", ["a:b", "c:4"]),
        ("", []),
    ],
)
def test_entries(value: str, expected: list[str]) -> None:
    assert entries(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("your-secret-key", True),
        ("your-proxy-key...", True),
        ("YOUR_PROXY_KEY", True),
        ("sk-xxxxxxxxxxxxxxxx", True),
        ("sk-ant-xxxxxxxxxxx", True),
        ("xxxxxxxx", True),
        ("<your key>", True),
        ("https://<your-resource>.openai.azure.com/", True),
        ("https://your-resource-name.services.ai.azure.com/anthropic", True),
        ("https://YOUR_RESOURCE.openai.azure.com", True),
        ("your-7f3a9b", False),
        ("my-project", False),
        ("sk-7f3a9b", False),
        ("https://yours.openai.azure.com", False),
        ("https://my-resource.openai.azure.com", False),
        ("", False),
        ("xx", False),
    ],
)
def test_placeholder(text: str, expected: bool) -> None:
    assert is_placeholder(text) is expected


@pytest.mark.parametrize("text", ["k", "a/b+c==", "!~", "Bearer", "x:y"])
def test_keys(text: str) -> None:
    assert key_named("x", text) == key_named("x", f' "{text}" ') == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "ca nary",
        "canary\r\nx: y",
        "canary\n.",
        "canary\0.",
        "canary\x7f.",
        "can\u00e4ry",
        "\u5bc6\u94a5canary",
    ],
)
def test_what_is_no_key_is_told_without_it(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        key_named("x", text)
    assert str(caught.value) == "x must be ASCII letters, digits and signs without spaces: copy it again."


@pytest.mark.parametrize("text", ["<canary>", "your-canary", "xxxx"])
def test_a_stand_in_is_no_key(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        key_named("x", text)
    assert str(caught.value) == "x is still the placeholder of an example: put your own there, or remove it."


@given(st.text())
def test_a_key_that_is_taken_is_fit_for_a_header(text: str) -> None:
    try:
        key = key_named("x", text)
    except ConfigError:
        return
    assert key and all("!" <= char <= "~" for char in key) and key in text


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://host", True),
        ("http://127.0.0.1:80/a/v1", True),
        ("http://[::1]:80", True),
        ("ftp://host", False),
        ("host", False),
        ("https://", False),
        ("https://user:canary@host", False),
        ("https://host?q", False),
        ("https://host#f", False),
        ("https://host:0", False),
        ("https://host:x", False),
        ("https://[::1", False),
        ("https://a b", False),
    ],
)
def test_http_url(url: str, expected: bool) -> None:
    assert is_http_url(url) is expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://host", "https://host"),
        (" https://host/ ", "https://host"),
        ("HTTPS://My-Host.Example:8443/A/b//", "https://my-host.example:8443/A/b"),
        ("https://10.0.0.1/x", "https://10.0.0.1/x"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:1/x", "http://localhost:1/x"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
    ],
)
def test_secure_urls(url: str, expected: str) -> None:
    assert secure_url("x", url, "https://e") == expected


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "host",
            "ftp://host",
            "https://",
            "https:///x",
            "http://host",
            "http://10.0.0.1",
            "http://localhost.evil.com",
        ),
        *("https://user:canary@host", "https://canary@host", "https://host?canary", "https://host#canary"),
        *("https://host:0", "https://host:99999", "https://host:x", "https://[::1", "https://[::::1]", "https://a b"),
        *("https://host\\@canary", "https://host/\\canary", "https://host/a\nb", "https://..", "https://.host"),
        *("https://ho\u0455t", "https://host\x00", "https://host/\u00e9", "https://%68ost"),
    ],
)
def test_what_is_no_secure_url_is_told_without_it(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        secure_url("x", url, "https://e.example")
    message = str(caught.value)
    assert message.startswith("x must be a URL such as https://e.example, with https unless it is this machine's")
    assert "canary" not in message and "\n" not in message
