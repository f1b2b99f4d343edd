"""Single settings, as a file or the environment gave them -> the value that `Config` holds, or a `ConfigError`.

A check takes where the setting stands, for the message, and the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..outward.network import DEFAULT_PORTS, proxy_address
from .account_lists import is_name
from .azure_accounts import deployments_named
from .client_list import cap, clients_named
from .clients import Caps, Spending
from .config_schema import GuardrailEntry
from .texts import secure_url
from .values import WORD, Bedrock, Claude, Config, ConfigError, Guardrail, shown

_LOG_LEVELS = {"debug": "debug", "trace": "debug", "info": "info", "warn": "warn", "warning": "warn", "error": "error"}
_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")  # a program's own web view may have any: app://obsidian.md
_ORIGIN = re.compile(r"([a-z0-9_][a-z0-9_.-]*|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_VERSION = re.compile(r"[\w.-]{1,64}", re.ASCII)
# As in AWS's own description of the service (GuardrailIdentifier and GuardrailVersion of bedrock-runtime).
_GUARDRAIL = re.compile(r"(?:arn:aws(?:-[a-z-]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/)?[a-z0-9]{1,64}")
_GUARDRAIL_VERSION = re.compile(r"[1-9][0-9]{0,7}|DRAFT")
_DIGITS = 9  # more would be too many for any setting
_LONGEST = 24 * 60 * 60  # seconds


def _host(where: str, text: str) -> str | None:
    host = text.strip().strip("[]")
    if host and not _is_host(host):
        raise ConfigError(f"{where} must be an IP address or a host name without scheme and port, such as 127.0.0.1.")
    return host or None


def _is_host(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return _HOST_NAME.fullmatch(text.lower()) is not None
    return True


def _port(where: str, given: int | str) -> int:
    return _whole(where, given, 0, 65535)


def _tokens(where: str, given: int | str) -> int:
    return _whole(where, given, 1, 10_000_000)


def _whole(where: str, given: int | str, least: int, most: int) -> int:
    is_text = isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < _DIGITS
    number = int(given) if is_text else given
    if isinstance(number, int) and least <= number <= most:
        return number
    raise ConfigError(f"{where} must be a whole number from {least} to {most}, not {shown(given, WORD)}.")


def _rate(where: str, given: int | str) -> int | None:
    return _whole(where, given, 0, 1_000_000) or None  # 0 lifts a limit that a file sets


def _seconds(where: str, given: float, *, zero: bool = False) -> float:
    if 0 < given <= _LONGEST or (zero and given == 0):  # false of NaN
        return given
    limits = f"from 0 to {_LONGEST}" if zero else f"above 0, at most {_LONGEST}"
    raise ConfigError(f"{where} must be a number of seconds {limits}, not {shown(given, WORD)}.")


def _allowed_hosts(where: str, hosts: list[str]) -> tuple[str, ...]:
    names = [host.strip().strip("[]").rstrip(".").lower() for host in hosts]
    for index, name in enumerate(names):
        if not _is_host(name):
            raise ConfigError(
                f"{where}[{index}] ({shown(hosts[index])}) must be a host name without scheme, port and *, "
                "such as host.docker.internal."
            )
    return tuple(names)


def _allowed_origins(where: str, origins: list[str]) -> tuple[str, ...]:
    """As browsers write them: lower case, without the port that the scheme implies."""
    found = []
    for index, text in enumerate(origins):
        scheme, _, rest = text.strip().rstrip("/").lower().partition("://")
        match = _ORIGIN.fullmatch(rest)
        host, port = match.groups() if match else ("", None)
        if not _SCHEME.fullmatch(scheme) or not host or int(port or 0) > 65535:
            raise ConfigError(
                f"{where}[{index}] ({shown(text)}) must be the origin of a web client, with its scheme and without a "
                "path, such as https://chat.example.com or http://localhost:3000."
            )
        usual = port is None or int(port) == DEFAULT_PORTS.get(scheme)
        found.append(f"{scheme}://{host}" if usual else f"{scheme}://{host}:{port}")
    return tuple(dict.fromkeys(found))


def _trusted_proxies(where: str, given: list[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    found = []
    for index, text in enumerate(given):
        try:
            found.append(ip_network(text.strip(), strict=False))
        except ValueError:
            raise ConfigError(
                f"{where}[{index}] ({shown(text)}) must be the address of a proxy of yours, or a range of addresses, "
                "such as 127.0.0.1 or 172.16.0.0/12."
            ) from None
    return tuple(found)


def _prefix(where: str, text: str) -> str:
    prefix = "/" + text.strip().strip("/") if text.strip("/ ") else ""
    if _PREFIX.fullmatch(prefix) is None:
        raise ConfigError(f"{where} must be a path such as /proxy, of letters, digits and . _ ~ -, not {shown(text)}.")
    return prefix


def _title(where: str, text: str) -> str:
    return " ".join(text.split()) or Config().title


def _log_level(where: str, text: str) -> str:
    level = _LOG_LEVELS.get(text.strip().lower())
    if level is None:
        raise ConfigError(f"{where} must be debug, info, warn or error, not {shown(text, WORD)}.")
    return level


def _base_url(where: str, text: str) -> str:
    url = secure_url(where, text, "https://us-east5-aiplatform.googleapis.com")
    return url.removesuffix("/v1").rstrip("/")


def _said(where: str, text: str) -> str:
    if not text.strip():
        raise ConfigError(f"{where} must not be empty, since Claude takes no empty text; remove it for the default.")
    return text


def _choice(section: type, setting: str, where: str, text: str) -> str:
    """One of the words that the type of that setting allows."""
    hint = get_type_hints(section)[setting]
    words = get_args(hint if get_origin(hint) is Literal else get_args(hint)[0])  # else it may be None, too
    if text not in words:
        raise ConfigError(f"{where} must be {' or '.join(words)}, not {shown(text, WORD)}; see config.example.yaml.")
    return text


def _bedrock_url(where: str, text: str) -> str:
    return secure_url(where, text, "https://bedrock-runtime.us-east-1.amazonaws.com")


def _traces(where: str, text: str) -> str:
    return secure_url(where, text, "http://127.0.0.1:4318/v1/traces")


def _version(where: str, text: str) -> str:
    if _VERSION.fullmatch(text) is None:
        raise ConfigError(
            f"{where} must be a version such as 2023-06-01, not {shown(text, WORD)}; remove it for the default."
        )
    return text


def _fallbacks(where: str, given: Mapping[str, str | list[str]]) -> dict[str, tuple[str, ...]]:
    fallbacks = {name: (found,) if isinstance(found, str) else tuple(found) for name, found in given.items()}
    for name, found in fallbacks.items():
        if not all(map(is_name, (name, *found))):
            raise ConfigError(
                f"{where} has an empty or unreadable name: use the models' names, such as claude-sonnet-4-6."
            )
        if name in found:
            raise ConfigError(f"{where} ({shown(name)}) names itself: name another model to stand in for it.")
    return {name: tuple(dict.fromkeys(found)) for name, found in fallbacks.items()}


def _guardrail(where: str, given: GuardrailEntry) -> Guardrail:
    if given.id is None or _GUARDRAIL.fullmatch(given.id) is None:
        raise ConfigError(f"{where}.id must be the id of a guardrail, or its ARN, as the AWS console shows them.")
    if given.version is None:
        return Guardrail(given.id)
    version = str(given.version)
    if _GUARDRAIL_VERSION.fullmatch(version) is None:
        raise ConfigError(f"{where}.version must be DRAFT or a number such as 1, not {shown(version, WORD)}.")
    return Guardrail(given.id, version)


CHECKS: Mapping[tuple[str, str], Callable[[str, Any], Any]] = {
    ("server", "host"): _host,
    ("server", "port"): _port,
    ("server", "client_keys"): clients_named,
    ("server", "allowed_hosts"): _allowed_hosts,
    ("server", "allowed_origins"): _allowed_origins,
    ("server", "trusted_proxies"): _trusted_proxies,
    ("server", "prefix"): _prefix,
    ("server", "title"): _title,
    ("server", "log_level"): _log_level,
    ("server", "log_format"): partial(_choice, Config, "log_format"),
    ("vertex", "base_url"): _base_url,
    ("bedrock", "base_url"): _bedrock_url,
    ("bedrock", "mantle_url"): _bedrock_url,
    ("bedrock", "anthropic_version"): _version,
    ("bedrock", "guardrail"): _guardrail,
    **{("bedrock", setting): partial(_choice, Bedrock, setting) for setting in ("api", "profiles", "service_tier")},
    ("foundry", "anthropic_version"): _version,
    ("foundry", "deployments"): deployments_named,
    ("claude", "max_output_tokens"): _tokens,
    ("claude", "first_user_text"): _said,
    ("claude", "continue_text"): _said,
    **{
        ("claude", setting): partial(_choice, Claude, setting)
        for setting in ("mid_system", "cache", "cache_ttl", "audio", "reasoning_field")
    },
    ("openai", "max_output_tokens"): _tokens,
    ("models", "fallbacks"): _fallbacks,
    ("failover", "attempts"): partial(_whole, least=1, most=20),
    ("failover", "within"): _seconds,
    ("queue", "length"): partial(_whole, least=0, most=100_000),
    ("queue", "timeout"): partial(_seconds, zero=True),
    ("limits", "concurrent"): partial(_whole, least=1, most=100_000),
    ("limits", "requests_per_minute"): _rate,
    **{("timeouts", setting): _seconds for setting in ("connect", "first_byte", "idle", "total")},
    **{("timeouts", setting): partial(_seconds, zero=True) for setting in ("heartbeat", "shutdown")},
    **{("spending", setting): cap for setting in Caps.__slots__},
    ("spending", "unpriced"): partial(_choice, Spending, "unpriced"),
    ("ledger", "keep_days"): partial(_whole, least=32, most=10_000),
    ("telemetry", "traces"): _traces,
    ("inspector", "max_flows"): partial(_whole, least=0, most=1_000_000),
    ("inspector", "max_mb"): partial(_whole, least=0, most=1_000_000),
    ("network", "proxy"): proxy_address,
}
