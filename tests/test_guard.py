"""guard.py: who may spend money, as a matrix of expectations written by hand, and no input that breaks it."""

from __future__ import annotations

import hmac
import itertools
from collections.abc import Sequence
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.entrance.guard import Admission, Guard, caller_from, masked
from oai_bridge.errors import BridgeError
from oai_bridge.settings.values import Config
from tests.support.clients import unnamed

LOOPBACK = ("127.0.0.1", "::1")
KEY = "k" * 32
CHAT = "/proxy/gcp/claude/chat/completions"
MB = 1024 * 1024


def verdict(
    *headers: tuple[str, str],
    method: str = "POST",
    path: str = CHAT,
    config: Config | None = None,
    listen: Sequence[str] = LOOPBACK,
    authority: str = "",
) -> int:
    """The status with which the guard refuses, 0 if it lets the request pass."""
    try:
        Guard(config or Config(), listen).check(caller_from(method, path, headers, authority))
    except BridgeError as error:
        return error.status
    return 0


def with_host(host: str) -> tuple[tuple[str, str], ...]:
    return (("Host", host), ("Content-Type", "application/json"))


# Host, Origin, and what the two together deserve.
HOST_ORIGIN = [
    ("localhost:7860", None, 0),
    ("localhost:7860", "http://localhost:7860", 0),
    ("localhost:7860", "http://localhost:8000", 403),
    ("localhost:7860", "http://localhost", 403),
    ("localhost:7860", "http://127.0.0.1:7860", 403),
    ("localhost:7860", "https://evil.example", 403),
    ("localhost:7860", "null", 403),
    ("localhost:7860", "", 403),
    ("127.0.0.1:7860", None, 0),
    ("127.0.0.1:7860", "http://127.0.0.1:7860", 0),
    ("127.0.0.1:7860", "null", 403),
    ("[::1]:7860", None, 0),
    ("[::1]:7860", "http://[::1]:7860", 0),
    ("[::1]:7860", "http://localhost:7860", 403),
    # A page that rebinds its own name to us is of the same origin as its Host, and still a stranger.
    ("evil.example:7860", None, 421),
    ("evil.example:7860", "http://evil.example:7860", 421),
    ("evil.example", "null", 421),
    (None, None, 400),
    (None, "http://localhost:7860", 400),
]
# Sec-Fetch-Site of a request that is not a navigation.
SITE = [(None, 0), ("none", 0), ("same-origin", 0), ("same-site", 403), ("cross-site", 403), ("", 403), ("new", 403)]
# Method, Content-Type, and what the two together deserve.
FORM = [
    ("POST", "application/json", 0),
    ("POST", "Application/JSON; charset=UTF-8", 0),
    ("POST", "text/plain", 415),
    ("POST", "text/plain; application/json", 415),
    ("POST", "application/x-www-form-urlencoded", 415),
    ("POST", "multipart/form-data; boundary=x", 415),
    ("POST", "application/jsonp", 415),
    ("POST", "", 415),
    ("POST", None, 415),
    ("GET", None, 0),
    ("GET", "text/plain", 0),
    ("HEAD", None, 0),
    ("OPTIONS", None, 405),
    ("PUT", "application/json", 405),
    ("DELETE", None, 405),
    ("PATCH", "application/json", 405),
    ("TRACE", None, 405),
    ("get", None, 405),
]


