"""What scripts/test.py does only when it is asked for, each by its name; see `ASKED`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from _beside import Beside, NotHereError, prepare
from _venv import last_line, read, with_proxies

NOT_DONE = 75
"""The exit code when what is needed can't be had here, such as the network: nothing was shown, nor refuted."""
SECONDS = {"--interop": 100}
"""How long the tests of a step may take."""
UNREACHED = re.compile(
    r"connect|resolv|timed? ?out|retries|\bdns\b|sending request|HTTP.{0,20}\b5\d\d\b", re.IGNORECASE
)
"""What uv and pip-audit say of a network or a service that isn't there."""
TOUCH_MITMPROXY = (
    "tests/stream_layer",
    *(f"tests/test_{name}.py" for name in ("addon", "cli", "commands", "flow_list", "inspection", "listening")),
    *(f"tests/test_{name}.py" for name in ("offline", "options", "record", "story")),
    *(f"tests/end_to_end/test_{name}.py" for name in ("streams", "chat", "replay", "wire", "stopping", "start")),
    *(f"tests/end_to_end/test_{name}.py" for name in ("inspector", "inspector_files", "flow_list", "commands")),
    *(f"tests/end_to_end/test_{name}.py" for name in ("offline", "telemetry", "bad_input")),
)
"""The tests of whatever knows mitmproxy, in whole programs or by itself."""


def ask(arguments: Sequence[str], root: Path, python: str) -> int:
    """Do what the first of `arguments` names; return the exit code. `python` is that of `.venv-dev`."""
    environment = with_proxies(os.environ, read(root / ".env"))
    try:
        return ASKED[arguments[0]](list(arguments[1:]), root, python, environment)
    except NotHereError as error:
        print(f"Not done: {error}", flush=True)
        return NOT_DONE


def interop(more: Sequence[str], root: Path, python: str, environment: Mapping[str, str]) -> int:
    """The newest of other people's programs, before and behind the proxy."""
    beside = Beside(root / ".venv-interop", ["openai", "anthropic"], ["langchain-openai"])
    newest = str(prepare(beside, root, python, environment))
    return limited([newest, "-m", "pytest", "-q", "-rs", "-n", "0", "tests/interoperability", *more], root, "--interop")


def mitmproxy(more: Sequence[str], root: Path, python: str, environment: Mapping[str, str]) -> int:
    """The contract with mitmproxy, on `oldest`, `newest` or a version such as 12.1.2."""
    if not more or not re.fullmatch(r"oldest|newest|\d+(\.\d+)+", more[0]):
        print("Say on which mitmproxy: scripts/test.py --mitmproxy oldest, newest, or a version such as 12.1.2.")
        return 2
    version = oldest_mitmproxy(root) if more[0] == "oldest" else more[0]
    pin = "mitmproxy" if version == "newest" else f"mitmproxy=={version}"
    beside = Beside(root / f".venv-mitmproxy-{version}", [pin])
    other = str(prepare(beside, root, python, environment))
    subprocess.call([other, "-c", "import mitmproxy.version; print(mitmproxy.version.MITMPROXY, flush=True)"])
    tests = ["-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", *(more[1:] or TOUCH_MITMPROXY)]
    leaks = ["-W", "ignore::pytest.PytestUnraisableExceptionWarning"]  # loops that mitmproxy 12.1's test helper leaves
    return subprocess.call([other, *tests, *leaks], cwd=root)


