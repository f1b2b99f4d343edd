"""Which of Anthropic's betas a cloud takes, and by which name; the data file `models/betas.json` says where from.

Vertex answers 400 to a beta that it doesn't know and Bedrock to one that it doesn't have, so that only those of the
table go there. Foundry is Anthropic's own API: what the table doesn't tell of goes there as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct, json

from ..models import catalog
from ..models.catalog import Cloud
from ..notes import Notes

CONTEXT_1M = "context-1m-2025-08-07"
CONTEXT_MANAGEMENT = "context-management-2025-06-27"
BINDING = "thinking-binding-controls-2026-08-01"
WEB_SEARCH = "web-search-2025-03-05"

_SHOWN = 10  # names in a note
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # it ends up in a header


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    source: list[str]
    betas: dict[str, dict[Cloud, str | None]]  # None: not supported there


_DATA = Path(catalog.__file__).with_name("betas.json")
_BETAS = MappingProxyType(json.decode(_DATA.read_bytes(), type=_Table).betas)


def beta_name(beta: str, cloud: Cloud) -> str | None:
    """What the cloud calls the beta; `None` where it must not be sent."""
    passed = beta if cloud == "foundry" and _NAME.fullmatch(beta) else None
    return _BETAS.get(beta, {}).get(cloud, passed)


def search_beta(tools: object, cloud: Cloud) -> tuple[str, ...]:
    """What a cloud wants where Anthropic's web search is among `tools`, which may be any JSON. Vendor source: Google's
    "Web search with Anthropic Claude models"."""
    kinds = [tool.get("type") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    searches = any(isinstance(kind, str) and kind.startswith("web_search_") for kind in kinds)
    name = beta_name(WEB_SEARCH, cloud) if searches else None
    return (name,) if name else ()


def allowed_betas(given: Iterable[str], cloud: Cloud, notes: Notes) -> tuple[str, ...]:
    """The client's betas as the cloud takes them, each once and in the client's order; the others are told. Names that
    nobody knows may be anything and are only counted."""
    sent: dict[str, None] = {}
    dropped: dict[str, None] = {}
    for beta in given:
        if name := beta_name(beta, cloud):
            sent[name] = None
        else:
            dropped[beta] = None
    if dropped:
        known = [beta for beta in dropped if beta in _BETAS][:_SHOWN]
        unknown = len(dropped) - len(known)
        rest = f"{unknown} more" if known else f"{unknown} of an unknown name"
        named = [*known, *([rest] if unknown else [])]
        notes.dropped("anthropic_beta", f"This cloud does not have these betas: {', '.join(named)}.")
    return tuple(sent)
