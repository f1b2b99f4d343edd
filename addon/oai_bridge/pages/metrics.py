"""The page for Prometheus: what the requests added up to, what is going on now, and how the process does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..telemetry.metrics import Histogram, Metrics
from .page import Page, Snapshot, make_page

if TYPE_CHECKING:
    from prometheus_client import Metric

_STATES = ("ready", "partly", "cooling", "exhausted", "denied", "broken")
"""Of a credential: it serves; not for every model; or why it does not."""


def metrics_page(metrics: Metrics, snapshot: Snapshot, accept: str | None) -> Page:
    """As text, in the format that the Accept header prefers of those that there are."""
    import prometheus_client as prometheus  # takes 100 ms, and many never ask
    from prometheus_client.exposition import choose_encoder

    registry = prometheus.CollectorRegistry(auto_describe=False)
    registry.register(_Collector(metrics, snapshot))
    for collector in (prometheus.ProcessCollector, prometheus.PlatformCollector, prometheus.GCCollector):
        collector(registry=registry)
    try:
        encode, content_type = choose_encoder(accept or "")
    except TypeError:  # it compares the version with numbers, and there it is none
        encode, content_type = choose_encoder("")
    return make_page(200, content_type, encode(registry), {})


class _Collector:
    """What prometheus-client asks for all that is ours."""

    def __init__(self, metrics: Metrics, snapshot: Snapshot) -> None:
        self._metrics = metrics
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        from prometheus_client import core

        for one in self._metrics:
            if isinstance(one, Histogram):
                histogram = core.HistogramMetricFamily(one.name, one.help, labels=one.labels)
                for labels, counts in one.values.items():
                    histogram.add_metric(labels, _cumulated(one.bounds, counts), one.sums[labels])
                yield histogram
            else:
                counter = core.CounterMetricFamily(one.name, one.help, labels=one.labels)
                for labels, value in one.values.items():
                    counter.add_metric(labels, value)
                yield counter
        snapshot = self._snapshot
        yield core.GaugeMetricFamily("oai_vertex_requests_running", "Requests that go on now.", snapshot.in_flight)
        yield core.GaugeMetricFamily(
            "oai_vertex_start_time_seconds", "When the proxy started, in Unix seconds.", snapshot.started_at
        )
        yield core.InfoMetricFamily("oai_vertex_build", "Which version this is.", {"version": snapshot.version})
        waiting = core.GaugeMetricFamily("oai_vertex_queue_waiting", "Requests that wait now.", labels=["path"])
        for family, queued in snapshot.queues.items():
            waiting.add_metric([family], queued.waiting)
        yield waiting
        credentials = core.GaugeMetricFamily(
            "oai_vertex_credentials", "Credentials by how they do now.", labels=["account", "state"]
        )
        for account, labels in snapshot.accounts.items():
            states = Counter(_state(snapshot, label) for label in labels)
            for state in _STATES if labels else ():
                credentials.add_metric([account, state], states[state])
        yield credentials


def _state(snapshot: Snapshot, label: str) -> str:
    rests = snapshot.rests.get(label, {})
    whole = rests.get(None)
    return whole.state if whole else ("partly" if rests else "ready")


def _cumulated(bounds: Iterable[float], counts: Iterable[int]) -> list[tuple[str, float]]:
    """Prometheus' buckets, each of which counts all that is below its bound."""
    total, found = 0, []
    for bound, count in zip((*(f"{bound:.12g}" for bound in bounds), "+Inf"), counts, strict=True):
        total += count
        found.append((bound, float(total)))
    return found
