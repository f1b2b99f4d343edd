"""scripts/_venv.py, its parts: what it tells of what may go wrong. `test_run.py` has whole starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scripts import _venv

posix = pytest.mark.skipif(os.name != "posix", reason="a script stands in for a Python")
REFUSED = "OSError('Tunnel connection failed: 407 Proxy Authentication Required')"


@pytest.fixture
def venv(tmp_path: Path) -> _venv.Venv:
    """One that was never made."""
    (tmp_path / "requirements.lock").touch()
    return _venv.Venv(tmp_path / ".venv", tmp_path / "requirements.lock")


def failing(python: Path, said: str) -> Path:
    """Make a `python` that says this and fails."""
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f'#!/bin/sh\necho "{said}"\nexit 1\n', "utf-8")
    python.chmod(0o755)
    return python


def test_a_folder_that_cannot_be_written_to_is_told(venv: _venv.Venv, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")  # root gets none

    monkeypatch.setattr(_venv, "only_one", refuse)
    with pytest.raises(_venv.SetupError, match="delete it"):
        _venv.prepare(venv, {})
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(_venv.SetupError, match="can't be written to: put this project into a folder of your own"):
        _venv.prepare(venv, {})


@posix
@pytest.mark.parametrize(
    ("said", "expected"),
    [(REFUSED, "asks for a login: set HTTPS_PROXY=http://user:password@host:port"), ("ERROR: No route", "No route")],
)
def test_a_network_that_refuses_is_told(venv: _venv.Venv, said: str, expected: str) -> None:
    failing(venv.python, said)
    with pytest.raises(_venv.SetupError, match=expected):
        _venv.install(venv, {})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_dotenv_is_read_as_editors_write_it(tmp_path: Path, encoding: str) -> None:
    (tmp_path / ".env").write_text("HTTPS_PROXY=http://p:1\n", encoding)
    assert _venv.with_proxies({}, _venv.read(tmp_path / ".env")) == {"HTTPS_PROXY": "http://p:1"}
    assert _venv.read(tmp_path / "none") == ""


@posix
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("because ensurepip is not available. On Debian/Ubuntu systems, ...", "apt install python3-venv"),
        ("/usr/bin/python3: No module named venv", "apt install python3-venv"),
        ("Error: [Errno 28] No space left on device", "No space left on device"),
    ],
)
def test_a_python_that_cannot_make_environments_is_explained(venv: _venv.Venv, said: str, expected: str) -> None:
    python = failing(venv.folder.parent / "python", said)
    with pytest.raises(_venv.SetupError, match=expected):
        _venv.create(venv, str(python))


@pytest.mark.parametrize(
    ("environment", "dotenv", "expected"),
    [
        ({}, "", {}),
        ({"A": "b"}, "HTTPS_PROXY=http://p:1", {"A": "b", "HTTPS_PROXY": "http://p:1"}),
        ({}, '\ufeffexport https_proxy="http://p:1"\r\nPORT=1\r\n', {"https_proxy": "http://p:1"}),
        ({}, " NO_PROXY = 'a,b' \n# HTTP_PROXY=x\nnonsense", {"NO_PROXY": "a,b"}),
        ({"https_proxy": "http://mine"}, "HTTPS_PROXY=http://p:1", {"https_proxy": "http://mine"}),
        ({}, "ALL_PROXY=socks5h://p:1\nGCP_CREDENTIALS=secret", {}),
    ],
)
def test_pip_gets_the_proxies_of_dotenv(environment: dict[str, str], dotenv: str, expected: dict[str, str]) -> None:
    assert _venv.with_proxies(environment, dotenv) == expected


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("WARNING: a\nERROR: b\n\n", "ERROR: b"),
        ("", "no reason was given"),
        ("cannot reach http://me:secret@proxy:1/", "cannot reach http://***@proxy:1/"),
    ],
)
def test_the_reason_holds_no_password(output: str, expected: str) -> None:
    assert _venv.last_line(output) == expected
