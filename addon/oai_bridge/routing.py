"""Which duty a method and a path name: path in, Route out, and a 404 that names the nearest path that works."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from .errors import MethodNotAllowed, NotFound

Kind = Literal["chat", "messages", "count_tokens", "models", "model", "root", "status", "health", "favicon"]
Backend = Literal["vertex"]

_READ = ("GET", "HEAD")
_LOCAL: dict[tuple[str, ...], Kind] = {
    (): "root",
    ("status",): "status",
    ("health",): "health",
    ("health", "readiness"): "health",
    ("favicon.ico",): "favicon",
}
_POSTED: dict[tuple[str, ...], Kind] = {
    ("chat", "completions"): "chat",
    ("messages",): "messages",
    ("messages", "count_tokens"): "count_tokens",
}
_CLAUDE = ("gcp", "claude")
# What people try because OpenAI, Anthropic or oai-reverse-proxy have it, and what to use instead.
_LATER = {
    ("completions",): "chat/completions",
    ("embeddings",): "chat/completions",
    ("responses",): "chat/completions",
    ("images", "generations"): "chat/completions",
    ("metrics",): "chat/completions",
    ("complete",): "messages",
    ("messages", "batches"): "messages",
}
_LATER_CLOUDS = {
    ("aws", "claude"): "Claude on AWS",
    ("azure", "openai"): "OpenAI on Azure",
    ("gcp", "gemini"): "Gemini on Google Cloud",
}
_NATIVE = "messages"
_ROOT_BASE = "/v1"
_MODEL_LENGTH = 200  # characters; no cloud's id comes near


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes. `base` is the path in front of `/models`, for messages; `backend` is the cloud that the
    path names, `None` where the model's name decides; `model` is the decoded id of `models/{id}`, else `None`."""

    kind: Kind
    base: str = _ROOT_BASE
    backend: Backend | None = None
    model: str | None = None


def claude_base(prefix: str) -> str:
    """The path of Claude on Vertex AI, `/proxy/gcp/claude` with the default prefix; never ends in a slash."""
    return "/" + "/".join(_claude_parts(prefix))


def is_native(path: str) -> bool:
    """Whether who asks for `path`, a request target of any form, speaks Anthropic's Messages API and so reads errors
    in its format: also under a wrong prefix, or for a part of that API that is not served."""
    return _NATIVE in _parts(path)


def route(method: str, path: str, prefix: str) -> Route:
    """The duty that `method` and `path` name.

    `path` is the request target in origin form, query string included, still percent-encoded; `prefix` is what stands
    before `/gcp/claude`. All but a model's id must match to the letter; the id alone is decoded, once, and is a name to
    look up, never a path. Raises `NotFound` and `MethodNotAllowed`.
    """
    base = claude_base(prefix)
    everywhere = {**_paths(_ROOT_BASE), **_paths(base), "/": "GET", "/status": "GET", "/health": "GET"}
    if not path.startswith("/"):
        raise _nothing(path, everywhere)
    parts = _parts(path)
    if parts in _LOCAL:
        _check(method, _READ)
        return Route(_LOCAL[parts])
    claude = _claude_parts(prefix)
    if parts[: len(claude)] == claude:
        known = _paths(base)
        found = _under(method, parts[len(claude) :], base, "vertex")
    else:
        for cloud, name in _LATER_CLOUDS.items():
            start = (*claude[: -len(_CLAUDE)], *cloud)
            if parts[: len(start)] == start:
                nearest = _nearest("/".join((base, *parts[len(start) :])), _paths(base))
                raise NotFound(f"This version does not serve {name}, only Claude on Vertex AI. Use {nearest}.")
        known = everywhere
        found = _under(method, parts, _ROOT_BASE, None)
    if found is None:
        raise _nothing("/" + "/".join(parts), known)
    return found


def _under(method: str, parts: tuple[str, ...], base: str, backend: Backend | None) -> Route | None:
    """What `parts`, the path behind a base, name; `None` if nothing."""
    tail = parts
    while tail[:1] == ("v1",):  # Anthropic's SDKs add one to a base URL that has it already
        tail = tail[1:]
    if kind := _POSTED.get(tail):
        _check(method, ("POST",))
        return Route(kind, base, backend)
    if tail == ("models",):
        _check(method, _READ)
        return Route("models", base, backend)
    if tail[:1] == ("models",):
        _check(method, _READ)
        return Route("model", base, backend, _model_id("/".join(tail[1:]), base))
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


def _claude_parts(prefix: str) -> tuple[str, ...]:
    return (*_parts(prefix), *_CLAUDE)


def _model_id(encoded: str, base: str) -> str:
    name = unquote(encoded)
    unfit = not name.isascii() or not name.isprintable() or "\\" in name or len(name) > _MODEL_LENGTH
    if unfit or {"", ".", ".."} & set(name.split("/")):
        raise NotFound(f"No model can have this name. GET {base}/models lists those served.", code="model_not_found")
    return name


def _check(method: str, allow: Sequence[str]) -> None:
    if method not in allow:
        raise MethodNotAllowed(allow)


def _paths(base: str) -> dict[str, str]:
    """What is served under a base: path to method."""
    return {f"{base}/models": "GET", **{f"{base}/{'/'.join(tail)}": "POST" for tail in _POSTED}}


def _nothing(path: str, paths: dict[str, str]) -> NotFound:
    return NotFound(f"Nothing is served at this path. The nearest one that works is {_nearest(path, paths)}.")


def _nearest(path: str, paths: dict[str, str]) -> str:
    """The first out of `paths` that `path` begins, else the most alike, with its method; chat completions when none
    is."""
    begun = [known for known in paths if known.startswith(f"{path}/")]
    alike = begun or difflib.get_close_matches(path, paths, n=1)
    best = alike[0] if alike else next(path for path, method in paths.items() if method == "POST")
    return f"{paths[best]} {best}"
