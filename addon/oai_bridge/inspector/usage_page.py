"""The ledger as a table for people."""

from __future__ import annotations

from typing import get_args

from ..ledger import By, Ledger, Line
from .figures import dollars, tokens
from .record import one_line

_NAME = 40  # columns
_ROWS = 50


def usage_page(ledger: Ledger) -> str:
    """Requests, tokens and cost by day, model and client, and in all."""
    if not ledger.total.requests:
        return "No cloud was asked since the start."
    blocks = [_block(by, ledger.sums(by)) for by in get_args(By)]
    return "\n\n".join([*blocks, _row("since the start", ledger.total)])


def _block(by: By, sums: dict[str, Line]) -> str:
    head = f"{f'by {by}':<{_NAME}}{'requests':>9}{'failed':>8}{'prompt':>9}{'cached':>9}{'output':>9}  cost"
    rows = [_row(name, line) for name, line in list(sums.items())[-_ROWS if by == "day" else 0 :][:_ROWS]]
    if len(sums) > _ROWS:
        rows.append(f"… {len(sums) - _ROWS} more …")
    return "\n".join([head, *rows])


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
