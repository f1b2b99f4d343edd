"""What people write down as a credential for Azure, OpenAI's models or Claude on Foundry, checked and made accounts.

The SDKs' own names may be there for another program: what is wrong with them stops those only who need them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from .account_lists import is_name, models_named
from .config_schema import AzureEntry, FoundryEntry
from .names import Names, Value, checked, sound, unused
from .texts import bare, entries, is_placeholder, key_named, secure_url
from .values import AzureAccount, AzureKey, AzureSource, ConfigError, EntraLogin, FoundryAccount, shown

_RESOURCE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_DEPLOYMENT = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)
_API_VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:-[a-z]+)?")
_NEWER_PATH = ("v1", "latest", "preview")  # what other programs call it in place of a version
_EXAMPLE_KEYS = ("api-key", "another-api-key")  # oai-reverse-proxy's
_FORM = "<resource>:<deployment>:<API key>"


class _Service(NamedTuple):
    title: str
    setting: str  # the URL's name in config.yaml
    name: str  # the name that names a resource
    host: str
    path: str
    copied: re.Pattern[str]  # what the portals show after a resource's address, and people copy with it


_OPENAI = _Service(
    "Azure OpenAI",
    "endpoint",
    "AZURE_OPENAI_ENDPOINT",
    ".openai.azure.com",
    "",
    re.compile(r"(?<!:/)/(?:openai(?:/(?:v1|deployments|responses)(?:[/?].*)?)?|api/projects(?:/.*)?)/*\Z"),
)
_FOUNDRY = _Service(
    "Azure AI Foundry",
    "base_url",
    "ANTHROPIC_FOUNDRY_RESOURCE",
    ".services.ai.azure.com",
    "/anthropic",
    re.compile(r"(?<!:/)/(?:(?:v1/)?messages|v1|api/projects(?:/.*)?)/*\Z"),
)


@dataclass(frozen=True, slots=True)
class AzureNames:
    """What the names say of one service: `url` of a resource and the `key` for it, `where` of the latter; `accounts`
    are those of AZURE_CREDENTIALS, `api_version` is for accounts that have none of their own. An error stands where the
    environment has something that can't be used."""

    url: str | ConfigError | None = None
    key: AzureKey | ConfigError | None = None
    where: str = ""
    accounts: tuple[AzureAccount, ...] = ()
    api_version: str | ConfigError | None = None

    @property
    def wrong(self) -> ConfigError | None:
        """The first that can't be used."""
        found = (self.url, self.key, self.api_version)
        return next((value for value in found if isinstance(value, ConfigError)), None)

    def source(self, url: str) -> AzureSource:
        """Who pays at `url` when it isn't said there. A key with a URL of its own goes to no other. Raises
        `ConfigError` if that can't be known."""
        key = sound(self.key)
        return key if key and sound(self.url) in (None, url) else EntraLogin()


def read_azure(names: Names, placeholders: set[str], problems: list[str]) -> AzureNames:
    """OpenAI's models: AZURE_CREDENTIALS, and the names that OpenAI's own SDK reads."""
    version = checked(api_version_named, names.get("OPENAI_API_VERSION"), problems)
    found: list[tuple[str, AzureKey, str]] = []
    for value in names.all("AZURE_CREDENTIALS"):
        in_string, left_over = credentials_in_string(value.where, value.text, problems)
        found += in_string
        if left_over:
            placeholders.add("AZURE_CREDENTIALS")
    url = checked(partial(_url_named, _OPENAI), names.get("AZURE_OPENAI_ENDPOINT"), problems)
    named = _with_key(url, names.get("AZURE_OPENAI_API_KEY"), problems)
    if found and isinstance(version, ConfigError):
        problems.append(str(version))
    accounts = _merged(found, version if isinstance(version, str) else None)
    return replace(named, accounts=accounts, api_version=version)


