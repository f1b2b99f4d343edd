"""Which models Bedrock has, by which ids, in which parts of the world: a table of the fake's own.

Vendor sources: AWS's "Supported foundation models" and "Supported Regions and models for inference profiles"; litellm
keeps the list of ids.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tests.support.claude_clouds import BEDROCK, Cloud
from tests.support.claude_models import Model, named

Kind = Literal["claude", "chat", "gpt-oss", "titan-v1", "titan-v2", "cohere"]

GEOGRAPHIES = {
    "us": r"us-(east|west)-\d|ca-(central|west)-1",
    "eu": r"eu-.*",
    "apac": r"ap-.*",
    "jp": r"ap-northeast-[13]",
    "au": r"ap-southeast-[24]",
    "us-gov": r"us-gov-.*",
    "global": r"(?!us-gov-).*",
}
"""From which regions a profile of each geography can be used."""
MOST = "global us eu au jp apac"
PROFILES = {
    "claude-3-sonnet-20240229-v1:0": "here us eu apac",
    "claude-3-haiku-20240307-v1:0": "here us eu apac",
    "claude-3-opus-20240229-v1:0": "us eu",
    "claude-3-5-sonnet-20240620-v1:0": "here us eu apac",
    "claude-3-5-sonnet-20241022-v2:0": "us eu apac",
    "claude-3-5-haiku-20241022-v1:0": "us eu",
    "claude-3-7-sonnet-20250219-v1:0": "us eu apac",
    "claude-sonnet-4-20250514-v1:0": "global us eu apac",
    "claude-opus-4-20250514-v1:0": "us eu",
    "claude-opus-4-1-20250805-v1:0": "us eu",
    "claude-sonnet-4-5-20250929-v1:0": "global us eu au jp us-gov",
    "claude-haiku-4-5-20251001-v1:0": MOST,
    "claude-opus-4-5-20251101-v1:0": "global us eu",
    "claude-opus-4-6-v1": "global us eu au",
    "claude-sonnet-4-6": MOST,
    "claude-opus-4-7": MOST,
    "claude-opus-4-8": f"{MOST} us-gov",
    "claude-mythos-preview": "us apac au",
    "claude-mythos-5": "us",
    "claude-fable-5": "global us eu apac au",
    "claude-sonnet-5": f"{MOST} us-gov",
    "claude-opus-5": f"{MOST} us-gov",
    "claude-mythos-5-1": "global us",
    "claude-fable-5-1": "global us eu us-gov",
    "claude-opus-5-5": f"{MOST} us-gov",
    "claude-sonnet-5-5": f"{MOST} us-gov",
    "claude-haiku-5-5": f"{MOST} us-gov",
}
"""Where each Claude can be used: `here` by its plain id, elsewhere by an inference profile."""
OTHERS: dict[str, tuple[Kind, str]] = {
    "amazon.nova-micro-v1:0": ("chat", "here us eu apac"),
    "amazon.nova-lite-v1:0": ("chat", "here us eu apac"),
    "amazon.nova-pro-v1:0": ("chat", "here us eu apac"),
    "amazon.nova-premier-v1:0": ("chat", "us"),
    "amazon.nova-2-lite-v1:0": ("chat", "global us eu apac jp"),
    "amazon.titan-text-express-v1": ("chat", "here"),
    "meta.llama3-8b-instruct-v1:0": ("chat", "here"),
    "meta.llama3-70b-instruct-v1:0": ("chat", "here"),
    "meta.llama3-1-8b-instruct-v1:0": ("chat", "here us"),
    "meta.llama3-1-70b-instruct-v1:0": ("chat", "here us"),
    "meta.llama3-3-70b-instruct-v1:0": ("chat", "us"),
    "meta.llama4-maverick-17b-instruct-v1:0": ("chat", "us"),
    "meta.llama4-scout-17b-instruct-v1:0": ("chat", "us"),
    "mistral.mistral-7b-instruct-v0:2": ("chat", "here"),
    "mistral.mixtral-8x7b-instruct-v0:1": ("chat", "here"),
    "mistral.mistral-large-2402-v1:0": ("chat", "here"),
    "mistral.mistral-large-2407-v1:0": ("chat", "here"),
    "mistral.mistral-large-3-675b-instruct": ("chat", "here"),
    "mistral.pixtral-large-2502-v1:0": ("chat", "us eu"),
    "deepseek.r1-v1:0": ("chat", "us"),
    "deepseek.v3-v1:0": ("chat", "here"),
    "deepseek.v3.2": ("chat", "here us eu"),
    "qwen.qwen3-32b-v1:0": ("chat", "here"),
    "qwen.qwen3-235b-a22b-2507-v1:0": ("chat", "here"),
    "qwen.qwen3-coder-480b-a35b-v1:0": ("chat", "here"),
    "qwen.qwen3-coder-30b-a3b-v1:0": ("chat", "here"),
    "qwen.qwen3-vl-235b-a22b": ("chat", "here"),
    "moonshot.kimi-k2-thinking": ("chat", "here"),
    "moonshotai.kimi-k2.5": ("chat", "here"),
    "minimax.minimax-m2": ("chat", "here"),
    "zai.glm-4.7": ("chat", "here"),
    "google.gemma-3-27b-it": ("chat", "here"),
    "nvidia.nemotron-nano-12b-v2": ("chat", "here"),
    "cohere.command-r-v1:0": ("chat", "here"),
    "cohere.command-r-plus-v1:0": ("chat", "here"),
    "ai21.jamba-1-5-large-v1:0": ("chat", "here"),
    "openai.gpt-oss-20b-1:0": ("gpt-oss", "here us-gov"),
    "openai.gpt-oss-120b-1:0": ("gpt-oss", "here us-gov"),
    "amazon.titan-embed-text-v1": ("titan-v1", "here"),
    "amazon.titan-embed-g1-text-02": ("titan-v1", "here"),
    "amazon.titan-embed-text-v2:0": ("titan-v2", "here"),
    "cohere.embed-english-v3": ("cohere", "here"),
    "cohere.embed-multilingual-v3": ("cohere", "here"),
    "cohere.embed-v4:0": ("cohere", "here global us eu"),
}
"""The rest of what is known here, likewise."""
_PROFILE = re.compile(r"(us-gov|[a-z]+)\.(?=[a-z0-9-]+\.)")


@dataclass(frozen=True, slots=True)
class Found:
    """A model by the id that it was called by. `plain` is its own id, `geography` the profile's; empty: no profile."""

    plain: str
    kind: Kind
    geography: str
    where: frozenset[str]

    def claude(self, cloud: Cloud = BEDROCK) -> Model:
        """What Anthropic's judge knows of it; of another vendor's model: that it neither thinks nor is a Claude."""
        if self.kind != "claude":
            return Model(self.plain, (4, 0), cloud)
        name = re.sub(r"(-\d{8})?(-v\d+(:\d+)?)?$", "", self.plain.removeprefix("anthropic."))
        return named(name, cloud)

    def usable(self, region: str) -> bool:
        """Whether this id is one that there is in this region."""
        if not self.geography:
            return True
        return self.geography in self.where and bool(re.fullmatch(GEOGRAPHIES[self.geography], region))


def find(name: str) -> Found | None:
    """The model of an id, plain or a profile's; `None`: nobody has heard of it."""
    match = _PROFILE.match(name)
    geography = match[1] if match and match[1] in GEOGRAPHIES else ""
    plain = name[len(geography) + 1 :] if geography else name
    if plain.startswith("anthropic."):
        profiles = PROFILES.get(plain.removeprefix("anthropic."))
        return None if profiles is None else Found(plain, "claude", geography, frozenset(profiles.split()))
    if plain not in OTHERS:
        return None
    kind, where = OTHERS[plain]
    return Found(plain, kind, geography, frozenset(where.split()))


def on_mantle(name: str) -> Model | None:
    """The Claude that `bedrock-mantle` knows by this id: it has no dates, versions or profiles."""
    for plain in PROFILES:
        found = Found(f"anthropic.{plain}", "claude", "", frozenset()).claude()
        if name == f"anthropic.{found.id}" and found.version >= (4, 5):
            return found
    return None
