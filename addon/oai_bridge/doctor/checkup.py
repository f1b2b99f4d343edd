"""The doctor's examination behind the status page's button: one at a time, its findings as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from ..pages import Checked
from ..streaming.defects import report_defect
from .findings import Finding

_BROKEN = Finding(
    "settings", "the examination", "failed", "It failed by a defect of its own.", "Please report it: the log has more."
)


class Checkup:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._findings: list[Finding] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    def begin(self, findings: AsyncGenerator[Finding, None]) -> None:
        """Examines anew; not to be called while one is running."""
        self._findings = []
        self._task = asyncio.ensure_future(self._run(findings))

    async def _run(self, findings: AsyncGenerator[Finding, None]) -> None:
        try:
            async with aclosing(findings):
                async for finding in findings:
                    self._findings.append(finding)
        except Exception as error:
            report_defect("The examination failed", error)
            self._findings.append(_BROKEN)

    def seen(self) -> Checked:
        """What it has found so far, or what the last one has found."""
        return Checked(tuple(self._findings), self.running)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
