"""scripts/: a start from nothing, a second start offline, and everything that may have happened in between."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scripts import _python, _venv

ROOT = Path(__file__).parent.parent
posix = pytest.mark.skipif(os.name != "posix", reason="uses signals and symbolic links")

OCCUPIED = "Another start is setting up .venv: wait for it, then start again."

# --- Finding a Python -------------------------------------------------------------------------------------------------


def old_pythons() -> list[str]:
    """Interpreters on this machine that are too old for the project, of each version one."""
    folders = [Path("/usr/bin"), *sorted(Path.home().glob(".pyenv/versions/*/bin"))]
    found: dict[str, str] = {}
    for folder in folders:
        for name in ("python2.7", *(f"python3.{minor}" for minor in range(4, 12))):
            if (folder / name).exists():
                found.setdefault(name, str(folder / name))
    return list(found.values())


def no_folder(folder: str) -> list[str]:
    return []


@pytest.mark.parametrize(
    ("platform", "environment", "versions", "expected"),
    [
        ("linux", {}, [], []),
        (
            "macos",
            {"HOME": "/h"},
            ["3.9.18", "3.11.7", "3.12.1", "3.13.0", "2.7.18", "pypy3.10-7.3", "3.12-dev"],
            [
                ["/h/.pyenv/versions/3.13.0/bin/python"],
                ["/h/.pyenv/versions/3.12.1/bin/python"],
                ["/h/.pyenv/versions/3.12-dev/bin/python"],
            ],
        ),
        ("linux", {"HOME": "/h", "PYENV_ROOT": "/p"}, ["3.14.2"], [["/p/versions/3.14.2/bin/python"]]),
        ("windows", {"USERPROFILE": "/u"}, ["3.12.1"], [["/u/.pyenv/pyenv-win/versions/3.12.1/python.exe"]]),
    ],
)
def test_candidates(platform: str, environment: dict[str, str], versions: list[str], expected: list[list[str]]) -> None:
    asked = []

    def names_in(folder: str) -> list[str]:
        asked.append(folder)
        return versions

    found = _python.candidates(platform, environment, names_in)
    on_path = [["python3.13"], ["python3.12"], ["python3.14"], ["python3"], ["python"]]
    launcher = [["py", "-3.13"], ["py", "-3.12"], ["py", "-3.14"]] if platform == "windows" else []
    assert [[part.replace("\\", "/") for part in command] for command in found] == launcher + on_path + expected
    assert len(asked) == 1


def test_the_first_new_enough_one_is_found() -> None:
    versions = {"broken": (), "old": (3, 11), "good": (3, 12), "better": (3, 14)}

    def version(command: Sequence[str]) -> tuple[int, ...]:
        return versions[command[0]]

    assert _python.find([["broken"], ["old"], ["good"], ["better"]], version) == ["good"]
    assert _python.find([["broken"], ["old"]], version) is None


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ([sys.executable], sys.version_info[:2]),
        (["no-such-program-anywhere"], ()),
        ([sys.executable, "-c", "raise SystemExit(127)"], ()),  # a shim of a version that isn't chosen
        ([sys.executable, "-c", "print('hello')"], ()),
    ],
)
def test_a_command_is_asked_for_its_version(command: list[str], expected: tuple[int, ...]) -> None:
    assert _python.version_of(command) == expected


def test_every_system_is_told_how_to_get_one() -> None:
    assert set(_python.HOW_TO_GET_ONE) == {"windows", "macos", "linux"}
    assert _python.PLATFORM in _python.HOW_TO_GET_ONE


NEWER_SYNTAX = (ast.JoinedStr, ast.NamedExpr, ast.AnnAssign, ast.AsyncFunctionDef, ast.Await, ast.Nonlocal, ast.Match)


@pytest.mark.parametrize("name", ["run.py", "_python.py"])
def test_old_pythons_can_read_it(name: str) -> None:
    """What Python 2.7 has no syntax for; the interpreters themselves are asked below, where there are any."""
    source = (ROOT / "scripts" / name).read_text("utf-8")
    assert source.isascii()
    for node in ast.walk(ast.parse(source)):
        assert not isinstance(node, NEWER_SYNTAX), ast.unparse(node)
        if isinstance(node, ast.FunctionDef):
            annotated = [part for part in (*node.args.args, node.args.vararg, node.args.kwarg) if part]
            assert node.returns is None and all(part.annotation is None for part in annotated)
            assert not node.args.kwonlyargs and not node.args.posonlyargs
        if isinstance(node, ast.List | ast.Tuple):
            assert not any(isinstance(item, ast.Starred) for item in node.elts)
        if isinstance(node, ast.Raise):
            assert node.cause is None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print"  # a statement there


@pytest.mark.parametrize("python", old_pythons()[:1])
def test_an_old_python_finds_a_new_one(python: str, fresh: Project) -> None:
    """Which can read `_venv.py`; it is stopped there, before it makes a folder."""
    new = str(Path(sys.executable).parent)
    with _venv.only_one(fresh.venv):
        ended = fresh.run(python=[python], PATH=new, HOME=str(fresh.root), PYENV_ROOT="")
    assert ended.returncode == 1
    assert ended.stderr.strip() == OCCUPIED


def nowhere(project: Project) -> dict[str, str]:
    """An environment in which no other Python can be found."""
    return {"PATH": str(project.root), "HOME": str(project.root), "PYENV_ROOT": ""}


@pytest.mark.parametrize("python", old_pythons())
def test_an_old_python_knows_the_one_of_the_first_start(python: str, made: Project) -> None:
    ended = made.run("a b", python=[python], **nowhere(made))
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["arguments"] == ["a b"]


@pytest.mark.parametrize("python", old_pythons())
def test_an_old_python_alone_says_how_to_get_a_new_one(python: str, fresh: Project) -> None:
    ended = fresh.run(python=[python], **nowhere(fresh))
    assert ended.returncode == 1
    assert ended.stderr.startswith("This needs Python 3.12 or newer")
    assert _python.HOW_TO_GET_ONE[_python.PLATFORM] in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert not fresh.venv.folder.exists()


# --- Becoming the child -----------------------------------------------------------------------------------------------

PARENT = """
import os, sys
sys.path.insert(0, sys.argv[1])
import _python
_python.become([sys.executable, "-c", sys.argv[2]], dict(os.environ, MARK="here"), replace=sys.argv[3] == "replace")
"""


@pytest.mark.parametrize("way", ["replace", "wait"])
def test_the_exit_code_and_the_environment_pass_through(way: str) -> None:
    if way == "replace" and os.name != "posix":
        pytest.skip("no exec there")
    child = "import os, sys; print(os.environ['MARK']); sys.exit(7)"
    ended = subprocess.run(
        [sys.executable, "-c", PARENT, str(ROOT / "scripts"), child, way], check=False, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stdout.strip()) == (7, "here")


@posix
@pytest.mark.parametrize("way", ["replace", "wait"])
def test_the_child_decides_what_ctrl_c_means(way: str) -> None:
    child = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(9))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    command = [sys.executable, "-c", PARENT, str(ROOT / "scripts"), child, way]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 9


# --- Making the environment -------------------------------------------------------------------------------------------

CLI = """
import json, os, sys
import tiny
print(json.dumps({
    "arguments": sys.argv[1:],
    "folder": os.getcwd(),
    "python": sys.prefix,
    "tiny": tiny.VERSION,
    "here": os.getcwd() in sys.path,
}))
"""


@dataclass(frozen=True)
class Project:
    """A copy of the scripts with a proxy that only tells how it was started, and one small package in its lock."""

    root: Path

    @property
    def venv(self) -> _venv.Venv:
        return _venv.Venv(self.root / ".venv", self.root / "requirements.lock")

    def run(
        self, *arguments: str, python: Sequence[str] = (sys.executable,), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*python, str(self.root / "scripts" / "run.py"), *arguments],
            check=False,
            cwd=self.root,
            env=self.environment() | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )

    def told(self, *arguments: str, **environment: str) -> dict[str, Any]:
        """What the started proxy says about its start."""
        ended = self.run(*arguments, **environment)
        assert ended.returncode == 0, ended.stderr
        answer = json.loads(ended.stdout)
        assert isinstance(answer, dict)
        return answer

    def environment(self) -> dict[str, str]:
        """pip finds packages in the project's `shelf` folder and nowhere else."""
        kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(("PIP_", "PYTHON"))}
        shelf = (self.root / "shelf").as_uri()  # pip splits plain paths at their spaces
        return kept | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": shelf, "PIP_CONFIG_FILE": os.devnull}

    def lock(self, version: str) -> None:
        """Put that version of the package on the shelf and into the lock."""
        shelf = self.root / "shelf"
        shelf.mkdir(exist_ok=True)
        wheel = shelf / f"tiny-{version}-py3-none-any.whl"
        info = f"tiny-{version}.dist-info"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("tiny.py", f"VERSION = {version!r}\n")
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        self.venv.lock.write_text(f"tiny=={version} --hash=sha256:{digest}\n", "utf-8")

    def empty_shelf(self) -> None:
        """From now on pip finds nothing any more, as without a network."""
        shutil.rmtree(self.root / "shelf")
        (self.root / "shelf").mkdir()


