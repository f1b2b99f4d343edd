"""A request that is in Anthropic's own words already, for a cloud: only what the cloud demands is changed.

Everything else goes through as it is, known or not; what is wrong with it the cloud says best. What Vertex demands: the
`anthropic` package's `lib/vertex` and Google's "Request predictions with Claude models".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct, convert

from ..errors import InvalidRequest
from ..models.catalog import Cloud, ModelFacts
from ..notes import Notes
from ..openai.chat import Document, Image, Ttl
from ..plain.jsontext import read
from .claude_betas import allowed_betas, search_beta
from .claude_cache import fit_hours, place_automatic
from .claude_errors import error_from_body
from .reading import Translated

# Fields that Anthropic's own API has and the clouds refuse as extra inputs, with the value that asks for nothing.
_FIRST_PARTY: Mapping[str, str | None] = {
    "service_tier": "auto",
    "speed": "standard",
    "inference_geo": None,
    "container": None,
    "mcp_servers": None,
    "diagnostics": None,
    "user_profile_id": None,
    "workspace_id": None,
}
_OWN_API: Mapping[Cloud, tuple[str, ...]] = {"foundry": ("service_tier",)}
"""The clouds that have Anthropic's own API, automatic caching included, and which of those fields they take."""
_COUNTING = "token-counting-2024-11-01"  # sent by SDKs with every count, and nothing that a cloud has to be asked for
_NESTED = 3  # blocks in a block: an image in a document in a tool's result is the deepest that the API knows


def native_body(
    body: Mapping[str, Any],
    facts: ModelFacts,
    *,
    cloud: Cloud,
    header_betas: Iterable[str],
    notes: Notes,
) -> Translated:
    """A request for a message, without what belongs to the cloud (model, version). `header_betas` are the values of the
    client's `anthropic-beta` headers. Whether it is for a stream still stands in the body. Raises `InvalidRequest`;
    where automatic caching is asked for and the cloud has none, it changes turns of `body`, and lists of blocks where
    the cloud keeps no prompt for an hour."""
    if not isinstance(body.get("stream"), bool | None):
        raise InvalidRequest("`stream` must be true or false.", param="stream")
    changed, betas = _for_cloud(body, cloud, header_betas, notes)
    ttl = None if cloud in _OWN_API else _automatic(changed.pop("cache_control", None), notes)
    if changed.get("stream", True) is None:
        del changed["stream"]
    proper = _is_proper(changed)
    if ttl and proper:
        place_automatic(changed, ttl, facts.prompt_cache_min_tokens)
        notes.add(
            "rewrote:cache_control",
            "This cloud has no automatic caching: breakpoints stand for it, unless there is little to cache.",
        )
    if proper:
        fit_hours(changed, facts, cloud, notes)
    return Translated(changed, betas=betas)


def count_body(
    body: Mapping[str, Any],
    facts: ModelFacts,
    *,
    cloud: Cloud,
    header_betas: Iterable[str],
    notes: Notes,
) -> Translated:
    """A request to count tokens, otherwise as `native_body`; caching changes no count."""
    changed, betas = _for_cloud(body, cloud, header_betas, notes)
    changed.pop("cache_control", None)
    if _is_proper(changed):
        fit_hours(changed, facts, cloud, notes)
    return Translated(changed, betas=betas)


def _for_cloud(
    body: Mapping[str, Any], cloud: Cloud, header_betas: Iterable[str], notes: Notes
) -> tuple[dict[str, Any], tuple[str, ...]]:
    changed = {field: value for field, value in body.items() if field not in ("anthropic_version", "model")}
    if changed.pop("thread", None):
        # Dropping it would lose what a client leaves to the server. The SDKs know the code, and send it all themselves.
        raise InvalidRequest(
            "No conversation is kept here: leave `thread` away and send all messages each time.",
            param="thread",
            code="thread_unsupported_request",
        )
    for field, usual in _FIRST_PARTY.items():
        if field in _OWN_API.get(cloud, ()):
            continue
        value = changed.pop(field, None)
        if value and value != usual:
            notes.dropped(field, "Only Anthropic's own API has this.")
    given = [*_split(header_betas), *_split(_named_betas(changed.pop("anthropic_beta", None)))]
    betas = allowed_betas([beta for beta in given if beta != _COUNTING], cloud, notes)
    return changed, tuple(dict.fromkeys([*betas, *search_beta(changed.get("tools"), cloud)]))


