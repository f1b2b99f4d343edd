"""Who is told when a request has ended: the metrics, the traces and the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import BridgeError
from ..inspector.record import Record
from ..money.entry import Entry
from ..settings.values import Config, ConfigError
from .metrics import Metrics
from .request_lines import FIELDS, fields_of, refusal_line, request_line
from .spans import span_of

if TYPE_CHECKING:
    from .tracing import Traces

logger = logging.getLogger(__name__)


class Reports:
    """One for the whole program. There is exactly one line of the log for each request."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self._traces: Traces | None = None

    def start(self, config: Config) -> None:
        """Raises `ConfigError` where traces are wanted and can't be made."""
        if config.telemetry.traces is None:
            return
        try:
            from .tracing import Traces
        except ImportError:
            raise ConfigError(
                "telemetry.traces needs more packages; run `pip install opentelemetry-sdk "
                "opentelemetry-exporter-otlp-proto-http` and start again, or remove it."
            ) from None
        try:
            self._traces = Traces(config.telemetry.traces, config.network)
        except Exception as error:  # OpenTelemetry reads some thirty variables, and has no error of its own for them
            raise ConfigError(
                f"telemetry.traces can't be set up ({type(error).__name__}); look at the OTEL_ variables of the "
                "environment, or remove it."
            ) from error

    async def close(self) -> None:
        if self._traces is not None:
            await self._traces.close()

    def ended(self, entry: Entry, record: Record, asked: str, headers: Mapping[str, str], trouble: str | None) -> None:
        """A request for a model. `asked` is method and path, `trouble` the connection's, if it broke."""
        self.metrics.add(entry)
        if self._traces is not None:
            self._traces.add(span_of(entry, record.attempts), headers)
        notes = record.notes.header() or ""
        told = record.error.message if record.error else trouble
        logger.info("%s", request_line(entry, asked, notes, told), extra={FIELDS: fields_of(entry, asked, notes)})

    def refused(self, error: BridgeError, asked: str, request_id: str) -> None:
        """A request that was not let in, or for nothing that there is."""
        code = error.code or error.type
        self.metrics.turned_away(code)
        fields = _fields(asked, error.status, request_id) | {"error": code}
        line = refusal_line(asked, error.status, error.message, request_id)
        logger.warning("%s", line, extra={FIELDS: fields})

    def answered(self, asked: str, status: int, request_id: str) -> None:
        """A page: the status page asks for itself every few seconds."""
        logger.debug("%s %d · %s", asked, status, request_id, extra={FIELDS: _fields(asked, status, request_id)})


def _fields(asked: str, status: int, request_id: str) -> dict[str, object]:
    method, _, path = asked.partition(" ")
    return {"request_id": request_id, "method": method, "path": path, "status": status}
