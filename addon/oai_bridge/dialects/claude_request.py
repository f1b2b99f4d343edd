"""A `ChatRequest` as the body of Anthropic's Messages API, for the model that will read it (TRANSLATION.md 1 and 2).

Here the parts are put together; each of them has its own file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Literal

from ..models.catalog import Cloud, ModelFacts
from ..notes import Notes
from ..openai.chat import ChatRequest, Message, Office, Text
from ..openai.media import refuse_office
from ..settings.values import Claude
from .claude_betas import BINDING, CONTEXT_1M, CONTEXT_MANAGEMENT, allowed_betas, beta_name, search_beta
from .claude_blocks import extend, text_block
from .claude_cache import count_points, fit_hours, make_legal, place_automatic
from .claude_format import format_of
from .claude_memory import TurnMemory, digest
from .claude_thinking import forget_thoughts, plan_of, thoughts_lost
from .claude_tools import ToolNames, names_of, tools_of
from .claude_turns import Block, Turn, put_ends_right, split_system, system_blocks, turns_of
from .reading import Reading, Translated

_NO_TIERS: Mapping[str, str] = MappingProxyType({})
_MILLION = 1_000_000  # tokens of context
_LEAST_TOP_P = 0.95  # that goes with thinking
_USER_LIMIT = 255  # characters
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def claude_body(
    chat: ChatRequest,
    facts: ModelFacts,
    settings: Claude,
    notes: Notes,
    *,
    cloud: Cloud,
    sampling: bool,
    memory: TurnMemory,
    name_limit: int = 128,
    id_marks: str = "",
    tiers: Mapping[str, str] = _NO_TIERS,
    office: bool = False,
) -> Translated:
    """The request without what belongs to the cloud (model, version). `sampling` is false where the API version has no
    sampling parameters at all (2026-10-21). A tool's name has at most `name_limit` characters, and a call's id may have
    `id_marks` besides the usual ones; `tiers` are the client's words for a service tier to the cloud's; `office`: files
    of Word and Excel may be sent. Raises `InvalidRequest`."""
    if not office:
        _refuse_office(chat)
    front, messages = split_system(chat.messages, settings.mid_system == "hoist", notes)
    system = system_blocks(front, settings, notes)
    names = names_of(chat, cloud, name_limit)
    past = _Past(memory, facts.id, names, [*(_bound_beside(chat) if facts.thinking_bound else []), *system])
    inline = facts.mid_system and settings.mid_system == "inline"
    turns = turns_of(
        messages, names, inline=inline, settings=settings, notes=notes, recall=past.recall, id_marks=id_marks
    )
    # Whether it thinks decides what else the API takes: forced tools, sampling, a prefill.
    said = [(turn.role, turn.blocks) for turn in turns]
    plan = plan_of(chat, facts, settings, notes, cloud=cloud, lost=thoughts_lost(said))
    if not facts.thinking_back or (facts.thinking != "adaptive" and not plan.active):
        forget_thoughts(said)
    bound = plan.active and facts.reasoning == "claude"  # other vendors' models take it all while they think
    forced = facts.forced_tools and not bound
    tools = tools_of(chat, names, facts, cloud, forced=forced, notes=notes)
    callable_tools = bool(tools.definitions) and tools.choice != {"type": "none"}
    wanted = format_of(chat.format, names, facts, cloud, forced=forced, has_tools=callable_tools, notes=notes)
    prefill = facts.prefill and not (bound or wanted.output_format or wanted.tool)
    put_ends_right(turns, prefill=prefill, model=facts.id, settings=settings, notes=notes)

    body: dict[str, Any] = {"messages": [{"role": turn.role, "content": turn.blocks} for turn in turns]}
    prompt = [*system]
    extend(prompt, [text_block(wanted.instruction)] if wanted.instruction else [])
    output_config = {"format": wanted.output_format, "effort": plan.effort}
    parts = {
        "system": prompt,
        "tools": [*tools.definitions, *([wanted.tool] if wanted.tool else [])],
        "tool_choice": _only(wanted.tool["name"]) if wanted.tool else tools.choice,
        "thinking": plan.thinking,
        "output_config": {key: value for key, value in output_config.items() if value is not None},
        "max_tokens": plan.max_tokens,
        "stop_sequences": list(chat.stop),
        "metadata": {"user_id": _user_id(chat.user)} if settings.send_user and chat.user else None,
        "service_tier": _tier(chat, tiers, notes),
        "stream": chat.stream,
        "context_management": _context_management(chat, cloud, notes),
    }
    body |= {key: value for key, value in parts.items() if value}
    body |= _sampling(chat, facts.sampling if sampling else "none", bound, notes)
    if chat.cache or (settings.cache == "auto" and not count_points(body)):
        place_automatic(body, chat.cache or settings.cache_ttl, facts.prompt_cache_min_tokens)
    fit_hours(body, facts, cloud, notes)
    make_legal(body, notes)

    keep = bool(tools.definitions)
    answer_tool = wanted.tool["name"] if wanted.tool else None
    reading = Reading(names.back, tools.custom, answer_tool, keep)
    betas = dict.fromkeys([*_betas(chat, facts, cloud, notes), *plan.betas, *_needed(body, cloud)])
    return Translated(body, reading, tuple(betas), past.upto(turns) if keep else b"")


class _Past:
    """What the memory knows of this chat's earlier turns; `front` is what stands before the first."""

    def __init__(self, memory: TurnMemory, model: str, names: ToolNames, front: list[Block]) -> None:
        self._memory = memory
        self._model = model
        self._names = names
        self._front = front
        self._digest = b""
        self._turns = 0

    def upto(self, turns: Sequence[Turn]) -> bytes:
        """The digest of the front and `turns`, which begin with those of the call before: all is read once."""
        if not self._digest:
            self._digest = digest([Turn("system", self._front)])
        self._digest = digest(turns[self._turns :], self._digest)
        self._turns = len(turns)
        return self._digest

    def recall(self, turns: Sequence[Turn], message: Message) -> list[Block] | None:
        """See `claude_turns.Recall`."""
        calls = [replace(call, name=self._names.cloud(call.name)) for call in message.calls]
        text = "".join(part.text for part in message.parts if isinstance(part, Text))
        return self._memory.recall(self._model, self.upto(turns), calls, text)


