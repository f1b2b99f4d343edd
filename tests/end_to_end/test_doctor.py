"""`oai-vertex doctor` as a process: text, JSON, exit codes, no secret; and Ctrl-C while a cloud says nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.cloud_errors import google_error
from tests.support.fake_vertex import FakeVertex, Hang
from tests.support.proxy import ADDON

WORDS = [sys.executable, "-m", "oai_bridge.cli", "doctor"]


def doctor(folder: Path, environment: Mapping[str, str], *options: str) -> subprocess.Popen[str]:
    """The process, in a folder with an empty `.env`, without anything of the outer environment."""
    file = folder / ".env"
    file.touch(mode=0o600)
    own = {"HOME": str(folder), "PATH": os.environ["PATH"], "PYTHONPATH": str(ADDON.parent), **environment}
    pipe = subprocess.PIPE
    return subprocess.Popen([*WORDS, *options], cwd=folder, env=own, stdout=pipe, stderr=pipe, text=True)


def test_a_healthy_cloud_and_then_a_sick_one(cloud: FakeVertex, folder: Path) -> None:
    with doctor(folder, cloud.environment()) as process:
        text, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    *lines, last = text.splitlines()
    assert [line.split()[:2] for line in lines] == [
        *(["ok", "settings"], ["ok", "network"], ["ok", "clock"], ["ok", "credential"]),
        *(["ok", "model"], ["ok", "model"]),
    ]
    assert last == "6 checks: all is well. The calls cost less than $0.0001."
    cloud.rule = lambda received: google_error(403, f"No: {received.headers['authorization']}")
    config = folder / "mine.yaml"
    config.write_text("vertex: {}")
    with doctor(folder, cloud.environment(), "--json", "--no-cost", "--config", "mine.yaml") as process:
        text, errors = process.communicate(timeout=60)
    cloud.rule = lambda received: None
    assert (process.returncode, errors) == (1, "")
    told = json.loads(text)
    assert (told["ok"], told["cost"]) == (False, 0)
    assert told["findings"][0]["subject"] == "mine.yaml and .env"
    failed = [finding for finding in told["findings"] if finding["state"] == "failed"]
    assert [(one["check"], one["remedy"].partition(",")[0]) for one in failed] == [("model", "Check the project's id")]
    assert "ya29" not in text
    assert [wrong for wrong in cloud.wrong if "GET /" not in wrong] == []
    cloud.wrong.clear()  # each host is asked for its `/`, which nobody has


@pytest.mark.skipif(os.name != "posix", reason="a signal for one process alone")
def test_ctrl_c_ends_it_at_once(cloud: FakeVertex, folder: Path) -> None:
    cloud.script_token(Hang())
    with doctor(folder, cloud.environment()) as process:
        cloud.wait_until(lambda: cloud.hanging == 1, timeout=60)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=15)
    cloud.release()
    assert (process.returncode, errors) == (130, "")
    cloud.wrong.clear()


def test_settings_that_nobody_understands(folder: Path) -> None:
    config = folder / "broken.yaml"
    config.write_text("server: {port: many}\n")
    with doctor(folder, {}, "--config", str(config)) as process:
        text, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (2, "")
    assert text.startswith("failed   settings   the settings: server.port")
