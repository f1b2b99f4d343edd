"""What Vertex's door for OpenAI's language demands of a request to Gemini or to an open model: pure functions.

Vendor sources: Google Cloud's "Using OpenAI libraries with Vertex AI" (which parameters there are: others are ignored)
and "Thought signatures"; the Gemini API's function calling page; what it refuses, as its users meet it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.claude_shapes import listed, word

GEMINIS = {
    *("gemini-2.0-flash", "gemini-2.0-flash-001", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro"),
    *("gemini-3-flash-preview", "gemini-3.1-flash-lite", "gemini-3.1-pro-preview", "gemini-3.5-flash"),
    *("gemini-3.5-flash-lite", "gemini-3.6-flash", "gemini-3.7-flash", "gemini-3.8-flash"),
}
OPEN_MODELS = {
    *("deepseek-ai/deepseek-v3.1-maas", "deepseek-ai/deepseek-v3.2-maas", "deepseek-ai/deepseek-r1-0528-maas"),
    *("meta/llama-3.3-70b-instruct-maas", "meta/llama-4-maverick-17b-128e-instruct-maas"),
    *("meta/llama-4-scout-17b-16e-instruct-maas", "minimaxai/minimax-m2-maas", "moonshotai/kimi-k2-thinking-maas"),
    *("openai/gpt-oss-120b-maas", "openai/gpt-oss-20b-maas", "qwen/qwen3-235b-a22b-instruct-2507-maas"),
    *("qwen/qwen3-coder-480b-a35b-instruct-maas", "zai-org/glm-4.7-maas", "zai-org/glm-5-maas"),
}
ROLES = {"system", "developer", "user", "assistant", "tool", "function"}
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
IMAGE = re.compile(r"data:[a-z]+/[a-z0-9.+-]+;base64,[A-Za-z0-9+/]+=*|gs://.+")
FILE = re.compile(r"(data:[a-z]+/[a-z0-9.+-]+;base64,)?[A-Za-z0-9+/]+=*")
NUMBERS = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "n": (1, 8),
    "max_tokens": (1, 65_536),
    "max_completion_tokens": (1, 65_536),
}
EFFORTS = ("none", "minimal", "low", "medium", "high")
MAX_STOPS = 5


def known(name: str) -> bool:
    """Whether there is such a model at this door."""
    return name in OPEN_MODELS or (name.startswith("google/") and name.removeprefix("google/") in GEMINIS)


def seals_thoughts(name: str) -> bool:
    """Whether it gives signatures with its calls, and wants them back."""
    return name.startswith("google/gemini-3")


def faults(body: Mapping[str, Any]) -> list[str]:
    """Everything that would be refused in a decoded body that names a known model; empty when all is well."""
    return [*_messages(body), *_calls(body), *_settings(body), *_tools(body)]


def _messages(body: Mapping[str, Any]) -> Iterator[str]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not any(word(message, "role") in ("user", "tool") for message in messages):
        yield "Unable to submit request because at least one contents field is required."
        return
    for at, message in enumerate(messages):
        role = word(message, "role")
        if role not in ROLES:
            yield f"Invalid role in messages[{at}]: {role}"
            continue
        content = message.get("content")
        if isinstance(content, list):
            for part in content:
                yield from _part(part, role)
        elif not isinstance(content, str) and not message.get("tool_calls"):
            yield f"Invalid content in messages[{at}]."
        if role == "user" and (content == "" or (isinstance(content, list) and not any(map(_says, content)))):
            yield "Unable to submit request because it must have a text parameter. Add a text parameter and try again."


def _says(part: Any) -> bool:
    return part != {"type": "text", "text": ""}


def _part(part: Any, role: str) -> Iterator[str]:
    match part:
        case {"type": "text", "text": str()}:
            return
        case {"type": "image_url", "image_url": {"url": str() as url}} if role == "user":
            if not IMAGE.fullmatch(url):
                yield "Invalid image_url: it must be a Cloud Storage URI or base64 data."
        case {"type": "file", "file": {"file_data": str() as data}} if role == "user":
            if not FILE.fullmatch(data):
                yield "Invalid file_data: it must be base64 data."
        case {"type": "input_audio" | "file"} if role == "user":
            return
        case _:
            yield f"Invalid content part: {part!r}"[:100]


def _calls(body: Mapping[str, Any]) -> Iterator[str]:
    """Each turn of calls has as many results right after it, and in the present turn its signature."""
    messages = listed(body.get("messages"))
    users = [at for at, message in enumerate(messages) if word(message, "role") == "user"]
    waiting: list[str] = []
    for at, message in enumerate([*messages, {"role": "user"}]):
        if word(message, "role") == "tool":
            if str(message.get("tool_call_id")) not in waiting:
                yield "Please ensure that function response turn comes immediately after a function call turn."
            waiting = [call_id for call_id in waiting if call_id != message.get("tool_call_id")]
            continue
        if waiting:
            yield (
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
        calls = [call for call in listed(message.get("tool_calls")) if isinstance(call, dict)]
        waiting = [str(call.get("id")) for call in calls]
        present = at > max(users, default=-1) and seals_thoughts(word(body, "model") or "")
        if calls and present and not _signature(calls[0]):
            name = word(calls[0].get("function"), "name")
            yield f"Unable to submit request because function call `{name}` is missing a `thought_signature`."


def _signature(call: Mapping[str, Any]) -> str | None:
    extra = call.get("extra_content")
    return word(extra.get("google"), "thought_signature") if isinstance(extra, dict) else None


def _settings(body: Mapping[str, Any]) -> Iterator[str]:
    for name, (least, most) in NUMBERS.items():
        value = body.get(name)
        if value is None:
            continue
        if type(value) not in (int, float) or not least <= value <= most:
            yield f"Unable to submit request because its {name} is {value} but the range is {least} to {most}."
    stops = body.get("stop") or []
    stops = [stops] if isinstance(stops, str) else stops
    right = isinstance(stops, list) and all(isinstance(stop, str) and stop for stop in stops)
    if not right or len(stops) > MAX_STOPS:
        yield f"Unable to submit request because it must have at most {MAX_STOPS} stop sequences."
    if not isinstance(body.get("stream") or False, bool):
        yield "Invalid value for stream."
    effort = body.get("reasoning_effort")
    match body.get("extra_body"):
        case {"google": dict(google)}:
            pass
        case _:
            google = {}
    if effort is not None and effort not in EFFORTS:
        yield f"Invalid reasoning_effort: {effort}"
    elif effort is not None and "thinking_config" in google:
        yield "Only one of reasoning_effort and extra_body.google.thinking_config can be specified."
    form = body.get("response_format") or {"type": "text"}
    if word(form, "type") not in ("text", "json_object", "json_schema"):
        yield f"Invalid response_format: {form}"


def _tools(body: Mapping[str, Any]) -> Iterator[str]:
    for at, tool in enumerate(listed(body.get("tools"))):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not NAME.fullmatch(word(function, "name") or ""):
            yield f"Invalid function name at tools[{at}]. Must start with a letter or an underscore."
    choice = body.get("tool_choice") or "auto"
    if choice not in ("auto", "none", "required") and not isinstance(choice, dict):
        yield f"Invalid tool_choice: {choice}"
