"""listening.py: only loopback, or a strong key; and the command line that does it."""

from __future__ import annotations

import socket

import pytest

from oai_bridge.settings.values import Config
from oai_bridge.start.listening import (
    Listener,
    Restart,
    address,
    judge,
    listen_hosts,
    problem,
    reverse_mode,
    without_modes,
)
from tests.support.clients import unnamed

STRONG = "q8Yx2mZr7Kd0Vt5Wn3Lb9Hc4Fs6Jg1Pa"
HERE = Listener("reverse", "127.0.0.1", 7860)


@pytest.mark.parametrize(
    ("host", "ipv6", "hosts"),
    [
        (None, True, ("127.0.0.1", "::1")),
        (None, False, ("127.0.0.1",)),
        ("localhost", True, ("127.0.0.1", "::1")),
        ("", True, ("127.0.0.1", "::1")),
        ("127.0.0.1", True, ("127.0.0.1",)),
        ("[::1]", True, ("::1",)),
        ("0.0.0.0", True, ("0.0.0.0",)),
    ],
)
def test_hosts_of_a_setting(host: str | None, ipv6: bool, hosts: tuple[str, ...]) -> None:
    assert listen_hosts(host, ipv6=ipv6) == hosts


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:7860"),
        ("::1", "http://[::1]:7860"),
        ("0.0.0.0", "http://127.0.0.1:7860"),
        ("::", "http://[::1]:7860"),
        ("192.168.1.5", "http://192.168.1.5:7860"),
    ],
)
def test_the_address_that_is_told_is_one_that_is_listened_on(host: str, url: str) -> None:
    assert address(Listener("reverse", host, 7860)) == url


@pytest.mark.parametrize(
    ("listeners", "modes"),
    [
        # No --mode: mitmproxy would be an open forward proxy on all interfaces.
        ([Listener("regular", "", 8080)], [("127.0.0.1", 7860), ("::1", 7860)]),
        # A mode without an address: it would listen on all interfaces.
        ([Listener("reverse", "", 9000)], [("127.0.0.1", 9000), ("::1", 9000)]),
        ([Listener("reverse", "", 9000), HERE], [("127.0.0.1", 9000), ("::1", 9000), ("127.0.0.1", 7860)]),
    ],
)
def test_what_was_left_out_becomes_loopback(listeners: list[Listener], modes: list[tuple[str, int]]) -> None:
    assert judge(listeners, Config(), ipv6=True) == Restart(tuple(reverse_mode(host, port) for host, port in modes))


def test_what_was_left_out_follows_the_settings() -> None:
    config = Config(host="0.0.0.0", port=1234, clients=unnamed(STRONG))
    assert judge([Listener("regular", "", 8080)], config, ipv6=True) == Restart((reverse_mode("0.0.0.0", 1234),))


@pytest.mark.parametrize(
    ("listeners", "config", "word"),
    [
        ([HERE], Config(), None),
        ([HERE, Listener("reverse", "::1", 7860)], Config(), None),
        ([Listener("reverse", "0.0.0.0", 7860)], Config(), "128 bits"),
        ([HERE, Listener("reverse", "192.168.1.5", 7860)], Config(clients=unnamed("short")), "128 bits"),
        ([Listener("reverse", "0.0.0.0", 7860)], Config(clients=unnamed(STRONG)), None),
        ([Listener("socks5", "127.0.0.1", 7860)], Config(), "reverse:http"),
        ([HERE, Listener("regular", "127.0.0.1", 7861)], Config(), "reverse:http"),
    ],
)
def test_what_may_serve(listeners: list[Listener], config: Config, word: str | None) -> None:
    verdict = judge(listeners, config, ipv6=True)
    if word is None:
        assert verdict is None
    else:
        assert isinstance(verdict, str)
        assert word in verdict


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        (["-s", "x.py", "--mode", "reverse:a@1", "-w", "f"], ["-s", "x.py", "-w", "f"]),
        (["--mode=regular", "-m", "socks5", "-n"], ["-n"]),
        (["-mregular", "-q"], ["-q"]),
        (["mitmdump", "--mode"], ["mitmdump"]),
    ],
)
def test_a_command_line_without_its_modes(arguments: list[str], kept: list[str]) -> None:
    assert without_modes(arguments) == kept


def test_a_taken_port_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert "--port" in (problem("127.0.0.1", port) or "")
    assert problem("127.0.0.1", port) is None
    assert "--host" in (problem("203.0.113.7", port) or "")
