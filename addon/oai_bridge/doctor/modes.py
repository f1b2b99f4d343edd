"""Can others on this machine read files with secrets in them? On POSIX systems their modes tell."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..settings.values import AmbientLogin, AwsLogin, Config, CredentialFile
from .findings import Finding

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_HOLDS = re.compile(  # a setting that holds a secret itself, and doesn't just name a file; comments hold none
    r"^(?!\s*\#)[^\n]*?(?:PRIVATE KEY|private_key"
    r"|(?:GCP|AWS|AZURE)_CREDENTIALS\s*[=:]\s*\S|(?:api|access|proxy|client)_?keys?\b[\"']?\s*[=:]"
    r"|SECRET\w*[\"']?\s*[=:]\s*\S|(?:SESSION|BEARER)_TOKEN\w*[\"']?\s*[=:]\s*\S|://[^/\s:@]+:[^/\s@]+@)",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class SecretFile:
    """`always`: a secret is all that it is for; else its text tells whether it holds one."""

    path: Path
    always: bool = False


def files_of(config: Config, settings: Sequence[Path]) -> list[SecretFile]:
    """The files behind the settings: `settings` are config.yaml and `.env`, where there are such."""
    found = [SecretFile(path) for path in settings]
    for account in config.vertex.accounts:
        if isinstance(account.source, CredentialFile):
            found.append(SecretFile(Path(account.source.path), always=True))
        elif isinstance(account.source, AmbientLogin):
            found.append(SecretFile(_adc(), always=True))
    if any(isinstance(account.source, AwsLogin) for account in config.bedrock.accounts):
        named = os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"
        found.append(SecretFile(_expanded(named), always=True))
    return list(dict.fromkeys(found))


def look(files: Sequence[SecretFile], *, posix: bool = os.name == "posix") -> Iterator[Finding]:
    """A finding for each file that is there and holds secrets."""
    for file in files if posix else ():
        try:
            mode = file.path.stat().st_mode
            holds = file.always or holds_secret(file.path.read_bytes().decode("utf-8", "replace"))
        except OSError:
            continue  # nobody has such a file, or the settings have told what is wrong with it
        if holds:
            yield judge(file.path, mode)


def holds_secret(text: str) -> bool:
    return _HOLDS.search(text.replace("\0", "")) is not None  # UTF-16, as Windows' editors write


def judge(path: Path, mode: int) -> Finding:
    if not mode & _OTHERS:
        return Finding("files", str(path), "ok", "Only you can read it.")
    who = "everybody" if mode & stat.S_IRWXO else "your group"
    message = f"It holds secrets, and {who} on this machine may open it (mode {stat.S_IMODE(mode):o})."
    return Finding("files", str(path), "warning", message, f"Run `chmod 600 {shlex.quote(str(path))}`.")


def secrets_in(path: str) -> list[str]:
    """The secrets of a Google credential file, which no finding may show."""
    try:
        told = json.loads(Path(path).read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    names = ("private_key", "refresh_token", "client_secret")
    return [told[name] for name in names if isinstance(told.get(name), str)] if isinstance(told, dict) else []


def _adc() -> Path:
    """Where `gcloud auth application-default login` writes."""
    folder = os.environ.get("CLOUDSDK_CONFIG")
    return (Path(folder) if folder else _expanded("~/.config/gcloud")) / "application_default_credentials.json"


def _expanded(path: str) -> Path:
    """Unlike `Path.expanduser` it takes it that somebody has no home."""
    return Path(os.path.expanduser(path))
