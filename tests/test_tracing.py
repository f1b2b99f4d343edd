"""tracing.py: spans come to a collector; one that is not there is told once and holds nothing up."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from oai_bridge.settings.values import Network
from oai_bridge.start.options import _LEVELS
from oai_bridge.telemetry import tracing
from oai_bridge.telemetry.spans import Span
from oai_bridge.telemetry.tracing import Told, Traces
from tests.support.collector import attributes, collector
from tests.support.proxy import free_port

CHILD = Span("POST", 1000.5, 1001.0, {"server.address": "cloud"}, "529")
SPAN = Span("chat x", 1000.0, 1002.5, {"gen_ai.usage.input_tokens": 5, "finish": ["stop"]}, None, (CHILD,))
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


async def test_spans_with_their_parents() -> None:
    with collector() as found:
        traces = Traces(found.url, Network(proxies={"all": "http://127.0.0.1:1"}))
        traces.add(SPAN, {"traceparent": f"00-{TRACE}-{PARENT}-01", "other": "x"})
        traces.add(SPAN, {"traceparent": "nonsense"})
        await traces.close()
        child, span, _, alone = found.spans
    assert (span.name, span.trace_id.hex(), span.parent_span_id.hex()) == ("chat x", TRACE, PARENT)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (1000 * 10**9, 1002_500_000_000)
    assert attributes(span) == {"gen_ai.usage.input_tokens": 5, "finish": ["stop"]}
    assert (child.parent_span_id, child.trace_id) == (span.span_id, span.trace_id)
    assert (span.status.code, child.status.code) == (0, 2)
    assert not alone.parent_span_id and alone.trace_id != span.trace_id


def test_what_is_lost_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            return SpanExportResult.FAILURE

    exporter = Told(Failing(), "http://127.0.0.1:4318/v1/traces")
    assert [exporter.export([]) for _ in range(3)] == [SpanExportResult.FAILURE] * 3
    (told,) = caplog.messages
    assert "http://127.0.0.1:4318/v1/traces" in told


async def test_a_request_that_is_not_sampled_by_its_client_is_not_sent() -> None:
    with collector() as found:
        traces = Traces(found.url, Network())
        traces.add(SPAN, {"traceparent": f"00-{TRACE}-{PARENT}-00"})
        await traces.close()
    assert found.raw == []


async def test_a_collector_that_is_not_there(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    exporters: list[OTLPSpanExporter] = []

    class Seen(OTLPSpanExporter):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            exporters.append(self)

    monkeypatch.setattr(tracing, "OTLPSpanExporter", Seen)
    monkeypatch.setattr(logging.getLogger("opentelemetry"), "level", _LEVELS["opentelemetry"])
    traces = Traces(f"http://127.0.0.1:{free_port()}/v1/traces", Network())
    began = time.monotonic()
    for _ in range(3000):  # more than are kept
        traces.add(SPAN, {})
    assert time.monotonic() - began < 20
    began = time.monotonic()
    await traces.close()
    assert time.monotonic() - began < 4
    deadline = time.monotonic() + 30
    while not caplog.messages and time.monotonic() < deadline:
        time.sleep(0.05)
    (told,) = caplog.messages
    assert "can't be sent" in told and "telemetry.traces" in told
    exporters[
        0
    ].shutdown()  # its thread would try again for a while, by chance, which Hypothesis notices in other tests
    deadline = time.monotonic() + 20
    while "OtelBatchSpanRecordProcessor" in {thread.name for thread in threading.enumerate()}:
        assert time.monotonic() < deadline
        time.sleep(0.05)
