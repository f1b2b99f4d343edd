"""How much Claude thinks and how much room it has: `thinking`, `output_config.effort`, `max_tokens` (TRANSLATION.md 1).

What OpenAI calls `reasoning_effort` is for newer models adaptive thinking with an effort and for older ones a budget of
tokens; which model takes what stands in its facts. Vendor source: Anthropic's "Extended thinking", "Adaptive thinking"
and "Effort".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..models.catalog import Cloud, Effort, ModelFacts
from ..notes import Notes
from ..openai.chat import ChatRequest
from ..settings.values import Claude
from .claude_betas import beta_name
from .claude_blocks import THOUGHTS, Block

Turns = Sequence[tuple[str, list[Block]]]
"""Roles and blocks."""

_RANKS: Mapping[str, int] = MappingProxyType(
    {"none": 0, "minimal": 0, "low": 0, "medium": 1, "high": 2, "xhigh": 3, "max": 4}
)
_USUAL: Effort = "high"  # what Claude does when no effort is given, unless the model's facts say otherwise
_BUDGETS: Mapping[Effort, int] = MappingProxyType(
    {"low": 1024, "medium": 4096, "high": 16384, "xhigh": 32768, "max": 32768}
)  # tokens
_LEAST_BUDGET = 1024  # tokens; the API refuses less
_LEAST_ANSWER = 1024  # tokens beside a budget, unless the client asks for fewer
_ROOM_TO_THINK = 16384  # tokens: thinking counts against max_tokens
_LITTLE_ROOM = 2048  # tokens, of which thinking may leave none for the answer


@dataclass(frozen=True, slots=True)
class Plan:
    """`thinking` and `effort` as they go into the body, `None`: left out. `betas` are those that the effort needs."""

    max_tokens: int
    thinking: dict[str, Any] | None = None
    effort: Effort | None = None
    betas: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        """Thinking was asked for: no prefill, no forced tools, hardly any sampling then."""
        return self.thinking is not None and self.thinking["type"] in ("enabled", "adaptive")


def plan_of(chat: ChatRequest, facts: ModelFacts, settings: Claude, notes: Notes, *, cloud: Cloud, lost: bool) -> Plan:
    """The plan for a request. `lost`: see `thoughts_lost`; thinking by a budget can't go on then, while adaptive
    thinking doesn't mind."""
    planner = _Planner(chat, facts, settings, notes, cloud)
    thinking = planner.bound(planner.thinking(lost))
    return planner.with_room(thinking, planner.effort(thinking))


def thoughts_lost(turns: Turns) -> bool:
    """Whether the chat is amid a run of tool calls that does not begin with thinking. A run reaches back to the user's
    last turn without a result; only its first turn has to have the thinking."""
    first = next(iter(reversed(_run(turns))), [])
    return _has(first, "tool_use") and first[0].get("type") not in THOUGHTS


def forget_thoughts(turns: Turns) -> None:
    """Takes the thinking out: older models that aren't asked to think may refuse it in the run of tool calls that the
    chat is amid. They ignore it elsewhere, but a thought that came back later would make it another prompt."""
    for _, blocks in turns:
        blocks[:] = [block for block in blocks if block.get("type") not in THOUGHTS]


def _run(turns: Turns) -> list[list[Block]]:
    """The blocks of the assistant's turns in the run, the last turn first."""
    run = []
    for role, blocks in reversed(turns):
        if role == "assistant":
            run.append(blocks)
        elif role == "user" and not _has(blocks, "tool_result"):
            break
    return run


def _has(blocks: Sequence[Block], kind: str) -> bool:
    return any(block.get("type") == kind for block in blocks)


