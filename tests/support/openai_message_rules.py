"""What OpenAI demands of messages and tools: roles, parts, calls paired with results, definitions.

Vendor sources: OpenAI's API reference (create chat completion); its errors, as its users meet them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.support.claude_shapes import listed, word
from tests.support.openai_models import Model

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
KEYS = {
    "system": {"role", "content", "name"},
    "developer": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "refusal", "audio", "tool_calls", "function_call"},
    "tool": {"role", "content", "tool_call_id"},
    "function": {"role", "content", "name"},
}
PARTS = {
    "system": {"text"},
    "developer": {"text"},
    "user": {"text", "image_url", "input_audio", "file"},
    "assistant": {"text", "refusal"},
    "tool": {"text"},
}
DATA = re.compile(r"data:image/(png|jpe?g|gif|webp);base64,[A-Za-z0-9+/]+=*")
MAX_TOOLS = 128
CALLED_TOO_EARLY = (
    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
)
UNANSWERED = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The "
    "following tool_call_ids did not have response messages: "
)


class Fault(NamedTuple):
    """What is wrong, in OpenAI's words or close to them."""

    message: str
    param: str | None = None
    code: str | None = None


def messages_faults(messages: Any, facts: Model) -> Iterator[Fault]:
    """The faults of `messages`."""
    if not isinstance(messages, list):
        yield Fault("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
        return
    if not messages:
        yield Fault("Invalid 'messages': empty array. Expected minimum length 1.", "messages", "empty_array")
    for at, message in enumerate(messages):
        where = f"messages[{at}]"
        role = word(message, "role")
        if role not in KEYS:
            said = f"Invalid value: {role!r}. Supported values are: {', '.join(KEYS)}."
            yield Fault(said, f"{where}.role", "invalid_value")
            continue
        for key in message.keys() - KEYS[role]:
            yield Fault(f"Unknown parameter: '{where}.{key}'.", f"{where}.{key}", "unknown_parameter")
        if not isinstance(message.get("name", ""), str) or not re.fullmatch(r"[^\s<|\\/>]*", message.get("name", "")):
            yield Fault(f"Invalid '{where}.name': string does not match pattern.", f"{where}.name", "invalid_value")
        yield from _content(where, message, role, facts)
    yield from _pairing(messages)


def _content(where: str, message: Mapping[str, Any], role: str, facts: Model) -> Iterator[Fault]:
    content = message.get("content")
    instead = {"tool_calls", "function_call", "refusal", "audio"} if role == "assistant" else set()
    if isinstance(content, str) or (content is None and message.keys() & instead):
        return
    if not isinstance(content, list) or not content:
        found = "null" if content is None else "an empty array" if content == [] else type(content).__name__
        said = f"Invalid value for 'content': expected a string, got {found}."
        yield Fault(said, f"{where}.content", "invalid_type")
        return
    for index, part in enumerate(content):
        kind, at = word(part, "type"), f"{where}.content[{index}]"
        if kind not in PARTS.get(role, ()):
            said = f"Invalid value: {kind!r}. Supported values are: {PARTS.get(role)}."
            yield Fault(said, f"{at}.type", "invalid_value")
        elif kind == "image_url":
            yield from _image(at, part, facts)
        elif kind == "text" and (not isinstance(part.get("text"), str) or part.keys() - {"type", "text"}):
            yield Fault(f"Invalid type for '{at}.text'.", f"{at}.text", "invalid_type")


def _image(at: str, part: Mapping[str, Any], facts: Model) -> Iterator[Fault]:
    image = part.get("image_url")
    url = word(image, "url") or ""
    if not facts.vision:
        said = "Invalid content type. image_url is only supported by certain models."
        yield Fault(said, f"{at}.type", None)
    elif url.startswith("data:") and not DATA.fullmatch(url):
        yield Fault("Invalid base64 image_url.", f"{at}.image_url.url", "invalid_base64")
    elif not url.startswith(("data:", "https://", "http://")):
        yield Fault(f"Invalid '{at}.image_url.url'. Expected a valid URL.", f"{at}.image_url.url", "invalid_image_url")
    elif isinstance(image, dict) and image.keys() - {"url", "detail"}:
        yield Fault(f"Unknown parameter in '{at}.image_url'.", f"{at}.image_url", "unknown_parameter")


def _pairing(messages: list[Any]) -> Iterator[Fault]:
    """Each call has its result right after it, and the reverse."""
    asked: list[str] = []
    for at, message in enumerate([*messages, {"role": "user"}]):
        if word(message, "role") == "tool":
            call_id = str(message.get("tool_call_id"))
            if call_id not in asked:
                yield Fault(CALLED_TOO_EARLY, f"messages.[{at}].role")
            else:
                asked.remove(call_id)
            continue
        if asked:
            yield Fault(UNANSWERED + ", ".join(asked), f"messages.[{at}].role")
        asked = []
        for index, call in enumerate(listed(message.get("tool_calls")) if isinstance(message, dict) else ()):
            where = f"messages[{at}].tool_calls[{index}]"
            function = call.get("function") if isinstance(call, dict) else None
            if word(call, "type") != "function" or not word(function, "name") or not word(call, "id"):
                yield Fault(f"Missing required parameter: '{where}.function'.", where, "missing_required_parameter")
            elif word(function, "arguments") is None:
                yield Fault(f"Invalid type for '{where}.function.arguments': expected a string.", where, "invalid_type")
            asked.append(str(call.get("id")) if isinstance(call, dict) else "?")


def tools_faults(body: Mapping[str, Any]) -> Iterator[Fault]:
    """The faults of `tools` and of what goes with them."""
    tools = body.get("tools")
    for name in ("tool_choice", "parallel_tool_calls"):
        if name in body and not tools:
            said = f"Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified."
            yield Fault(said, name, None)
    if "tools" not in body:
        return
    if not isinstance(tools, list) or not tools:
        yield Fault("Invalid 'tools': empty array. Expected minimum length 1.", "tools", "empty_array")
        return
    if len(tools) > MAX_TOOLS:
        said = f"Invalid 'tools': array too long. Expected an array with maximum length {MAX_TOOLS}."
        yield Fault(said, "tools", "array_above_max_length")
    names = []
    for index, tool in enumerate(tools):
        at = f"tools[{index}]"
        function = tool.get("function") if isinstance(tool, dict) else None
        if word(tool, "type") != "function" or not isinstance(function, dict):
            yield Fault(f"Missing required parameter: '{at}.function'.", f"{at}.function", "missing_required_parameter")
            continue
        names.append(word(function, "name"))
        if tool.keys() - {"type", "function"}:
            yield Fault(f"Unknown parameter: '{at}'.", at, "unknown_parameter")
        if not NAME.fullmatch(word(function, "name") or ""):
            said = f"Invalid '{at}.function.name': string does not match the pattern '^[a-zA-Z0-9_-]+$'."
            yield Fault(said, f"{at}.function.name", "invalid_value")
        for key in function.keys() - {"name", "description", "parameters", "strict"}:
            yield Fault(f"Unknown parameter: '{at}.function.{key}'.", f"{at}.function.{key}", "unknown_parameter")
        schema = function.get("parameters", {"type": "object"})
        if not isinstance(schema, dict) or (schema and schema.get("type") != "object"):
            said = f"Invalid schema for function '{function.get('name')}': it must be of 'type: \"object\"'."
            yield Fault(said, f"{at}.function.parameters", "invalid_function_parameters")
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, dict) and word(choice, "type") == "function":
        if word(choice.get("function"), "name") not in names:
            yield Fault("Tool choice was specified, but the function isn't in 'tools' parameter.", "tool_choice", None)
    elif choice not in ("auto", "none", "required") and word(choice, "type") != "allowed_tools":
        said = f"Invalid value: {choice!r}. Supported values are: 'none', 'auto', and 'required'."
        yield Fault(said, "tool_choice", "invalid_value")
