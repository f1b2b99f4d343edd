"""The page Prompt: the conversation as the client sent it, with what each message weighs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from ..jsontext import read_any, write
from .asked import prompt_of
from .estimate import estimated_tokens, picture_tokens
from .figures import counted, size, tokens
from .outline import outline
from .paper import LIMIT, Paper
from .spoken import Call, Media, Other, Part, Prompt, Result, Text, Thinking, Tool
from .told import Told

_FIRST, _LAST = 100, 400  # messages that are shown of a very long chat
_LEAST = 400  # characters that are shown of each part, however many there are
_VALUE = 60  # characters of a parameter that stands in a line with others


def prompt_page(request: bytes, told: Told | None) -> str:
    """`request` is the client's body as it came, without any compression."""
    prompt = prompt_of(request)
    paper = Paper()
    if prompt.problem:
        paper.text(prompt.problem)
        if not prompt.messages and not prompt.parameters:
            paper.gap()
            paper.text(request.decode("utf-8", "replace"))
            return str(paper)
    _summary(paper, prompt, told)
    limit = max(LIMIT // max(sum(len(one.parts) for one in prompt.messages), 1), _LEAST)
    left_out = len(prompt.messages) - _FIRST - _LAST
    for number, message in enumerate(prompt.messages, 1):
        if left_out > 0 and _FIRST < number <= _FIRST + left_out:
            if number == _FIRST + 1:
                paper.gap()
                paper.line(f"[… {left_out:,} messages are left out here …]")
            continue
        paper.heading(
            f"{number} {message.role}" + (f" ({message.name})" if message.name else ""), weight(message.parts)
        )
        put_parts(paper, message.parts, "  ", limit)
    _tools(paper, prompt.tools)
    return str(paper)


def put_parts(paper: Paper, parts: Iterable[Part], indent: str, limit: int = LIMIT) -> None:
    """What a message or an answer is made of; of a text with more than `limit` characters the beginning and the end."""
    for part in parts:
        match part:
            case Text(text):
                paper.text(text, indent, limit)
            case Thinking(text):
                paper.line(f"{indent}[thinking{'' if text else ' that the model keeps to itself'}]")
                if text:
                    paper.text(text, f"{indent}  ", limit)
            case Media():
                paper.line(f"{indent}{_media(part)}")
            case Call(name, arguments, id):
                paper.line(f"{indent}[call of {name}{f' · {id}' if id else ''}]")
                _value(paper, arguments, f"{indent}  ", limit)
            case Result(call_id, inner, name, is_error):
                what = " · ".join(one for one in (name, call_id) if one)
                paper.line(f"{indent}[{'failed ' if is_error else ''}result{f' of {what}' if what else ''}]")
                put_parts(paper, inner, f"{indent}  ", limit)
            case Other(kind, value):
                paper.line(f"{indent}[{kind}]")
                outline(paper, value, f"{indent}  ", limit)
        if cache := getattr(part, "cache", None):
            paper.line(f"{indent}[cache point, {cache}]")


def weight(parts: Sequence[Part]) -> str:
    """Characters and tokens, as far as they can be guessed."""
    letters, guess = _weighed(parts)
    return f"{letters:,} characters · ≈ {tokens(guess)} tokens"


def _weighed(parts: Iterable[Part]) -> tuple[int, int]:
    letters = guess = 0
    for text in _texts(parts):
        letters += len(text)
        guess += estimated_tokens(text)
    return letters, guess + picture_tokens() * sum(1 for _ in _pictures(parts))


def _texts(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        match part:
            case Text(text) | Thinking(text):
                yield text
            case Call(name, arguments):
                yield name
                yield arguments
            case Result(_, inner):
                yield from _texts(inner)
            case Other(_, value):
                yield write(value).decode("utf-8", "replace")


def _pictures(parts: Iterable[Part]) -> Iterator[Media]:
    for part in parts:
        match part:
            case Media(kind="picture"):
                yield part
            case Result(_, inner):
                yield from _pictures(inner)


def _media(part: Media) -> str:
    words = [part.kind, part.type, part.source[:200], "" if part.size is None else size(part.size)]
    return f"[{' · '.join(word for word in words if word)}]"


def _summary(paper: Paper, prompt: Prompt, told: Told | None) -> None:
    model = prompt.parameters.get("model")
    everything = [part for message in prompt.messages for part in message.parts]
    letters, guess = _weighed(everything)
    guess += sum(estimated_tokens(_schema(tool)) for tool in prompt.tools)
    words = [str(model) if model else "no model", counted(len(prompt.messages), "message")]
    if prompt.tools:
        words.append(counted(len(prompt.tools), "tool"))
    if pictures := sum(1 for _ in _pictures(everything)):
        words.append(counted(pictures, "picture"))
    words.append(f"{letters:,} characters")
    paper.text(" · ".join(words))
    exact = told.usage.prompt if told else 0
    paper.text(f"≈ {tokens(guess)} tokens by a guess" + (f" · {exact:,} by the cloud's count" if exact else ""))
    written = {name: write(value).decode("utf-8", "replace") for name, value in prompt.parameters.items()}
    short = [f"{name} {text}" for name, text in written.items() if len(text) <= _VALUE and name != "model"]
    paper.gap()
    paper.text(" · ".join(short))
    long = {name: prompt.parameters[name] for name, text in written.items() if len(text) > _VALUE}
    if long:
        outline(paper, long)


def _tools(paper: Paper, tools: Sequence[Tool]) -> None:
    for number, tool in enumerate(tools, 1):
        guess = tokens(estimated_tokens(_schema(tool)))
        paper.heading(f"tool {number} of {len(tools)}: {tool.name}", f"≈ {guess} tokens")
        paper.text(tool.description, "  ")
        if tool.schema is not None:
            outline(paper, tool.schema, "  ")
        if tool.cache:
            paper.line(f"  [cache point, {tool.cache}]")


def _schema(tool: Tool) -> str:
    return tool.name + tool.description + write(tool.schema).decode("utf-8", "replace")


def _value(paper: Paper, text: str, indent: str, limit: int) -> None:
    """Arguments: as an outline where they are a JSON object, else as they are."""
    value: Any = None
    with suppress(ValueError, RecursionError):
        value = read_any(text.encode("utf-8", "replace"))
    if isinstance(value, dict) and value:
        outline(paper, value, indent, limit)
    else:
        paper.text(text, indent, limit)
