"""json_lines.py: one object a line, whatever is logged."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from oai_bridge.telemetry.json_lines import JsonLines
from oai_bridge.telemetry.request_lines import FIELDS


def line(message: str, *arguments: object, level: int = logging.INFO, **more: Any) -> str:
    record = logging.LogRecord("a.logger", level, "a.py", 1, message, arguments, more.pop("exc_info", None))
    record.__dict__ |= more
    return JsonLines().format(record)


def test_what_every_line_has() -> None:
    told = json.loads(line("%s is %d", "it", 5, level=logging.WARNING))
    when = datetime.fromisoformat(told.pop("time"))
    assert when.tzinfo is not None and abs((datetime.now(UTC) - when).total_seconds()) < 60
    assert told == {"level": "warning", "logger": "a.logger", "message": "it is 5"}


@pytest.mark.parametrize("odd", ["two\nlines", "\r\x00\x1b[31m", "\u2028\u0085\x9b\x7f", "你好 é", "half \ud800"])
def test_nothing_breaks_a_line(odd: str) -> None:
    text = line(odd)
    assert text.isascii() and text.isprintable()
    assert json.loads(text)["message"] == odd


def test_a_requests_fields_stand_beside_the_message() -> None:
    told = json.loads(line("x", **{FIELDS: {"request_id": "req_1", "usd": None}}))
    assert told["request_id"] == "req_1" and told["usd"] is None


def test_where_a_connection_came_from() -> None:
    assert json.loads(line("x", client=("127.0.0.1", 5)))["peer"] == "127.0.0.1:5"
    assert json.loads(line("x", client=("::1", 5, 0, 0)))["peer"] == "::1:5"


def test_what_failed_is_told_on_the_same_line() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        text = line("It failed.", exc_info=sys.exc_info())
    assert text.isprintable()
    assert json.loads(text)["exception"].endswith("ValueError: no")
