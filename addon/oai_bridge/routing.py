"""Which duty a method and a path name: path in, Route out, and a 404 that names the nearest path that works."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from .backends import REGISTRY, Duty
from .errors import MethodNotAllowed, NotFound

_Page = Literal[
    "models", "model", "root", "script", "style", "status", "details", "check", "health", "metrics", "favicon"
]
Kind = Duty | _Page
Path = tuple[str, str]

_READ = ("GET", "HEAD")
_WRITE = ("POST",)
_LOCAL: dict[tuple[str, ...], Kind] = {
    (): "root",
    ("status",): "status",
    ("status", "page.js"): "script",
    ("status", "page.css"): "style",
    ("status", "details"): "details",
    ("status", "check"): "check",
    ("health",): "health",
    ("health", "readiness"): "health",
    ("metrics",): "metrics",
    ("favicon.ico",): "favicon",
}
PATHS: Mapping[Duty, str] = {
    "chat": "chat/completions",
    "messages": "messages",
    "count_tokens": "messages/count_tokens",
    "embeddings": "embeddings",
    "images": "images/generations",
}
"""What stands behind a base for each duty."""
_CLOUDS: Mapping[tuple[str, ...], Path] = {entry.path: entry.path for entry in REGISTRY}
_ABLE: Mapping[Path | None, frozenset[Duty]] = {
    path: frozenset(duty for entry in REGISTRY if path in (None, entry.path) for duty in entry.duties)
    for path in (None, *_CLOUDS.values())
}
"""What a cloud's doors can be asked for; without a cloud, what any can."""
_POSTED = {tuple(path.split("/")): duty for duty, path in PATHS.items()}
# What people try because OpenAI, Anthropic or oai-reverse-proxy have it, and what to use instead.
_LATER = {
    ("completions",): "chat/completions",
    ("responses",): "chat/completions",
    ("images", "edits"): "images/generations",
    ("images", "variations"): "images/generations",
    ("complete",): "messages",
    ("messages", "batches"): "messages",
}
_NATIVE = "messages"
_ROOT_BASE = "/v1"
_MODEL_LENGTH = 200  # characters; no cloud's id comes near


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes. `base` is what stands in front of `/models`, for messages; `path` is the cloud that the
    request's path names, as in the registry, `None` where the model's name decides; `model` is the decoded id of
    `models/{id}`, else `None`."""

    kind: Kind
    base: str = _ROOT_BASE
    path: Path | None = None
    model: str | None = None


def base_of(prefix: str, path: Path | None) -> str:
    """What stands in front of a cloud's routes, `/proxy/gcp/claude` with the default prefix; never ends in a slash."""
    return _ROOT_BASE if path is None else "/" + "/".join((*_parts(prefix), *path))


def is_native(path: str) -> bool:
    """Whether who asks for `path`, a request target of any form, speaks Anthropic's Messages API and so reads errors
    in its format: also under a wrong prefix, or for a part of that API that is not served."""
    return _NATIVE in _parts(path)


def route(method: str, path: str, prefix: str) -> Route:
    """The duty that `method` and `path` name.

    `path` is the request target in origin form, query string included, still percent-encoded; `prefix` is what stands
    before a cloud, such as `/gcp/claude`. All but a model's id must match to the letter; the id alone is decoded, once,
    and is a name to look up, never a path. Raises `NotFound` and `MethodNotAllowed`.
    """
    if not path.startswith("/"):
        raise _nothing(path, _everywhere(prefix))
    parts = _parts(path)
    if parts in _LOCAL:
        _check(method, _WRITE if _LOCAL[parts] == "check" else _READ)
        return Route(_LOCAL[parts])
    before = _parts(prefix)
    named = parts[len(before) : len(before) + 2]
    if parts[: len(before)] == before and (cloud := _CLOUDS.get(named)):
        base = base_of(prefix, cloud)
        found = _under(method, parts[len(before) + 2 :], base, cloud)
    else:
        base, cloud = _ROOT_BASE, None
        found = _under(method, parts, base, None)
    if found is None:
        known = _paths(base, cloud) if cloud else _everywhere(prefix)
        raise _nothing("/" + "/".join(parts), known)
    return found


def _under(method: str, parts: tuple[str, ...], base: str, path: Path | None) -> Route | None:
    """What `parts`, the path behind a base, name; `None` if nothing."""
    tail = parts
    while tail[:1] == ("v1",):  # Anthropic's SDKs add one to a base URL that has it already
        tail = tail[1:]
    if duty := _POSTED.get(tail):
        if duty not in _ABLE[path]:
            everywhere = f"{_ROOT_BASE}/{PATHS[duty]}"
            raise NotFound(
                f"There is no {PATHS[duty]} for this cloud. Use POST {everywhere}, with a model that has it."
            )
        _check(method, ("POST",))
        return Route(duty, base, path)
    if tail == ("models",):
        _check(method, _READ)
        return Route("models", base, path)
    if tail[:1] == ("models",):
        _check(method, _READ)
        return Route("model", base, path, _model_id("/".join(tail[1:]), base))
    if not tail:
        raise NotFound(
            f"This is a base URL. Paste it into your client as it is: the client adds /chat/completions or /messages "
            f"itself. To look by hand, try GET {base}/models."
        )
    if instead := _LATER.get(tail):
        raise NotFound(f"This version does not serve {'/'.join(tail)}. Use POST {base}/{instead}.")
    return None


def _parts(path: str) -> tuple[str, ...]:
    """The segments of a path, query string and empty ones left out."""
    return tuple(part for part in path.partition("?")[0].split("/") if part)


def _model_id(encoded: str, base: str) -> str:
    name = unquote(encoded)
    unfit = not name.isascii() or not name.isprintable() or "\\" in name or len(name) > _MODEL_LENGTH
    if unfit or {"", ".", ".."} & set(name.split("/")):
        raise NotFound(f"No model can have this name. GET {base}/models lists those served.", code="model_not_found")
    return name


def _check(method: str, allow: Sequence[str]) -> None:
    if method not in allow:
        raise MethodNotAllowed(allow)


def _paths(base: str, path: Path | None) -> dict[str, str]:
    """What is served under a base: path to method."""
    return {f"{base}/models": "GET", **{f"{base}/{PATHS[duty]}": "POST" for duty in PATHS if duty in _ABLE[path]}}


def _everywhere(prefix: str) -> dict[str, str]:
    """What is served at all: path to method, the plain paths first."""
    found = {**_paths(_ROOT_BASE, None), "/": "GET", "/status": "GET", "/health": "GET", "/metrics": "GET"}
    for cloud in _CLOUDS.values():
        found |= _paths(base_of(prefix, cloud), cloud)
    return found


def _nothing(path: str, paths: dict[str, str]) -> NotFound:
    return NotFound(f"Nothing is served at this path. The nearest one that works is {_nearest(path, paths)}.")


def _nearest(path: str, paths: dict[str, str]) -> str:
    """The first out of `paths` that `path` begins, else the most alike, with its method; chat completions when none
    is."""
    begun = [known for known in paths if known.startswith(f"{path}/")]
    alike = begun or difflib.get_close_matches(path, paths, n=1)
    best = alike[0] if alike else next(path for path, method in paths.items() if method == "POST")
    return f"{paths[best]} {best}"
