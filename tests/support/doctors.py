"""The doctor sent to settings that point to fake clouds: its findings, and what they look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from functools import cache
from typing import Any

from oai_bridge.doctor.examine import examine
from oai_bridge.doctor.findings import Finding
from oai_bridge.models.catalog import Catalog
from oai_bridge.settings.config import build_config


@cache
def catalog() -> Catalog:
    return Catalog()


async def examined(environment: Mapping[str, str], document: Any = None, **how: Any) -> list[Finding]:
    """All findings, in their order, of settings as a user would write them; `how` is for `examine`."""
    config = build_config(document, environment, {})
    async with aclosing(examine(config, catalog(), **how)) as findings:
        return [finding async for finding in findings]


def states(findings: Sequence[Finding]) -> list[str]:
    """Each as `check: state`."""
    return [f"{finding.check}: {finding.state}" for finding in findings]


def only(findings: Sequence[Finding], check: str) -> Finding:
    """The one finding of this check."""
    (found,) = (finding for finding in findings if finding.check == check)
    return found


def first(findings: Sequence[Finding], state: str) -> Finding:
    """The first in this state."""
    return next(finding for finding in findings if finding.state == state)
