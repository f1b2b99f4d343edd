"""A conversation as the turns of Anthropic's Messages API (TRANSLATION.md 2).

A longer conversation's system prompt and turns begin with those of the shorter one, block by block, so that the prompt
cache holds and thinking stays bound to what stood before it: nearly everything is made looking back. The exceptions,
none of which changes anything before the last turn that the assistant spoke:

1. A conversation that ends with the assistant is closed for the model: a text (a prefill) loses the white space at its
   end or is followed by a turn that asks to continue it, calls are followed by results that say that there are none.
   A text whose calls come after all may be a turn that is remembered.
2. A user's turn at the end in which nothing is said is a placeholder, which goes when something is said after it.
3. System turns at the end become text of the user's turn when more of the user's text comes after them.
4. A tool's result that comes when the model was asked already: it takes the place of the one that said that there is
   none, is added to the one before, or stands before what the user said meanwhile.

And two that change the very beginning:

5. A prompt of system messages only lends its last one to the user, until somebody else speaks.
6. With `mid_system: hoist` later system messages go to the front.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from ..notes import Notes
from ..openai.chat import Message, Text
from ..settings.values import Claude
from .claude_blocks import Block, content_blocks, extend, input_of, mark, tagged, text_block, thought_blocks
from .claude_pairing import CallIds, OpenCalls, Said

if TYPE_CHECKING:
    from .claude_tools import ToolNames

__all__ = ["Block", "Recall", "Turn", "put_ends_right", "split_system", "system_blocks", "turns_of"]

_PLACEHOLDER = "."  # stands for a user turn that is empty but must be there
_MERGED = "Messages of one role in a row were joined into one turn."


@dataclass(slots=True)
class Turn:
    """What one side says until the other does, as blocks of the API; `system` turns only where the API takes them."""

    role: Literal["user", "assistant", "system"]
    blocks: list[Block]


Recall = Callable[[Sequence[Turn], Message], list[Block] | None]
"""An assistant's turn with calls as the model wrote it, if it is remembered: blocks that are the caller's own, with a
`tool_use` for each call in their order. It is given the message, and all turns before it, which are complete."""


def split_system(messages: Sequence[Message], hoist: bool, notes: Notes) -> tuple[Sequence[Message], Sequence[Message]]:
    """The system messages at the front (with `hoist` those of all places) and the others. The API wants a turn, so the
    last of a prompt of system messages only becomes one. Those after a last assistant's turn stay where they are: they
    ask for another one, and without them that turn would be a prefill."""
    if all(message.role == "system" for message in messages):
        notes.add("rewrote:system", "There are system messages only; the last became the user's turn.")
        last = max((index for index, message in enumerate(messages) if _says_something(message)), default=0)
        return messages[:last], [replace(messages[last], role="user")]
    if hoist:
        last = max(index for index, message in enumerate(messages) if message.role != "system")
        end = last + 1 if messages[last].role == "assistant" else len(messages)
        others = [message for message in messages[:end] if message.role != "system"]
        return [message for message in messages[:end] if message.role == "system"], [*others, *messages[end:]]
    front = next(index for index, message in enumerate(messages) if message.role != "system")
    return messages[:front], messages[front:]


def _says_something(message: Message) -> bool:
    return any(isinstance(part, Text) and part.text.strip() for part in message.parts)


def system_blocks(messages: Sequence[Message], settings: Claude, notes: Notes) -> list[Block]:
    """The top-level `system`: a block for each text that is not blank."""
    blocks: list[Block] = []
    for message in messages:
        extend(blocks, _marked(message, content_blocks(message, settings.names, notes)))
    return blocks


def turns_of(
    messages: Sequence[Message],
    names: ToolNames,
    *,
    inline: bool,
    settings: Claude,
    notes: Notes,
    recall: Recall,
    id_marks: str = "",
) -> list[Turn]:
    """Messages as turns of alternating roles, the user's first. `inline` allows system turns where the API does: after
    a user's turn, and last or before an assistant's. Calls have their results directly after them; `id_marks` see
    `CallIds`. An assistant's turn may still be the last: see `put_ends_right`. Raises `InvalidRequest` for a part that
    nobody fetched."""
    conversation = _Conversation(names, settings, notes, recall, inline=inline, ids=CallIds(id_marks))
    for assistant, stretch in groupby(_said(messages, settings, notes), key=lambda one: one[0].role == "assistant"):
        if assistant:
            conversation.speak(list(stretch))
        else:
            conversation.listen(list(stretch))
    conversation.listen([])
    return conversation.turns


def put_ends_right(turns: list[Turn], *, prefill: bool, model: str, settings: Claude, notes: Notes) -> None:
    """The turns of `turns_of`, made to end as the model wants: with the user, or with an assistant's text where
    `prefill` says that it is continued."""
    if not turns:
        turns.append(Turn("user", [text_block(_PLACEHOLDER)]))
    if turns[-1].role != "assistant":
        return
    blocks = turns[-1].blocks  # the last is a text: calls have their results in another turn, thoughts their calls
    blocks[-1] = blocks[-1] | {"text": blocks[-1]["text"].rstrip()}  # the API refuses white space at the end
    if not prefill:
        turns.append(Turn("user", [text_block(settings.continue_text)]))
        notes.add("added:continue", f"{model} takes no prefill; it was asked to continue the last message instead.")


def _said(messages: Sequence[Message], settings: Claude, notes: Notes) -> list[Said]:
    """The messages that count: a user's and a tool's always, since somebody waits for an answer to them."""
    said = []
    for message in messages:
        blocks = content_blocks(message, settings.names, notes)
        if blocks or message.calls or message.role in ("user", "tool"):
            said.append((message, blocks))
        elif message.thoughts:
            _tell_lost_thoughts(notes)
    return said


def _tell_lost_thoughts(notes: Notes) -> None:
    # No `dropped`, which strict settings refuse: a client that sends back what it got does nothing wrong.
    notes.add("dropped:thinking_blocks", "Thinking is sent back in turns with tool calls only.")


def _marked(message: Message, blocks: list[Block]) -> list[Block]:
    mark(blocks, message.cache)
    return blocks


class _Conversation:
    """The turns so far. Stretches of assistant messages are spoken, those of all others between them are heard."""

    def __init__(
        self, names: ToolNames, settings: Claude, notes: Notes, recall: Recall, *, inline: bool, ids: CallIds
    ) -> None:
        self.turns: list[Turn] = []
        self._names = names
        self._inline = inline
        self._settings = settings
        self._notes = notes
        self._recall = recall
        self._ids = ids
        self._calls = OpenCalls()  # of the last turn

    def speak(self, said: Sequence[Said]) -> None:
        """An assistant's turn, of one message at least."""
        if not self.turns:
            self.turns.append(Turn("user", [text_block(self._settings.first_user_text)]))
            self._notes.add(
                "added:first_user", "The chat began with the assistant; a short user turn was put before it."
            )
        (first, texts), *others = said
        if others and not first.calls and not others[0][1]:
            # SillyTavern sends what the model wrote as two messages: its text, then its calls.
            (calls, _), *others = others
            thoughts, cache = calls.thoughts or first.thoughts, calls.cache or first.cache
            first = replace(calls, parts=first.parts, thoughts=thoughts, cache=cache)
            self._notes.add("merged", _MERGED)
        turn = Turn("assistant", _marked(first, self._recalled(first) or self._written(first, texts)))
        for message, texts in others:
            self._join(turn, _marked(message, self._written(message, texts)))
        self.turns.append(turn)

    def listen(self, said: Sequence[Said]) -> None:
        """What comes between two assistant's turns, or at an end: results first, then the others in their order."""
        start = len(self.turns)
        said = self._calls.sort(said, self._notes)
        if results := self._calls.results(self._notes):
            self.turns.append(Turn("user", results))
        self._calls = OpenCalls()
        users = (place for place, (message, blocks) in enumerate(said) if blocks and message.role != "system")
        last_user = max(users, default=-1)
        for place, (message, blocks) in enumerate(said):
            if message.role == "system":
                self._hear_system(_marked(message, blocks), before_assistant=place > last_user)
            else:
                self._hear(_marked(message, blocks))
        for turn in self.turns[start:]:
            turn.blocks = turn.blocks or [text_block(_PLACEHOLDER)]

    def _hear(self, blocks: list[Block]) -> None:
        last = self.turns[-1].role if self.turns else None
        if last == "user":
            if blocks:
                self._join(self.turns[-1], blocks)
        elif blocks or last == "assistant":
            self.turns.append(Turn("user", blocks))

    def _hear_system(self, blocks: list[Block], before_assistant: bool) -> None:
        last = self.turns[-1].role if self.turns else None
        if not (self._inline and before_assistant and last in ("user", "system")):
            self._notes.add("rewrote:system", "A system message amid the chat became user text in <system> tags.")
            self._hear([tagged(blocks)])
        elif last == "system":
            self._join(self.turns[-1], blocks)
        else:
            self.turns.append(Turn("system", blocks))

    def _join(self, turn: Turn, blocks: list[Block]) -> None:
        if not (turn.blocks and turn.blocks[-1]["type"] == "tool_result"):
            self._notes.add("merged", _MERGED)
        extend(turn.blocks, blocks)

    def _recalled(self, message: Message) -> list[Block] | None:
        blocks = self._recall(self.turns, message) if message.calls else None
        uses = [block for block in blocks or () if block["type"] == "tool_use"]
        if not blocks or any(use["id"] in self._ids for use in uses):
            return None
        for call, use in zip(message.calls, uses, strict=True):
            self._calls.add(self._ids.take(use["id"]), call.id, call.name)
        for part in message.parts:
            mark(blocks, part.cache)
        return blocks

    def _written(self, message: Message, texts: list[Block]) -> list[Block]:
        """The turn as the client tells it: thoughts, texts, calls."""
        uses: list[Block] = []
        for place, call in enumerate(message.calls):
            if self._calls.knows(call.id):
                field = f"messages[{message.index}].tool_calls[{place}].id"
                self._notes.dropped(field, "A second call with the same id was left out.", code="tool_call")
                continue
            made = f"fn_{message.index}_{call.name}" if message.legacy else f"call_{message.index}_{place}"
            call_id = self._ids.take(call.id or made)
            if call.id and call_id != call.id:
                self._notes.add("rewrote:tool_call_id", "A tool call's id was invalid or used before; it has another.")
            self._calls.add(call_id, call.id, call.name)
            arguments = input_of(call.arguments, self._notes)
            uses.append({"type": "tool_use", "id": call_id, "name": self._names.cloud(call.name), "input": arguments})
        if message.thoughts and not uses:
            _tell_lost_thoughts(self._notes)
        return [*(thought_blocks(message.thoughts) if uses else ()), *texts, *uses]
