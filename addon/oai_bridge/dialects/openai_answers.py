"""Answers in OpenAI's own form that are passed on in one piece: whether they are any, what they tell of tokens, and the
model's name."""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct
from msgspec.json import Decoder

from ..errors import UpstreamError
from ..events import Usage
from ..models.passed import Cloud
from ..plain.jsontext import read_repaired, write
from .cloud_errors import in_place_of_answer
from .openai_errors import error_from_openai
from .openai_usage import read_usage

_NO_ANSWER = "The cloud's answer is no JSON object. Try again; if it stays, look at the answer in mitmweb."


class _Told(Struct):
    error: Any = None
    usage: Any = None


_FIELDS, _TOLD = Decoder(dict[str, Raw]), Decoder(_Told)


def usage_of(answer: bytes, cloud: Cloud) -> Usage | None:
    """The tokens that an answer tells; `None` where it tells none. Raises the error that stands in its place, also for
    what is no JSON object: a page that wants a login may come with a status of success."""
    try:
        told = _read(answer)
    except (ValueError, RecursionError):
        raise in_place_of_answer(answer, error_from_openai(None, {}, answer, cloud)) from None
    if told.error:
        raise error_from_openai(None, {}, answer, cloud)
    return read_usage(told.usage)


def renamed(answer: bytes, model: str) -> bytes:
    """The answer with the client's own name of the model, if it names one; all else stays to the letter. Raises
    `UpstreamError` for what is no JSON object."""
    try:
        fields = _FIELDS.decode(answer)
    except (ValueError, RecursionError):
        raise UpstreamError(_NO_ANSWER) from None
    if "model" in fields:
        fields["model"] = Raw(write(model))
    return write(fields)


def _read(answer: bytes) -> _Told:
    try:
        return _TOLD.decode(answer)
    except (ValueError, RecursionError):
        return _TOLD.decode(read_repaired(answer))
