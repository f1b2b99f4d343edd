"""The page Prompt: the conversation as the client sent it, with what each message weighs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from ..plain.jsontext import read_any, write
from .estimate import estimated_tokens, picture_tokens
from .figures import counted, size, tokens
from .outline import outline
from .paper import LIMIT, Paper
from .prompts import read_prompt
from .spoken import Api, Call, Media, Other, Part, Prompt, Refusal, Result, Text, Thinking, Tool, characters
from .told import Told

_FIRST, _LAST = 100, 400  # messages that are shown of a very long chat
_LEAST = 400  # characters that are shown of each part, however many there are
_VALUE = 60  # characters of a parameter that stands in a line with others


def prompt_page(request: bytes, api: Api, told: Told | None) -> str:
    """`request` is the client's body as it came, without any compression."""
    prompt = read_prompt(request, api)
    paper = Paper()
    if prompt.troubles:
        paper.text(" ".join(prompt.troubles))
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
        who = f"{number} {message.role or '?'}" + (f" ({message.name})" if message.name else "")
        paper.heading(who, ("cache point · " if message.cached else "") + weight(message.parts))
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
            case Refusal(text):
                paper.line(f"{indent}[refusal]")
                paper.text(text, f"{indent}  ", limit)
            case Media():
                paper.line(f"{indent}{_media(part)}")
                if part.text:
                    paper.text(part.text, f"{indent}  ", limit)
            case Call(id, name, arguments):
                paper.line(f"{indent}[call of {name}{f' · {id}' if id else ''}]")
                _json(paper, arguments, f"{indent}  ", limit)
            case Result(call_id, name, inner, failed):
                what = " · ".join(one for one in (name, call_id) if one)
                paper.line(f"{indent}[{'failed ' if failed else ''}result{f' of {what}' if what else ''}]")
                put_parts(paper, inner, f"{indent}  ", limit)
            case Other(name, json):
                paper.line(f"{indent}[{name}]")
                _json(paper, json, f"{indent}  ", limit)


def weight(parts: Sequence[Part]) -> str:
    """Characters and tokens, as far as they can be guessed."""
    return f"{characters(parts):,} characters · ≈ {tokens(_guess(parts))} tokens"


def _guess(parts: Iterable[Part]) -> int:
    return sum(estimated_tokens(text) for text in _texts(parts)) + picture_tokens() * sum(1 for _ in _pictures(parts))


def _texts(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        match part:
            case Text(text) | Thinking(text) | Refusal(text) | Media(text=text) | Other(json=text):
                yield text
            case Call(name=name, arguments=arguments):
                yield name
                yield arguments
            case Result(parts=inner):
                yield from _texts(inner)


def _pictures(parts: Iterable[Part]) -> Iterator[Media]:
    for part in parts:
        match part:
            case Media(kind="image"):
                yield part
            case Result(parts=inner):
                yield from _pictures(inner)


def _media(part: Media) -> str:
    words = [part.kind, part.media_type, part.name, part.source[:200], "" if part.size is None else size(part.size)]
    return f"[{' · '.join(word for word in words if word)}]"


def _summary(paper: Paper, prompt: Prompt, told: Told | None) -> None:
    everything = [part for message in prompt.messages for part in message.parts]
    guess = _guess(everything) + sum(_tool_guess(tool) for tool in prompt.tools)
    words = [prompt.model or "no model", counted(len(prompt.messages), "message")]
    if prompt.tools:
        words.append(counted(len(prompt.tools), "tool"))
    if pictures := sum(1 for _ in _pictures(everything)):
        words.append(counted(pictures, "image"))
    words.append(f"{characters(everything):,} characters")
    paper.text(" · ".join(words))
    exact = told.usage.prompt if told else 0
    paper.text(f"≈ {tokens(guess)} tokens by a guess" + (f" · {exact:,} by the cloud's count" if exact else ""))
    written = {name: write(value).decode("utf-8", "replace") for name, value in prompt.parameters.items()}
    short = ["stream"] if prompt.stream else []
    short += [f"{name} {text}" for name, text in written.items() if len(text) <= _VALUE]
    if short:
        paper.gap()
        paper.text(" · ".join(short))
    long = {name: prompt.parameters[name] for name, text in written.items() if len(text) > _VALUE}
    if long:
        outline(paper, long)


def _tools(paper: Paper, tools: Sequence[Tool]) -> None:
    for number, tool in enumerate(tools, 1):
        aside = ("cache point · " if tool.cached else "") + f"≈ {tokens(_tool_guess(tool))} tokens"
        kind = "" if tool.kind == "function" else f" ({tool.kind})"
        paper.heading(f"tool {number} of {len(tools)}: {tool.name}{kind}", aside)
        if tool.description:
            paper.text(tool.description, "  ")
        if tool.schema:
            _json(paper, tool.schema, "  ", LIMIT)


def _tool_guess(tool: Tool) -> int:
    return estimated_tokens(tool.name + tool.description + tool.schema)


def _json(paper: Paper, text: str, indent: str, limit: int) -> None:
    """JSON text as an outline, any other as it is."""
    value: Any = None
    with suppress(ValueError, RecursionError):
        value = read_any(text.encode("utf-8", "replace"))
    if isinstance(value, dict | list) and value:
        outline(paper, value, indent, limit)
    else:
        paper.text(text, indent, limit)
