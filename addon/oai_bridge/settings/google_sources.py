"""What people write down as a Google credential, in every form they have it, checked; and one account made of it."""

from __future__ import annotations

import base64
import binascii
import difflib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from .texts import QUOTES, bare, entries, is_placeholder, secure_url
from .values import ConfigError, CredentialFile, GoogleAccount, GoogleSource, ServiceAccount

TOKEN_URI = "https://oauth2.googleapis.com/token"

_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+|global|us|eu")
_PROJECT = re.compile(r"(?:[a-z0-9-]+(?:\.[a-z0-9-]+)+:)?[a-z0-9][a-z0-9-]*")
_ENTRY = re.compile(r"([^@]*):([^:@]+@[^:@]+):([^:]*):(.*)", re.DOTALL)  # project, e-mail, region, key
_ARMOUR = re.compile(r"-----(?:BEGIN|END) (?:RSA )?PRIVATE KEY-----")
_API_KEY = re.compile(r"AIza[\w-]{20,}|AQ\.[\w-]{20,}")
_KINDS = {  # the credentials that google-auth loads, and what it can't do without
    "service_account": (),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
    "external_account": (),
    "external_account_authorized_user": (),
    "impersonated_service_account": (),
    "gdch_service_account": (),
}
_FORM = "<project>:<service account e-mail>:<region>:<private key with \\n for each line break>"


def region_named(where: str, text: str) -> str:
    """A location of Vertex AI, fit for a host name. The text itself is not told: it may be a piece of a torn key."""
    if _REGION.fullmatch(text) is None:
        raise ConfigError(f"{where} is not a region: use one such as us-east5 or europe-west1, or global, us or eu.")
    return text


def project_named(where: str, text: str) -> str:
    """A project id, fit for a URL's path; `example.com:my-project` is one too."""
    if _PROJECT.fullmatch(text) is None:
        raise ConfigError(
            f"{where} is not a Google Cloud project id: use the id (lower-case letters, digits and hyphens), "
            "not the display name."
        )
    return text


def account_from(
    where: str, source: GoogleSource, project: str | None, region: str, fallback_project: str | None
) -> GoogleAccount:
    """The account; a key's own project is better than the fallback, an explicit `project` better than both.

    A credential file's project is not known before it is read: `account_from_file` completes it.
    """
    if project is None and isinstance(source, ServiceAccount):
        project = source.info.get("project_id")
    if project is None and not isinstance(source, CredentialFile):
        project = fallback_project
    if project is None and isinstance(source, ServiceAccount):
        raise ConfigError(f"{where} names no project: add its project_id, or set ANTHROPIC_VERTEX_PROJECT_ID.")
    if project is not None:
        project_named(f"The project of {where}", project)
    return GoogleAccount(project, region_named(f"The region of {where}", region), source)


def account_from_file(account: GoogleAccount, source: CredentialFile, fallback_project: str | None) -> GoogleAccount:
    """The account with the project that its file tells, after a look into the file: is it what it should be?"""
    where = f"The credential file {source.path}"
    try:
        data = json.loads(Path(source.path).read_bytes())
    except OSError as error:
        reason = error.strerror or "no access"
        meant = _near(Path(source.path))
        remedy = f"did you mean {meant}?" if meant else "correct the path, or remove the setting."
        raise ConfigError(f"{where} can't be read ({reason}): {remedy}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where} is not JSON: download the key from Google Cloud again.") from error
    kind = data.get("type") if isinstance(data, dict) else None
    if not isinstance(kind, str):
        raise ConfigError(f'{where} has no "type": use the JSON key of a service account, not an OAuth client\'s.')
    if kind not in _KINDS:
        raise ConfigError(f'{where} has a "type" that is unknown here: use the JSON key of a service account.')
    if kind == "service_account":
        service_account(where, data)
    if missing := [name for name in _KINDS[kind] if not data.get(name)]:
        raise ConfigError(f"{where} lacks {' and '.join(missing)}: run gcloud auth application-default login again.")
    project = account.project or data.get("project_id") or fallback_project or data.get("quota_project_id")
    if project is None and not kind.startswith("external_account"):  # federation can look its project up
        raise ConfigError(f"{where} names no project: set ANTHROPIC_VERTEX_PROJECT_ID to your project id.")
    if project is not None:
        project = project_named(f"The project in {source.path}", str(project))
    return replace(account, project=project)


def _near(path: Path) -> Path | None:
    """The file in the same folder that is called nearly the same, such as key.json.json, as Windows hides an ending."""
    try:
        names = [file.name for file in path.parent.iterdir()]
    except OSError:
        return None
    found = [name for name in names if name in (f"{path.name}.json", f"{path.name}.txt")]
    found += difflib.get_close_matches(path.name, names, n=1, cutoff=0.85)
    return path.with_name(found[0]) if found and not path.exists() else None


