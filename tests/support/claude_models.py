"""Which Claude takes what, by its generation: a table of the judges' own, apart from the program's model data.

Vendor sources: Anthropic's model pages ("What's new in ..."), extended thinking, effort, preserved thinking, vision.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tests.support.claude_clouds import VERTEX, Cloud


@dataclass(frozen=True, slots=True)
class Model:
    """What a model takes, by its generation and its cloud; an id of no known shape counts as the newest."""

    id: str
    version: tuple[int, int]
    cloud: Cloud = VERTEX

    @property
    def sampling(self) -> Literal["free", "one", "none"]:
        if self.version >= (4, 7):
            return "none"
        return "one" if self.version >= (4, 1) else "free"

    @property
    def prefill(self) -> bool:
        return self.version < (4, 6)

    @property
    def mid_system(self) -> bool:
        return self.version >= (4, 8)

    @property
    def max_output(self) -> int:
        if self.version < (3, 5):
            return 4096
        if self.version < (3, 7):
            return 8192
        if self.version < (4, 5) and "opus" in self.id:
            return 32_000
        less = self._named("sonnet-4-6") and self.cloud.name != "foundry"
        return 64_000 if self.version < (4, 6) or less else 128_000

    @property
    def max_images(self) -> int:
        return 100 if self.version < (4, 6) else 600

    @property
    def thinking(self) -> frozenset[str]:
        """The values of `thinking.type`."""
        if self.version < (3, 7):
            return frozenset({"disabled"})
        if self.version < (4, 6):
            return frozenset({"disabled", "enabled"})
        if self.version < (4, 7):
            return frozenset({"disabled", "enabled", "adaptive"})
        if self._named("sonnet-5-5"):
            return frozenset({"adaptive", "between_tools"})
        if self._named("opus-5-5|fable-.*|mythos-.*") or self.version > (9, 9):
            return frozenset({"adaptive"})
        return frozenset({"disabled", "adaptive"})

    @property
    def thinks_unasked(self) -> bool:
        """Whether it thinks when the field is left out."""
        return self.version >= (5, 0) and not self._named("sonnet-5")

    @property
    def display(self) -> Literal["summarized", "omitted"]:
        """What becomes of the thinking's text when `display` is left out."""
        return "summarized" if self.version < (4, 7) else "omitted"

    @property
    def unthinking_effort(self) -> frozenset[str]:
        """The levels of effort that do not go with thinking switched off."""
        return frozenset({"xhigh", "max"}) if self._named("opus-5|sonnet-5-5") else frozenset()

    @property
    def efforts(self) -> tuple[str, ...]:
        if self._named("opus-4-5"):
            return ("low", "medium", "high")
        if self.version < (4, 6):
            return ()
        if self.version < (4, 7):
            return ("low", "medium", "high", "max")
        if self.cloud.name == "bedrock" and not self._named("opus-5|opus-5-5"):
            return ("low", "medium", "high", "xhigh")
        return ("low", "medium", "high", "xhigh", "max")

    @property
    def effort_beta(self) -> str | None:
        return "effort-2025-11-24" if self._named("opus-4-5") else None

    @property
    def structured(self) -> bool:
        """Structured outputs."""
        if self.cloud.name == "vertex":
            return self.version >= (4, 6)
        late = self.cloud.name == "bedrock" and self._named("opus-4-7|opus-5|opus-5-5|fable-.*|mythos-.*")
        return self.version >= (4, 5) and not late

    @property
    def forced_tools(self) -> bool:
        return self.version <= (5, 0) or self._named("haiku-5-5")

    @property
    def bound(self) -> bool:
        """Whether its thinking may only come back in the conversation that it belongs to."""
        return self.version >= (5, 1)

    @property
    def interim_thinking(self) -> bool:
        """Whether what it says between tool calls comes as thinking."""
        return self.version >= (5, 1) and not self._named("haiku-5-5")

    def _named(self, names: str) -> bool:
        return re.fullmatch(f"claude-({names})", self.id) is not None


def model(vertex_id: str) -> Model | None:
    """The model of an id in Vertex's path; `None` for an id that Vertex would not know: the generations up to 4.5 have
    their date after an `@`, later ones have no date."""
    match = re.fullmatch(r"(claude-[a-z0-9]+(?:-[a-z0-9]+)*)(@\d{8}|@default)?", vertex_id)
    if match is None or re.search(r"-\d{8}$|-latest$", match[1]):
        return None
    found = named(match[1], VERTEX)
    if found.version == (99, 0):
        return found
    dated = (match[2] or "@default") != "@default"
    return found if dated == (found.version <= (4, 5)) else None


def named(name: str, cloud: Cloud) -> Model:
    """The model of a name without a date."""
    number = re.search(r"-(\d)(?:-(\d))?(?=-|$)", name)
    return Model(name, (int(number[1]), int(number[2] or 0)) if number else (99, 0), cloud)
