"""What a client was answered, OpenAI's or Anthropic's, streamed or whole, as the inspector shows it. Total.

A stream is put together to what the same answer would have been in one piece (`streamed.py`), and read as that. It may
be cut anywhere: then the reply holds what came, and is not whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..dialects.claude_usage import Tally
from ..dialects.openai_usage import read_usage
from ..events import Usage
from ..plain.jsontext import read_any
from .spoken import Api, Choice, Message, Reply
from .streamed import Joined, error_of, join_stream
from .turns import read_content, read_message, string


def read_reply(body: bytes, api: Api) -> Reply:
    """The answer in a response's body, whose content-encoding is undone."""
    body = body.lstrip()
    if body.startswith((b"{", b"[")):
        return _whole(body, api)
    if not body:
        return Reply(api, troubles=("There is no answer.",))
    return _reply(join_stream(body, api), api, streamed=True)


def _whole(body: bytes, api: Api) -> Reply:
    try:
        value = read_any(body)
    except (ValueError, RecursionError):
        return Reply(api, troubles=("The answer is no JSON, or was cut off.",))
    if not isinstance(value, dict):
        return Reply(api, troubles=("The answer is no JSON object.",))
    return _reply(Joined(value, error_of(value), ended=True), api, streamed=False)


def _reply(joined: Joined, api: Api, streamed: bool) -> Reply:
    value = joined.value
    choices = tuple(_choices(value) if api == "openai" else _message(value))
    troubles = joined.troubles
    if not choices and not joined.error:
        troubles = (*troubles, "There is no reply in the answer.")
    return Reply(
        api=api,
        streamed=streamed,
        id=string(value.get("id")),
        model=string(value.get("model")),
        choices=choices,
        usage=_usage(value, api),
        error=joined.error,
        whole=joined.ended and bool(choices) and not joined.error and all(choice.finish_reason for choice in choices),
        troubles=troubles,
    )


def _choices(value: Mapping[str, Any]) -> Iterator[Choice]:
    given = value.get("choices")
    for place, choice in enumerate(given if isinstance(given, list) else []):
        if isinstance(choice, dict):
            message = read_message(choice.get("message") or {}, f"choices[{place}].message", "assistant")
            number = choice.get("index")
            yield Choice(
                number if isinstance(number, int) else place,
                message,
                string(choice.get("finish_reason")),
                string(choice.get("stop_sequence")),
            )


def _message(value: Mapping[str, Any]) -> Iterator[Choice]:
    if value.get("type") == "message" or "content" in value:
        message = Message("assistant", read_content(value.get("content")), "content")
        yield Choice(0, message, string(value.get("stop_reason")), string(value.get("stop_sequence")))


def _usage(value: Mapping[str, Any], api: Api) -> Usage | None:
    usage = value.get("usage")
    if api == "openai":
        return read_usage(usage, value.get("service_tier"))
    if not isinstance(usage, dict):
        return None
    tally = Tally()
    tally.tell(usage)
    return tally.usage
