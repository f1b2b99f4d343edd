"""A chat as JSON in OpenAI's format, for other tools, whichever API it was held in: bodies in, values out. Total."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ..openai.shapes import usage_object
from ..plain.jsontext import deeper_than, read_any, write
from .openai_words import openai_messages, openai_tools
from .prompts import read_prompt
from .replies import read_reply
from .spoken import Api, Call, Message, Other, Refusal, Reply, Text, Thinking
from .turns import string

_DEEP = 200  # levels; other programs' readers have limits as well
_FINISH = {
    **{"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "model_context_window_exceeded": "length"},
    **{"tool_use": "tool_calls", "refusal": "content_filter"},
}
"""Anthropic's words to OpenAI's; others stay."""
_ELSEWHERE = ("model", "stream", "messages", "system", "tools", "functions", "cache_control")  # no parameters
_CHOICES: Mapping[Any, str] = {"any": "required", "auto": "auto", "none": "none"}


class NotExportable(ValueError):
    """Why a chat can't be exported, in a sentence."""


def exported(api: Api, request: bytes, answer: bytes, record: Mapping[str, Any] | None) -> dict[str, Any]:
    """One chat. `request` and `answer` are the client's, with their content-encoding undone, `record` is that of the
    flow, if it has one. Raises `NotExportable`.

    `{"model", "messages", "tools"?, "parameters", "reply", "finish_reason", "whole", "error"?, "usage"?, "cost"?,
    "timings"?, "notes"?, "route"?, "upstream_model"?, "request_id"?}`; `more_replies` where the client asked for
    several. Times are in seconds, costs in USD.
    """
    body = _body(request, api)
    if deeper_than(_DEEP, body):
        raise NotExportable("The request can't be exported: its JSON is nested too deeply.")
    reply = read_reply(answer, api)
    said = [_said(choice.message) for choice in reply.choices]
    chat: dict[str, Any] = {
        "model": string(body.get("model")),
        "messages": openai_messages(body),
        "tools": openai_tools(body),
        "parameters": _parameters(body),
        "reply": said[0] if said else None,
        "more_replies": said[1:],
        "finish_reason": _finish(reply),
        "whole": reply.whole,
        "error": reply.error or (" ".join(reply.troubles) if not reply.whole else ""),
        "usage": usage_object(reply.usage) if reply.usage else None,
        **_recorded(record or {}),
    }
    kept = ("model", "messages", "parameters", "reply", "finish_reason", "whole")
    return {name: value for name, value in chat.items() if name in kept or value not in (None, "", [], {})}


def as_json(chats: list[dict[str, Any]]) -> bytes:
    """One chat as an object, several as a list."""
    value = chats[0] if len(chats) == 1 else chats
    return msgspec.json.format(write(value), indent=1) + b"\n"


def as_jsonl(chats: Iterable[dict[str, Any]]) -> tuple[bytes, int]:
    """OpenAI's format for fine-tuning, a chat on each line with the reply as its last message, and how many chats
    there are in it: those without a whole reply are left out, since nobody wants a model to learn them."""
    lines = [write(_example(chat)) + b"\n" for chat in chats if chat["whole"]]
    return b"".join(lines), len(lines)


def _example(chat: Mapping[str, Any]) -> dict[str, Any]:
    messages = [_taught(message) for message in (*chat["messages"], chat["reply"])]
    tools = [tool for tool in chat.get("tools", ()) if tool.get("type") == "function"]
    return {"messages": messages, "tools": tools} if tools else {"messages": messages}


def _taught(message: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the format has no place for."""
    return {name: value for name, value in message.items() if name not in ("reasoning_content", "annotations")}


# -- the request ------------------------------------------------------------------------------------------------------


def _body(request: bytes, api: Api) -> dict[str, Any]:
    """The request as JSON, if there is a chat in it."""
    try:
        body = read_any(request)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict) and (body.get("system") or (isinstance(body.get("messages"), list) and body["messages"])):
        return body
    raise NotExportable(f"The request can't be exported: {' '.join(read_prompt(request, api).troubles)}")


def _parameters(body: Mapping[str, Any]) -> dict[str, Any]:
    parameters = {name: value for name, value in body.items() if name not in _ELSEWHERE}
    if "stop_sequences" in parameters:
        parameters["stop"] = parameters.pop("stop_sequences")
    match parameters.get("tool_choice"):
        case {"type": str(kind), **rest} if kind in _CHOICES:
            parameters["tool_choice"] = _CHOICES[kind]
            if rest.get("disable_parallel_tool_use"):
                parameters["parallel_tool_calls"] = False
        case {"type": "tool", "name": str(name)}:
            parameters["tool_choice"] = {"type": "function", "function": {"name": name}}
    return parameters


# -- the reply --------------------------------------------------------------------------------------------------------


def _said(message: Message) -> dict[str, Any]:
    """A reply as an assistant's message."""
    texts = [part.text for part in message.parts if isinstance(part, Text)]
    calls = [_call(part) for part in message.parts if isinstance(part, Call)]
    said: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts or not calls else None}
    if thinking := "".join(part.text for part in message.parts if isinstance(part, Thinking)):
        said["reasoning_content"] = thinking
    if refusal := "".join(part.text for part in message.parts if isinstance(part, Refusal)):
        said["refusal"] = refusal
    if calls:
        said["tool_calls"] = calls
    for part in message.parts:
        if isinstance(part, Other) and part.name == "annotations":
            said["annotations"] = json.loads(part.json)
    return said


def _call(call: Call) -> dict[str, Any]:
    if call.custom:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _finish(reply: Reply) -> str | None:
    reason = reply.choices[0].finish_reason if reply.choices else ""
    return _FINISH.get(reason, reason) or None


# -- the record -------------------------------------------------------------------------------------------------------


def _recorded(record: Mapping[str, Any]) -> dict[str, Any]:
    """What the proxy knows beside; records of other versions may have less, or what is no JSON."""
    timing, notes, cost = record.get("timing"), record.get("notes"), record.get("cost")
    return {
        "cost": _cost(cost) if isinstance(cost, dict) else None,
        "timings": _timings(timing) if isinstance(timing, dict) else None,
        "notes": [_note(note) for note in notes if isinstance(note, dict)] if isinstance(notes, list) else None,
        **{name: string(record.get(name)) for name in ("route", "upstream_model", "request_id")},
    }


def _note(note: Mapping[Any, Any]) -> dict[str, str]:
    return {name: value for name, value in note.items() if isinstance(name, str) and isinstance(value, str)}


def _cost(cost: Mapping[Any, Any]) -> dict[str, float]:
    """By kind of token, and the total."""
    numbers = {name: _number(value) for name, value in cost.items() if isinstance(name, str)}
    return {name: number for name, number in numbers.items() if number is not None}


def _timings(timing: Mapping[str, Any]) -> dict[str, float]:
    if (began := _number(timing.get("began"))) is None:
        return {}
    told = {"began": began}
    if (queued := _number(timing.get("queued"))) is not None:
        told["queued"] = queued
    for name in ("first_byte", "ended"):
        if (moment := _number(timing.get(name))) is not None:
            told[f"{name}_after"] = round(moment - began, 3)
    return told


def _number(value: Any) -> float | None:
    """A number that JSON has, and no reader finds too large."""
    return value if type(value) in (int, float) and abs(value) < 1e15 else None
