"""Tells from the spelling of a model's name whose word it is, Bedrock's or Vertex's, and takes Bedrock's ids apart.

Forms of ids and ARNs as in the pattern of `modelId` in AWS's API reference of Converse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import get_args

from .facts import Profile

# Who makes models that Bedrock serves. A dot stands in other names, too (`gpt-4.1`, `my.sonnet`), so that an id of
# anybody else is only known by its version or by its profile.
_VENDORS = (
    "ai21|amazon|anthropic|cohere|deepseek|google|luma|meta|minimax|mistral|moonshot|moonshotai|nvidia|openai|qwen"
    "|stability|twelvelabs|writer|xai|zai"
)
_PROFILES = "|".join(sorted(get_args(Profile), key=len, reverse=True))
_ID = re.compile(
    rf"(?:(?P<profile>{_PROFILES}|[a-z][a-z-]{{1,11}}(?=\.(?:{_VENDORS})\.))\.)?(?!(?:{_PROFILES})\.)"
    r"(?P<plain>(?P<vendor>[a-z][a-z0-9]*)\.[a-z][a-z0-9._-]*(?::[a-z0-9]+)*)"
)
_ARN = re.compile(
    r"arn:aws[a-z-]*:(?:bedrock|sagemaker):[a-z0-9-]*:[0-9]{0,12}:(?P<kind>[a-z-]+)/(?P<rest>[A-Za-z0-9._:/-]+)"
)
_NAMING = frozenset({"foundation-model", "inference-profile", "custom-model"})  # the kinds of ARN with a model's id
_VERSION = re.compile(r"(?:-[0-9]{8})?(?:-v[0-9]+)?(?::[a-z0-9]+)*\Z|-[0-9]+(?::[a-z0-9]+)+\Z")
_VERTEX = re.compile(r"(?:projects|publishers)/\S+|[^/@\s]+(?:/[^/@\s]+)?@(?:[0-9]{3,8}|default|latest)")
_LONGEST = 2048  # characters; AWS's own limit


@dataclass(frozen=True, slots=True)
class BedrockName:
    """One of Bedrock's ids, or an ARN, taken apart. `full` is all of it as it was written, `profile` such as `us`,
    `plain` the rest, `vendor.model`. An ARN that doesn't tell its model has neither `vendor` nor `plain`."""

    full: str
    profile: str | None = None
    vendor: str | None = None
    plain: str | None = None

    @property
    def is_arn(self) -> bool:
        return self.full.startswith("arn:")

    @property
    def stem(self) -> str:
        """`plain` without what tells releases of one model apart: its date, its version, its size of context."""
        return _VERSION.sub("", self.plain or "", count=1)

    def spelled(self, known: str) -> str:
        """The id to call for this spelling of a model whose id is `known`. An ARN, the profile and another release are
        kept; an abbreviation, or another of the model's names, is completed."""
        model = bedrock_name(known)
        if self.is_arn or self.plain is None or model is None or model.plain is None:
            return self.full
        other = model.stem == self.stem and not model.plain.startswith(self.plain)
        return ".".join(filter(None, [self.profile, self.plain if other else model.plain]))


def bedrock_name(name: str) -> BedrockName | None:
    """`name` taken apart if it has the form of one of Bedrock's ids or ARNs: `vendor.model`, `us.vendor.model-v1:0`,
    `arn:aws:bedrock:…`; whether there is such a model is another question. Ids are lower case and are read so; ARNs
    are kept to the letter."""
    name = name.strip()
    if len(name) > _LONGEST or ".." in name:
        return None
    if arn := _ARN.fullmatch(name):
        match = _ID.fullmatch(arn["rest"].partition("/")[0]) if arn["kind"] in _NAMING else None
        return BedrockName(name, match["profile"], match["vendor"], match["plain"]) if match else BedrockName(name)
    name = name.lower()
    match = _ID.fullmatch(name)
    return match and BedrockName(name, match["profile"], match["vendor"], match["plain"])


def is_bedrock_id(name: str) -> bool:
    """Whether this is Bedrock's own spelling, which no model of another cloud has: an ARN, an id of a vendor that
    Bedrock is known to serve, or one with a profile or a version, such as `-v1:0`."""
    found = bedrock_name(name)
    if found is None:
        return False
    versioned = ":" in (found.plain or "")
    return found.is_arn or versioned or bool(found.profile) or bool(re.fullmatch(_VENDORS, found.vendor or ""))


def is_vertex_id(name: str) -> bool:
    """Whether this is Vertex's own spelling: `…@20250929`, `…@default`, `publishers/…` or `projects/…`."""
    return _VERTEX.fullmatch(name.strip()) is not None