@pytest.mark.parametrize(("host", "origin", "first"), HOST_ORIGIN)
def test_the_matrix(host: str | None, origin: str | None, first: int) -> None:
    for (site, second), (method, media, third) in itertools.product(SITE, FORM):
        given_headers = (("host", host), ("origin", origin), ("sec-fetch-site", site), ("content-type", media))
        headers = [(name, value) for name, value in given_headers if value is not None]
        assert verdict(*headers, method=method) == (first or second or third), (host, origin, site, method, media)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 0),
        ("LOCALHOST:1", 0),
        ("localhost.", 0),
        ("localhost.:7860", 0),
        ("localhost:", 0),
        (" localhost:7860 ", 0),
        ("127.0.0.1", 0),
        ("127.0.0.1.", 0),
        ("127.9.8.7:7860", 0),
        ("[::1]", 0),
        ("[0:0:0:0:0:0:0:1]:80", 0),
        ("a.localhost", 421),
        ("localhostX", 421),
        ("localhost..", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.nip.io", 421),
        ("127.1", 421),
        ("0x7f000001", 421),
        ("2130706433", 421),
        ("127.0.0.01", 421),
        ("0.0.0.0", 421),
        ("192.168.1.2:7860", 421),
        ("[::2]", 421),
        ("", 400),
        (":7860", 400),
        (".", 400),
        ("localhost:65535", 0),
        ("localhost:65536", 400),
        ("localhost:1:2", 400),
        ("localhost:+1", 400),
        ("localhost:\u0661", 400),
        ("localhost, localhost", 400),
        ("localhost,evil.example", 400),
        ("localhost evil.example", 400),
        ("user@localhost", 400),
        ("evil.example@localhost:7860", 400),
        ("localhost/", 400),
        ("http://localhost", 400),
        ("local%68ost", 400),
        ("localhost\x00", 400),
        ("localhost\n", 400),
        ("locaLho\u017ft", 400),
        ("\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3", 400),
        ("::1", 400),
        ("[::1", 400),
        ("[::1%lo]", 400),
        ("[127.0.0.1]", 400),
        ("[:::]", 400),
        ("\udcff", 400),
    ],
)
def test_host(host: str, status: int) -> None:
    assert verdict(*with_host(host)) == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("host.docker.internal:7860", 0),
        ("HOST.docker.INTERNAL.", 0),
        ("tunnel.example", 0),
        ("tunnel.example:443", 0),
        ("10.1.2.3", 0),
        ("[fd00::1]", 0),
        ("[fd00:0::2]:9", 0),
        ("docker.internal", 421),
        ("x.host.docker.internal", 421),
        ("10.1.2.4", 421),
        ("[fd00::3]", 421),
    ],
)
def test_allowed_hosts(host: str, status: int) -> None:
    allowed = ("Host.Docker.Internal", "tunnel.example:7860", "10.1.2.3", "[FD00::1]:7860", "fd00::2", "not a host")
    assert verdict(*with_host(host), config=Config(allowed_hosts=allowed)) == status


@pytest.mark.parametrize(
    ("listen", "host", "status"),
    [
        (("0.0.0.0",), "192.168.1.2:7860", 0),
        (("::",), "[fd00::1]:7860", 0),
        (("",), "192.168.1.2", 0),
        (("192.168.1.2",), "192.168.1.2", 0),
        (("192.168.1.2",), "10.0.0.1", 0),
        (("nas.lan",), "nas.lan:7860", 0),
        (("nas.lan",), "10.0.0.1", 0),
        (("127.0.0.1", "0.0.0.0"), "10.0.0.1", 0),
        (("0.0.0.0",), "evil.example", 421),
        (("0.0.0.0",), "127.1", 421),
        (("localhost",), "10.0.0.1", 421),
        (("127.0.0.2",), "10.0.0.1", 421),
        ((), "localhost", 0),
        ((), "10.0.0.1", 421),
    ],
)
def test_host_by_what_is_listened_on(listen: tuple[str, ...], host: str, status: int) -> None:
    assert verdict(*with_host(host), listen=listen) == status


@pytest.mark.parametrize(
    ("hosts", "authority", "status"),
    [
        ((), "localhost:7860", 0),
        (("localhost:7860",), "LOCALHOST:7860", 0),
        (("localhost:7860",), "evil.example", 400),
        (("evil.example",), "localhost:7860", 400),
        (("localhost:7860", "localhost:7860"), "", 400),
        (("localhost:7860", "evil.example"), "", 400),
        ((), "", 400),
    ],
)
def test_host_said_more_than_once(hosts: tuple[str, ...], authority: str, status: int) -> None:
    headers = [("Host", host) for host in hosts] + [("content-type", "application/json")]
    assert verdict(*headers, authority=authority) == status


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("tunnel.example", "https://tunnel.example", 0),
        ("tunnel.example", "http://tunnel.example", 0),
        ("tunnel.example:443", "https://tunnel.example", 0),
        ("Tunnel.Example", "https://tunnel.example:443", 0),
        ("tunnel.example", "https://tunnel.example:80", 403),
        ("tunnel.example:80", "https://tunnel.example", 403),
        ("tunnel.example", "https://other.example", 403),
        ("tunnel.example", "ftp://tunnel.example", 403),
        ("tunnel.example", "tunnel.example", 403),
        ("tunnel.example", "https://tunnel.example/", 403),
        ("tunnel.example", "https://a@tunnel.example", 403),
        ("tunnel.example", "https://tunnel.example, https://tunnel.example", 403),
        ("tunnel.example", "chrome-extension://abcdef", 403),
    ],
)
def test_origin(host: str, origin: str, status: int) -> None:
    assert verdict(*with_host(host), ("Origin", origin), config=Config(allowed_hosts=("tunnel.example",))) == status


