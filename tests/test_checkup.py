"""checkup.py: one examination at a time, its findings as they come, and its end when the proxy's comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from oai_bridge.doctor.checkup import Checkup
from oai_bridge.doctor.findings import Finding
from oai_bridge.pages import Checked

FIRST = Finding("settings", "config.yaml", "ok", "Fine.")
SECOND = Finding("model", "claude", "failed", "No.", "Ask for it.", 0.0)


class Doctor:
    """Tells the first finding at once, the second when it may."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.closed = False

    async def findings(self) -> AsyncGenerator[Finding, None]:
        try:
            yield FIRST
            await self.may.wait()
            yield SECOND
        finally:
            self.closed = True


async def moment() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_findings_are_seen_as_they_come_and_stay() -> None:
    checkup, doctor = Checkup(), Doctor()
    assert checkup.seen() == Checked()
    checkup.begin(doctor.findings())
    assert checkup.running
    await moment()
    assert checkup.seen() == Checked((FIRST,), running=True)
    doctor.may.set()
    await moment()
    assert checkup.seen() == Checked((FIRST, SECOND)) and doctor.closed
    checkup.begin(Doctor().findings())
    await moment()
    assert checkup.seen() == Checked((FIRST,), running=True)
    await checkup.close()


async def test_the_proxys_end_is_its_end() -> None:
    checkup, doctor = Checkup(), Doctor()
    await checkup.close()
    checkup.begin(doctor.findings())
    await moment()
    await checkup.close()
    assert doctor.closed and not checkup.running


async def test_a_defect_of_the_doctor_is_a_finding(caplog: pytest.LogCaptureFixture) -> None:
    said = "what may be a secret"

    async def findings() -> AsyncGenerator[Finding, None]:
        yield FIRST
        raise ValueError(said)

    checkup = Checkup()
    checkup.begin(findings())
    await moment()
    first, last = checkup.seen().findings
    assert (first, last.state) == (FIRST, "failed") and not checkup.running
    assert "ValueError" in caplog.text and "secret" not in caplog.text