def oldest_mitmproxy(root: Path) -> str:
    """The lower end of the range in pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    found = re.search(r"\bmitmproxy>=([\d.]+)", "\n".join(project["dependencies"]))
    assert found is not None
    return found[1]


def audit(more: Sequence[str], root: Path, python: str, environment: Mapping[str, str]) -> int:
    """Whether the Python Packaging Advisory Database knows of a hole in what the lock files list."""
    locks = [(root / name).read_text("utf-8") for name in ("requirements.lock", "requirements-dev.lock")]
    pins = sorted({pin for lock in locks for pin in re.findall(r"^[\w.-]+==[\w.]+", lock, re.MULTILINE)})
    tool = [python, "-m", "uv", "tool", "run", "--quiet", "--python", python, "pip-audit"]
    command = [*tool, "--format", "json", "--progress-spinner", "off", "--timeout", "20", "--no-deps", "--disable-pip"]
    codes = []
    with tempfile.TemporaryDirectory() as folder:
        for number, pins_once in enumerate(each_name_once(pins)):
            listed = Path(folder) / f"{number}.txt"
            # Without markers, so that those for other systems are looked at, too.
            listed.write_text("\n".join(pins_once) + "\n", "utf-8")
            asked = [*command, "--requirement", str(listed), *more]
            ended = subprocess.run(asked, check=False, env=environment, capture_output=True, encoding="utf-8")
            codes.append(judge(ended.stdout, ended.stderr, len(pins_once)))
    return max(codes)


def each_name_once(pins: Sequence[str]) -> list[list[str]]:
    """The pins in lists: a package may have a version for each Python, and pip-audit takes one at a time."""
    lists: list[dict[str, str]] = []
    for pin in pins:
        name = pin.partition("==")[0]
        free = next((found for found in lists if name not in found), None)
        if free is None:
            lists.append(free := {})
        free[name] = pin
    return [list(found.values()) for found in lists]


def judge(found: str, trouble: str, asked: int) -> int:
    """What pip-audit's JSON says: all that was asked about has to be in it."""
    try:
        packages = json.loads(found)["dependencies"]
    except ValueError:
        if not UNREACHED.search(trouble):
            print(trouble)
            return 1
        raise NotHereError(
            f"the advisory service can't be reached ({last_line(trouble)}): check the connection and run it again."
        ) from None
    if asked > 1 and all("skip_reason" in package for package in packages):
        raise NotHereError(f"the advisory service knows none of {asked} packages, such as behind a mirror of PyPI.")
    skipped = [f"{package['name']}: {package['skip_reason']}" for package in packages if "skip_reason" in package]
    holes = [
        f"{package['name']} {package['version']}: {hole['id']}, mended in {' or '.join(hole['fix_versions']) or 'none'}"
        for package in packages
        for hole in package.get("vulns", [])
    ]
    print("\n".join([*holes, *skipped, f"{len(packages)} of {asked} packages looked up, {len(holes)} known holes."]))
    return 1 if holes or skipped or len(packages) < asked else 0


def coverage(more: Sequence[str], root: Path, python: str, environment: Mapping[str, str]) -> int:
    """How much of the addon its own test files run, without whole programs; pyproject.toml has the least."""
    tool = [python, "-m", "coverage"]
    tests = ["-m", "pytest", "-q", "-n", "auto", "--dist", "loadfile", "tests", "--ignore=tests/end_to_end", *more]
    steps = (["erase"], ["run", *tests], ["combine", "--quiet"], ["report", "--sort=cover"])
    codes = [subprocess.call([*tool, *step], cwd=root, env=environment, stdin=subprocess.DEVNULL) for step in steps]
    return next((code for code in codes if code), 0)


def limited(command: Sequence[str], root: Path, name: str) -> int:
    """The exit code of tests that get so many seconds; then they are stopped as by Ctrl-C, so that they clear up."""
    started = time.monotonic()
    with subprocess.Popen(command, cwd=root, stdin=subprocess.DEVNULL) as process:
        try:
            code = process.wait(SECONDS[name])
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
            print(f"It took more than {SECONDS[name]} s.", file=sys.stderr)
            code = 1
    print(f"== {name}: {'failed' if code else 'fine'}, {time.monotonic() - started:.1f} s", flush=True)
    return code


ASKED: dict[str, Callable[[Sequence[str], Path, str, Mapping[str, str]], int]] = {
    "--interop": interop,
    "--mitmproxy": mitmproxy,
    "--audit": audit,
    "--coverage": coverage,
}
