"""config.yaml, the environment and `.env` -> one frozen `Config`."""

from __future__ import annotations

import os
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from ..outward.network import proxy_address
from .aws_accounts import aws_accounts
from .azure_accounts import azure_accounts, foundry_accounts
from .checks import CHECKS
from .clients import Caps, Spending
from .config_file import parse_yaml, read_document
from .config_schema import SECTIONS
from .dotenv import oddities, parse_dotenv
from .environment import FromNames, read_names
from .google_accounts import google_accounts
from .google_sources import account_from_file
from .names import unused
from .traffic import Failover, Limits, Queueing, Timeouts
from .values import (
    Azure,
    Bedrock,
    Claude,
    Config,
    ConfigError,
    CredentialFile,
    Foundry,
    Given,
    Images,
    Inspector,
    Ledger,
    Network,
    OpenAI,
    Telemetry,
    Vertex,
)


class Folders(NamedTuple):
    """What relative paths start from: the folders of config.yaml and of `.env`."""

    document: Path = Path()
    dotenv: Path = Path()


_HERE = Folders()
_SIZES = (
    ("server", "max_body_mb", "max_body"),
    ("images", "max_mb", "max_size"),
    ("images", "total_mb", "total_size"),
    ("inspector", "max_mb", "max_size"),
)  # section, setting in MB, value in bytes
_NOT_DOTENV = (".env.txt", "env.txt", "env")
_NOT_CONFIG = ("config.yaml.txt", "config.yml")


def load_config(path: Path | None, environment: Mapping[str, str], folders: Sequence[Path]) -> Config:
    """Reads config.yaml (`path`, else the first in `folders`) and the first `.env` in `folders`, and builds.

    Credential files are looked into, so that a wrong path is told now. Raises `ConfigError`.
    """
    if path is not None and not os.path.isfile(path):
        raise ConfigError(f"There is no file {path}: correct the path after --config.")
    file, dotenv_file = _found(path, folders)
    document = parse_yaml(_read(file), file.name) if file else None
    dotenv_text = _read(dotenv_file) if dotenv_file else ""
    folders_read = Folders(file.parent if file else Path(), dotenv_file.parent if dotenv_file else Path())
    config, names = _build(document, environment, parse_dotenv(dotenv_text), folders_read, _system_proxies())

    problems: list[str] = []
    accounts = []
    for account in config.vertex.accounts:
        source = account.source
        try:
            accounts.append(
                account_from_file(account, source, names.vertex_project or names.fallback_project)
                if isinstance(source, CredentialFile)
                else account
            )
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))  # several accounts may share a file
    told = (*_not_read(path, folders), *oddities(dotenv_text), *config.told)
    return replace(config, vertex=replace(config.vertex, accounts=tuple(accounts)), told=told)


def settings_files(path: Path | None, folders: Sequence[Path]) -> list[Path]:
    """The files that `load_config` reads."""
    return [file for file in _found(path, folders) if file]


def build_config(
    document: object,
    environment: Mapping[str, str],
    dotenv: Mapping[str, str],
    folders: Folders = _HERE,
    system_proxies: Mapping[str, str] = MappingProxyType({}),
) -> Config:
    """The settings out of a parsed config.yaml, the environment and a parsed `.env`. Pure.

    Of single values the environment's counts, then `.env`'s, then config.yaml's; accounts are added together. Relative
    paths start from the folder of the file that names them. `system_proxies` (as from `urllib.request.getproxies`)
    counts when nobody names a proxy. Raises one `ConfigError` with everything that is wrong, a sentence per line.
    """
    return _build(document, environment, dotenv, folders, system_proxies)[0]


