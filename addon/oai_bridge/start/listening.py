"""Which addresses mitmproxy may serve with this addon, and how it must be started to serve those and no others."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from ..settings.values import Config
from .exposure import exposure

LOOPBACK = ("127.0.0.1", "::1")
DEAD_TARGET = "http://127.0.0.1:9"
"""A reverse proxy must have a target; this one is nobody, and nothing is ever sent there."""
NO_RESTART = "OAI_VERTEX_NO_RESTART"
"""The variable of the environment that is set where mitmproxy must not start itself again: it has done so already, or
the command line is that of `oai-vertex`, which names all addresses itself."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A mode that mitmproxy was started with: its kind (`reverse`, `regular`, …) and address. An empty host is all."""

    kind: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Restart:
    """mitmproxy must be started again with these `modes`; `command` is what a user would type after its name."""

    modes: tuple[str, ...]

    @property
    def command(self) -> str:
        return " ".join(f"--mode {mode}" for mode in self.modes)


def listen_hosts(host: str | None, *, ipv6: bool) -> tuple[str, ...]:
    """The addresses to listen on. To a client `localhost`, the default, may be either loopback address, so it is both.

    `ipv6` tells whether this machine has ::1 at all.
    """
    if not host or host == "localhost":
        return LOOPBACK if ipv6 else LOOPBACK[:1]
    return (host.strip("[]"),)


def problem(host: str, port: int) -> str | None:
    """Why nobody can listen there and what to do about it; None when it is free."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            # As asyncio binds. On Windows the first option would let us share a port that is taken.
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"Port {port} on {host} is taken: stop the program that uses it, or choose another with --port."
        return f"{host} port {port} can't be listened on ({error.strerror}): choose others with --host and --port."
    return None


def address(listener: Listener) -> str:
    """`http://host:port` as a program on this machine reaches it."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listener.host, listener.host)
    return f"http://[{host}]:{listener.port}" if ":" in host else f"http://{host}:{listener.port}"


def reverse_mode(host: str, port: int) -> str:
    """The value of `--mode`. No brackets around IPv6: mitmproxy cuts at the last colon."""
    return f"reverse:{DEAD_TARGET}@{host}:{port}"


def judge(listeners: Sequence[Listener], config: Config, *, ipv6: bool) -> Restart | str | None:
    """`None` if these listeners may serve, a `Restart` where a better command line is clear, else why not.

    Without `--mode` mitmproxy is an open forward proxy, and without an address in it it listens on all interfaces:
    neither is what a user who left it out has asked for.
    """
    hosts = listen_hosts(config.host, ipv6=ipv6)
    if [listener.kind for listener in listeners] == ["regular"]:
        return Restart(tuple(reverse_mode(host, config.port) for host in hosts))
    if any(listener.kind != "reverse" for listener in listeners):
        return (
            "This addon serves reverse proxies only; start it with "
            f"--mode {reverse_mode(hosts[0], config.port)} and no other --mode."
        )
    if any(not listener.host for listener in listeners):
        named = [(host, it.port) for it in listeners for host in ([it.host] if it.host else hosts)]
        return Restart(tuple(reverse_mode(host, port) for host, port in dict.fromkeys(named)))
    return exposure(config, [listener.host for listener in listeners])


def without_modes(arguments: Sequence[str]) -> list[str]:
    """A mitmproxy command line without its `--mode` options."""
    kept: list[str] = []
    skip = False
    for argument in arguments:
        if skip or argument in ("--mode", "-m"):
            skip = not skip
        elif not argument.startswith("--mode=") and not (argument.startswith("-m") and argument[2:3].isalpha()):
            kept.append(argument)
    return kept
