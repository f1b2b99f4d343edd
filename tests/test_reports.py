"""reports.py: each request is told once to each, and a missing package stops the start with a remedy."""

from __future__ import annotations

import logging
import sys

import pytest

from oai_bridge.errors import NotFound
from oai_bridge.inspector.record import Record
from oai_bridge.settings.values import Config, ConfigError, Telemetry
from oai_bridge.telemetry.reports import Reports
from oai_bridge.telemetry.request_lines import FIELDS
from tests.support.entries import entry

ASKED = "POST /v1/chat/completions"


def test_one_line_and_one_count_for_a_request(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    reports, record = Reports(), Record("req_1")
    record.error = NotFound("No such model.")
    record.notes.add("dropped:seed", "x")
    reports.ended(entry(), record, ASKED, {}, "the connection's own trouble")
    (line,) = caplog.records
    assert line.levelno == logging.INFO
    assert " · dropped:seed · No such model. · req_1" in line.getMessage()
    assert getattr(line, FIELDS)["notes"] == ["dropped:seed"]
    assert reports.metrics.requests.values["ok",] == 1


def test_a_refusal_is_a_warning_and_a_page_is_for_who_looks_closely(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    reports = Reports()
    reports.refused(NotFound("Nothing there."), "GET /x", "req_1")
    reports.answered("GET /status", 200, "req_2")
    assert [(line.levelname, line.getMessage()) for line in caplog.records] == [
        ("WARNING", "GET /x 404 · Nothing there. · req_1"),
        ("DEBUG", "GET /status 200 · req_2"),
    ]
    assert getattr(caplog.records[0], FIELDS)["error"] == "not_found"
    assert reports.metrics.refused.values == {("not_found",): 1}


def test_traces_without_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "oai_bridge.telemetry.tracing", None)
    with pytest.raises(ConfigError, match="pip install opentelemetry-sdk"):
        Reports().start(Config(telemetry=Telemetry("http://127.0.0.1:4318/v1/traces")))


def test_a_variable_that_opentelemetry_can_not_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100000")  # more than its queue holds
    with pytest.raises(ConfigError, match="OTEL_ variables"):
        Reports().start(Config(telemetry=Telemetry("http://127.0.0.1:4318/v1/traces")))


async def test_nothing_is_imported_for_traces_that_nobody_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "oai_bridge.telemetry.tracing", None)
    reports = Reports()
    reports.start(Config())
    await reports.close()
