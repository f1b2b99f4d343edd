"""What the vendors' own clients put on the wire, and how two bodies of Claude's are compared."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import anthropic
import httpx2
import openai

from tests.support.claude_rules import SAMPLING

CONVERSATION: dict[str, Any] = {
    "model": "claude-opus-4-5@20251101",
    "max_tokens": 300,
    "temperature": 0.5,
    "stop": ["Mark:"],
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "Bye"},
    ],
}
THE_SAME_FOR_ANTHROPIC: dict[str, Any] = {
    "max_tokens": 300,
    "temperature": 0.5,
    "stop_sequences": ["Mark:"],
    "system": "Be brief.",
    "messages": CONVERSATION["messages"][1:],
}


def sent_by(call: Callable[[httpx2.Client], object]) -> httpx2.Request:
    """The request of `call`, which is given the HTTP client that its SDK has to use; the answer is a 400."""
    sent: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(400, json={"type": "error", "error": {"type": "invalid_request_error", "message": "x"}})

    refused = (anthropic.BadRequestError, openai.BadRequestError)
    with httpx2.Client(transport=httpx2.MockTransport(answer)) as http, contextlib.suppress(*refused):
        call(http)
    (request,) = sent
    return request


def asked_of_claude(messages: Any, model: str, body: dict[str, Any], betas: Sequence[str] = ()) -> None:
    """`create` of Anthropic's SDK with the body: its sampling parameters became extras, and what is beta still is
    one."""
    headers = {"anthropic-beta": ",".join(betas)} if betas else {}
    extra = {key: body[key] for key in (*SAMPLING, "context_management") if key in body}
    given = {key: value for key, value in body.items() if key not in extra}
    messages.create(model=model, extra_body=extra, extra_headers=headers, timeout=30, **given)


def meaning(body: dict[str, Any]) -> dict[str, Any]:
    """The body without its version, with each content in its shortest form."""
    out = {key: value for key, value in body.items() if key != "anthropic_version"}
    out["messages"] = [{**message, "content": _text_of(message["content"])} for message in out["messages"]]
    return out | ({"system": _text_of(out["system"])} if "system" in out else {})


def _text_of(content: Any) -> Any:
    """A list of one text block means the same as the text."""
    match content:
        case [{"type": "text", "text": str(text), **rest}] if not rest:
            return text
    return content
