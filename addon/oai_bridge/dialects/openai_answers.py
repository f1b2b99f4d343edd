"""Answers in OpenAI's own form that are passed on in one piece: what they tell of tokens, and the model's name."""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct
from msgspec.json import Decoder

from ..errors import UpstreamError
from ..events import Usage
from ..jsontext import write
from .openai_usage import read_usage


class _Told(Struct):
    usage: Any = None


_FIELDS, _USAGE = Decoder(dict[str, Raw]), Decoder(_Told)


def renamed(answer: bytes, model: str) -> bytes:
    """The answer with the client's own name of the model, if it names one; all else stays to the letter. Raises
    `UpstreamError` for what is no JSON object."""
    try:
        fields = _FIELDS.decode(answer)
    except (ValueError, RecursionError):
        message = "The cloud's answer is no JSON object. Try again; if it stays, look at the answer in mitmweb."
        raise UpstreamError(message) from None
    if "model" in fields:
        fields["model"] = Raw(write(model))
    return write(fields)


def usage_of(answer: bytes) -> Usage | None:
    """The tokens that an answer tells; `None` where it tells none. Total."""
    try:
        return read_usage(_USAGE.decode(answer).usage)
    except (ValueError, RecursionError):
        return None
