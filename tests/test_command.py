"""The doctor's command in this process: what can't be read, and Ctrl-C. `end_to_end/test_doctor.py` has the rest."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import pytest

from oai_bridge.doctor import command
from oai_bridge.doctor.findings import Finding


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(command.os, "environ", {})
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("server: {port: many}\nqueue: {length: -1}", ["server.port", "queue.length"]),
        ("models: {overrides: {claude-x: {context: big}}}", ["models.overrides.claude-x"]),
        ("network: {ca_file: gone.pem}", ["gone.pem"]),
        (
            "models: {fallbacks: {a: [nobody-has-this]}}\nbedrock: {accounts: [{region: us-east-1}]}",
            ["nobody-has-this"],
        ),
    ],
)
def test_settings_that_can_t_be_used_are_told_a_line_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, words: list[str]
) -> None:
    (tmp_path / "config.yaml").write_text(content)
    assert command.doctor(None, [tmp_path], as_json=False, paid=True) == 2
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told] == ["failed"] * len(words)
    assert all(any(word in line for line in told) for word in words)
    assert command.doctor(None, [tmp_path], as_json=True, paid=True) == 2
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], len(document["findings"])) == (False, len(words))


def test_ctrl_c_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    async def examine(*_: Any, **__: Any) -> AsyncGenerator[Finding, None]:
        try:
            yield Finding("clock", "x", "ok", "y")
            raise KeyboardInterrupt
        finally:
            closed.append(True)

    monkeypatch.setattr(command, "examine", examine)
    assert command.doctor(None, [tmp_path], as_json=True, paid=True) == 130
    assert closed == [True]