def _refuse_office(chat: ChatRequest) -> None:
    asking = chat.asking
    for message in chat.messages:
        for part in message.parts:
            if isinstance(part, Office) and message.role in asking:
                refuse_office(part)


def _bound_beside(chat: ChatRequest) -> list[Block]:
    """What a thought may be bound to besides the system prompt and the turns: whatever changes the tools, or is added
    to the system prompt."""
    tools = [
        {"name": tool.name, "description": tool.description, "schema": tool.parameters, "strict": tool.strict}
        for tool in chat.tools
    ]
    allowed = chat.tool_choice.allowed if chat.tool_choice else None
    search = (chat.web_search.context_size, chat.web_search.location) if chat.web_search else None
    any_json = chat.format is not None and chat.format.schema is None
    return [*tools, {"allowed": allowed, "search": search, "any_json": any_json}]


def _only(tool: str) -> dict[str, Any]:
    return {"type": "tool", "name": tool, "disable_parallel_tool_use": True}


def _sampling(chat: ChatRequest, taken: Literal["free", "one", "none"], thinks: bool, notes: Notes) -> dict[str, Any]:
    """Temperature, top_p and top_k within their ranges, as far as they are `taken`. Where only one of the first two may
    be given, the temperature wins; 1 is their default there, so that 1 asks for nothing."""
    wished = {"temperature": chat.temperature, "top_p": chat.top_p, "top_k": chat.top_k}
    given = {name: value for name, value in wished.items() if value is not None}
    if taken == "none" or thinks:
        kept: dict[str, Any] = {}
        for name, value in given.items():
            if taken != "none" and name == "top_p" and _LEAST_TOP_P <= value < 1:
                kept[name] = value
            elif value != 1 or name == "top_k":
                notes.dropped(name, f"This model takes no {name}{' while it thinks' if taken != 'none' else ''}.")
        return kept
    for name in [name for name in ("temperature", "top_p") if name in given]:
        given[name] = _clamped(name, given[name], notes)
    if taken == "free":
        return given
    if given.get("top_p") == 1:
        del given["top_p"]
    if given.keys() >= {"temperature", "top_p"}:
        if given["temperature"] == 1:
            del given["temperature"]
        else:
            del given["top_p"]
            notes.dropped("top_p", "This model takes temperature or top_p, not both; temperature was kept.")
    return given


def _clamped(name: str, value: float, notes: Notes) -> float:
    if 0 <= value <= 1:
        return value
    notes.add(f"clamped:{name}", f"{name} was {value:g}; the range is 0 to 1.")
    return min(max(value, 0.0), 1.0)


def _tier(chat: ChatRequest, tiers: Mapping[str, str], notes: Notes) -> str | None:
    tier = chat.service_tier
    if tier and tier in tiers:
        return tiers[tier]
    if tier not in (None, "auto", "default"):
        notes.dropped("service_tier", "This cloud has no such service tier.")
    return None


def _user_id(user: str) -> str:
    """What the client calls its user, or a hash of it where it is no opaque id as Anthropic wants one."""
    if len(user) <= _USER_LIMIT and user.isascii() and user.isprintable() and not _EMAIL.search(user):
        return user
    return sha256(user.encode("utf-8", "replace")).hexdigest()


def _context_management(chat: ChatRequest, cloud: Cloud, notes: Notes) -> dict[str, Any] | None:
    if not chat.context_management:
        return None
    if not beta_name(CONTEXT_MANAGEMENT, cloud):
        notes.dropped("context_management", "This cloud can't manage the context.")
        return None
    return dict(chat.context_management)


def _betas(chat: ChatRequest, facts: ModelFacts, cloud: Cloud, notes: Notes) -> tuple[str, ...]:
    """The client's own. Models that have the long context anyway refuse the beta for it."""
    long_anyway = facts.context >= _MILLION
    given = (beta for beta in chat.betas if not (long_anyway and beta == CONTEXT_1M))
    return allowed_betas(given, cloud, notes)


def _needed(body: dict[str, Any], cloud: Cloud) -> tuple[str, ...]:
    """Those that the cloud wants for what stands in the body."""
    wanted = {CONTEXT_MANAGEMENT: "context_management" in body, BINDING: "block_binding" in body.get("thinking", ())}
    names = (beta_name(beta, cloud) for beta, is_wanted in wanted.items() if is_wanted)
    return (*(name for name in names if name), *search_beta(body.get("tools"), cloud))
