"""Tests the tests: changes the code a little, one place at a time, and shows the changes that no test notices.

`mutants.py wire/sse.py`, `mutants.py dialects --sample 50` or `mutants.py all`. The changes are mutmut's, which is put
below .mutants/ when it is first needed; they are made in memory only. The tests are collected once, those of the files
and the golden cases; each change gets a fork of that process, which runs the tests that reach the changed lines until
one fails. mutmut's own runs know no package in a folder such as addon/, and change nothing outside of functions. Run it
with the environment of the tests: `.venv-dev/bin/python scripts/mutants.py all`.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from mutating.changes import Change, changes_of
from mutating.grafting import graft
from mutating.reach import Reach, measure

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "addon" / "oai_bridge"
FOLDER = ROOT / ".mutants"
PACKAGES = FOLDER / f"packages-{sys.version_info[0]}.{sys.version_info[1]}"
MUTMUT, LIBCST = "mutmut==3.8.1", "libcst==1.9.0"  # all of mutmut that is needed are its operators
ALL = ("wire", *(f"entrance/{name}.py" for name in ("guard", "authority", "strangers", "cors")), "dialects")

GOLDEN = "tests/test_cases.py::test_a_case_comes_out_as_written"
MORE: dict[str, tuple[str, ...]] = {
    "entrance/guard.py": ("test_guard_clients", "test_guard_masked"),
    "entrance/authority.py": ("test_guard", "test_addresses", "test_entry"),
    "entrance/strangers.py": ("test_guard", "test_guard_clients"),
    "entrance/cors.py": ("test_guard", "test_pages"),
    "wire/frames.py": ("test_sse", "test_eventstream", "test_bedrock_frames"),
    "dialects/reading.py": ("test_claude_reply", "test_converse_reply", "claude_request"),
    "dialects/claude_wire.py": ("test_claude_reply",),
    "dialects/converse_wire.py": ("test_converse_reply",),
    "dialects/cloud_errors.py": ("test_claude_errors",),
}
"""The tests besides tests/test_<file>.py or those in tests/<file>/."""

ENDS = ("timed out", "not noticed")
LIMIT = 3 << 30  # bytes of memory for a change that makes a loop endless


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", help="a file or folder of addon/oai_bridge, such as wire/sse.py, or all")
    parser.add_argument("--sample", type=int, metavar="N", help="of each file only N changes, drawn at random")
    parser.add_argument("--seed", type=int, default=8, help="of the random choice (default: %(default)s)")
    parser.add_argument("--slowest", type=float, default=3, help="leave out slower tests, in s (default: %(default)s)")
    parser.add_argument(
        "--own", action="store_true", help="leave out the golden cases, which take minutes at the start"
    )
    asked = parser.parse_args(given)
    prepare()
    run = Run(files_of(asked.target), asked)
    options = ["-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(ROOT)]
    if pytest.main([*options, *run.tests()], plugins=[run]) != 0:
        sys.exit("The tests have to pass before the code is changed: pytest says above which don't.")


def prepare() -> None:
    """mutmut, in a folder of its own and without what its screens need."""
    sys.path.append(str(PACKAGES))
    if (PACKAGES / "mutmut").is_dir():
        return
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    if subprocess.run([*pip, "--no-deps", "--target", str(PACKAGES), MUTMUT, LIBCST], check=False).returncode != 0:
        sys.exit(f"{MUTMUT} and {LIBCST} can't be installed: look at what pip says above.")


def files_of(target: str) -> list[str]:
    found: list[Path] = []
    for name in ALL if target == "all" else (target,):
        path = PACKAGE / name
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    if missing := [file for file in found if not file.is_file()]:
        sys.exit(f"There is no {missing[0]}: name a file or folder of addon/oai_bridge.")
    return [file.relative_to(PACKAGE).as_posix() for file in found if file.name != "__init__.py"]


def tests_of(file: str) -> list[str]:
    stem = Path(file).stem
    names = (f"test_{stem}", stem, *MORE.get(file, ()))
    paths = [f"tests/{path}" for name in names for path in (f"{name}.py", f"{name}/")]
    found = [path for path in paths if (ROOT / path).exists()]
    return [*found, GOLDEN] if file.startswith("dialects/") else found


def told(counts: Counter[str]) -> str:
    tried = counts.total() - counts["possible"]
    words = (f"{counts[word]} {word}" for word in ("noticed", *ENDS))
    return f"{tried} of {counts['possible']} changes, {', '.join(words)}"


class Run:
    """The changes of some files; a plugin of pytest, which collects the tests first."""

    def __init__(self, files: Sequence[str], asked: argparse.Namespace) -> None:
        self._files = files
        self._asked = asked
        self._failed = ""  # the first test that has, in this process
        self._sharp: Counter[str] = Counter()  # how much each test has noticed: such ones first
        self._screen = os.fdopen(os.dup(1), "w", buffering=1)  # pytest takes the other one

    def tests(self) -> list[str]:
        return sorted({str(ROOT / name) for file in self._files for name in self._tests(file)})

    def _tests(self, file: str) -> list[str]:
        return [name for name in tests_of(file) if not (self._asked.own and name == GOLDEN)]

    def pytest_collection(self) -> None:
        from hypothesis import Phase, settings

        # The same examples for each change, and no time for making a failing one smaller.
        base = settings.get_profile("suite")
        settings.register_profile(
            "mutants", base, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
        )
        settings.load_profile("mutants")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed = self._failed or report.nodeid

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._plugins = session.config.pluginmanager
        paths = [PACKAGE / file for file in self._files]
        measured = apart(lambda: (measure(paths, session.items), self._failed))
        if measured is None or measured[1]:
            raise session.Failed("a test fails without any change")
        items = {item.nodeid: item for item in session.items}
        gc.freeze()  # forks needn't copy what none of them changes
        total: Counter[str] = Counter()
        for file, path in zip(self._files, paths, strict=True):
            total += self._change(file, Reach(path, measured[0], self._tests(file)), items)
        print(f"all: {told(total)}", file=self._screen)
        return True

    def _change(self, file: str, reach: Reach, items: dict[str, pytest.Item]) -> Counter[str]:
        started = time.monotonic()
        changes, possible = changes_of((PACKAGE / file).read_text("utf-8"), self._asked.sample, self._asked.seed)
        counts = Counter({"possible": possible})
        for change in changes:
            names = reach.tests(change, self._asked.slowest)
            names.sort(key=lambda name: -self._sharp[name])
            ended = self._try(PACKAGE / file, change, [items[name] for name in names], reach.seconds(names))
            self._sharp[ended] += 1
            if ended in ENDS:
                counts[ended] += 1
                print(f"{file}:{change.line}: {ended} ({len(names)} tests)\n{change.diff}\n", file=self._screen)
            else:
                counts["noticed"] += 1
        print(f"{file}: {told(counts)}; {time.monotonic() - started:.0f} s", file=self._screen)
        return counts

    def _try(self, file: Path, change: Change, items: list[pytest.Item], seconds: float) -> str:
        def work() -> str:
            resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
            self._plugins.unregister(name="terminalreporter")
            try:
                graft(file, change)
            except Exception:  # as an import would end
                return ""
            for item, following in zip_longest(items, items[1:]):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if self._failed:
                    return self._failed
            return "not noticed"

        try:
            # A child that ends without an answer was ended by the change.
            return apart(work, 3 + 5 * seconds) or ""
        except TimeoutError:
            return "timed out"


def apart(work: Callable[[], Any], seconds: float | None = None) -> Any:
    """What `work` returns in a fork of this process; `None` where that ends before. Raises `TimeoutError`."""
    sys.stdout.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            with os.fdopen(writing, "w") as pipe:
                json.dump(work(), pipe)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        finally:
            os._exit(0)
    os.close(writing)
    answer = b""
    deadline = None if seconds is None else time.monotonic() + seconds
    try:
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([reading], [], [], left)[0]:
                os.kill(child, signal.SIGKILL)
                raise TimeoutError
            if not (piece := os.read(reading, 1 << 16)):
                return json.loads(answer) if answer else None
            answer += piece
    finally:
        os.close(reading)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