def _build(
    document: object,
    environment: Mapping[str, str],
    dotenv: Mapping[str, str],
    folders: Folders,
    system_proxies: Mapping[str, str],
) -> tuple[Config, FromNames]:
    problems: list[str] = []
    file = read_document(document, problems)
    names = read_names(environment, dotenv, folders.dotenv, problems)
    single, unusable = _checked([*file.given(), *names.given], problems)
    server, models = single["server"], single["models"]
    told = list(names.told)
    google = google_accounts(file.vertex.accounts or [], names, folders.document, told, problems)
    aws = aws_accounts(file.bedrock.accounts or [], names.aws, told, problems)
    if error := unusable.get("vertex"):
        if file.vertex.accounts or names.accounts or names.google or names.vertex_is_ours:
            problems.append(str(error))
        else:
            google = []
            told.append(unused("Vertex AI", False, error))
    if error := unusable.get("bedrock"):
        if file.bedrock.accounts or names.aws.accounts:
            problems.append(str(error))
        else:
            aws = []
            told.append(unused("Bedrock", False, error))
    azure = azure_accounts(file.azure.accounts or [], names.azure, told, problems)
    foundry = foundry_accounts(file.foundry.accounts or [], names.foundry, told, problems)
    network = _network(single["network"], names, folders.document, system_proxies)
    if names.key_demanded and not server.get("client_keys"):
        problems.append(f"{names.key_demanded} asks for a client key but there is none: set a PROXY_KEY of your own.")
    api = single["bedrock"].get("api", Bedrock().api)
    if api in ("messages", "mantle"):
        problems += [
            f"bedrock.{name} has no effect with bedrock.api ({api}): choose invoke or converse, or remove it."
            for name in ("guardrail", "service_tier")
            if name in single["bedrock"]
        ]
    if api != "invoke" and "anthropic_version" in single["bedrock"]:
        told.append(
            f"bedrock.anthropic_version changes no chat with bedrock.api ({api}): only the door invoke sends it."
        )
    if problems:
        raise ConfigError("\n".join(problems))
    for section, in_mb, in_bytes in _SIZES:
        if in_mb in single[section]:
            single[section][in_bytes] = single[section].pop(in_mb) * 1024 * 1024
    server["clients"] = server.pop("client_keys", ())
    spending, ledger = single["spending"], single["ledger"]
    unpriced = {"unpriced": spending.pop("unpriced")} if "unpriced" in spending else {}
    if "file" in ledger:
        ledger["file"] = str(folders.document / os.path.expanduser(ledger["file"]))
    config = Config(
        **server,
        models=tuple(models.get("list", ())),
        aliases=models.get("aliases", {}),
        fallbacks=models.get("fallbacks", {}),
        model_overrides=models.get("overrides", {}),
        claude=Claude(**single["claude"]),
        images=Images(**single["images"]),
        openai=OpenAI(**single["openai"]),
        vertex=Vertex(accounts=_once(google), **single["vertex"]),
        bedrock=Bedrock(accounts=_once(aws), **single["bedrock"]),
        azure=Azure(accounts=_once(azure), **single["azure"]),
        foundry=Foundry(accounts=_once(foundry), **single["foundry"]),
        network=network,
        failover=Failover(**single["failover"]),
        queue=Queueing(**single["queue"]),
        limits=Limits(**single["limits"]),
        timeouts=Timeouts(**single["timeouts"]),
        inspector=Inspector(**single["inspector"]),
        spending=Spending(Caps(**spending), **unpriced),
        ledger=Ledger(**ledger),
        telemetry=Telemetry(**single["telemetry"]),
        told=tuple(told),
    )
    return config, names


def _checked(givens: Sequence[Given], problems: list[str]) -> tuple[dict[str, dict[str, Any]], dict[str, ConfigError]]:
    """Section -> setting -> value; of several the last counts, but each is checked. And section -> what is wrong there
    with a name that may be another program's."""
    values: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    unusable: dict[str, ConfigError] = {}
    for given in givens:
        check = CHECKS.get((given.section, given.name))
        try:
            values[given.section][given.name] = check(given.where, given.value) if check else given.value
        except ConfigError as error:
            if given.is_ours:
                problems.append(str(error))
            else:
                unusable[given.section] = error
    return values, unusable


def _once[T](accounts: Sequence[T]) -> tuple[T, ...]:
    return tuple(account for index, account in enumerate(accounts) if account not in accounts[:index])


def _network(given: Mapping[str, Any], names: FromNames, folder: Path, system_proxies: Mapping[str, str]) -> Network:
    proxies = ({"all": given["proxy"]} if "proxy" in given else {}) | dict(names.proxies)
    if not proxies:
        for kind in {"http", "https"} & set(system_proxies):
            with suppress(ConfigError):  # not ours to correct, and perhaps not needed
                proxies[kind] = proxy_address(kind, system_proxies[kind])
    ca_file = names.ca_file or (str(folder / os.path.expanduser(given["ca_file"])) if "ca_file" in given else None)
    return Network(proxies, names.no_proxy or given.get("no_proxy", ""), ca_file)


def _found(path: Path | None, folders: Sequence[Path]) -> tuple[Path | None, Path | None]:
    """config.yaml and `.env`, where there are such."""
    return path or _first(folders, "config.yaml"), _first(folders, ".env")


def _not_read(path: Path | None, folders: Sequence[Path]) -> list[str]:
    """A sentence for each file that its user may think is read: it has a wrong name, or another one comes before it.

    Clients see these sentences, too, so that of folders only the last name is told.
    """
    told = []
    for right, wrong in ((".env", _NOT_DOTENV), ("config.yaml", _NOT_CONFIG)):
        if path and right == "config.yaml":
            continue
        found = list(dict.fromkeys(file for folder in folders if os.path.isfile(file := folder / right)))
        if len(found) > 1:
            where = f"{_place(found[1])} is not read, since that in {found[0].parent.name} comes first"
            told.append(f"{where}: remove one of them.")
        elif not found and (slip := next(filter(None, (_first(folders, name) for name in wrong)), None)):
            told.append(f"{_place(slip)} is not read: rename it to {right} (let Windows show file name extensions).")
    return told


def _place(file: Path) -> str:
    return f"{file.name} in the folder {file.parent.name}"


def _first(folders: Sequence[Path], name: str) -> Path | None:
    # Not Path.is_file, which raises for a folder that may not be looked into.
    return next((folder / name for folder in folders if os.path.isfile(folder / name)), None)


def _read(file: Path) -> str:
    """The file's text: UTF-8, or UTF-16 with the mark that Windows' editors write."""
    try:
        data = file.read_bytes()
        return data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{file} can't be read ({error.strerror}): check its permissions.") from error
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not UTF-8: save it with that encoding.") from None  # the cause holds the bytes


def _system_proxies() -> dict[str, str]:
    """What macOS or Windows have set; elsewhere there is only the environment, which is read already."""
    return urllib.request.getproxies() if sys.platform in ("darwin", "win32") else {}
