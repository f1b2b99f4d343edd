"""What the doctor has found out, one thing at a time, as values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed", "skipped"]
Check = Literal["settings", "files", "network", "clock", "credential", "model"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject` is what was looked at, `message` one or two sentences on how it is, `remedy` what to do, empty where
    nothing is to be done. `cost` is in USD, 0 for a call that is free; `None`: nothing was called, or the price isn't
    known, as `message` says."""

    check: Check
    subject: str
    state: State
    message: str
    remedy: str = ""
    cost: float | None = None


def healthy(findings: Iterable[Finding]) -> bool:
    """Whether nothing has failed; a warning is no failure."""
    return all(finding.state != "failed" for finding in findings)