def read_foundry(names: Names, problems: list[str]) -> AzureNames:
    """Claude on Foundry: the names that Anthropic's own SDK reads."""
    resource, base_url = names.get("ANTHROPIC_FOUNDRY_RESOURCE"), names.get("ANTHROPIC_FOUNDRY_BASE_URL")
    url = checked(partial(_url_named, _FOUNDRY), base_url, problems)
    url = url or checked(partial(_resource_url, _FOUNDRY), resource, problems)
    if resource and base_url:
        url = ConfigError(f"{resource.where} and {base_url.where} name the same thing: remove one of them.")
    return _with_key(url, names.get("ANTHROPIC_FOUNDRY_API_KEY"), problems)


def azure_accounts(
    written: Sequence[AzureEntry], names: AzureNames, told: list[str], problems: list[str]
) -> list[AzureAccount]:
    """The accounts of config.yaml, the one of the SDK's names unless it is among them, those of AZURE_CREDENTIALS.

    What an account of config.yaml leaves out, the names may say: the resource, its key, the version. Without a key
    anywhere it is Entra ID that pays.
    """
    found: list[AzureAccount] = []
    for index, entry in enumerate(written):
        where = f"azure.accounts[{index}]"
        try:
            endpoint = _url(_OPENAI, where, entry.resource, entry.endpoint, names)
            source = _source(where, entry.api_key, endpoint, names)
            deployments = deployments_named(f"{where}.deployments", entry.deployments or {})
            if entry.api_version is None:
                version = sound(names.api_version)
            else:
                version = api_version_named(f"{where}.api_version ({shown(entry.api_version)})", entry.api_version)
            found.append(AzureAccount(endpoint, source, deployments, version))
        except ConfigError as error:
            problems.append(str(error))
    used = [(account.endpoint, account.source) for account in found]
    if url := _one_more(_OPENAI, names, used, told):
        found.append(AzureAccount(url, names.source(url), api_version=sound(names.api_version)))
    return [*found, *names.accounts]


def foundry_accounts(
    written: Sequence[FoundryEntry], names: AzureNames, told: list[str], problems: list[str]
) -> list[FoundryAccount]:
    """The accounts of config.yaml, then the one of the SDK's names unless it is among them; as in `azure_accounts`."""
    found: list[FoundryAccount] = []
    for index, entry in enumerate(written):
        where = f"foundry.accounts[{index}]"
        try:
            base_url = _url(_FOUNDRY, where, entry.resource, entry.base_url, names)
            source = _source(where, entry.api_key, base_url, names)
            found.append(FoundryAccount(base_url, source, models_named(where, entry.models)))
        except ConfigError as error:
            problems.append(str(error))
    used = [(account.base_url, account.source) for account in found]
    if url := _one_more(_FOUNDRY, names, used, told):
        found.append(FoundryAccount(url, names.source(url)))
    return found


def credentials_in_string(where: str, value: str, problems: list[str]) -> tuple[list[tuple[str, AzureKey, str]], int]:
    """oai-reverse-proxy's `AZURE_CREDENTIALS`: endpoints, keys and deployments, and how many entries were placeholders.

    Each broken entry adds one sentence to `problems`, with its number and without its text.
    """
    credentials: list[tuple[str, AzureKey, str]] = []
    placeholders = 0
    found = entries(value)
    for number, entry in enumerate(found, 1):
        place = f"{where}, entry {number} of {len(found)}"
        parts = [bare(part) for part in entry.rsplit(":", 2)]  # the resource may be a URL
        if any(is_placeholder(part) or part in _EXAMPLE_KEYS for part in parts):
            placeholders += 1
            continue
        if len(parts) != 3:
            problems.append(f"{place} is not of the form {_FORM}.")
            continue
        resource, deployment, key = parts
        try:
            endpoint = _resource_url(_OPENAI, f"The resource of {place}", resource)
            deployment = _deployment_named(f"The deployment of {place}", deployment)
            credentials.append((endpoint, AzureKey(key_named(f"The key of {place}", key)), deployment))
        except ConfigError as error:
            problems.append(str(error))
    return credentials, placeholders


