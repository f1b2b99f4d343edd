"""What was changed in a prompt since the one before, by rule: in its tools, its system prompt, its messages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .cache_compare import Change, changed_span, changed_text, meeting, same_keys
from .cache_prompt import Prompt, Segment

_NAMES = 3  # that are told
_THOUGHTS = ('"type": "thinking"', '"type": "redacted_thinking"', '{"reasoningContent"')  # in the JSON of one
_FRONT = 4  # blocks at the beginning of a chat that its frontend may keep when it drops the oldest messages


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a cache missed, or that all is well. `text` says what happened and `remedy` what to do, "" for nothing, in
    a sentence or two. `normal` is what belongs to every chat."""

    code: str
    text: str
    remedy: str = ""
    normal: bool = False


_STABLE = "Keep them in one order and with the same words in each request: everything after them is paid for anew."
_LATE = "Put it at the end of the chat, or leave it out: all that stands after it is paid for anew."
_LORE = (
    "Let such entries stand near the end of the chat (a small depth), or make them constant: all that stands after "
    "them is paid for anew when they come and go."
)
_TRIM = (
    "Raise the frontend's context size, or summarize and drop many messages at once: otherwise each further turn drops "
    "some again, and all that is left is paid for anew."
)
_DEPTH = (
    "Put it into the system prompt, where it stands still, or at the very end: otherwise all that stands after its old "
    "place is paid for anew in each turn."
)
_EDIT = "Edit early messages rarely: all that stands after them is paid for anew, once."
_MACRO = (
    "Look for macros that change by themselves, such as {{random}}, {{roll}} or {{time}}, and remove them or put them "
    "at the end of the chat."
)


def changes(before: Prompt, now: Prompt) -> list[Reason]:
    """In the order in which the cache meets them; empty where `now` only goes on from `before`."""
    return [
        *_tool_changes(before.part("tools"), now.part("tools")),
        *_system_changes(before.part("system"), now.part("system")),
        *_message_changes(before.part("messages"), now.part("messages")),
    ]


def _tool_changes(before: Sequence[Segment], now: Sequence[Segment]) -> list[Reason]:
    old, new = {tool.name: tool.text for tool in before}, {tool.name: tool.text for tool in now}
    added, removed = [name for name in new if name not in old], [name for name in old if name not in new]
    changed = [name for name in new if name in old and old[name] != new[name]]
    found = []
    if added:
        found.append(Reason("tools_added", f"There are new tools: {_named(added)}.", _STABLE))
    if removed:
        found.append(Reason("tools_removed", f"There are tools no more: {_named(removed)}.", _STABLE))
    if changed and all(_same_json(old[name], new[name]) for name in changed):
        text = f"The fields inside of tools stand in another order: {_named(changed)}."
        found.append(Reason("keys_reordered", text, "Have the client write JSON with its keys in a fixed order."))
    elif changed:
        found.append(Reason("tools_changed", f"Tools have other words: {_named(changed)}.", _STABLE))
    if not found and [tool.text for tool in before] != [tool.text for tool in now]:
        found.append(Reason("tools_reordered", "The same tools stand in another order.", _STABLE))
    return found


def _system_changes(before: Sequence[Segment], now: Sequence[Segment]) -> list[Reason]:
    pairs = zip(before, now, strict=False)
    start = next(
        (i for i, (one, two) in enumerate(pairs) if (one.role, one.text) != (two.role, two.text)),
        min(len(before), len(now)),
    )
    old, new = before[start:], now[start:]
    if not old and not new:
        return []
    where = (new or old)[0].where
    met = meeting(old, new)
    if not old or (met and met[0] == 0 and met[1] > 0):
        text = f"A block was put into the system prompt ({where}), such as a lorebook entry that fired."
        return [Reason("system_inserted", text, _LORE)]
    if not new or (met and met[0] > 0 and met[1] == 0):
        text = f"A block of the system prompt has gone ({old[0].where}), such as a lorebook entry that fired no more."
        return [Reason("system_removed", text, _LORE)]
    return [_system_text(changed_text(old[0].text, new[0].text), where)]


