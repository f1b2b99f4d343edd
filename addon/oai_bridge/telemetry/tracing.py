"""Sends the spans of requests to an OpenTelemetry collector. Needs packages of the extra `otel`; see `Traces`."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from .. import __version__
from ..credentials.session import TokenSession
from ..outward.network import ssl_context
from ..plain.threads import in_thread
from ..settings.values import Network
from .spans import Span

logger = logging.getLogger(__name__)

_NAME = "oai-vertex"
_LAST = 2.0  # seconds for what is not sent yet when the proxy stops
_TIMEOUT = 5.0  # seconds for a batch
_PARENTS = ("traceparent", "tracestate")


class Traces:
    """One for the whole program. Spans are sent in batches by a thread of their own; if the collector can't be reached
    they are lost, and nothing waits for that."""

    def __init__(self, url: str, network: Network) -> None:
        session = TokenSession(network, functools.cache(lambda: ssl_context(network)))
        exporter = Told(OTLPSpanExporter(endpoint=url, timeout=_TIMEOUT, session=session), url)
        # No atexit: it would hold the end up for longer than `close` does.
        self._provider = TracerProvider(
            resource=Resource.create({SERVICE_NAME: _NAME, SERVICE_VERSION: __version__}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(_NAME, __version__)
        self._parents = TraceContextTextMapPropagator()

    def add(self, span: Span, headers: Mapping[str, str]) -> None:
        """A request that has ended. The W3C headers that its client sent, if any, name the parent."""
        self._add(span, self._parents.extract({name: headers[name] for name in _PARENTS if name in headers}))

    def _add(self, span: Span, parent: Context) -> None:
        made = self._tracer.start_span(
            span.name, parent, SpanKind.CLIENT, dict(span.attributes), start_time=_nanoseconds(span.began)
        )
        if span.error:
            made.set_status(Status(StatusCode.ERROR))
        for child in span.children:
            self._add(child, set_span_in_context(made, parent))
        made.end(_nanoseconds(span.ended))

    async def close(self) -> None:
        """Sends what is left, if that can be done in a moment."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST):
                await in_thread(self._provider.shutdown)


class Told(SpanExporter):
    """Says once that the collector can't be reached; what OpenTelemetry itself would say with each batch is shut off in
    `options.py`."""

    def __init__(self, exporter: SpanExporter, url: str) -> None:
        self._exporter = exporter
        self._url = url
        self._told = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS and not self._told:
            self._told = True
            logger.warning(
                "The traces can't be sent to %s and are lost; start the collector there, or correct telemetry.traces "
                "in config.yaml. This is told once.",
                self._url,
            )
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
