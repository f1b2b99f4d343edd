"""Keeps secrets out of findings: all that the settings hold, whatever a cloud or a token endpoint may repeat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from ..plain.redaction import redact
from ..settings.values import AwsApiKey, AwsKeys, AzureKey, Config, CredentialFile, ServiceAccount
from .findings import Finding
from .modes import secrets_in

_LEAST = 8  # characters: a shorter one, hidden everywhere, would leave holes in ordinary words


def secrets_of(config: Config) -> set[str]:
    """Everything secret in the settings, and in the credential files that they name."""
    found: set[str] = set(config.client_keys)
    for account in (account for accounts in config.accounts.values() for account in accounts):
        match account.source:
            case ServiceAccount(info=info):
                found |= _lines(str(info["private_key"]))
            case CredentialFile(path=path):
                for secret in secrets_in(path):
                    found |= _lines(secret)
            case AwsKeys(secret=secret, session_token=token):
                found |= {secret, token or ""}
            case AwsApiKey(key=key) | AzureKey(key=key):
                found.add(key)
    for proxy in config.network.proxies.values():
        password = urlsplit(proxy).password or ""
        found |= {password, unquote(password)}
    return {secret for secret in found if len(secret) >= _LEAST}


def hidden(finding: Finding, secrets: Iterable[str]) -> Finding:
    """The finding without any of these, and without what looks like a secret."""
    longest = sorted(secrets, key=len, reverse=True)
    return replace(
        finding,
        subject=redact(finding.subject, *longest),
        message=redact(finding.message, *longest),
        remedy=redact(finding.remedy, *longest),
    )


def _lines(secret: str) -> set[str]:
    """A key of many lines may be repeated with other line breaks, or none."""
    return {line for line in secret.splitlines() if not line.startswith("-----")}