def _system_text(change: Change, where: str) -> Reason:
    match change:
        case "date":
            text = f"{_capital(_the(where))} holds a date or a time, and it is another one now."
            return Reason("system_date", text, _LATE)
        case "inserted":
            text = f"A text was put into {_the(where)}, such as a lorebook entry that fired."
            return Reason("system_inserted", text, _LORE)
        case "removed":
            text = f"A text has gone from {_the(where)}, such as a lorebook entry that fired no more."
            return Reason("system_removed", text, _LORE)
        case "few":
            text = f"A few characters of {_the(where)} are different, as a macro or an edit makes them."
            return Reason("system_few", text, _MACRO)
        case "rewritten":
            remedy = (
                "If you did not edit it, look for what writes into it: lorebook entries, summaries, memories, macros, "
                "another character of a group chat (join the character cards)."
            )
            return Reason("system_changed", f"{_capital(_the(where))} is different.", remedy)


def _message_changes(before: Sequence[Segment], now: Sequence[Segment]) -> list[Reason]:
    start = same_keys(before, now)
    old, new = before[start:], now[start:]
    joined = _joined(before[:start], now[:start])
    if not old:
        return joined
    if not new:
        return [Reason("taken_back", "The chat was taken back to an earlier message.", normal=True)]
    return [*joined, _message_change(before, now, start)]


def _message_change(before: Sequence[Segment], now: Sequence[Segment], start: int) -> Reason:
    """They part after `start` blocks, and both go on."""
    old, new = before[start:], now[start:]
    met = meeting(old, new)
    if met is None:
        return _end_changed(before, old, new)
    gone, come = old[: met[0]], new[: met[1]]
    if all(_is_thought(segment) for segment in (*gone, *come)):
        text = (
            f"The thinking in {(gone or come)[0].where} {'is not sent any more' if gone else 'is sent again'}: it can "
            "go back to the model only while all before it is the same."
        )
        return Reason("thinking_changed", text, normal=True)
    if not gone and _moved(old, new, met[1]):
        return _moved_on(old)
    if not gone:
        return _come(come, now)
    if not come:
        return _gone(gone, start)
    if len(gone) == len(come) == 1:
        return _edited(gone[0], come[0])
    text = f"From {new[0].where} on, {len(gone)} blocks became {len(come)} others; after them the chat is the same."
    return Reason("messages_changed", text, _EDIT)


def _moved(old: Sequence[Segment], new: Sequence[Segment], come: int) -> bool:
    """Whether the block at which they part is a note that moves on with the chat: it stands again after `come` blocks.
    Either the chat goes on with what stood after it, or with an answer to what stood before it; where messages were put
    in between instead, the same ones as before come after it."""
    back = meeting(new, old)
    if back and back[0] == 0 and back[1] > 0:
        return not _answers(old[: back[1]])
    if old[0].role == "assistant" or not _answers(new[:come]):
        return False
    if _is_end(old):
        return old[0].role != "user" or new[0].role == "assistant"
    return [segment.key for segment in old[1:2]] != [segment.key for segment in new[come + 1 : come + 2]]


def _is_end(segments: Sequence[Segment]) -> bool:
    """Whether none of the model's answers is among them but the last message, with which it is told how to begin."""
    return not _answers([segment for segment in segments if segment.message != segments[-1].message])


def _moved_on(old: Sequence[Segment]) -> Reason:
    """A note stands at the beginning of `old`, with all that came after it."""
    if _is_end(old):
        text = (
            f"What was {old[0].where}, such as an author's note or post-history instructions, stands at the end of "
            "each prompt, and so is never in the cache; that costs little."
        )
        return Reason("moved_with_depth", text, normal=True)
    text = (
        f"{_capital(old[0].where)} stood at a fixed depth from the end, such as an author's note or a lorebook entry, "
        "and has moved on with the chat."
    )
    return Reason("moved_with_depth", text, _DEPTH)


def _is_thought(segment: Segment) -> bool:
    """A thought of Claude's, or one as Converse writes it."""
    return segment.kind == "other" and any(word in segment.text for word in _THOUGHTS)


def _come(come: Sequence[Segment], now: Sequence[Segment]) -> Reason:
    if _answers(come):
        text = f"Messages were put in between, from {come[0].where} on."
        return Reason("messages_inserted", text, _EDIT)
    depth = now[-1].message - come[-1].message
    text = (
        f"{_blocks(come)} put in at {come[0].where}, {_messages(depth)} from the end, such as a lorebook entry or an "
        "author's note."
    )
    return Reason("block_inserted", text, _LORE)


