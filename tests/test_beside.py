"""scripts/_beside.py: an environment beside the locked one is planned from its lock, and may stay as it was."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from _beside import Beside, NotHereError, prepare

UV = """#!{python}
import sys
open("asked", "a").write(" ".join(sys.argv[1:]) + "\\n")
sys.exit("no network" if {broken} and "compile" in sys.argv else 0)
"""


@pytest.mark.skipif(os.name != "posix", reason="a script stands for Python with uv")
def test_it_begins_with_the_lock_and_stays_without_a_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "requirements-dev.lock").write_text("mitmproxy==12.2.3\n", "utf-8")
    beside = Beside(tmp_path / ".venv-other", ["mitmproxy==12.1"], ["more"])
    (beside.folder / "bin").mkdir(parents=True)
    python = tmp_path / "python"

    def uv(broken: bool) -> None:
        python.write_text(UV.format(python=sys.executable, broken=broken), "utf-8")
        python.chmod(0o755)

    uv(broken=True)
    with pytest.raises(NotHereError, match="no network"):
        prepare(beside, tmp_path, str(python), {})
    uv(broken=False)
    assert prepare(beside, tmp_path, str(python), {}) == beside.folder / "bin" / "python"
    *_, plan, sync = (tmp_path / "asked").read_text("utf-8").splitlines()
    assert "--upgrade-package mitmproxy " in plan and "--require-hashes" in sync
    assert beside.packages.read_text("utf-8") == "mitmproxy==12.2.3\n"
    assert (beside.folder / "pins.txt").read_text("utf-8") == "mitmproxy==12.1\n"
    assert (beside.folder / "added.in").read_text("utf-8") == "more\n"
    uv(broken=True)
    assert prepare(beside, tmp_path, str(python), {}) == beside.python
    assert "stays as it was: no network" in capsys.readouterr().out
    other = Beside(beside.folder, ["mitmproxy==12.2"])
    with pytest.raises(NotHereError):
        prepare(other, tmp_path, str(python), {})
