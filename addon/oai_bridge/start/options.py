"""mitmproxy's options: our own, and those whose defaults are wrong for us."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Sequence
from typing import Any

from mitmproxy import addonmanager
from mitmproxy.options import Options
from mitmproxy.optmanager import unset

from ..outward.network import is_loopback
from ..settings.values import Config
from .exposure import KEY_BITS, KEY_RECIPE, key_bits
from .listening import Listener

_RIGHT: dict[str, Any] = {
    "connection_strategy": "lazy",  # there is no server to connect to; eager clients would get an empty reply
    "keep_host_header": True,  # else Host is overwritten before it can be checked
    "onboarding": False,  # mitmproxy's own page would answer before the guard does
    "rawtcp": False,  # what is no HTTP is nobody's
}
_COLUMNS = ["comment", "status"]  # of mitmweb's list: the comment tells the story; beside a path it would be too narrow
_ARGON2 = "$"  # how mitmweb tells a password's hash, of which nobody can say how good the password is
_LEVELS = {
    "mitmproxy.proxy.server": logging.WARNING,  # a line per connection
    "google": logging.WARNING,
    "botocore": logging.ERROR,  # what fails is told by our own errors, and its debugging shows keys
    "azure": logging.ERROR,
    "msal": logging.ERROR,
    "urllib3": logging.WARNING,
    "requests": logging.WARNING,
    "aiohttp": logging.WARNING,
    "asyncio": logging.WARNING,
    "charset_normalizer": logging.WARNING,
    "opentelemetry": logging.CRITICAL,  # would tell of a lost collector again and again; tracing.py does so once
}


def add_options(loader: addonmanager.Loader) -> None:
    """Declares the options that users set with `--set`."""
    loader.add_option("bridge_config", str, "", "The settings of oai-vertex; default: config.yaml in this folder.")


def put_right(options: Options, config: Config, listeners: Sequence[Listener]) -> None:
    """Sets what has to be set whichever way mitmproxy was started."""
    values = dict(_RIGHT)
    if any(not is_loopback(listener.host) for listener in listeners):
        # A client key is set then; mitmproxy would turn away who comes from the internet without a word.
        values["block_global"] = False
    if listeners:  # mitmweb shows these, though each mode has its own
        values["listen_host"], values["listen_port"] = listeners[0].host, listeners[0].port
    ours = {"flow_detail": 0, "termlog_verbosity": config.log_level, "web_columns": _COLUMNS}
    values |= {name: value for name, value in ours.items() if name in options and not options.has_changed(name)}
    options.update(**{name: value for name, value in values.items() if name in options})
    for logger, level in _LEVELS.items():
        logging.getLogger(logger).setLevel(level)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # mitmproxy prints log lines without a care for the encoding, and what it can't print ends the hook that logs.
        # Who reads them from a file or a pipe, as of a container, wants them at once.
        sys.stdout.reconfigure(errors="backslashreplace", line_buffering=True)


def danger(options: Options) -> str | None:
    """Why mitmproxy may not go on with these options, and what to do instead; None where nothing is wrong."""
    if options.ssl_insecure:
        return (
            "ssl_insecure is refused, since anybody on the way could then read your prompts: remove it, and name the "
            "CA of a company's proxy in network.ca_file."
        )
    if getattr(options, "proxy_debug", False):
        return "proxy_debug is refused, since it writes keys and prompts to the log: remove it."
    password = getattr(options, "web_password", None)
    if password is None or is_loopback(options.web_host):
        return None
    if not password.startswith(_ARGON2) and key_bits(password) < KEY_BITS:
        return (
            f"mitmweb is not served on {options.web_host or 'all addresses'}, where others could read your prompts and "
            f"send them again at your cost: set web_host to 127.0.0.1, or web_password to one of at least {KEY_BITS} "
            f"bits, as this prints: {KEY_RECIPE}"
        )
    return None


def chosen(options: Options, name: str) -> Any:
    """What somebody has set an option to, be it to its default; `None` where nobody has."""
    value = dict(options.items())[name].value
    return None if value is unset else value
