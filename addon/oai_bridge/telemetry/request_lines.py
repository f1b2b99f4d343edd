"""What the log tells of one request: a line for people, and the same as fields for programs. Without its prompt."""

from __future__ import annotations

from typing import Any

from ..inspector.figures import dollars, seconds
from ..inspector.record import one_line
from ..money.entry import Entry
from ..plain.redaction import redact
from ..settings.clients import LOCAL

FIELDS = "bridge_fields"
"""The attribute of a log record under which the fields stand."""


def request_line(entry: Entry, asked: str, notes: str, trouble: str | None) -> str:
    """A request for a model that has ended. `asked` is method and path, `trouble` what went wrong, in a sentence."""
    status = str(entry.status) if entry.status else "left"
    route = "/".join(part for part in (entry.cloud, entry.region) if part)
    parts = [f"{asked} {status}", _model(entry), route, entry.client if entry.client != LOCAL else ""]
    if entry.asked:
        parts += [f"{entry.usage.prompt} → {entry.usage.output} tokens", _price(entry)]
    parts += [seconds(entry.seconds), notes, trouble or "", entry.id]
    return one_line(redact(" · ".join(part for part in parts if part)))


def refusal_line(asked: str, status: int, message: str, request_id: str) -> str:
    """A request that was not let in, or for nothing that there is."""
    return one_line(redact(f"{asked} {status} · {message} · {request_id}"))


def fields_of(entry: Entry, asked: str, notes: str) -> dict[str, Any]:
    """`usd` and its parts are `None` where they aren't known."""
    method, _, path = asked.partition(" ")
    usage, cost = entry.usage, entry.cost
    free = None if entry.asked else 0.0
    return {
        "request_id": entry.id,
        "method": method,
        "path": path,
        "status": entry.status,
        "client": entry.client,
        "operation": entry.operation,
        "model": redact(entry.model),
        "requested_model": redact(entry.requested),
        "cloud": entry.cloud,
        "region": entry.region,
        "family": entry.family,
        "seconds": round(entry.seconds, 4),
        "queued": round(entry.queued, 4),
        "first_token": None if entry.first_token is None else round(entry.first_token, 4),
        "attempts": entry.attempts,
        "asked": entry.asked,
        "left": entry.left,
        "error": entry.error,
        "finish_reason": entry.finish_reason,
        "notes": [note.strip() for note in notes.split(",") if note.strip()],
        "input_tokens": usage.input,
        "cache_read_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write,
        "output_tokens": usage.output,
        "reasoning_tokens": usage.reasoning,
        "usd": cost.total if cost else free,
        "usd_input": cost.input if cost else free,
        "usd_cache_read": cost.cache_read if cost else free,
        "usd_cache_write": cost.cache_write if cost else free,
        "usd_output": cost.output if cost else free,
        "unpriced": entry.unpriced,
    }


def _model(entry: Entry) -> str:
    return entry.requested or entry.model or "no model"


def _price(entry: Entry) -> str:
    if entry.cost is None and not entry.unpriced:
        return ""  # nothing was to be paid
    return dollars(entry.cost.total if entry.cost else None) + (" or more" if entry.cost and entry.unpriced else "")
