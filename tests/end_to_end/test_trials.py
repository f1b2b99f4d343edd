"""The short form of some trials of `scripts/soak.py`: logins end, clocks are set, clients leave long answers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import trials
from tests.support.fake_vertex import FakeVertex
from tests.support.trial import MB, Trial


@pytest.mark.skipif(os.name != "posix", reason="its probe is asked by signals")
def test_what_changes_while_streams_run(tmp_path: Path, cloud: FakeVertex) -> None:
    trial = Trial()
    with trials.under_load(trial, cloud, tmp_path, 3, most=20 * MB) as proxy:
        trials.revoked(trial, cloud, proxy, seconds=0.6, at_once=3)
        trials.clock_steps(trial, cloud, proxy, seconds=0.5, at_once=2, steps=trials.STEPS[:2])
        trials.slow_readers(trial, cloud, proxy, seconds=1, at_once=1)
    cloud.rule = lambda received: None
    assert trial.broken == []
