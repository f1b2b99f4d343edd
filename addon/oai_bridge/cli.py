"""The command `oai-vertex`: check settings and addresses, then start mitmproxy with the addon, or call the doctor."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .settings.checks import CHECKS
from .settings.config import load_config
from .settings.values import ConfigError
from .start.exposure import exposure
from .start.listening import LOOPBACK, NO_RESTART, listen_hosts, problem, reverse_mode

COMMANDS = ("run", "doctor")
SCRIPT = Path(__file__).resolve().parent.parent / "oai_vertex.py"
PROJECT = SCRIPT.parent.parent
WEB_PORTS = range(8081, 8181)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code. 2 means that nothing was started, and stderr says why."""
    options, extra = parse(sys.argv[1:] if argv is None else argv)
    if options.command == "doctor":
        from .doctor.command import doctor  # with all that a proxy in mitmproxy needs, which this one does without

        folders = [Path.cwd(), PROJECT]
        return doctor(options.config, folders, as_json=options.json, paid=not options.no_cost, host=options.host)
    try:
        config = load_config(options.config, os.environ, [Path.cwd(), PROJECT])
    except ConfigError as error:
        return refuse(str(error))
    config = replace(config, host=options.host or config.host, port=options.port or config.port)
    hosts = listen_hosts(config.host, ipv6=problem(LOOPBACK[1], 0) is None)
    if reason := exposure(config, hosts):
        return refuse(reason)
    for host in hosts:
        if reason := problem(host, config.port):
            return refuse(reason)
    if reason := no_place_for_certificates(extra):
        return refuse(reason)
    arguments = mitmproxy_arguments(
        options.tool,
        hosts=hosts,
        port=config.port,
        config_file=options.config,
        web_port=free_web_port(),
        extra=extra,
    )
    return start(options.tool, arguments)


def parse(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Our own options, and what stands after `--`: mitmproxy's."""
    parser = argparse.ArgumentParser(
        prog="oai-vertex",
        usage="%(prog)s [run | doctor] [options] [-- mitmproxy's options]",
        description="A local OpenAI API in front of the models of Google Vertex AI, AWS Bedrock and Azure.",
        epilog="What stands after -- goes to mitmproxy, such as: oai-vertex --web -- -w chats.flow",
    )
    parser.add_argument(
        "command",
        nargs="?",
        metavar=f"{{{','.join(COMMANDS)}}}",
        default="run",
        help="start the proxy (the default), or check the settings, the network, each credential and its models",
    )
    view = parser.add_mutually_exclusive_group()
    view.add_argument("--web", dest="tool", action="store_const", const="mitmweb", help="watch in the browser")
    view.add_argument("--console", dest="tool", action="store_const", const="mitmproxy", help="watch in the terminal")
    parser.add_argument("--config", type=settings_file, metavar="FILE", help="settings (default: config.yaml here)")
    parser.add_argument("--host", type=host_name, help="address to listen on (default: 127.0.0.1 and ::1)")
    parser.add_argument("--port", type=port_number, help="port to listen on (default: 7860)")
    parser.add_argument("--json", action="store_true", help="doctor: print one JSON document")
    parser.add_argument("--no-cost", action="store_true", help="doctor: make no call that costs money")
    parser.set_defaults(tool="mitmdump")
    ours = list(argv)
    cut = ours.index("--") if "--" in ours else len(ours)
    options, unknown = parser.parse_known_args(ours[:cut])
    if unknown:
        parser.error(f"{unknown[0]} is not known here: --help shows what is, and mitmproxy's own options go after --")
    if options.command not in COMMANDS:
        parser.error(f"{options.command!r} is no command: it is {' or '.join(COMMANDS)}, or none at all")
    if options.command == "run" and (options.json or options.no_cost):
        parser.error("--json and --no-cost are for the doctor: oai-vertex doctor --json")
    return options, ours[cut + 1 :]


def settings_file(text: str) -> Path:
    """An absolute path, since mitmproxy is told it too."""
    return Path(text).expanduser().absolute()


def host_name(text: str) -> str:
    """An address or a name to listen on, as in config.yaml. Raises ArgumentTypeError, which argparse shows."""
    try:
        return str(CHECKS["server", "host"]("it", text))
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def port_number(text: str) -> int:
    """A TCP port. Raises ArgumentTypeError, which argparse shows."""
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 1 to 65535")


def no_place_for_certificates(extra: Sequence[str]) -> str | None:
    """Why mitmproxy would end with a traceback: it makes certificates at its first start, and this is their folder."""
    if any("confdir=" in item for item in extra):
        return None
    folder = os.path.expanduser("~/.mitmproxy")
    try:
        os.makedirs(folder, exist_ok=True)
        writable = os.access(folder, os.W_OK) or bool(os.listdir(folder))
    except OSError:
        writable = False
    remedy = "let it be written to, or name another folder: -- --set confdir=FOLDER"
    return None if writable else f"mitmproxy can't keep its certificates in {folder}: {remedy}."


def free_web_port() -> int:
    """The port for mitmweb's page: its usual one, or the next free one."""
    return next((port for port in WEB_PORTS if problem(LOOPBACK[0], port) is None), WEB_PORTS[0])


def mitmproxy_arguments(
    tool: str, *, hosts: Sequence[str], port: int, config_file: Path | None, web_port: int, extra: Sequence[str]
) -> list[str]:
    """The command line for `tool` ("mitmdump", "mitmweb" or "mitmproxy"); what the user adds comes last and wins.

    mitmproxy refuses an option that is `--set` twice, so ours gives way to the user's. Its own flags win in any case.
    """
    settings = {"web_open_browser": "false", "web_port": str(web_port)} if tool == "mitmweb" else {}
    if config_file:
        settings["bridge_config"] = str(config_file)
    taken = {item.removeprefix("--set").lstrip("= ").partition("=")[0] for item in extra}
    modes = [part for host in hosts for part in ("--mode", reverse_mode(host, port))]
    ours = [part for name, value in settings.items() if name not in taken for part in ("--set", f"{name}={value}")]
    return ["-s", str(SCRIPT), *modes, *ours, *extra]


def start(tool: str, arguments: list[str]) -> int:
    """Run mitmproxy in this process until it is stopped; returns the exit code."""
    os.environ[NO_RESTART] = "1"
    try:
        from mitmproxy.tools import main as tools

        getattr(tools, tool)(arguments)
    except KeyboardInterrupt:  # while it is still being loaded; later mitmproxy itself sees to it
        return 130
    return 0


def refuse(reason: str) -> int:
    """Say why nothing is started."""
    print(reason, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
