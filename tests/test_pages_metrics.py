"""pages/metrics.py: what Prometheus' own parsers make of the page, whatever a client calls its model."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from oai_bridge.pages import Queued, metrics_page
from oai_bridge.telemetry.metrics import Metrics
from oai_bridge.waiting.verdict import Trouble
from tests.support.entries import entry
from tests.support.page_parts import SNAPSHOT

RESTING = replace(
    SNAPSHOT,
    queues={"gcp-claude": Queued(3, 12.0)},
    rests={
        SNAPSHOT.accounts["google"][0]: {
            None: Trouble("exhausted", 9100.0, "No."),
            "claude-x": Trouble("cooling", 9010.0, "Later."),
        }
    },
)
ODD = 'a"b\\c\nd\x1b\u2028é'


def text(accept: str | None = None, *, metrics: Metrics | None = None) -> tuple[str, str]:
    page = metrics_page(metrics or Metrics(), RESTING, accept)
    assert page.status == 200
    return dict(page.headers)["content-type"], page.body.decode()


def samples(page: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in plain(page)
        for sample in family.samples
    }


def test_it_is_what_prometheus_reads() -> None:
    metrics = Metrics()
    metrics.add(entry(requested=ODD, client=ODD))
    kind, page = text(metrics=metrics)
    assert kind.startswith("text/plain; version=0.0.4")
    found = samples(page)
    assert found["oai_vertex_requests_total", (("outcome", "ok"),)] == 1
    labels = (("client", ODD), ("model", "claude-sonnet-4-5@20250929"), ("provider", "gcp.vertex_ai"))
    assert found["oai_vertex_cost_usd_total", labels] == pytest.approx(1.0)
    asked = (
        ("gen_ai_operation_name", "chat"),
        ("gen_ai_provider_name", "gcp.vertex_ai"),
        ("gen_ai_request_model", ODD),
        ("gen_ai_response_model", "claude-sonnet-4-5@20250929"),
    )
    first = "gen_ai_server_time_to_first_token_seconds"
    assert found[f"{first}_sum", asked] == 0.5
    buckets = {bound: found[f"{first}_bucket", (*asked, ("le", bound))] for bound in ("0.25", "0.5", "10", "+Inf")}
    assert buckets == {"0.25": 0, "0.5": 1, "10": 1, "+Inf": 1}


def test_what_goes_on_now() -> None:
    found = samples(text()[1])
    assert found["oai_vertex_requests_running", ()] == 2
    assert found["oai_vertex_queue_waiting", (("path", "gcp-claude"),)] == 3
    assert found["oai_vertex_build_info", (("version", "0.1.0"),)] == 1
    states = {state: found["oai_vertex_credentials", (("account", "google"), ("state", state))] for state in
              ("ready", "partly", "cooling", "exhausted")}  # fmt: skip
    assert states == {"ready": 1, "partly": 0, "cooling": 0, "exhausted": 1}
    assert [name for name, _ in found if name.startswith("python_gc")]
    assert "sa@" not in text()[1], "whose credentials they are is told on the status page alone"


@pytest.mark.skipif(sys.platform != "linux", reason="prometheus-client knows processes on Linux alone")
def test_how_the_process_does() -> None:
    assert samples(text()[1])["process_open_fds", ()] > 0


def test_open_metrics_for_who_asks_for_it() -> None:
    metrics = Metrics()
    metrics.add(entry(requested=ODD))
    kind, page = text("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", metrics=metrics)
    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    names = {family.name for family in openmetrics(page)}
    assert {"oai_vertex_requests", "gen_ai_client_token_usage", "oai_vertex_build"} <= names


@pytest.mark.parametrize(
    "accept", ["", "*/*", "text/html", "text/plain;version=x", "application/openmetrics-text;version=x"]
)
def test_any_accept_header_will_do(accept: str) -> None:
    kind, page = text(accept)
    assert kind.startswith("text/plain")
    assert samples(page)
