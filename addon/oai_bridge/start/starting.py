"""Sees to it that mitmproxy serves the right addresses in the right mode, before it serves anything."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import NoReturn

from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.exceptions import OptionsError
from mitmproxy.options import Options
from mitmproxy.proxy import mode_specs

from ..settings.values import Config
from .listening import LOOPBACK, NO_RESTART, Listener, judge, problem, reverse_mode, without_modes

LISTENING = frozenset({"mode", "listen_host", "listen_port", "server"})
"""mitmproxy's options that say what is listened on."""


def stop(reason: str) -> NoReturn:
    """Ends mitmproxy at once. Its ports may be open before a script is loaded: after an exception it would still answer
    who has come by then, without our guard and as the open proxy that it is by default."""
    print(reason, file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(2)


def listeners(options: Options) -> list[Listener]:
    """What mitmproxy is about to listen on; nothing where it only reads a file."""
    if not options.server:
        return []
    modes = [mode_specs.ProxyMode.parse(mode) for mode in options.mode]
    return [
        Listener(mode.type_name, mode.listen_host(options.listen_host), mode.listen_port(options.listen_port) or 0)
        for mode in modes
    ]


def served(listener: Listener, proxyserver: Proxyserver) -> Listener:
    """With the port that it got, where any free one was wanted; to be called when mitmproxy listens."""
    found = (place[1] for place in proxyserver.listen_addrs() if place[0] == listener.host)
    return replace(listener, port=listener.port or next(found, 0))


def changed_listeners(options: Options, config: Config) -> list[Listener]:
    """The addresses after a change of the options while mitmproxy runs; raises `OptionsError` for those that may not be
    served, and mitmproxy takes the change back."""
    found = listeners(options)
    verdict = judge(found, config, ipv6=True) if found else None
    if verdict is None:
        return found
    raise OptionsError(verdict if isinstance(verdict, str) else f"Not changed; this addon may serve {verdict.command}")


def check_listeners(options: Options, config: Config) -> list[Listener]:
    """The addresses that will be served. Does not return where they are not the right ones: mitmproxy is started again
    with the right ones, or stopped with a sentence that says what to type."""
    found = listeners(options)
    verdict = judge(found, config, ipv6=problem(LOOPBACK[1], 0) is None) if found else None
    if verdict is None:
        return found
    if isinstance(verdict, str):
        stop(verdict)
    if NO_RESTART in os.environ:
        example = reverse_mode("ADDRESS", 7860)
        stop(
            f"Nothing is served yet, since a --mode has no address: write it as --mode {example}, or leave it out and "
            "use --host and --port of oai-vertex."
        )
    if os.name != "posix":
        stop(f"Nothing is served yet: start it again with  {verdict.command}")
    os.environ[NO_RESTART] = "1"
    arguments = without_modes(sys.orig_argv[1:])
    os.execv(sys.executable, [sys.executable, *arguments, *verdict.command.split()])
