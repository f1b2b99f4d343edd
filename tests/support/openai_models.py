"""OpenAI's models, and others that speak its language, by what they take: a table of the judges' own.

Vendor sources: OpenAI's model pages; Azure's "Azure OpenAI reasoning models" and "embeddings"; AWS's gpt-oss page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Model:
    """`sampling`: takes temperature and its like; `stop`: takes stop sequences. `efforts` are the values of
    `reasoning_effort`; empty: it doesn't think. `size`: the numbers in a vector. `versions` is what its answers
    call it beyond its name."""

    id: str
    kind: Literal["chat", "embedding", "image"] = "chat"
    sampling: bool = True
    stop: bool = True
    vision: bool = True
    parallel: bool = True
    efforts: tuple[str, ...] = ()
    old_limit: bool = True
    """Takes `max_tokens`."""
    size: int = 0
    resizable: bool = False
    legacy: bool = False
    """An image model that gives URLs unless asked for base64."""


_THINKS = ("minimal", "low", "medium", "high")
_O_SERIES = ("low", "medium", "high")
_NEWER = ("none", "low", "medium", "high", "xhigh")
_FAMILIES: tuple[tuple[str, Model], ...] = (
    (r"text-embedding-3-small", Model("", "embedding", size=1536, resizable=True)),
    (r"text-embedding-3-large", Model("", "embedding", size=3072, resizable=True)),
    (r"text-embedding-ada-002", Model("", "embedding", size=1536)),
    (r"dall-e-3", Model("", "image", legacy=True)),
    (r"gpt-image-.*", Model("", "image")),
    (r"(gpt-5(\.\d)?|gpt)-chat.*", Model("", old_limit=False)),
    (r"gpt-(5\.[1-9]|[6-9]).*", Model("", sampling=False, stop=False, efforts=_NEWER, old_limit=False)),
    (r"gpt-5.*", Model("", sampling=False, stop=False, efforts=_THINKS, old_limit=False)),
    (
        r"o\d-mini.*",
        Model("", sampling=False, stop=False, vision=False, parallel=False, efforts=_O_SERIES, old_limit=False),
    ),
    (r"o\d.*", Model("", sampling=False, stop=False, parallel=False, efforts=_O_SERIES, old_limit=False)),
    (r"gpt-3(\.?)5.*|gpt-4(-32k)?(-0613)?", Model("", vision=False)),
    (r"gpt-4.*", Model("")),
    (r"openai\.gpt-oss.*", Model("", vision=False, efforts=_O_SERIES)),
)


def model(name: str) -> Model | None:
    """The model of this name; `None`: nobody has heard of it."""
    for pattern, found in _FAMILIES:
        if re.fullmatch(pattern, name):
            return Model(name, *(getattr(found, field) for field in Model.__slots__[1:]))
    return None
