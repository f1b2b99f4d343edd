"""What one request came to, without a word of its prompt: what ledger, metrics, traces and the log are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

from ..events import Usage
from ..inspector.record import Attempt, Record
from .cost import Cost
from .worst import Counted, counted

_SOON = 1.0  # seconds in which no model has done much


@dataclass(frozen=True, slots=True)
class Entry:
    """`began` is Unix time, other times are in seconds. `cloud` and `region` are those asked last, `family` stands for
    the cloud in paths, `model` is the cloud's name of it, `requested` the client's. `status` is what the client got,
    0 where it left before. `asked`: a cloud was asked at all; `unpriced`: it has cost more than is known; `counted` is
    what caps take it for. `left`: the client hung up."""

    id: str
    began: float
    seconds: float
    client: str
    cloud: str = ""
    region: str = ""
    family: str = ""
    model: str = ""
    requested: str = ""
    operation: str = "chat"
    status: int = 0
    error: str | None = None
    left: bool = False
    asked: bool = True
    attempts: int = 1
    queued: float = 0.0
    first_token: float | None = None
    finish_reason: str | None = None
    usage: Usage = field(default=Usage())
    cost: Cost | None = None
    unpriced: bool = False
    counted: Counted = field(default=Counted())


def entry_of(record: Record, *, operation: str, status: int, left: bool) -> Entry:
    """The record of a request that has ended. `operation` is its kind, as routes name it."""
    cloud, _, region = (record.route or "").partition("/")
    ended = record.ended or record.began
    error = record.error
    unpriced = record.worked and (record.cost is None or record.stop is None or _lost(record) > 0)
    return Entry(
        id=record.request_id,
        began=record.began,
        seconds=ended - record.began,
        client=record.client,
        cloud=cloud,
        region=region,
        family=record.family or "",
        model=record.upstream_model or record.model or "",
        requested=record.model or "",
        operation=operation,
        status=status,
        error=(error.code or error.type) if error else None,
        left=left,
        asked=record.asked,
        attempts=len(record.attempts),
        queued=record.queued,
        first_token=record.first_token - record.began if record.first_token else None,
        finish_reason=record.stop.reason if record.stop else None,
        usage=record.usage,
        cost=record.cost,
        unpriced=unpriced,
        counted=_counted(record),
    )


def _counted(record: Record) -> Counted:
    """Nothing of what nobody is paid for. What was lost may have cost as much as what came."""
    if record.free or not record.worked:
        return Counted()
    found = Counted(record.cost.total if record.cost else 0.0, record.usage.prompt + record.usage.output)
    if record.cost is None or record.stop is None:
        reply = sum(attempt.reply_size for attempt in record.attempts if attempt.status == 200)
        found = counted(
            record.worst,
            record.usage,
            record.cost,
            record.prices,
            seen=record.seen,
            reply_size=reply,
            silent=_silent(record),
        )
    times = max(1, _lost(record) + record.attempts[-1].may_have_run)
    return Counted(found.usd * times, found.tokens * times)


def _lasting(record: Record) -> Iterator[tuple[Attempt, float]]:
    """The attempts that a cloud may have worked on, and for how many seconds until another one began, or until the
    answer did."""
    ended = record.ended or record.began
    for attempt, after in zip_longest(record.attempts, record.attempts[1:]):
        if attempt.may_have_run:
            end = after.sent if after else ended
            yield attempt, min(end, record.first_token or end) - attempt.sent


def _lost(record: Record) -> int:
    """How many attempts may have been paid for in vain, since another one came after them."""
    return sum(
        attempt.unsure and took > _SOON for attempt, took in _lasting(record) if attempt is not record.attempts[-1]
    )


def _silent(record: Record) -> float:
    """For how many seconds a cloud may have worked without a word, beyond what is usual."""
    return max((max(took - _SOON, 0.0) for _, took in _lasting(record)), default=0.0)