def deployments_named(where: str, given: Mapping[str, str] | Sequence[str]) -> dict[str, str]:
    """The names that clients use -> deployments; those of a list are both."""
    deployments = dict(given) if isinstance(given, Mapping) else {name: name for name in given}
    for name, deployment in deployments.items():
        if not is_name(name):
            raise ConfigError(f"{where} has an empty or unreadable name: use the models' names, such as gpt-4o.")
        _deployment_named(f"{where} ({shown(deployment)})", deployment)
    return deployments


def api_version_named(where: str, text: str) -> str | None:
    """A version for the paths with a deployment in them; None for what stands for the newer path, without a version."""
    version = bare(text).lower()
    if version in _NEWER_PATH:
        return None
    if _API_VERSION.fullmatch(version) is None:
        raise ConfigError(f"{where} is not a version of Azure's API: use one such as 2024-10-21, or v1.")
    return version


def _deployment_named(where: str, text: str) -> str:
    if _DEPLOYMENT.fullmatch(text) is None:
        raise ConfigError(f"{where} is not the name of a deployment: use the one that Azure shows, such as gpt-4o.")
    return text


def _url_named(service: _Service, where: str, text: str) -> str:
    example = f"https://my-resource{service.host}{service.path}"
    url = secure_url(where, service.copied.sub("", text.strip(), count=1), example)
    only_host = url.count("/") == 2 and url.endswith(".azure.com")
    return f"{url}{service.path}" if only_host else url


def _resource_url(service: _Service, where: str, text: str) -> str:
    name = bare(text).lower().removeprefix("https://").rstrip("/").removesuffix(service.host)
    if _RESOURCE.fullmatch(name) is None:
        raise ConfigError(f"{where} is not the name of a resource: use the one that Azure shows, such as my-resource.")
    return f"https://{name}{service.host}{service.path}"


def _url(service: _Service, where: str, resource: str | None, url: str | None, names: AzureNames) -> str:
    if resource is not None and url is not None:
        raise ConfigError(f"{where} has resource and {service.setting}: keep one of them.")
    if resource is not None:
        return _resource_url(service, f"{where}.resource", resource)
    if url is not None:
        return _url_named(service, f"{where}.{service.setting}", url)
    named = sound(names.url)
    if named is None:
        raise ConfigError(f"{where} names no resource: add resource or {service.setting}, or set {service.name}.")
    return named


def _source(where: str, api_key: str | None, url: str, names: AzureNames) -> AzureSource:
    return names.source(url) if api_key is None else AzureKey(key_named(f"{where}.api_key", api_key))


def _one_more(
    service: _Service, names: AzureNames, used: Sequence[tuple[str, AzureSource]], told: list[str]
) -> str | None:
    """The URL of the names if no account of config.yaml is the same; what can't be used, and a key that is left without
    a URL, is told."""
    if names.wrong:
        told.append(unused(service.title, bool(used or names.accounts), names.wrong))
        return None
    if url := sound(names.url):
        return url if (url, names.source(url)) not in used else None
    if names.key and names.key not in [source for _, source in used]:
        told.append(f"Ignored without {service.name}: {names.where}.")
    return None


def _with_key(url: str | ConfigError | None, key: Value | None, problems: list[str]) -> AzureNames:
    found = checked(lambda where, text: AzureKey(key_named(where, text)), key, problems)
    return AzureNames(url, found, key.where if key else "")


def _merged(found: Iterable[tuple[str, AzureKey, str]], version: str | None) -> tuple[AzureAccount, ...]:
    """One account per endpoint and key, with all its deployments."""
    deployments: dict[tuple[str, AzureKey], dict[str, str]] = {}
    for endpoint, key, deployment in found:
        deployments.setdefault((endpoint, key), {})[deployment] = deployment
    return tuple(AzureAccount(endpoint, key, names, version) for (endpoint, key), names in deployments.items())
