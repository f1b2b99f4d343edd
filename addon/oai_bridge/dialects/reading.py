"""What the request says about how its answer is to be read: made by a request's translation, used by the reply's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

_AS_THEY_ARE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Reading:
    """`names`: a tool's name in the cloud to the client's own, where they differ. `custom`: the client's names of its
    tools that take free text. `answer_tool`: the name in the cloud of the hidden tool whose arguments are the answer's
    text. `keep`: whether the turn is wanted in the cloud's own blocks when it ends (the event `Said`)."""

    names: Mapping[str, str] = _AS_THEY_ARE
    custom: frozenset[str] = frozenset()
    answer_tool: str | None = None
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Translated:
    """A request in the cloud's terms. `body` lacks what belongs to the cloud (model, version); `prefix` is what a
    `TurnMemory` files the answer under."""

    body: dict[str, Any]
    reading: Reading = Reading()
    betas: tuple[str, ...] = ()
    prefix: bytes = b""