def new_project(root: Path) -> Project:
    (root / "addon" / "oai_bridge").mkdir(parents=True)
    (root / "addon" / "oai_bridge" / "__init__.py").touch()
    (root / "addon" / "oai_bridge" / "cli.py").write_text(CLI, "utf-8")
    shutil.copytree(ROOT / "scripts", root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    project = Project(root)
    project.lock("1.0")
    return project


@pytest.fixture(scope="module")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, subprocess.CompletedProcess[str]]:
    """A folder with an awkward name, started for the first time."""
    project = new_project(tmp_path_factory.mktemp("a") / "my proxy – für 你")
    return project, project.run("--web", "--", "-w", "a b.flow")


@pytest.fixture
def made(first_start: tuple[Project, subprocess.CompletedProcess[str]], tmp_path: Path) -> Iterator[Project]:
    """A copy of it, once started."""
    shutil.copytree(first_start[0].root, tmp_path / "proxy ü", symlinks=True)
    yield Project(tmp_path / "proxy ü")
    shutil.rmtree(tmp_path / "proxy ü")


@pytest.fixture
def quick(first_start: tuple[Project, subprocess.CompletedProcess[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare environment is made by a copy of the first one, which takes a tenth of the time."""
    first = first_start[0].venv

    def copy(venv: _venv.Venv, python: str) -> None:
        beside = shutil.ignore_patterns("tiny*", first.stamp.name)
        shutil.copytree(first.folder, venv.folder, symlinks=True, ignore=beside, dirs_exist_ok=True)

    monkeypatch.setattr(_venv, "create", copy)


@pytest.fixture
def fresh(tmp_path: Path) -> Project:
    """One that was never started."""
    return new_project(tmp_path / "fresh ü")


def test_the_first_start_does_everything(first_start: tuple[Project, subprocess.CompletedProcess[str]]) -> None:
    project, ended = first_start
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.splitlines() == ["Setting up .venv: only this once, about a minute ..."]
    assert json.loads(ended.stdout) == {
        "arguments": ["--web", "--", "-w", "a b.flow"],
        "folder": str(project.root),
        "python": str(project.venv.folder),
        "tiny": "1.0",
        "here": False,
    }


def test_the_second_start_needs_no_network(made: Project) -> None:
    made.empty_shelf()
    before = made.venv.stamp.stat().st_mtime_ns
    ended = made.run()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert made.venv.stamp.stat().st_mtime_ns == before


def test_a_changed_lock_is_installed(made: Project) -> None:
    made.lock("2.0")
    assert made.told()["tiny"] == "2.0"
    made.empty_shelf()
    assert made.told()["tiny"] == "2.0"


@pytest.mark.parametrize("line", ["tiny==2.0 --hash=sha256:" + "0" * 64, "tiny==2.0"])
def test_a_package_that_is_not_the_locked_one_is_refused(made: Project, line: str) -> None:
    made.lock("2.0")
    made.venv.lock.write_text(line, "utf-8")
    ended = made.run()
    assert ended.returncode == 1
    assert "can't be installed" in ended.stderr and "Traceback" not in ended.stderr


def test_without_a_network_it_says_what_to_do(made: Project) -> None:
    made.lock("3.0")
    made.empty_shelf()
    ended = made.run()
    assert ended.returncode == 1
    assert "No matching distribution found for tiny==3.0" in ended.stderr
    assert "HTTPS_PROXY" in ended.stderr and "Traceback" not in ended.stderr
    assert made.run().returncode == 1, "a failed installation counts as done"
    made.lock("3.0")
    assert made.told()["tiny"] == "3.0"


@posix
def test_what_was_killed_in_the_middle_is_made_anew(fresh: Project) -> None:
    command = [sys.executable, str(fresh.root / "scripts" / "run.py")]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, env=fresh.environment(), stdout=quiet, stderr=quiet, start_new_session=True
    ) as process:
        wait_until(lambda: fresh.venv.python.exists() or process.poll() is not None)
        os.killpg(process.pid, signal.SIGKILL)
    assert _venv.read(fresh.venv.stamp) == _venv.UNFINISHED
    (fresh.venv.folder / "left over").touch()
    assert fresh.told()["tiny"] == "1.0"
    assert not (fresh.venv.folder / "left over").exists()


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@posix
@pytest.mark.usefixtures("quick")
def test_a_python_that_vanished_is_replaced(made: Project) -> None:
    made.venv.python.unlink()
    made.venv.python.symlink_to(made.root / "uninstalled" / "python3")
    _venv.prepare(made.venv, made.environment())
    assert made.told()["tiny"] == "1.0"


@pytest.mark.usefixtures("quick")
def test_another_python_in_its_place_is_noticed(made: Project) -> None:
    """As after a system upgrade: the folder's Python is suddenly a newer one, which sees none of the packages."""
    _, digest = made.venv.stamp.read_text("utf-8").split()
    made.venv.stamp.write_text(f"3.11 {digest}", "utf-8")
    (made.venv.folder / "left over").touch()
    _venv.prepare(made.venv, made.environment())
    assert made.told()["tiny"] == "1.0"
    assert not (made.venv.folder / "left over").exists()


def test_a_virtual_environment_of_the_user_is_kept(made: Project) -> None:
    made.venv.stamp.unlink()
    (made.venv.folder / "mine").touch()
    assert made.told()["tiny"] == "1.0"
    assert (made.venv.folder / "mine").exists()
    made.empty_shelf()
    assert made.run().stderr == ""


def test_a_folder_that_is_something_else_is_left_alone(fresh: Project) -> None:
    fresh.venv.folder.mkdir()
    (fresh.venv.folder / "novel.txt").touch()
    ended = fresh.run()
    assert (ended.returncode, ended.stderr.splitlines()[1:]) == (
        1,
        [".venv is no virtual environment: move it elsewhere, then start again."],
    )
    assert (fresh.venv.folder / "novel.txt").exists()


def test_a_file_in_its_place_is_told(fresh: Project) -> None:
    fresh.venv.folder.touch()
    ended = fresh.run()
    assert ended.returncode == 1
    assert ".venv can't be set up" in ended.stderr and "Traceback" not in ended.stderr


def test_two_starts_do_not_meet_in_the_folder(fresh: Project) -> None:
    with _venv.only_one(fresh.venv):
        ended = fresh.run()
    assert ended.returncode == 1
    assert ended.stderr.strip() == OCCUPIED
    assert not fresh.venv.folder.exists()


# --- scripts/test.py --------------------------------------------------------------------------------------------------

STEP = """
import os, sys
print(os.path.basename(sys.argv[0]), sys.argv[1:])
sys.exit(int(os.environ.get(os.path.basename(sys.argv[0])[:-3] + "_" + "".join(sys.argv[1:2]).strip("-"), "0")))
"""


@pytest.mark.parametrize(
    ("failing", "code"),
    [({}, 0), ({"ruff_format": "3", "pytest_q": "5"}, 3), ({"mypy_": "2"}, 2), ({"pytest_q": "5"}, 5)],
)
def test_every_step_runs_and_the_first_failure_counts(made: Project, failing: dict[str, str], code: int) -> None:
    (made.venv.folder).rename(made.root / ".venv-dev")
    shutil.copy(made.venv.lock, made.root / "requirements-dev.lock")
    tools = made.root / "tools"
    tools.mkdir()
    for name in ("ruff", "mypy", "pytest"):
        (tools / f"{name}.py").write_text(STEP, "utf-8")
    ended = subprocess.run(
        [sys.executable, str(made.root / "scripts" / "test.py"), "-k", "one thing"],
        check=False,
        env=made.environment() | {"PYTHONPATH": str(tools)} | failing,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    said = [line for line in ended.stdout.splitlines() if line and not line.startswith("==")]
    assert said == [
        "ruff.py ['check']",
        "ruff.py ['format', '--check']",
        "mypy.py []",
        "pytest.py ['-q', '-n', 'auto', '--dist', 'loadfile', '--no-loadscope-reorder', '-k', 'one thing']",
    ]
    assert ended.returncode == code, ended.stderr
    assert ended.stderr == ""
