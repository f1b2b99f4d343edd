"""The page Changes: what became of each field of the client's request, what was changed, why, and by which rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from ..plain.jsontext import read_any, write
from .outline import blob
from .paper import Paper
from .told import Told, ToldNote

_SHOWN = 60  # characters of a value
_FIELDS_SHOWN = 5  # of an object
_DEPTH = 2  # levels of an object
_FIELDS = 300
_NOTES_SHOWN = 300
_OTHERS_WORDS = ("input_schema", "parameters", "input", "arguments", "schema", "inputSchema")
_RULES: Mapping[str, str] = {
    "dropped": "What the model or its cloud can't take is left out, and the chat goes on. With server: {strict: true} "
    "it is refused with a 400 instead.",
    "clamped": "A value outside what the model takes becomes the nearest one that it takes.",
    "rewrote": "The same meaning in the words that the model takes.",
    "merged": "The model takes turns of the user and the assistant that alternate; neighbours of one role become one.",
    "moved": "The model wants a tool's result directly after its call.",
    "added": "The model refuses chats without it.",
    "raised": "The model refuses a smaller number, or its thinking would leave next to nothing for the answer.",
    "small": "This is told only: a larger number costs more, so it is your choice.",
    "repaired": "The cloud refused the request, which was then sent once more without what it did not like.",
    "fallback": "models.fallbacks in config.yaml names models that are asked where the first one can't be had.",
    "unknown": "The cloud does not tell it, and the proxy does not guess.",
}
# Where a field of OpenAI's stands in the requests of clouds, by its path.
_ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "max_tokens": ("max_completion_tokens", "inferenceConfig.maxTokens"),
    "max_completion_tokens": ("max_tokens", "inferenceConfig.maxTokens"),
    "temperature": ("inferenceConfig.temperature",),
    "top_p": ("inferenceConfig.topP",),
    "top_k": ("additionalModelRequestFields.top_k", "additionalModelRequestFields.inferenceConfig.topK"),
    "stop": ("stop_sequences", "inferenceConfig.stopSequences"),
    "tools": ("toolConfig.tools",),
    "functions": ("tools", "toolConfig.tools"),
    "tool_choice": ("toolConfig.toolChoice",),
    "function_call": ("tool_choice", "toolConfig.toolChoice"),
    "reasoning_effort": ("output_config.effort", "thinking", "additionalModelRequestFields.thinking"),
    "thinking": ("additionalModelRequestFields.thinking",),
    "response_format": ("output_config.format", "outputConfig.textFormat"),
    "service_tier": ("serviceTier.type",),
    "user": ("metadata.user_id",),
    "input": ("texts", "inputText"),
}
_IN_THE_URL = ("model", "stream")


def changes_page(told: Told, request: bytes) -> str:
    """`request` is the client's body as it came, without any compression."""
    paper = Paper()
    last = next((one for one in reversed(told.attempts) if one.was_sent), None)
    if not told.notes:
        paper.line("Nothing was dropped, merged, clamped or rewritten beyond what another API's form demands.")
    _notes(paper, told.notes)
    ours, theirs = _object(request), _object(last.body.encode("utf-8", "replace")) if last else None
    if ours is None:
        paper.gap()
        paper.line("The request is no JSON object, so there are no fields to compare.")
    elif last is not None:
        _fields(paper, ours, theirs, told.notes)
    return str(paper)


def _notes(paper: Paper, notes: tuple[ToldNote, ...]) -> None:
    shown = sorted(notes[:_NOTES_SHOWN], key=lambda note: note.code.partition(":")[0])
    for kind, group in groupby(shown, key=lambda note: note.code.partition(":")[0]):
        paper.heading(kind)
        paper.table([(note.code.partition(":")[2] or kind, note.detail) for note in group], "  ")
        if rule := _RULES.get(kind):
            paper.text(f"Rule: {rule}", "  ")
    if len(notes) > _NOTES_SHOWN:
        paper.line(f"[… {len(notes) - _NOTES_SHOWN} more changes …]")


def _fields(paper: Paper, ours: dict[str, Any], theirs: dict[str, Any] | None, notes: tuple[ToldNote, ...]) -> None:
    paper.heading("field by field", "yours → the cloud's")
    if theirs is None:
        paper.line("  What was sent to the cloud is not kept as a whole, so it can't be compared.")
        return
    used: set[str] = set()
    left_out = {note.code.removeprefix("dropped:") for note in notes}
    inside = set(_names_inside(theirs)) - left_out
    shown = dict(list(ours.items())[:_FIELDS])
    sent = [(name, _became(name, value, theirs, inside, used)) for name, value in shown.items()]
    added = [(name, f"added: {_short(value)}") for name, value in theirs.items() if name not in used]
    paper.table([*sent, *added[:_FIELDS]], "  ")
    if len(ours) > _FIELDS:
        paper.line(f"[… {len(ours) - _FIELDS} more fields …]")


def _names_inside(value: Any) -> Iterator[str]:
    """The names of fields inside the request's fields, but for those in schemas and arguments, which are others'."""
    level = list(value.values()) if isinstance(value, dict) else []
    while level:
        item = level.pop()
        if isinstance(item, dict):
            yield from item
            level += [one for name, one in item.items() if name not in _OTHERS_WORDS]
        elif isinstance(item, list):
            level += item


def _became(name: str, value: Any, theirs: dict[str, Any], inside: set[str], used: set[str]) -> str:
    for path in (name, *_ELSEWHERE.get(name, ())):
        found = _at(theirs, path)
        if found is not None:
            used.add(path.partition(".")[0])
            place = "" if path == name else f" ({path})"
            return f"{_short(value)}{place}" if found == value else f"{_short(value)} → {_short(found)}{place}"
    if name in _IN_THE_URL:
        return f"{_short(value)} → in the URL"
    if name in inside:
        return f"{_short(value)} → inside other fields"
    if value in ([], {}, None, ""):
        return f"{_short(value)} → left out, it says nothing"
    return f"{_short(value)} → left out"


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _short(value: Any, depth: int = 0) -> str:
    if isinstance(value, list) and value:
        return f"{len(value)} {'item' if len(value) == 1 else 'items'}"
    if isinstance(value, dict) and value:
        if depth == _DEPTH:
            return "{…}"
        text = (
            "{"
            + ", ".join(f"{key}: {_short(one, depth + 1)}" for key, one in list(value.items())[:_FIELDS_SHOWN])
            + "}"
        )
    elif isinstance(value, str) and (data := blob(value)):
        text = data
    else:
        text = write(value).decode("utf-8", "replace")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = read_any(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
