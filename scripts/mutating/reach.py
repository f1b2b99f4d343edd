"""Which tests reach which lines of a file, and how long they take."""

from __future__ import annotations

import ast
import sys
import time
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from mutating.changes import Change
from mutating.grafting import mentions

Measured = dict[str, tuple[dict[str, list[int]], float]]
"""By a test's name: the lines that it reached of each file, its seconds."""

EVENTS = sys.monitoring.events
TOOL = sys.monitoring.PROFILER_ID


def measure(files: Sequence[Path], items: Sequence[pytest.Item]) -> Measured:
    """Runs all of the tests, in a process that needn't do anything else afterwards."""
    names = {str(file): number for number, file in enumerate(files)}
    lines: set[tuple[int, int]] = set()

    def started(code: CodeType, _: int) -> Any:
        if code.co_filename in names:
            sys.monitoring.set_local_events(TOOL, code, EVENTS.LINE)
        return sys.monitoring.DISABLE

    def reached(code: CodeType, line: int) -> Any:
        lines.add((names[code.co_filename], line))
        return sys.monitoring.DISABLE

    sys.monitoring.use_tool_id(TOOL, "mutants")
    sys.monitoring.register_callback(TOOL, EVENTS.PY_START, started)
    sys.monitoring.register_callback(TOOL, EVENTS.LINE, reached)
    sys.monitoring.set_events(TOOL, EVENTS.PY_START)
    found: Measured = {}
    for item, following in zip_longest(items, items[1:]):
        lines.clear()
        sys.monitoring.restart_events()
        start = time.monotonic()
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        found[item.nodeid] = by_file(lines, files), time.monotonic() - start
    return found


def by_file(lines: Iterable[tuple[int, int]], files: Sequence[Path]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for number, line in lines:
        found.setdefault(str(files[number]), []).append(line)
    return found


class Reach:
    """Of one file, by those of the measured tests whose names begin as `tests` do."""

    def __init__(self, file: Path, measured: Measured, tests: Sequence[str]) -> None:
        self._tree = ast.parse(file.read_text("utf-8"))
        self._tests = {
            name: (told.get(str(file), []), seconds)
            for name, (told, seconds) in measured.items()
            if name.startswith(tuple(tests))
        }

    def tests(self, change: Change, slowest: float) -> list[str]:
        """The quick ones first; one that is slower only if there is no other."""
        lines = self._lines(change.line)
        names = [name for name, (reached, _) in self._tests.items() if not lines or not lines.isdisjoint(reached)]
        names.sort(key=lambda name: self._tests[name][1])
        return [name for name in names if self._tests[name][1] <= slowest] or names[:1]

    def seconds(self, names: Sequence[str]) -> float:
        return sum(self._tests[name][1] for name in names)

    def _lines(self, line: int) -> set[int]:
        """Those of the statement at `line`, or of what uses its names where it stands outside of functions; none where
        nothing in the file does."""
        around = [node for node in ast.walk(self._tree) if isinstance(node, ast.stmt) and line in whole(node)]
        around.sort(key=lambda node: len(whole(node)))
        if not any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in around):
            return self._users(around[-1])
        if isinstance(around[0], ast.FunctionDef | ast.AsyncFunctionDef):
            return set(whole(around[0]))
        body = getattr(around[0], "body", None) or getattr(around[0], "cases", None)
        end = whole(around[0]).stop if not body else getattr(body[0], "lineno", line + 1)
        return set(range(around[0].lineno, max(end, line + 1)))

    def _users(self, statement: ast.stmt) -> set[int]:
        names = given(statement)
        lines: set[int] = set()
        for later in self._tree.body:
            if isinstance(later, ast.Assign | ast.AnnAssign) and mentions(later, names):
                names |= given(later)
        for node in ast.walk(self._tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and mentions(node, names):
                lines |= set(whole(node))
        return lines


def whole(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def given(statement: ast.stmt) -> set[str]:
    """The names that it gives something to."""
    names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, ast.Store)}
