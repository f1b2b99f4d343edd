"""A request as a line for a POSIX shell that sends it again, to this proxy: values in, text out. No secret is in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from ..plain.jsontext import read_any

_KEPT = {"content-type", "accept", "anthropic-version", "anthropic-beta"}
"""What the proxy looks at: other headers are of the connection, or of the program that the client was."""
_KEYS = {"authorization": "Authorization: Bearer $PROXY_KEY", "x-api-key": "x-api-key: $PROXY_KEY"}
_ARGUMENT = 100_000  # bytes of a body that can be an argument; Linux takes 131,071
_UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters but the end of a line, and those that change the direction of text."""
_URL_UNSAFE = re.compile(f"{_UNSAFE.pattern[:-1]}\\n\ud800-\udfff]")
_METHOD = re.compile(r"[A-Z]{1,20}")
_UNPRINTED = re.compile(rb"[^ -\[\]-~]")
_GLOBBED = re.compile(r"[\[\]{}]")  # curl's own wildcards


def curl(method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes) -> str:
    """A command, over several lines. `body` is the request's with its content-encoding undone. Where the client showed
    a key, `$PROXY_KEY` stands for it.

    A body that is too long for an argument is fed by `printf`, which every shell has built in. One that could do harm
    when it is pasted, since it has control characters in it, is written with its bytes escaped; such characters of the
    URL are percent-encoded, and headers that have any are left out.
    """
    url = _URL_UNSAFE.sub(lambda found: quote(found[0].encode("utf-8", "replace")), url)
    words = ["curl", *(["-N"] if _streams(body) else []), *(["-g"] if _GLOBBED.search(url) else []), quoted(url)]
    lines = [" ".join(words)]
    if method != ("POST" if body else "GET") and _METHOD.fullmatch(method):
        lines.append(f"-X {quoted(method)}")
    for name, value in headers:
        if name.lower() in _KEYS:
            lines.append(f'-H "{_KEYS[name.lower()]}"')
        elif name.lower() in _KEPT and not _URL_UNSAFE.search(value):
            lines.append(f"-H {quoted(f'{name}: {value}')}")
    if not body:
        return _joined(lines)
    text = _plain(body)
    if text is not None and len(body) < _ARGUMENT:
        return _joined([*lines, f"--data-raw {quoted(text)}"])
    printed = f"printf '%b' {quoted(_escaped(body))}" if text is None else f"printf %s {quoted(text)}"
    return f"{printed} |\n{_joined([*lines, '--data-binary @-'])}"


def quoted(text: str) -> str:
    """One word of a shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def _joined(lines: Iterable[str]) -> str:
    return " \\\n  ".join(lines)


def _streams(body: bytes) -> bool:
    try:
        value = read_any(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("stream") is True


def _plain(body: bytes) -> str | None:
    """The body as text that is safe to paste; `None` if it is none."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return None if _UNSAFE.search(text) else text


def _escaped(body: bytes) -> str:
    """For `printf %b`: backslashes doubled, in octal what is no printable ASCII."""
    return _UNPRINTED.sub(lambda found: b"\\\\" if found[0] == b"\\" else b"\\0%03o" % found[0][0], body).decode(
        "ascii"
    )
