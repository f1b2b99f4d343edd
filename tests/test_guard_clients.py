"""guard.py: web pages that the settings let in, requests that came through a proxy, and clients by their keys."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from oai_bridge.entrance.guard import Admission, Guard, caller_from
from oai_bridge.errors import BridgeError, WrongKey
from oai_bridge.settings.clients import LOCAL, Client
from oai_bridge.settings.values import Config
from tests.support.clients import unnamed

LOOPBACK = ("127.0.0.1", "::1")
KEY = "k" * 32
CHAT = "/proxy/gcp/claude/chat/completions"
PAGE = "https://chat.example"
HOST = (("host", "localhost:7860"), ("content-type", "application/json"))
LISTED = Config(allowed_origins=(PAGE, "app://obsidian.md"))


def admitted(
    *headers: tuple[str, str], config: Config = LISTED, method: str = "POST", peer: str = "127.0.0.1"
) -> Admission | int:
    """What the guard says: leave to go on, or the status with which it refuses."""
    try:
        return Guard(config, LOOPBACK).check(caller_from(method, CHAT, [*HOST, *headers], "", peer))
    except BridgeError as error:
        return error.status


ASKS = ("access-control-request-method", "POST")


@pytest.mark.parametrize(
    ("headers", "method", "said"),
    [
        ([("origin", PAGE)], "POST", Admission()),
        ([("origin", "HTTPS://Chat.Example")], "POST", Admission()),
        ([("origin", "app://obsidian.md")], "POST", Admission()),
        ([("origin", PAGE), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors")], "POST", Admission()),
        ([("origin", PAGE), ("sec-fetch-site", "same-site")], "GET", Admission()),
        ([("origin", PAGE), ASKS], "OPTIONS", Admission(preflight=True)),
        ([("origin", PAGE), ASKS, ("sec-fetch-site", "cross-site")], "OPTIONS", Admission(preflight=True)),
        ([("origin", PAGE)], "OPTIONS", 405),
        ([ASKS], "OPTIONS", 405),
        ([("origin", PAGE), ASKS], "PUT", 405),
        ([("origin", "https://evil.example"), ASKS], "OPTIONS", 403),
        ([("origin", "https://evil.example")], "POST", 403),
        ([("origin", "http://chat.example")], "POST", 403),
        ([("origin", f"{PAGE}:8443")], "POST", 403),
        ([("origin", f"{PAGE}.evil.example")], "POST", 403),
        ([("origin", f"{PAGE}/")], "POST", 403),
        ([("origin", PAGE), ("origin", PAGE)], "POST", 403),
        ([("origin", "null")], "POST", 403),
        ([("sec-fetch-site", "cross-site")], "POST", 403),
        ([("sec-fetch-site", "cross-site"), ("referer", f"{PAGE}/")], "GET", 403),
    ],
)
def test_listed_web_pages(headers: list[tuple[str, str]], method: str, said: Admission | int) -> None:
    assert admitted(*headers, method=method) == said


def test_a_listed_page_needs_all_the_rest() -> None:
    config = Config(allowed_origins=(PAGE,), clients=unnamed(KEY))
    assert admitted(("origin", PAGE), config=config) == 401
    assert admitted(("origin", PAGE), ("x-api-key", KEY), config=config) == Admission("key 1")
    assert admitted(("origin", PAGE), ASKS, config=config, method="OPTIONS") == Admission(preflight=True)
    guard = Guard(LISTED, LOOPBACK)
    for host, media, status in (("evil.example", "application/json", 421), ("localhost", "text/plain", 415)):
        with pytest.raises(BridgeError) as caught:
            guard.check(caller_from("POST", CHAT, [("host", host), ("content-type", media), ("origin", PAGE)]))
        assert caught.value.status == status


def test_the_origin_that_is_told_is_the_listed_one_alone() -> None:
    guard = Guard(LISTED, LOOPBACK)
    assert guard.listed_origin(caller_from("GET", "/", [("origin", PAGE)])) == PAGE
    for origin in ("https://evil.example", "null", "", f"{PAGE}, {PAGE}"):
        assert guard.listed_origin(caller_from("GET", "/", [("origin", origin)])) is None
    assert Guard(Config(), LOOPBACK).listed_origin(caller_from("GET", "/", [])) is None


@pytest.mark.parametrize("forwarded", ["203.0.113.9", "127.0.0.1, 203.0.113.9", "unknown", "192.168.0.4"])
def test_who_comes_through_a_tunnel_needs_a_key(forwarded: str) -> None:
    sent = ("x-forwarded-for", forwarded)
    assert admitted(sent, config=Config()) == 403
    assert admitted(sent, config=Config(trusted_proxies=(ip_network("127.0.0.1"),))) == 403
    assert admitted(sent, ("x-api-key", KEY), config=Config(clients=unnamed(KEY))) == Admission("key 1")
    assert admitted(("x-forwarded-for", "127.0.0.1, ::1"), config=Config()) == Admission(LOCAL)


@pytest.mark.parametrize("name", ["Forwarded", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP", "X-Client-IP"])
def test_not_every_tunnel_says_so_in_the_same_header(name: str) -> None:
    before = "for=" if name == "Forwarded" else ""
    assert admitted((name, f"{before}203.0.113.9"), config=Config()) == 403
    assert admitted((name, f"{before}127.0.0.1"), config=Config()) == Admission(LOCAL)
    caller = caller_from("GET", "/", [(name, f"{before}203.0.113.9")], "", "127.0.0.1")
    assert Guard(Config(trusted_proxies=(ip_network("127.0.0.1"),)), LOOPBACK).address(caller) == "127.0.0.1"


def test_the_address_behind_a_trusted_proxy() -> None:
    caller = caller_from("GET", "/", [("x-forwarded-for", "1.2.3.4"), ("X-Forwarded-For", "5.6.7.8")], "", "127.0.0.1")
    assert caller.forwarded == ("1.2.3.4", "5.6.7.8")
    assert Guard(Config(), LOOPBACK).address(caller) == "behind 127.0.0.1"
    assert Guard(Config(trusted_proxies=(ip_network("127.0.0.0/8"),)), LOOPBACK).address(caller) == "5.6.7.8"


def test_a_request_is_no_more_than_two_guesses() -> None:
    config = Config(clients=unnamed(KEY))
    wrong = ("x-api-key", "wrong")
    assert admitted(wrong, ("x-api-key", KEY), config=config) == Admission("key 1")
    assert admitted(*[wrong] * 2, ("x-api-key", KEY), config=config) == 401


def test_a_wrong_key_is_another_thing_than_none() -> None:
    guard = Guard(Config(clients=(Client("tavern", KEY),)), LOOPBACK)
    with pytest.raises(WrongKey):
        guard.check(caller_from("POST", CHAT, [*HOST, ("authorization", "Bearer guess")]))
    with pytest.raises(BridgeError) as caught:
        guard.check(caller_from("POST", CHAT, [*HOST, ("authorization", "Bearer ")]))
    assert caught.value.status == 401 and not isinstance(caught.value, WrongKey)
    assert guard.check(caller_from("POST", CHAT, [*HOST, ("x-api-key", KEY)])) == Admission("tavern")


@pytest.mark.parametrize(
    ("headers", "code", "words"),
    [
        ([("host", "evil.example")], "invalid_host", "one Host header"),
        ([("x-forwarded-for", "203.0.113.9")], "forwarded_without_key", "Set a PROXY_KEY"),
        ([("origin", "https://evil.example")], "foreign_origin", "server.allowed_origins"),
        ([("sec-fetch-site", "cross-site")], "cross_site", "Type the address"),
        ([("content-encoding", "br")], "unsupported_media_type", "Content-Encoding"),
    ],
)
def test_a_refusal_has_its_code_and_says_what_to_do(headers: list[tuple[str, str]], code: str, words: str) -> None:
    with pytest.raises(BridgeError, match=words) as caught:
        Guard(LISTED, LOOPBACK).check(caller_from("POST", CHAT, [*HOST, *headers]))
    assert caught.value.code == code