def test_two_origins_are_none_of_ours() -> None:
    same = ("Origin", "http://localhost:7860")
    assert verdict(*with_host("localhost:7860"), same) == 0
    assert verdict(*with_host("localhost:7860"), same, same) == 403


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 0),
        ({"path": "/?from=chat"}, 0),
        ({"site": "same-site"}, 0),
        ({"method": "HEAD"}, 403),
        ({"method": "POST"}, 403),
        ({"path": "/status"}, 403),
        ({"path": "/v1/models"}, 403),
        ({"path": "//"}, 403),
        ({"mode": "no-cors"}, 403),
        ({"mode": None}, 403),
        ({"dest": "iframe"}, 403),
        ({"dest": None}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:7860"}, 403),
        ({"host": "evil.example"}, 421),
    ],
)
def test_only_a_link_to_the_page_may_come_from_another_site(change: dict[str, str | None], status: int) -> None:
    sent: dict[str, str | None] = {
        "method": "GET", "path": "/", "host": "localhost:7860", "site": "cross-site", "mode": "navigate",
        "dest": "document", "origin": None,
    } | change  # fmt: skip
    names = {"host": "host", "origin": "origin", "site": "sec-fetch-site", "mode": "sec-fetch-mode",
             "dest": "sec-fetch-dest"}  # fmt: skip
    headers = [(header, value) for name, header in names.items() if (value := sent[name]) is not None]
    headers.append(("content-type", "application/json"))
    assert verdict(*headers, method=str(sent["method"]), path=str(sent["path"])) == status


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        ([("Authorization", f"Bearer {KEY}")], 0),
        ([("authorization", f"bEARER   {KEY} ")], 0),
        ([("authorization", f"Bearer\t{KEY}")], 0),
        ([("x-api-key", KEY)], 0),
        ([("X-Api-Key", "sécond-key")], 0),
        ([("authorization", "Bearer wrong"), ("x-api-key", KEY)], 0),
        ([("authorization", "Bearer "), ("x-api-key", KEY)], 0),
        ([], 401),
        ([("authorization", "Bearer ")], 401),
        ([("authorization", "Bearer")], 401),
        ([("authorization", KEY)], 401),
        ([("authorization", f"Basic {KEY}")], 401),
        ([("authorization", f"Bearer {KEY}x")], 401),
        ([("authorization", f"Bearer {KEY[:-1]}")], 401),
        ([("authorization", f"Bearer {KEY.upper()}")], 401),
        ([("x-api-key", "")], 401),
        ([("x-api-key", "\ud800")], 401),
        ([("cookie", KEY)], 401),
    ],
)
def test_client_key(shown: list[tuple[str, str]], status: int) -> None:
    config = Config(clients=unnamed("another", KEY, "sécond-key"))
    assert verdict(*with_host("localhost"), *shown, config=config) == status
    assert verdict(*with_host("localhost"), *shown, config=Config()) == 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 0),
        ("HEAD", "/health?x", 0),
        ("GET", "/health/readiness", 0),
        ("GET", "/", 401),
        ("GET", "/status", 401),
        ("GET", "/status/page.js", 0),
        ("GET", "/status/page.css?x", 0),
        ("GET", "/status/details", 401),
        ("GET", "/status/page.js/../details", 401),
        ("GET", "/v1/models", 401),
        ("GET", "/health/../v1/models", 401),
        ("GET", "/v1/health", 401),
        ("POST", CHAT, 401),
        ("OPTIONS", CHAT, 405),
    ],
)
def test_what_is_open_without_a_key(method: str, path: str, status: int) -> None:
    assert verdict(*with_host("localhost"), method=method, path=path, config=Config(clients=unnamed(KEY))) == status


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/", "text/html,application/xhtml+xml,*/*;q=0.8", 0),
        ("/?x", "text/html", 0),
        ("/", "*/*", 401),
        ("/", "application/json", 401),
        ("//", "text/html", 401),
        ("/status", "text/html", 401),
        ("/status/details", "text/html", 401),
        ("/v1/models", "text/html", 401),
    ],
)
def test_the_page_that_asks_for_the_key_is_open_to_browsers(path: str, accept: str, status: int) -> None:
    config = Config(clients=unnamed(KEY))
    assert verdict(*with_host("localhost"), ("accept", accept), method="GET", path=path, config=config) == status
    foreign = (*with_host("localhost"), ("accept", accept), ("origin", "null"))
    assert verdict(*foreign, method="GET", path=path, config=config) == 403


