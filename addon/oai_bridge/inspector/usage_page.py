"""The ledger as a table for people."""

from __future__ import annotations

from typing import get_args

from ..money.ledger import By, Ledger, Line
from .figures import dollars, tokens
from .record import one_line

_NAME = 40  # columns
_ROWS = 50


def usage_page(ledger: Ledger, today: str) -> str:
    """Requests, tokens and cost of `today` and its month; then of all days that are held, by day, model, client and
    cloud, and in all."""
    if not ledger.total().requests:
        return "No cloud was asked yet."
    spans = [_row("today", ledger.spent(None, today)), _row("this month", ledger.spent(None, today[:7]))]
    blocks = [_block(by, ledger.sums(by)) for by in get_args(By)]
    first = next(iter(ledger.sums("day")))
    head = [_head("requests to clouds"), *spans, _row(f"since {first}", ledger.total())]
    return "\n\n".join(["\n".join(head), *blocks])


def _block(by: By, sums: dict[str, Line]) -> str:
    rows = [_row(name, line) for name, line in list(sums.items())[-_ROWS if by == "day" else 0 :][:_ROWS]]
    if len(sums) > _ROWS:
        rows.append(f"… {len(sums) - _ROWS} more …")
    return "\n".join([_head(f"by {by}"), *rows])


def _head(title: str) -> str:
    return f"{title:<{_NAME}}{'requests':>9}{'failed':>8}{'prompt':>9}{'cached':>9}{'output':>9}  cost"


def _row(name: str, line: Line) -> str:
    shown = one_line(name) or "unknown"
    shown = shown if len(shown) < _NAME else shown[: _NAME - 2] + "…"
    counts = (
        f"{line.requests:>9}{line.errors:>8}{tokens(line.prompt):>9}{tokens(line.cached):>9}{tokens(line.output):>9}"
    )
    return f"{shown:<{_NAME}}{counts}  {_cost(line)}"


def _cost(line: Line) -> str:
    if not line.unpriced:
        return dollars(line.cost)
    unknown = f"unknown for {line.unpriced}"
    return f"{dollars(line.cost)} + {unknown}" if line.cost else unknown
