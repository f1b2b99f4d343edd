"""A forked program is as good as a started one: its environment, arguments, output, signals, end, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import forked
from tests.support.proxy import Proxy

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")
TELLS = """
import json, os, random, signal, sys
def load(loader):
    told = {
        "environment": {k: v for k, v in os.environ.items() if k != "LC_CTYPE"},  # Python sets it where there is none
        "arguments": [sys.argv, sys.orig_argv[1:], sys.path[:2]],
        "folder": os.getcwd(),
        "streams": [(s.isatty(), s.encoding, s.errors, s.write_through) for s in (sys.stdout, sys.stderr)],
        "signals": [getattr(signal.getsignal(one), "__name__", one) for one in (signal.SIGINT, signal.SIGTERM)],
        "default": signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL,
        "group": os.getpgrp(),
        "mask": os.umask(0o22),
        "input": os.readlink("/proc/self/fd/0"),
        "outputs": [os.readlink(f"/proc/self/fd/{number}") for number in (1, 2)],
        "open": sorted(f.split(":")[0] for f in open_ones()),
    }
    print(json.dumps([told, random.random()]), flush=True)
    sys.stderr.write("the last line")
    os._exit(3)
def open_ones():
    for number in os.listdir("/proc/self/fd"):
        try:
            yield os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            pass  # the one for listing
"""


def told(proxy: Proxy) -> list:
    """What a proxy's script tells before it ends."""
    proxy.start()
    assert proxy.process.wait(60) == 3
    lines = proxy.log().splitlines()
    assert lines[-1] == "the last line"
    return json.loads(lines[-2])


def test_a_fork_is_as_a_start(tmp_path: Path) -> None:
    (tmp_path / "tells.py").write_text(TELLS, "utf-8")
    proxy = Proxy(tmp_path, environment={"ODD": "ö"}, arguments=["-s", str(tmp_path / "tells.py")])
    proxy.command[1:3] = []  # without the addon
    (first, chance), (second, other) = told(proxy), told(proxy)
    assert isinstance(proxy.process, forked.Forked)
    proxy.fresh = True
    fresh, _ = told(proxy)
    assert isinstance(proxy.process, subprocess.Popen)
    assert first == second == fresh
    assert first["environment"] == proxy.environment and first["folder"] == str(tmp_path)
    assert chance != other


def test_what_counts_at_the_start_is_started(tmp_path: Path) -> None:
    proxy = Proxy(tmp_path)
    usual = dict(proxy.environment)
    command, changed = proxy.command, {**usual, "PYTHONOPTIMIZE": "1"}
    for words, environment in ((command, changed), ([sys.executable, "-c", ""], usual)):
        with (tmp_path / "log").open("wb") as log:
            process = forked.start([*words, "--version"], tmp_path, environment, log, usual)
        process.kill()
        process.wait()
        assert isinstance(process, subprocess.Popen)


def test_signals_and_ends_are_told(tmp_path: Path) -> None:
    with Proxy(tmp_path) as proxy:
        assert isinstance(proxy.process, forked.Forked)
        assert proxy.process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            proxy.process.wait(0.01)
        proxy.process.terminate()
        assert proxy.process.wait(60) == proxy.process.poll() == proxy.process.returncode == 0
    proxy.start()
    proxy.kill()
    assert proxy.process.returncode == -signal.SIGKILL
    proxy.process.send_signal(signal.SIGKILL)  # nobody is there any more


LEAVES = """
import os, sys
from pathlib import Path
from tests.support.proxy import Proxy
proxy = Proxy(Path(sys.argv[1]))
proxy.start()
print(proxy.process.pid, flush=True)
os._exit(0)
"""


def test_all_end_with_who_asked_for_them(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LEAVES, str(tmp_path)], check=True, capture_output=True, text=True, timeout=60
    )
    pid = int(ended.stdout)
    deadline = time.monotonic() + 60
    while os.path.exists(f"/proc/{pid}"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