def _named_betas(value: object) -> list[str]:
    betas = [value] if isinstance(value, str) else value or []
    if not isinstance(betas, list) or not all(isinstance(beta, str) for beta in betas):
        raise InvalidRequest("`anthropic_beta` must be a list of names.", param="anthropic_beta")
    return betas


def _split(values: Iterable[str]) -> Iterator[str]:
    return (name for value in values for part in value.split(",") if (name := part.strip()))


# -- caching -----------------------------------------------------------------------------------------------------------


def _automatic(control: Any, notes: Notes) -> Ttl | None:
    """How long the top-level `cache_control` wants the prompt to be kept, if it does."""
    if not control:
        return None
    match control:
        case {"type": "ephemeral", "ttl": "1h"}:
            return "1h"
        case {"type": "ephemeral"} if control.get("ttl") in (None, "5m"):
            return "5m"
    notes.dropped("cache_control", 'Automatic caching is {"type": "ephemeral"}, with a `ttl` of "5m" or "1h".')
    return None


def _is_proper(body: Mapping[str, Any]) -> bool:
    """Whether breakpoints can be placed in it. Where it is no proper prompt the cloud will say so."""
    messages = body.get("messages")
    if not messages or not isinstance(messages, list):
        return False
    if not all(isinstance(turn, dict) and "role" in turn for turn in messages):
        return False
    contents = [body.get("system", ""), *(turn.get("content") for turn in messages)]
    return _are_blocks(body.get("tools", [])) and all(isinstance(one, str) or _are_blocks(one) for one in contents)


def _are_blocks(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(block, dict) and (not isinstance(inner := block.get("content"), list) or _are_blocks(inner))
        for block in value
    )


# -- what stands at a URL ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RemoteSource:
    """An image or a document that a request names by URL. `place` leads from the body to its `source`."""

    kind: Literal["image", "document"]
    url: str
    place: tuple[str | int, ...]

    @property
    def param(self) -> str:
        """The field for error messages, such as `messages[0].content[1].source.url`."""
        return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in (*self.place, "url"))[1:]


def remote_sources(body: Mapping[str, Any]) -> list[RemoteSource]:
    """All sources of the type `url`, in the body's order."""
    messages = body.get("messages")
    return [
        source
        for index, message in enumerate(messages if isinstance(messages, list) else [])
        if isinstance(message, dict)
        for source in _remote(message.get("content"), ("messages", index, "content"), _NESTED)
    ]


def _remote(content: object, place: tuple[str | int, ...], depth: int) -> Iterator[RemoteSource]:
    if not isinstance(content, list) or not depth:
        return
    for index, block in enumerate(content):
        match block:
            case {"type": "image" | "document" as kind, "source": {"type": "url", "url": str(url)}}:
                yield RemoteSource(kind, url, (*place, index, "source"))
            case {"type": "document", "source": {"type": "content", "content": inner}}:
                yield from _remote(inner, (*place, index, "source", "content"), depth - 1)
            case {"type": "tool_result", "content": inner}:
                yield from _remote(inner, (*place, index, "content"), depth - 1)


def put_source(body: dict[str, Any], source: RemoteSource, fetched: Image | Document) -> None:
    """Puts what was fetched in the place of its URL, in `body` itself; raises `InvalidRequest` where it is of the other
    kind."""
    if isinstance(fetched, Image) is not (source.kind == "image"):
        found = "an image" if isinstance(fetched, Image) else "a document"
        raise InvalidRequest(f"At this URL stands {found}; send it in a block of that type.", param=source.param)
    kind = "text" if fetched.media_type == "text/plain" else "base64"
    holder: Any = body
    for key in source.place[:-1]:
        holder = holder[key]
    holder[source.place[-1]] = {"type": kind, "media_type": fetched.media_type, "data": fetched.data}


# -- the answer to a count ---------------------------------------------------------------------------------------------


def count_of(answer: bytes) -> int:
    """The tokens that the cloud counted; raises the cloud's error for an answer that is no count."""
    try:
        return convert(read(answer), _Count).input_tokens
    except ValueError:
        raise error_from_body(None, answer) from None


class _Count(Struct):
    input_tokens: int