def _gone(gone: Sequence[Segment], start: int) -> Reason:
    if not _answers(gone):
        text = f"What was {gone[0].where} has gone, such as a lorebook entry that fired no more."
        return Reason("block_removed", text, _LORE)
    if start <= _FRONT:
        text = f"The oldest messages have gone ({len(gone)} blocks), as when the chat outgrows the context size."
        return Reason("front_trimmed", text, _TRIM)
    return Reason("messages_removed", f"Messages were removed, from what was {gone[0].where} on.", _EDIT)


def _edited(old: Segment, new: Segment) -> Reason:
    if "image" in (old.kind, new.kind):
        text = f"The picture in {new.where} is another one, or came or went."
        return Reason("image_changed", text, "Send pictures again byte for byte, or not at all.")
    if _same_json(old.text, new.text):
        text = f"The fields inside of {new.where} stand in another order."
        return Reason("keys_reordered", text, "Have the client write JSON with its keys in a fixed order.")
    change = changed_text(old.text, new.text)
    if change == "date":
        text = f"{_capital(new.where)} holds a date or a time, and it is another one now."
        return Reason("message_date", text, _LATE)
    return Reason("message_edited", f"An earlier message is different: {new.where}.", _EDIT)


def _end_changed(before: Sequence[Segment], old: Sequence[Segment], new: Sequence[Segment]) -> Reason:
    last = before[-1].message
    if old[0].role == "assistant" and not any(segment.role == "assistant" for segment in _later(old)):
        text = f"The model's last answer was replaced ({new[0].where}), as by a swipe."
        return Reason("answer_replaced", text, normal=True)
    if old[0].message == last and new[-1].message == last:
        return Reason("last_message_changed", f"The last message is another one ({new[0].where}).", normal=True)
    if old[0].message == last:
        return _block_changed(old[0], new)
    if old[0].role == new[0].role and changed_text(old[0].text, new[0].text) == "date":
        text = f"{_capital(new[0].where)} holds a date or a time, and it is another one now."
        return Reason("message_date", text, _LATE)
    return Reason("messages_changed", f"From {new[0].where} on, all is different.", _EDIT)


def _block_changed(old: Segment, new: Sequence[Segment]) -> Reason:
    """A block of the last message is another one or has gone, and the chat goes on."""
    others = (one for one in reversed(new) if (one.role, one.kind) == (old.role, old.kind))
    other = next((one for one in others if _alike(old.text, one.text)), None)
    if other and changed_text(old.text, other.text) == "date":
        text = f"{_capital(other.where)} holds a date or a time, and it is another one now."
        return Reason("message_date", text, _LATE)
    if other or (new[0].message, new[0].role) == (old.message, old.role):
        text = f"What was {old.where} has other words now, as a macro or an edit makes them."
        return Reason("block_changed", text, _MACRO)
    return Reason(
        "block_removed", f"What was {old.where} has gone, such as a lorebook entry that fired no more.", _LORE
    )


def _alike(old: str, new: str) -> bool:
    """Whether at least half of each is the beginning and the end of the other, too."""
    was, became = changed_span(old, new)
    return 2 * len(was) <= len(old) and 2 * len(became) <= len(new)


def _joined(before: Sequence[Segment], now: Sequence[Segment]) -> list[Reason]:
    for old, new in zip(before, now, strict=False):
        if old.text != new.text or old.message != new.message:
            text = f"{_capital(new.where)} was joined with what came after it, which adds white space or moves blocks."
            return [Reason("joined", text, "Let the user's and the model's messages take turns.", normal=True)]
    return []


def _later(segments: Sequence[Segment]) -> list[Segment]:
    """Those of later messages than the first."""
    return [segment for segment in segments if segment.message != segments[0].message]


def _answers(segments: Sequence[Segment]) -> bool:
    """Whether the model's own are among them: lorebook entries and notes are not the model's."""
    return any(segment.role == "assistant" for segment in segments)


def _same_json(old: str, new: str) -> bool:
    read_old, read_new = _read(old), _read(new)
    return isinstance(read_old, dict) and read_old == read_new


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _named(names: Sequence[str]) -> str:
    told = ", ".join(f"`{name}`" if name else "one without a name" for name in names[:_NAMES])
    return f"{told} and {len(names) - _NAMES} more" if len(names) > _NAMES else told


def _blocks(segments: Sequence[Segment]) -> str:
    return "A block was" if len(segments) == 1 else f"{len(segments)} blocks were"


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _the(where: str) -> str:
    """With an article, which "message 1 (system)" has none of."""
    return where if where.startswith("message") else f"the {where}"
