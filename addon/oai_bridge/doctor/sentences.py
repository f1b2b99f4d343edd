"""The doctor's findings for people, a line each, and for programs, one JSON document."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from ..inspector.record import one_line
from .findings import Finding, State, healthy

_WIDTH = len("credential")
_STATES: Sequence[State] = ("failed", "warning", "skipped")


def line(finding: Finding) -> str:
    """One line: mark, check, subject, how it is, what to do."""
    said = " ".join(filter(None, (finding.message, finding.remedy)))
    return one_line(f"{finding.state:<8} {finding.check:<{_WIDTH}} {finding.subject}: {said}")


def last_line(findings: Sequence[Finding]) -> str:
    """How many of them are not well, and what the calls have cost."""
    counted = Counter(finding.state for finding in findings)
    told = [f"{counted[state]} {state}" for state in _STATES if counted[state]]
    verdict = ", ".join(told) if told else "all is well"
    costs = [finding.cost for finding in findings if finding.cost is not None]
    return f"{len(findings)} check{'' if len(findings) == 1 else 's'}: {verdict}." + (
        f" The calls cost {dollars(sum(costs))}." if costs else ""
    )


def dollars(cost: float) -> str:
    """An amount that may be tiny; nothing is `nothing`."""
    if not cost:
        return "nothing"
    return f"${cost:.2f}" if cost >= 1 else f"${cost:.2g}" if cost >= 0.0001 else "less than $0.0001"


def document(findings: Sequence[Finding]) -> str:
    """One JSON object, in ASCII, so that any terminal and any pipe can take it."""
    known = [finding.cost for finding in findings if finding.cost is not None]
    whole = {"ok": healthy(findings), "cost": sum(known), "findings": [asdict(finding) for finding in findings]}
    return json.dumps(whole, indent=2)
