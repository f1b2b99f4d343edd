"""A `ChatRequest` as the body of Anthropic's Messages API, for the model that will read it (TRANSLATION.md 1 and 2).

Turns are built looking back and hardly ahead, so that the translation of a longer conversation begins with that of the
shorter one and the prompt cache holds. The exceptions: a last assistant turn (prefill), a last empty turn, and a
system message with a user's after it, which is no system turn then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..models.catalog import ModelFacts
from ..notes import Notes
from ..openai.media import Image
from ..openai.request import ChatRequest, Message, Role
from ..settings import Claude

Block = dict[str, Any]

_PLACEHOLDER = "."  # stands for a user turn that is empty but must be there
_ROOM_TO_THINK = 16384  # tokens: thinking counts against max_tokens


@dataclass(slots=True)
class _Turn:
    role: Role
    blocks: list[Block]


def claude_body(chat: ChatRequest, facts: ModelFacts, settings: Claude, notes: Notes, sampling: bool) -> dict[str, Any]:
    """The body without what belongs to the cloud (model, version). `sampling` is false where the API version has no
    sampling parameters at all (2026-10-21)."""
    system, messages = _split_system(chat.messages, settings.mid_system == "hoist", notes)
    turns = _turns(
        messages, inline=facts.mid_system and settings.mid_system == "inline", settings=settings, notes=notes
    )
    _put_ends_right(turns, facts, settings, notes)
    body: dict[str, Any] = {"messages": [{"role": turn.role, "content": turn.blocks} for turn in turns]}
    if blocks := [block for message in system for block in _blocks(message, settings, notes)]:
        body["system"] = blocks
    body["max_tokens"] = _max_tokens(chat, facts, settings, notes)
    body |= _sampling(chat, sampling and facts.sampling != "none", notes)
    if chat.stop:
        body["stop_sequences"] = list(chat.stop)
    if chat.stream:
        body["stream"] = True
    return body


def _split_system(
    messages: Sequence[Message], hoist: bool, notes: Notes
) -> tuple[Sequence[Message], Sequence[Message]]:
    """The system messages at the front (with `hoist` those of all places) and the others. The API wants a turn, so the
    last of a prompt of system messages only becomes one. Those after a last assistant's turn stay where they are: they
    ask for another one, and without them that turn would be a prefill."""
    if all(message.role == "system" for message in messages):
        notes.add("rewrote:system", "There are system messages only; the last became the user's turn.")
        return messages[:-1], [replace(messages[-1], role="user")]
    if hoist:
        last = max(index for index, message in enumerate(messages) if message.role != "system")
        end = last + 1 if messages[last].role == "assistant" else len(messages)
        others = [message for message in messages[:end] if message.role != "system"]
        return [message for message in messages[:end] if message.role == "system"], [*others, *messages[end:]]
    front = next(index for index, message in enumerate(messages) if message.role != "system")
    return messages[:front], messages[front:]


# -- turns ------------------------------------------------------------------------------------------------------------


def _turns(messages: Sequence[Message], inline: bool, settings: Claude, notes: Notes) -> list[_Turn]:
    """Messages as turns of alternating roles; `inline` allows system turns where the API does: after a user's turn,
    and last or before an assistant's."""
    all_said = [(message.role, _blocks(message, settings, notes)) for message in messages]
    said = [(role, blocks) for role, blocks in all_said if blocks or role == "user"]
    turns: list[_Turn] = []
    for (role, blocks), next_role in zip(said, _next_roles(said), strict=True):
        last = turns[-1].role if turns else None
        if role != "system" or (inline and last in ("user", "system") and next_role in ("assistant", None)):
            turn = _Turn(role, blocks)
        else:
            turn = _Turn("user", _as_user(blocks, notes))
        if not turn.blocks and last != "assistant":
            continue
        if turn.role == last:
            _join(turns[-1], turn.blocks)
            notes.add("merged", "Messages of one role in a row were joined into one turn.")
        else:
            turns.append(turn)
    for turn in turns:
        turn.blocks = turn.blocks or [_text(_PLACEHOLDER)]  # a user's empty turn, with an assistant's before and after
    return turns


def _next_roles(said: Sequence[tuple[Role, list[Block]]]) -> list[Role | None]:
    """For each message the role of the next one that says something and is no system message; `None` at the end."""
    roles: list[Role | None] = []
    upcoming: Role | None = None
    for role, blocks in reversed(said):
        roles.append(upcoming)
        if blocks and role != "system":
            upcoming = role
    return roles[::-1]


