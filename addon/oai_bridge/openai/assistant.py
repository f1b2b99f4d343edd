"""What an assistant's message carries besides its content: tool calls, and thoughts that can be sent back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidRequest
from ..notes import Notes
from ..plain.jsontext import write
from .chat import RedactedThought, Role, SignedThinking, ToolCall
from .fields import text

Thought = SignedThinking | RedactedThought

# -- calls ------------------------------------------------------------------------------------------------------------


def calls_of(message: dict[str, Any], role: Role, at: str) -> tuple[ToolCall, ...]:
    """The calls in `tool_calls` and in the older `function_call`."""
    for field, kind in (("tool_calls", list), ("function_call", dict)):
        given = message.get(field)
        if given and role != "assistant":
            raise InvalidRequest(f"Only an assistant's message can have `{field}`.", param=f"{at}.{field}")
        if given and not isinstance(given, kind):
            shape = "a list of calls" if kind is list else '{"name": …, "arguments": "…"}'
            raise InvalidRequest(f"`{field}` must be {shape}.", param=f"{at}.{field}")
    calls = [_call(item, f"{at}.tool_calls[{place}]") for place, item in enumerate(message.get("tool_calls") or ())]
    if older := message.get("function_call"):
        calls.append(_named_call(older, "arguments", None, f"{at}.function_call"))
    return tuple(calls)


def _call(value: Any, at: str) -> ToolCall:
    """`{"id", "type": "function", "function": {"name", "arguments"}}`, or of the type custom with `{"name", "input"}`,
    whose text becomes the argument `input`."""
    if not isinstance(value, dict):
        raise InvalidRequest('A call must be {"id": …, "type": "function", "function": {…}}.', param=at)
    kind = value.get("type") or "function"
    if kind not in ("function", "custom"):
        raise InvalidRequest("The `type` of a call must be function or custom.", param=f"{at}.type")
    call = value.get(kind)
    if not isinstance(call, dict):
        raise InvalidRequest(f'`{kind}` must be an object such as {{"name": …}}.', param=f"{at}.{kind}")
    call_id = text(value, "id", at)
    if kind == "function":
        return _named_call(call, "arguments", call_id, f"{at}.function")
    given = text(call, "input", f"{at}.custom") or ""
    return _named_call({"name": call.get("name"), "input": {"input": given}}, "input", call_id, f"{at}.custom")


def call_of_block(value: dict[str, Any], at: str) -> ToolCall:
    """Anthropic's `{"type": "tool_use", "id", "name", "input"}`."""
    return _named_call(value, "input", text(value, "id", at), at)


def _named_call(call: Mapping[str, Any], field: str, call_id: str | None, at: str) -> ToolCall:
    """A call whose arguments stand in `field`: text, which may be anything, or the object itself."""
    name, arguments = call.get("name"), call.get(field)
    if not isinstance(name, str) or not name:
        raise InvalidRequest("A call needs the `name` of what it calls.", param=f"{at}.name")
    if isinstance(arguments, dict):
        return ToolCall(name, write(arguments).decode(), call_id)
    if arguments is None or isinstance(arguments, str):
        return ToolCall(name, arguments or "", call_id)
    raise InvalidRequest(f"`{field}` must be a string of JSON.", param=f"{at}.{field}")


# -- thoughts ---------------------------------------------------------------------------------------------------------


def thoughts_of(message: dict[str, Any], role: Role, at: str, notes: Notes) -> tuple[Thought, ...]:
    """The signed thoughts that a client kept, from LiteLLM's `thinking_blocks`, else from OpenRouter's
    `reasoning_details`: they are two names for the same."""
    for field in ("thinking_blocks", "reasoning_details"):
        if (given := message.get(field)) and (found := signed_of(given, role, f"{at}.{field}", notes)):
            return found
    return ()


def signed_of(given: Any, role: Role, at: str, notes: Notes) -> tuple[Thought, ...]:
    """The thoughts that can be sent back, in order; the others are told."""
    read = [_thought(item) for item in given] if isinstance(given, list) and role == "assistant" else [None]
    if None in read:
        notes.dropped(at, "Thinking without its signature can't be sent back to the model.", code="thinking_blocks")
    return tuple(thought for thought in read if thought is not None)


def _thought(value: Any) -> Thought | None:
    match value:
        case {"type": "reasoning.text" | "reasoning.encrypted", "format": str(model)} if not _is_claudes(model):
            return None
        case {"type": "thinking", "thinking": str(thinking), "signature": str(seal)} if seal:
            return SignedThinking(thinking, seal)
        case {"type": "reasoning.text", "text": str(thinking), "signature": str(seal)} if seal:
            return SignedThinking(thinking, seal)
        case {"type": "redacted_thinking" | "reasoning.encrypted", "data": str(data)} if data:
            return RedactedThought(data)
    return None


def _is_claudes(reasoning_format: str) -> bool:
    """OpenRouter tells whose reasoning it is; another model's seal would be refused."""
    return reasoning_format in ("", "unknown") or reasoning_format.startswith("anthropic")