def test_health_is_no_way_around_the_other_rules() -> None:
    config = Config(clients=unnamed(KEY))
    assert verdict(*with_host("evil.example"), method="GET", path="/health", config=config) == 421
    assert verdict(*with_host("localhost"), ("origin", "null"), method="GET", path="/health", config=config) == 403


def test_a_stranger_is_refused_before_the_key_is_looked_at() -> None:
    config = Config(clients=unnamed(KEY))
    key = ("x-api-key", KEY)
    assert verdict(*with_host("evil.example"), config=config) == 421
    assert verdict(*with_host("localhost"), ("origin", "null"), config=config) == 403
    assert verdict(("host", "localhost"), ("content-type", "text/plain"), config=config) == 401
    assert verdict(("host", "localhost"), ("content-type", "text/plain"), key, config=config) == 415


def test_every_key_is_compared_whichever_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    config = Config(clients=unnamed("a", "bb", "c" * 99))
    for shown in ("a", "bb", "c" * 99):
        compared.clear()
        assert verdict(*with_host("localhost"), ("x-api-key", shown), config=config) == 0
        assert compared == [(32, 32)] * 3


@pytest.mark.parametrize(
    ("encoding", "status"),
    [(None, 0), ("", 0), ("identity", 0), ("gzip", 0), ("GZIP", 0), ("deflate", 0), ("br", 415), ("zstd", 415),
     ("gzip, gzip", 415), ("gzip;q=1", 415)],
)  # fmt: skip
def test_content_encoding(encoding: str | None, status: int) -> None:
    extra = [] if encoding is None else [("Content-Encoding", encoding)]
    assert verdict(*with_host("localhost"), *extra) == status


@pytest.mark.parametrize(
    ("length", "status"),
    [
        ("0", 0),
        (str(2 * MB), 0),
        (str(2 * MB + 1), 413),
        ("0" * 30 + "5", 0),
        ("0" * 30 + str(2 * MB + 1), 413),
        ("9" * 5000, 413),
        ("abc", 0),
        ("-1", 0),
        ("", 0),
        ("5, 6", 0),
        ("\u0665" * 30, 0),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_content_length(length: str, status: int, method: str) -> None:
    headers = (*with_host("localhost"), ("Content-Length", length))
    assert verdict(*headers, method=method, config=Config(max_body=2 * MB)) == status


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        (with_host("evil.example"), ["evil.example", "allowed_hosts"]),
        ((*with_host("localhost"), ("x-api-key", "wrong-secret")), ["wrong", "API key field", "SillyTavern"]),
        (with_host("localhost"), ["asks for a client key", "SillyTavern"]),
        ((("host", "localhost"), ("content-type", "text/plain"), ("x-api-key", KEY)), ["application/json"]),
        ((*with_host("localhost"), ("content-length", "3000000"), ("x-api-key", KEY)), ["2 MB", "max_body_mb"]),
        ((*with_host("localhost"), ("origin", "https://evil.example")), ["web page"]),
    ],
)
def test_the_message_says_what_to_do_and_no_secret(headers: tuple[tuple[str, str], ...], words: list[str]) -> None:
    guard = Guard(Config(clients=unnamed(KEY), max_body=2 * MB), LOOPBACK)
    with pytest.raises(BridgeError) as raised:
        guard.check(caller_from("POST", CHAT, headers))
    assert [word for word in words if word not in raised.value.message] == []
    assert KEY not in raised.value.message and "wrong-secret" not in raised.value.message