class _Planner:
    """One request's wishes against one model's facts."""

    def __init__(self, chat: ChatRequest, facts: ModelFacts, settings: Claude, notes: Notes, cloud: Cloud) -> None:
        self._chat = chat
        self._wish = chat.thinking
        self._facts = facts
        self._settings = settings
        self._notes = notes
        self._cloud = cloud
        self._field = "thinking" if chat.thinking else "reasoning_effort"
        self._limit = min(facts.max_output, settings.max_output_tokens or facts.max_output)
        self._answer = chat.max_tokens or settings.default_max_tokens
        self._least = min(self._answer, _LEAST_ANSWER)

    # -- thinking -----------------------------------------------------------------------------------------------------

    def thinking(self, lost: bool) -> dict[str, Any] | None:
        """The `thinking` field, if there is to be one."""
        if self._wants_off():
            return self._off()
        if self._wish is None and self._chat.effort is None:
            return None
        facts, wish = self._facts, self._wish
        if facts.thinking == "none":
            self._notes.dropped(self._field, f"{facts.id} has no setting for thinking.")
            return None
        if facts.thinking != "manual":
            # Those that take both are given what the client wrote, unless that can't work.
            legacy = facts.thinking == "both" and wish is not None and wish.budget is not None and not lost
            return self._manual() if legacy else self._adaptive()
        if lost:
            self._notes.dropped(
                self._field, "The thinking that led to the last tool calls was not sent back; this call goes without."
            )
            return None
        return self._manual()

    def _wants_off(self) -> bool:
        if self._wish is not None:
            return self._wish.type in ("disabled", "between_tools")
        return self._chat.effort == "none"

    def _off(self) -> dict[str, Any] | None:
        """Whatever comes nearest to no thinking. Left out where the model does not think by itself."""
        facts = self._facts
        if facts.thinking != "adaptive" and facts.thinking_default == "off":
            return None
        if facts.thinking_off == "never":
            if self._wish is not None:
                self._notes.dropped("thinking", f"{facts.id} always thinks.")
            else:
                self._notes.add("clamped:reasoning_effort", f"{facts.id} always thinks; it was asked to think little.")
            return None
        if self._wish is not None and self._wish.type != facts.thinking_off:
            self._notes.add("rewrote:thinking", f'{facts.id} thinks least with the type "{facts.thinking_off}".')
        return {"type": facts.thinking_off}

    def _adaptive(self) -> dict[str, Any]:
        wish = self._wish
        if wish is not None and wish.type == "enabled":
            self._notes.add("rewrote:thinking", f"{self._facts.id} chooses by itself how much to think.")
        # Newer models leave the text out unless they are asked for it: then a client sees no reasoning at all.
        return {"type": "adaptive", "display": (wish and wish.display) or "summarized"}

    def _manual(self) -> dict[str, Any] | None:
        wish, limit = self._wish, self._limit
        if limit <= _LEAST_BUDGET:
            self._notes.dropped(self._field, f"{limit} tokens of output are no room to think.")
            return None
        if wish is not None and wish.type == "adaptive":
            self._notes.add("rewrote:thinking", f"{self._facts.id} thinks with a budget of tokens only.")
        asked = wish.budget if wish is not None and wish.budget is not None else self._budget()
        # Half is for the answer where the model, or the operator's cap, leaves too little for both.
        budget = max(asked if asked + self._least <= limit else limit // 2, _LEAST_BUDGET)
        if budget != asked:
            self._notes.add("clamped:thinking", f"The thinking has {budget} tokens instead of {asked}.")
        display = {"display": wish.display} if wish is not None and wish.display else {}
        return {"type": "enabled", "budget_tokens": budget, **display}

    def _budget(self) -> int:
        """For the effort that the client names; who only wants thinking gets what the model would spend by itself."""
        asked = self._chat.effort or self._chat.output_effort or self._facts.default_effort or _USUAL
        return next(budget for level, budget in _BUDGETS.items() if _RANKS[level] >= _RANKS[asked])

    def bound(self, thinking: dict[str, Any] | None) -> dict[str, Any] | None:
        """With the client's word on thoughts that don't fit the chat any more, where thoughts are bound to it."""
        wish = self._wish
        if wish is None or not wish.binding:
            return thinking
        if self._facts.thinking_bound and thinking is not None and thinking["type"] == "adaptive":
            return {**thinking, "block_binding": wish.binding}
        self._notes.dropped("thinking.block_binding", f"{self._facts.id} has no such setting here.")
        return thinking

    # -- effort -------------------------------------------------------------------------------------------------------

    def effort(self, thinking: Mapping[str, Any] | None) -> Effort | None:
        """The `output_config.effort`, if there is to be one: Anthropic's own field first, then OpenAI's, then what a
        budget says that the model doesn't take as such."""
        facts, chat = self._facts, self._chat
        mode = thinking["type"] if thinking else None
        asked: str | None
        if chat.output_effort is not None:
            asked, field = chat.output_effort, "output_config.effort"
        elif chat.effort not in (None, "none") and facts.thinking in ("both", "adaptive") and mode != "enabled":
            asked, field = chat.effort, "reasoning_effort"
        elif mode == "adaptive" and self._wish is not None and self._wish.budget is not None:
            asked, field = _nearest(self._wish.budget), "thinking"
        elif self._wants_off() and mode is None and facts.thinking_off == "never":
            return next(iter(self._levels(mode)), None)
        else:
            return None
        levels = self._levels(mode)
        if not levels and mode == "enabled" and chat.effort is None and self._wish and self._wish.budget is None:
            return None  # the budget says it
        if not levels:
            self._notes.dropped(field, f"{facts.id} takes no effort here.")
            return None
        level = next((level for level in levels if _RANKS[level] >= _RANKS[asked]), levels[-1])
        if level != asked:
            self._notes.add(f"clamped:{field}", f"{facts.id} has the effort {level} instead of {asked} here.")
        return level

    def _levels(self, mode: str | None) -> tuple[Effort, ...]:
        """What the model has in this cloud, and next to this kind of thinking; lowest first."""
        if self._facts.effort_beta and not self._betas():
            return ()
        ceilings = [
            self._facts.bedrock_effort_ceiling if self._cloud == "bedrock" else None,
            self._facts.thinking_off_max_effort if mode in ("disabled", "between_tools") else None,
        ]
        highest = min(_RANKS[ceiling or "max"] for ceiling in ceilings)
        return tuple(level for level in _BUDGETS if level in self._facts.effort and _RANKS[level] <= highest)

    def _betas(self) -> tuple[str, ...]:
        """What `effort` needs, where the cloud has it."""
        name = beta_name(self._facts.effort_beta, self._cloud) if self._facts.effort_beta else None
        return (name,) if name else ()

    # -- room ---------------------------------------------------------------------------------------------------------

    def with_room(self, thinking: dict[str, Any] | None, effort: Effort | None) -> Plan:
        """With `max_tokens`: thinking counts against it, and a budget has to be below it, with an answer's room."""
        asked, limit, answer, thinks = self._chat.max_tokens, self._limit, self._answer, self._may_think(thinking)
        room = min(max(answer, _ROOM_TO_THINK) if asked is None and thinks else answer, limit)
        if asked is not None and asked > limit:
            self._notes.add("clamped:max_tokens", f"max_tokens was lowered from {asked} to the limit of {limit}.")
        budget = thinking.get("budget_tokens", 0) if thinking else 0
        small = thinks and asked is not None and asked < _LITTLE_ROOM
        if budget:
            if room - budget < self._least:
                # Who allows no more than the budget has not counted the thinking.
                left = answer if asked is None or room <= budget else self._least
                raised = min(budget + left, limit)
                if asked is not None and raised > room:
                    detail = f"max_tokens was raised from {asked} to {raised}: thinking counts."
                    self._notes.add("raised:max_tokens", detail)
                room = raised
            small = room - budget < self._least
        if small:
            self._notes.add("small:max_tokens", f"Thinking counts: of {room} tokens few may be left for the answer.")
        return Plan(room, thinking, effort, self._betas() if effort else ())

    def _may_think(self, thinking: Mapping[str, Any] | None) -> bool:
        if thinking is not None:
            return bool(thinking["type"] != "disabled")
        return self._facts.thinking_default == "on"


def _nearest(budget: int) -> Effort:
    """The effort whose budget is the nearest one, as a ratio."""
    if budget < 2048:
        return "low"
    if budget < 8192:
        return "medium"
    return "high" if budget < 24576 else "xhigh"
