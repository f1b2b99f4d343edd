"""scripts/mutating: a change takes effect wherever the changed thing was imported, and knows the tests it concerns."""

from __future__ import annotations

import importlib.util
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from mutating.changes import Change
from mutating.grafting import graft
from mutating.reach import Reach
from scripts import mutants

CODE = """
from dataclasses import dataclass
from functools import cache

LIMIT = 5
DOUBLE = LIMIT * 2
OTHER = 5

@dataclass(frozen=True, slots=True)
class Box:
    size: int = 1

    @property
    def large(self):
        return self.size > LIMIT

    @staticmethod
    def name():
        return "box"

@cache
def cached():
    return 1

def plain(value=LIMIT):
    if value > 0:
        return value + 1
    return 0
"""


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[ModuleType]:
    file = tmp_path / "test_toy_of_mutants.py"
    file.write_text(CODE, "utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = sys.modules[file.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[file.stem]


@pytest.mark.parametrize(
    ("change", "asked", "before", "after"),
    [
        (("value + 1", "value - 1"), "plain(3)", 4, 2),
        (("LIMIT = 5", "LIMIT = 6"), "(LIMIT, DOUBLE, OTHER, plain())", (5, 10, 5, 6), (6, 12, 5, 7)),
        (("size: int = 1", "size: int = 7"), "Box().size", 1, 7),
        (("> LIMIT", "<= LIMIT"), "Box().large", False, True),
        (('"box"', '"XXboxXX"'), "Box.name()", "box", "XXboxXX"),
        (("return 1", "return 2"), "cached()", 1, 2),
    ],
)
def test_who_has_imported_it_sees_the_change(
    toy: ModuleType, change: tuple[str, str], asked: str, before: object, after: object
) -> None:
    imported = dict(vars(toy))
    assert eval(asked, imported) == before
    graft(Path(str(toy.__file__)), Change(1, CODE.replace(*change), ""))
    assert eval(asked, vars(toy) if "LIMIT" in asked else imported) == after


def line(text: str) -> int:
    return CODE[: CODE.index(text)].count("\n") + 1


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ("OTHER", ["quick", "box", "above"]),
        ("return value + 1", ["above"]),
        ("if value", ["quick", "above"]),
        ("LIMIT = 5", ["quick", "box", "above"]),
    ],
)
def test_the_tests_that_reach_a_line(toy: ModuleType, changed: str, names: list[str]) -> None:
    def reached(*texts: str) -> dict[str, list[int]]:
        return {str(toy.__file__): [line(text) for text in texts]}

    measured = {
        "tests/a.py::above": (reached("if value", "return value + 1"), 0.5),
        "tests/a.py::quick": (reached("if value", "return 0"), 0.1),
        "tests/a.py::box": (reached("return self.size"), 0.2),
        "tests/a.py::slow": (reached("if value", "return value + 1", "return self.size"), 5.0),
        "tests/b.py::foreign": (reached("if value", "return value + 1", "return self.size"), 0.1),
    }
    reach = Reach(Path(str(toy.__file__)), measured, ["tests/a.py"])
    found = reach.tests(Change(line(changed), CODE, ""), slowest=1)
    assert found == [f"tests/a.py::{name}" for name in names]


def test_a_fork_tells_what_it_found_or_that_it_takes_too_long() -> None:
    assert mutants.apart(lambda: {"a": [1]}) == {"a": [1]}
    assert mutants.apart(lambda: 1 / 0) is None
    with pytest.raises(TimeoutError):
        mutants.apart(signal.pause, seconds=0.05)


def test_each_file_has_tests() -> None:
    files = mutants.files_of("all")
    assert {"entrance/guard.py", "wire/frames.py", "dialects/reading.py"} <= set(files)
    assert [file for file in files if not [name for name in mutants.tests_of(file) if name != mutants.GOLDEN]] == []
    with pytest.raises(SystemExit, match="There is no"):
        mutants.files_of("nothing.py")
