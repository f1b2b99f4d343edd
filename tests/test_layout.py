"""The house: every file says its duty, the core stays pure, few files know mitmproxy, nothing is of one machine."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "addon" / "oai_bridge"
SOURCES = sorted([*ROOT.glob("addon/**/*.py"), *ROOT.glob("scripts/*.py")])
KNOW_MITMPROXY = {
    "addon.py",
    "cli.py",
    "entrance/reception.py",
    "start/options.py",
    "start/starting.py",
    "streaming/client_end.py",
    "streaming/stream_layer.py",
    "watching/commands.py",
    "watching/flow_list.py",
    "watching/inspection.py",
    "watching/offline.py",
    "watching/views.py",
}
PURE = (
    "anthropic",
    "backends",
    "credentials.base",
    "dialects",
    "directory",
    "doctor.causes",
    "doctor.clock",
    "doctor.diagnosis",
    "doctor.findings",
    "doctor.hiding",
    "doctor.modes",
    "doctor.sentences",
    "entrance.authority",
    "entrance.cors",
    "entrance.guard",
    "entrance.strangers",
    "errors",
    "events",
    "inspector",
    "models",
    "money.cost",
    "money.entry",
    "money.ledger",
    "money.spending",
    "money.worst",
    "notes",
    "openai",
    "outward.addresses",
    "pages",
    "plain.jsontext",
    "plain.redaction",
    "routing",
    "settings",
    "start.banner",
    "streaming.transcript",
    "telemetry.json_lines",
    "telemetry.metrics",
    "telemetry.request_lines",
    "telemetry.semantics",
    "telemetry.spans",
    "waiting.pool",
    "waiting.queue",
    "waiting.rates",
    "waiting.verdict",
    "wire",
)


def name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("file", SOURCES, ids=name)
def test_a_file_begins_with_its_duty(file: Path) -> None:
    source = file.read_text("utf-8")
    assert source.startswith('"""'), "the first line is the docstring"
    assert (ast.get_docstring(ast.parse(source)) or "").strip()


def imported(file: Path) -> set[str]:
    """The top-level names of everything that is imported anywhere in `file`."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=name)
def test_few_files_know_mitmproxy(file: Path) -> None:
    if "mitmproxy" in imported(file):
        assert file.relative_to(PACKAGE).as_posix() in KNOW_MITMPROXY


ALONE = """
import importlib, pkgutil, sys

BLOCKED = {"mitmproxy", "aiohttp", "aiohttp_socks", "azure", "boto3", "botocore", "google", "requests"}
BLOCKED |= {"opentelemetry", "prometheus_client"}

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(name + " is blocked")

sys.meta_path.insert(0, Blocker())
module = importlib.import_module(sys.argv[1])
print(module.__name__)
for found in pkgutil.walk_packages(getattr(module, "__path__", ()), module.__name__ + "."):
    importlib.import_module(found.name)
    print(found.name)
"""


def imported_alone(module: str) -> subprocess.CompletedProcess[str]:
    """Import `oai_bridge.<module>` and all below it in a Python that has no network library."""
    return subprocess.run(
        [sys.executable, "-c", ALONE, f"oai_bridge.{module}"],
        check=False,
        cwd=ROOT / "addon",
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("module", PURE)
def test_the_core_needs_neither_mitmproxy_nor_a_network(module: str) -> None:
    ended = imported_alone(module)
    assert ended.returncode == 0, ended.stderr
    files = len(list((PACKAGE / module).glob("**/*.py"))) if (PACKAGE / module).is_dir() else 1
    assert len(ended.stdout.split()) == files


def test_the_blocker_blocks() -> None:
    ended = imported_alone("streaming.stream_layer")
    assert ended.returncode != 0
    assert "mitmproxy is blocked" in ended.stderr


def tracked() -> list[Path]:
    """The project's files: those that git has or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
    )
    if listed.returncode != 0:
        pytest.skip("the project's files are only known to git")
    return sorted(ROOT / path for path in listed.stdout.split("\0") if path and (ROOT / path).is_file())


# Written in pieces, so that this file doesn't find itself.
LOCAL = re.compile(r"(?<![\w.])/(?:" + "|".join(["root", "work", "tmp", "home/[a-z]"]) + r")\b")
HOSTS = re.compile(
    "|".join(["py" r"pi\.", "python" r"hosted\.", "registry" r"\.npm", "cra" r"tes\.io", "deb" r"ian\.org"])
)


@pytest.mark.parametrize("pattern", [LOCAL, HOSTS], ids=["paths", "registries"])
def test_nothing_is_of_one_machine(pattern: re.Pattern[str]) -> None:
    found = []
    for file in tracked():
        try:
            text = file.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        found += [f"{name(file)}: {hit.group()}" for hit in pattern.finditer(text)]
    assert not found


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_holds_hashes_and_no_addresses(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert "://" not in text
    requirements = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())
    assert len(requirements) > 40
    assert [line for line in requirements if "==" not in line or "--hash=sha256:" not in line] == []


def test_the_scripts_find_their_uv() -> None:
    assert re.search(r"^uv==", (ROOT / "requirements-dev.lock").read_text("utf-8"), flags=re.MULTILINE)
    assert find_spec("uv") is not None


def test_the_development_lock_has_the_very_versions_that_run() -> None:
    def pins(lock: str) -> set[str]:
        return set(re.findall(r"^[\w.-]+==[\w.]+", (ROOT / lock).read_text("utf-8"), flags=re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")
