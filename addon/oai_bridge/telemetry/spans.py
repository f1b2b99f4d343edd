"""What a trace tells of a request, as plain values: one span for all of it, and one for each attempt within it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import urlsplit

from ..inspector.record import Attempt
from ..money.entry import Entry
from ..outward.network import DEFAULT_PORTS
from ..plain.jsontext import encodable
from ..plain.redaction import redact
from .semantics import error_of, operation_of, provider_of

Value = str | int | float | bool | Sequence[str]

_LENGTH = 200  # characters of a name that a client has made up


@dataclass(frozen=True, slots=True)
class Span:
    """Times are Unix time in seconds; `error` is what went wrong in one word."""

    name: str
    began: float
    ended: float
    attributes: Mapping[str, Value]
    error: str | None = None
    children: tuple[Span, ...] = ()


def span_of(entry: Entry, attempts: Sequence[Attempt]) -> Span:
    """A request that has ended. What was said, and what lets anybody in, is no part of it."""
    operation, ended = operation_of(entry), entry.began + entry.seconds
    sent = [attempt for attempt in attempts if attempt.outbound.url]
    ends = [attempt.answered or after.sent for attempt, after in pairwise(sent)]
    children = tuple(_attempt(attempt, end) for attempt, end in zip(sent, [*ends, ended], strict=False))
    model = _name(entry.requested)
    usage, cost = entry.usage, entry.cost
    told = usage.prompt + usage.output > 0
    attributes: dict[str, Value | None] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider_of(entry),
        "gen_ai.request.model": model,
        "gen_ai.response.model": _name(entry.model) if entry.asked else None,
        "gen_ai.response.id": entry.id,
        "gen_ai.response.finish_reasons": [entry.finish_reason] if entry.finish_reason else None,
        "gen_ai.usage.input_tokens": usage.prompt if told else None,
        "gen_ai.usage.output_tokens": usage.output if told else None,
        "gen_ai.usage.cache_read.input_tokens": usage.cache_read if told else None,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write if told else None,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning,
        "http.response.status_code": entry.status or None,
        "cloud.region": entry.region or None,
        "oai_vertex.client": entry.client,
        "oai_vertex.attempts": entry.attempts,
        "oai_vertex.queued": entry.queued,
        "oai_vertex.first_token": entry.first_token,
        "oai_vertex.cost_usd": cost.total if cost else None,
        **(_server(sent[-1].outbound.url) if sent else {}),
    }
    name = " ".join(word for word in (operation, model) if word)
    error = error_of(entry)
    return Span(name, entry.began, max(entry.began, ended), _known(attributes, error), error, children)


def _attempt(attempt: Attempt, ended: float) -> Span:
    failed = attempt.error is not None
    error = (str(attempt.status) if attempt.status not in (None, 200) else "_OTHER") if failed else None
    attributes: dict[str, Value | None] = {
        "http.request.method": attempt.outbound.method,
        "http.response.status_code": attempt.status,
        **_server(attempt.outbound.url),
    }
    return Span(attempt.outbound.method, attempt.sent, max(attempt.sent, ended), _known(attributes, error), error)


def _known(attributes: Mapping[str, Value | None], error: str | None) -> Mapping[str, Value]:
    known = {key: value for key, value in attributes.items() if value is not None and value != ""}
    return known | ({"error.type": error} if error else {})


def _server(url: str) -> dict[str, Value | None]:
    """The host alone: a path may have the name of a project in it."""
    parts = urlsplit(url)
    return {"server.address": parts.hostname, "server.port": parts.port or DEFAULT_PORTS.get(parts.scheme)}


def _name(text: str) -> str:
    return encodable(redact(text[:_LENGTH]))
