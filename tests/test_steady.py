"""inspector/steady.py: a clock that nobody sets while a request runs."""

from __future__ import annotations

import pytest

from oai_bridge.inspector.steady import steady


@pytest.mark.parametrize("step", [-86_400.0, -1.0, 0.0, 3600.0, 1e9])
def test_a_step_of_the_clock_is_no_time_that_passes(step: float) -> None:
    now, passed = 1_800_000_000.0, 50.0
    clock = steady(lambda: now, lambda: passed)
    assert clock() == now
    passed += 2.5
    assert clock() == now + 2.5
    now += step
    assert clock() == 1_800_000_002.5
    assert steady(lambda: now, lambda: passed)() == now