@pytest.mark.parametrize("method", ["OPTIONS", "PUT"])
def test_a_wrong_method_is_told_the_right_ones_and_nothing_of_cors(method: str) -> None:
    preflight = (("Host", "localhost"), ("Access-Control-Request-Method", "POST"))
    with pytest.raises(BridgeError) as raised:
        Guard(Config(), LOOPBACK).check(caller_from(method, CHAT, preflight))
    assert raised.value.headers() == {"x-should-retry": "false", "allow": "GET, HEAD, POST"}


def test_a_caller_shows_no_key() -> None:
    caller = caller_from("POST", CHAT, [("x-api-key", KEY)])
    assert caller.keys == (KEY,)
    assert KEY not in repr(caller)


TEXT = st.text(st.characters(codec=None), max_size=40)  # half surrogates included, as header bytes may become
NEARLY = st.sampled_from(
    ["localhost", "127.0.0.1:7860", "[::1]", "evil.example", "http://localhost", "null", "cross-site", "Bearer", "["]
)
VALUE = st.one_of(TEXT, NEARLY, st.builds(lambda one, two: one + two, NEARLY, TEXT))
NAME = st.sampled_from(
    ["host", "origin", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "content-type", "content-encoding",
     "content-length", "authorization", "x-api-key", "x-forwarded-for", "access-control-request-method"]
)  # fmt: skip
GUARDS = [
    Guard(Config(), LOOPBACK),
    Guard(Config(clients=unnamed(KEY), allowed_hosts=("tunnel.example",)), ("0.0.0.0", "::")),
    Guard(Config(allowed_origins=("http://localhost",), trusted_proxies=(ip_network("127.0.0.1"),)), LOOPBACK),
]


@given(method=st.one_of(st.sampled_from(["GET", "POST"]), TEXT), path=TEXT, authority=VALUE,
       headers=st.lists(st.tuples(NAME, VALUE), max_size=12))  # fmt: skip
def test_nothing_but_a_bridge_error_whatever_is_sent(
    method: str, path: str, authority: str, headers: list[tuple[str, str]]
) -> None:
    caller = caller_from(method, path, headers, authority)
    masked(headers)
    for guard in GUARDS:
        try:
            guard.address(caller)
            guard.check(caller)
        except BridgeError as error:
            assert error.message and 400 <= error.status < 500


@given(host=VALUE)
def test_no_name_but_ours_passes_on_loopback(host: str) -> None:
    try:
        GUARDS[0].check(caller_from("GET", "/", [("host", host)]))
    except BridgeError:
        return
    assert host.strip(" \t").lower().startswith(("localhost", "127.", "[")) and host.isascii()


@given(allowed=st.lists(VALUE, max_size=3), listen=st.lists(VALUE, max_size=3))
def test_a_guard_can_be_made_of_any_names(allowed: list[str], listen: list[str]) -> None:
    Guard(Config(allowed_hosts=tuple(allowed)), listen).check(caller_from("GET", "/", [("host", "localhost")]))


def test_clients_are_told_apart_by_their_keys() -> None:
    guard, other = Guard(Config(clients=unnamed(KEY, "o" * 32)), LOOPBACK), ("authorization", f"Bearer {'o' * 32}")
    for shown, name in ((("x-api-key", KEY), "key 1"), (other, "key 2")):
        assert guard.check(caller_from("GET", "/v1/models", (*with_host("localhost"), shown))) == Admission(name)
    assert guard.check(caller_from("GET", "/health", with_host("localhost"))) == Admission()
    assert Guard(Config(), LOOPBACK).check(caller_from("GET", "/v1/models", with_host("localhost"))) == Admission()
