"""scripts/_asked.py: what is asked for by name, and what becomes of it where it can't be had."""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

import _asked
from _beside import NotHereError
from scripts import test as script

ROOT = Path(__file__).parent.parent
FINE = {"name": "a", "version": "1", "vulns": []}
HOLE = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1", "3"]}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


def test_the_script_knows_each_name() -> None:
    assert set(script.ASKED) == set(_asked.ASKED)


@pytest.mark.parametrize(
    ("packages", "asked", "code", "said"),
    [
        ([FINE, FINE], 2, 0, "2 of 2 packages looked up, 0 known holes."),
        ([FINE, HOLE], 2, 1, "b 2: PYSEC-1, mended in 2.1 or 3"),
        ([FINE, UNKNOWN], 2, 1, "c: not found"),
        ([FINE], 2, 1, "1 of 2 packages"),
    ],
)
def test_what_the_advisories_say(
    capsys: pytest.CaptureFixture[str], packages: list[object], asked: int, code: int, said: str
) -> None:
    assert _asked.judge(json.dumps({"dependencies": packages}), "", asked) == code
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("found", "trouble", "expected"),
    [
        ("", "Caused by: Connection refused (os error 111)\n", "can't be reached .*refused"),
        ("", "Failed to resolve 'some.host'", "can't be reached"),
        (json.dumps({"dependencies": [UNKNOWN, UNKNOWN]}), "", "knows none of 2 packages"),
    ],
)
def test_advisories_that_cannot_be_had_are_no_failure(found: str, trouble: str, expected: str) -> None:
    with pytest.raises(NotHereError, match=expected):
        _asked.judge(found, trouble, 2)


def test_a_call_that_is_wrong_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert _asked.judge("", "unrecognized arguments: --no-such", 2) == 1
    assert "--no-such" in capsys.readouterr().out


def test_each_name_is_once_in_a_list() -> None:
    assert _asked.each_name_once(["a==1", "a==2", "b==1"]) == [["a==1", "b==1"], ["a==2"]]


def test_the_oldest_mitmproxy_is_that_of_the_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"mitmproxy>={_asked.oldest_mitmproxy(ROOT)},<13" in project["dependencies"]


def test_the_tests_that_touch_mitmproxy_are_there() -> None:
    assert [name for name in _asked.TOUCH_MITMPROXY if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("more", [[], ["latest"], ["--help"]])
def test_a_version_is_needed(more: list[str]) -> None:
    assert _asked.ask(["--mitmproxy", *more], ROOT, sys.executable) == 2


def test_what_cannot_be_had_has_a_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no(more: object, root: Path, python: str, environment: Mapping[str, str]) -> int:
        raise NotHereError("there is no network.")

    monkeypatch.setitem(_asked.ASKED, "--audit", no)
    assert _asked.ask(["--audit"], ROOT, sys.executable) == _asked.NOT_DONE
    assert capsys.readouterr().out == "Not done: there is no network.\n"


@pytest.mark.skipif(os.name != "posix", reason="is stopped as by Ctrl-C")
def test_who_takes_too_long_is_stopped_and_may_clear_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(_asked.SECONDS, "--interop", 3)
    slow = "import time\ntry:\n time.sleep(30)\nexcept KeyboardInterrupt:\n print('cleared up')"
    assert _asked.limited([sys.executable, "-c", slow], tmp_path, "--interop") == 1
    assert "cleared up" in capfd.readouterr().out
    assert _asked.limited([sys.executable, "-c", "raise SystemExit(3)"], tmp_path, "--interop") == 3
