"""What was measured, round by round, and whether it is as good as it has to be."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any, Literal

OURS, FLOOR, DIRECT = "ours", "floor", "direct"
How = Literal["ratio", "difference", "alone"]


@dataclass(frozen=True, slots=True)
class Target:
    """Ours divided by another's, less another's, or ours alone: at `most` so much, or at `least`."""

    how: How
    against: str = FLOOR
    most: float | None = None
    least: float | None = None

    def __str__(self) -> str:
        bound = f"≤ {self.most:g}" if self.most is not None else f"≥ {self.least:g}"
        return bound + (" ×" if self.how == "ratio" else "")


@dataclass(frozen=True, slots=True)
class Finding:
    """One measure of all programs: `rounds` by program, in the same order."""

    name: str
    unit: str
    rounds: dict[str, list[float]]
    target: Target | None = None

    def median(self, program: str) -> float | None:
        return statistics.median(self.rounds[program]) if program in self.rounds else None

    def compared(self, how: How, against: str) -> float | None:
        """The median of the rounds' own ratios or differences: what slows a round slows both."""
        if how == "alone":
            return self.median(OURS)
        if against not in self.rounds:
            return None
        pairs = zip(self.rounds[OURS], self.rounds[against], strict=True)
        return statistics.median(ours / other if how == "ratio" else ours - other for ours, other in pairs)

    @property
    def held(self) -> bool | None:
        """`None`: there is nothing to hold, or the other program was not there."""
        if self.target is None or (found := self.compared(self.target.how, self.target.against)) is None:
            return None
        most, least = self.target.most, self.target.least
        return (most is None or found <= most) and (least is None or found >= least)

    def to_json(self) -> dict[str, Any]:
        target = self.target
        return {
            "name": self.name,
            "unit": self.unit,
            "rounds": self.rounds,
            "medians": {program: self.median(program) for program in self.rounds},
            "target": target and {"text": str(target), "how": target.how, "against": target.against},
            "compared": target and self.compared(target.how, target.against),
            "held": self.held,
        }


def table(findings: list[Finding]) -> str:
    """For people, in Markdown."""
    programs = list(dict.fromkeys(program for finding in findings for program in finding.rounds))
    lines = [["measure", *programs, "compared", "target", "held"]]
    for finding in findings:
        target = finding.target
        medians = [shown(finding.median(program)) for program in programs]
        compared = finding.compared(target.how, target.against) if target else finding.compared("ratio", FLOOR)
        sign = {"ratio": " ×", "difference": "", "alone": ""}[target.how if target else "ratio"]
        told = shown(compared) + sign if compared is not None else ""
        if target and target.against not in (FLOOR,) and target.how != "alone":
            told += f" {target.against}"
        held = {True: "yes", False: "**no**", None: ""}[finding.held]
        lines.append([f"{finding.name}, {finding.unit}", *medians, told, str(target or ""), held])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