def source_from(where: str, given: str | Mapping[str, Any], folder: Path | None) -> CredentialFile | ServiceAccount:
    """A path (relative to `folder`), or a service account's JSON: as a mapping, as text, or that text in base64.

    The text may have been through a shell or an env file: `\\n` for line breaks and `\\"` for quotes are undone.
    """
    if isinstance(given, Mapping):
        return service_account(where, given)
    text = bare(given)
    inline = text if text.startswith("{") else _from_base64(text)
    if inline is not None:
        return service_account(where, _json(where, inline))
    if _API_KEY.fullmatch(text):
        raise ConfigError(f"{where} is an API key, which can't be used here: give the JSON key of a service account.")
    if not text or "PRIVATE KEY" in text or "\n" in text or "\0" in text:
        raise ConfigError(f"{where} is neither a path nor a service account's whole JSON: give one of the two.")
    path = os.path.expanduser(text)
    return CredentialFile(path if folder is None else str(folder / path))


def service_account(where: str, info: Mapping[str, Any]) -> ServiceAccount:
    """The key, checked: what google-auth needs is there, and the private key is one."""
    if info.get("type") != "service_account":
        raise ConfigError(
            f"{where} is not a service account's JSON: put other credentials in a file and name its path."
        )
    missing = [name for name in ("client_email", "private_key") if not isinstance(info.get(name), str)]
    if missing or not isinstance(info.get("project_id"), str | None):
        raise ConfigError(f"{where} lacks {' and '.join(missing) or 'project_id'}: use the whole JSON key file.")
    token_uri = info.get("token_uri") or TOKEN_URI
    if not isinstance(token_uri, str):
        raise ConfigError(f"The token_uri of {where} is not a URL: it should be {TOKEN_URI}.")
    token_uri = secure_url(f"The token_uri of {where}", token_uri, TOKEN_URI)
    return ServiceAccount({**info, "token_uri": token_uri, "private_key": private_key(where, info["private_key"])})


def accounts_in_string(where: str, value: str, problems: list[str]) -> tuple[list[GoogleAccount], int]:
    """oai-reverse-proxy's `GCP_CREDENTIALS`: its accounts, and how many entries were placeholders.

    Entries are parted by commas (a private key holds none) and split at their e-mail address, since a project id may
    hold a colon. Each broken entry adds one sentence to `problems`, with its number and without its text.
    """
    accounts: list[GoogleAccount] = []
    placeholders = 0
    if bare(value).startswith("{"):
        problems.append(f"{where} is JSON: give it as GOOGLE_APPLICATION_CREDENTIALS, or write {_FORM}.")
        return accounts, placeholders
    found = entries(value)
    for number, entry in enumerate(found, 1):
        place = f"{where}, entry {number} of {len(found)}"
        last = entry.rpartition(":")[2].strip().strip(QUOTES)
        if is_placeholder(_ARMOUR.sub("", _line_breaks(last)).strip()):
            placeholders += 1
            continue
        match = _ENTRY.fullmatch(entry)
        if match is None:
            problems.append(f"{place} is not of the form {_FORM}.")
            continue
        project, email, region, key = (bare(part) for part in match.groups())
        info = {"type": "service_account", "project_id": project, "client_email": email, "private_key": key}
        try:
            source = service_account(place, info)
            accounts.append(account_from(place, source, project, region, None))
        except ConfigError as error:
            problems.append(str(error))
    return accounts, placeholders


def private_key(where: str, text: str) -> str:
    """The key as PEM (PKCS #8). Line breaks may be real, written as `\\n` or `\\\\n`, or missing altogether.

    oai-reverse-proxy takes keys without line breaks, and without their BEGIN and END lines, so they are taken here.
    """
    text = _line_breaks(text.strip().strip(QUOTES))
    body = "".join(_ARMOUR.sub("", text).split())
    again = "copy it again from the JSON key file, with \\n for each line break"
    if "ENCRYPTED" in text:
        raise ConfigError(f"The private key of {where} is encrypted: use the key from Google's JSON file as it is.")
    if not body or ("BEGIN" in text and "END" not in text.partition("BEGIN")[2]):
        raise ConfigError(
            f"The private key of {where} is cut off: write it on one line with \\n for each line break, "
            "or put quotes around the whole value."
        )
    if body.startswith("nMI"):
        raise ConfigError(f"The private key of {where} has lost the backslashes of its \\n: {again}.")
    try:
        key = load_der_private_key(base64.b64decode(body, validate=True), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # `from None`: the cause's text could quote the key
        raise ConfigError(f"The private key of {where} is damaged or cut off: {again}.") from None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError(f"The private key of {where} is not an RSA key: {again}.")
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _line_breaks(text: str) -> str:
    return re.sub(r"\\+[rn]", "\n", text)  # base64 has no backslash, so none of its characters is lost


def _from_base64(text: str) -> str | None:
    """The JSON that `text` is in base64 (either alphabet), or None when it is something else."""
    packed = "".join(text.split()).replace("-", "+").replace("_", "/")
    try:
        decoded = base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True).decode("utf-8-sig").strip()
    except (binascii.Error, ValueError):
        return None
    return decoded if decoded.startswith("{") else None


def _json(where: str, text: str) -> dict[str, Any]:
    for candidate in _readings(text):
        try:
            value = json.loads(candidate, strict=False)  # not strict: real line breaks inside the key are fine
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    raise ConfigError(f"{where} is not valid JSON: put the whole JSON on one line or in single quotes, or give a path.")


def _readings(text: str) -> Iterator[str]:
    """The text as it stands, then with one layer of escapes after the other undone."""
    yield text
    yield text.replace('\\"', '"')
    yield text.replace('\\"', '"').replace("\\\\n", "\n").replace("\\n", "\n")