def _as_user(blocks: list[Block], notes: Notes) -> list[Block]:
    notes.add("rewrote:system", "A system message amid the chat became user text in <system> tags.")
    return [_text(f"<system>{''.join(block['text'] for block in blocks)}</system>")]


def _join(turn: _Turn, blocks: list[Block]) -> None:
    """Claude reads blocks without anything between them, so that the later text brings its own blank line: the earlier
    one stays as it was, and with it the cache."""
    if turn.blocks and blocks and turn.blocks[-1]["type"] == blocks[0]["type"] == "text":
        blocks = [_text("\n\n" + blocks[0]["text"]), *blocks[1:]]
    turn.blocks += blocks


def _put_ends_right(turns: list[_Turn], facts: ModelFacts, settings: Claude, notes: Notes) -> None:
    """The first turn is the user's; the last may be the assistant's only where the model continues it."""
    if not turns:
        turns.append(_Turn("user", [_text(_PLACEHOLDER)]))
    if turns[0].role == "assistant":
        turns.insert(0, _Turn("user", [_text(settings.first_user_text)]))
        notes.add("added:first_user", "The chat began with the assistant; a short user turn was put before it.")
    if turns[-1].role != "assistant":
        return
    last = turns[-1].blocks[-1]
    last["text"] = last["text"].rstrip()  # the API refuses white space at the end of a prefill
    if not facts.prefill:
        turns.append(_Turn("user", [_text(settings.continue_text)]))
        notes.add("added:continue", f"{facts.id} takes no prefill; it was asked to continue the last message instead.")


# -- blocks -----------------------------------------------------------------------------------------------------------


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _blocks(message: Message, settings: Claude, notes: Notes) -> list[Block]:
    """What a message says: texts that are not blank, and the user's images."""
    blocks: list[Block] = []
    name = message.name.strip() if message.name and settings.names else ""
    for part in message.parts:
        if isinstance(part, Image):
            if message.role == "user":
                source = {"type": "base64", "media_type": part.media_type, "data": part.data}
                blocks.append({"type": "image", "source": source})
            else:
                field = f"messages[{message.index}].content"
                notes.dropped(field, f"Claude takes no images from the {message.role}.", code=f"{message.role}_image")
        elif part and not part.isspace():
            prefix = f"{name}: " if name and not part.startswith(f"{name}:") else ""
            blocks.append(_text(prefix + part))
            name = ""
    return blocks


# -- parameters -------------------------------------------------------------------------------------------------------


def _max_tokens(chat: ChatRequest, facts: ModelFacts, settings: Claude, notes: Notes) -> int:
    limit = min(facts.max_output, settings.max_output_tokens or facts.max_output)
    if chat.max_tokens is None:
        default = settings.default_max_tokens
        return min(max(default, _ROOM_TO_THINK) if facts.thinking_default == "on" else default, limit)
    if chat.max_tokens > limit:
        notes.add("clamped:max_tokens", f"max_tokens was lowered from {chat.max_tokens} to the limit of {limit}.")
    return min(chat.max_tokens, limit)


def _sampling(chat: ChatRequest, allowed: bool, notes: Notes) -> dict[str, Any]:
    """Temperature, top_p and top_k within Claude's ranges. 1 is the default of the first two, so that 1 asks for
    nothing; of the two only one may be given, and the temperature wins."""
    if not allowed:
        for name, value in (("temperature", chat.temperature), ("top_p", chat.top_p), ("top_k", chat.top_k)):
            if value is not None and (value != 1 or name == "top_k"):
                notes.dropped(name, f"This model takes no {name}.")
        return {}
    temperature = _clamped("temperature", chat.temperature, notes)
    top_p = _clamped("top_p", chat.top_p, notes)
    if top_p == 1:
        top_p = None
    if temperature is not None and top_p is not None:
        if temperature == 1:
            temperature = None
        else:
            top_p = None
            notes.dropped("top_p", "Claude takes temperature or top_p, not both; temperature was kept.")
    given = {"temperature": temperature, "top_p": top_p, "top_k": chat.top_k}
    return {name: value for name, value in given.items() if value is not None}


def _clamped(name: str, value: float | None, notes: Notes) -> float | None:
    if value is None or 0 <= value <= 1:
        return value
    notes.add(f"clamped:{name}", f"{name} was {value:g}; Claude's range is 0 to 1.")
    return min(max(value, 0.0), 1.0)
