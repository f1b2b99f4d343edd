"""One proxy with a collector beside it: metrics, traces and JSON log lines of the same requests, without a secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from tests.support.collector import Collector, attributes, collector
from tests.support.fake_vertex import FakeVertex, anthropic_error, broken, endless
from tests.support.proxy import ASK, CHAT, KEY, MODEL, Answer, Proxy

HEADERS = {"authorization": f"Bearer {KEY}"}
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "x-request-id": "the-clients-own"}
PROMPT = "Tell nobody of the canary."
WHOLE = {**ASK, "messages": [{"role": "user", "content": PROMPT}]}
STREAM = {**WHOLE, "stream": True}


@dataclass(frozen=True)
class Run:
    """What a run left: the answers by what was asked, the metrics, the collector, the lines of the log."""

    answers: dict[str, Answer]
    metrics: Answer
    open_metrics: Answer
    collector: Collector
    log: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The first line is mitmproxy's, from before it has loaded what could make JSON of it."""
        first, *others = self.log.splitlines()
        assert "Loading script" in first
        return [json.loads(line) for line in others]


@pytest.fixture(scope="module")
def run(cloud: FakeVertex, folder: Path) -> Iterator[Run]:
    with collector() as found:
        config = {
            "server": {"log_format": "json", "log_level": "debug", "client_keys": [{"name": "work", "key": KEY}]},
            "telemetry": {"traces": found.url},
            "failover": {"attempts": 2},
        }
        with Proxy(folder, environment=cloud.environment(), config=json.dumps(config)) as proxy:
            answers = {"whole": proxy.post(CHAT, WHOLE, {**HEADERS, **PARENT})}
            cloud.script(anthropic_error(500, "no"))
            answers["retried"] = proxy.post(CHAT, STREAM, HEADERS)
            cloud.script(broken(after=4))
            answers["broken"] = proxy.post(CHAT, STREAM, HEADERS)
            answers["native"] = proxy.post("/v1/messages", {**WHOLE, "max_tokens": 9}, HEADERS)
            answers["odd model"] = proxy.post(CHAT, {**WHOLE, "model": "x\n\x1b[31m{}\u2028y"}, HEADERS)
            answers["no key"] = proxy.post(CHAT, WHOLE)
            answers["nowhere"] = proxy.get("/no%0awhere?key=abc", HEADERS)
            answers["models"] = proxy.get("/v1/models", {**HEADERS, **PARENT})
            answers["metrics without a key"] = proxy.get("/metrics")
            cloud.script(endless())
            connection = proxy.open_chat(HEADERS, **STREAM)
            while b"more" not in connection.recv(65_536):
                pass
            connection.close()
            cloud.wait_until(lambda: b'{outcome="left"} 1.0' in proxy.get("/metrics", HEADERS).body)
            metrics = proxy.get("/metrics", HEADERS)
            open_metrics = proxy.get("/metrics", {**HEADERS, "accept": "application/openmetrics-text;version=1.0.0"})
            assert proxy.send("HEAD", "/metrics", headers=HEADERS).body == b""
        yield Run(answers, metrics, open_metrics, found, proxy.log())


def test_the_metrics_are_what_was_asked(run: Run) -> None:
    assert run.answers["metrics without a key"].status == 401
    assert run.metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    found: dict[str, float] = {}
    for family in plain(run.metrics.body.decode()):
        for sample in family.samples:
            keys = ("outcome", "code", "type", "gen_ai_token_type", "error_type", "state")
            name = ":".join([sample.name, *(sample.labels[key] for key in keys if sample.labels.get(key))])
            found[name] = found.get(name, 0.0) + sample.value
    outcomes = {name.partition(":")[2]: count for name, count in found.items() if "requests_total:" in name}
    assert outcomes == {"ok": 3, "error": 1, "refused": 1, "left": 1, "local": 0}
    assert found["oai_vertex_refused_total:invalid_api_key"] == 2
    assert found["oai_vertex_refused_total:not_found"] == 1
    assert (found["oai_vertex_attempts_total"], found["oai_vertex_retries_total"]) == (6, 1)
    duration = "gen_ai_client_operation_duration_seconds_count"
    assert found[duration] == 3
    assert found[f"{duration}:overloaded"] == found[f"{duration}:client_disconnected"] == 1
    assert found["gen_ai_server_time_to_first_token_seconds_count"] == 3
    assert found["oai_vertex_tokens_total:output"] == found["gen_ai_client_token_usage_sum:output"] > 12
    assert 0 < found["oai_vertex_cost_usd_total"] < 0.01
    assert found["oai_vertex_unpriced_requests_total"] == 2, "what broke off and what was left has cost more"
    assert found["oai_vertex_credentials:ready"] == 1
    assert found["oai_vertex_requests_running"] == 0
    assert found["process_resident_memory_bytes"] > 0


def test_open_metrics(run: Run) -> None:
    assert run.open_metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert "oai_vertex_cost_usd" in {family.name for family in openmetrics(run.open_metrics.body.decode())}


def test_the_collector_has_a_span_for_every_request(run: Run) -> None:
    spans = {attributes(span)["gen_ai.response.id"]: span for span in run.collector.spans if span.name != "POST"}
    asked = ["whole", "retried", "broken", "native", "odd model"]
    assert {run.answers[name].headers["x-request-id"] for name in asked} < spans.keys()
    assert len(spans) == len(asked) + 1, "and one for who left"
    whole, retried, cut = (spans[run.answers[name].headers["x-request-id"]] for name in asked[:3])
    assert (whole.name, whole.trace_id.hex()) == (f"chat {MODEL}", TRACE)
    told = attributes(whole)
    assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.output_tokens"]) == (11, 6)
    assert told["gen_ai.provider.name"] == "gcp.vertex_ai"
    assert 0 < whole.end_time_unix_nano - whole.start_time_unix_nano < 20 * 10**9
    assert attributes(cut)["error.type"] == "overloaded" and cut.status.code == 2
    tries = [span for span in run.collector.spans if span.parent_span_id == retried.span_id]
    assert [attributes(one)["http.response.status_code"] for one in tries] == [500, 200]


def test_every_line_is_json_and_each_request_has_one(run: Run) -> None:
    by_id: dict[str, list[dict[str, Any]]] = {}
    for line in run.lines:
        assert {"time", "level", "logger", "message"} <= line.keys()
        by_id.setdefault(line.get("request_id", ""), []).append(line)
    ids = [answer.headers["x-request-id"] for answer in run.answers.values()]
    assert len(set(ids)) == len(ids) and all(one.startswith("req_") for one in ids)
    (whole,), (no_key,), (odd,), (models,) = (
        by_id[run.answers[name].headers["x-request-id"]] for name in ("whole", "no key", "odd model", "models")
    )
    assert all(len(by_id[one]) == 1 for one in ids)
    assert (whole["level"], whole["method"], whole["path"], whole["status"]) == ("info", "POST", CHAT, 200)
    assert (whole["client"], whole["requested_model"], whole["cloud"]) == ("work", MODEL, "vertex")
    assert whole["usd"] == pytest.approx(whole["usd_input"] + whole["usd_output"]) and whole["usd"] > 0
    assert (no_key["level"], no_key["status"], no_key["error"]) == ("warning", 401, "invalid_api_key")
    assert odd["requested_model"] == "x\n\x1b[31m{}\u2028y" and odd["usd"] == 0
    assert (models["level"], models["path"]) == ("debug", "/v1/models")
    assert [line["status"] for line in run.lines if line.get("left")] == [200]
    (banner,) = [line for line in run.lines if "is ready" in line["message"]]
    assert banner["level"] == "alert" and "base URL" in banner["message"]


def test_no_secret_and_no_prompt(run: Run, cloud: FakeVertex) -> None:
    places = {"metrics": run.metrics.body, "traces": b"".join(run.collector.raw), "log": run.log.encode()}
    secrets = [KEY, *cloud.tokens, PROMPT, "key=abc", "the-clients-own"]
    assert {place: [one for one in secrets if one.encode() in text] for place, text in places.items()} == {
        "metrics": [],
        "traces": [],
        "log": [],
    }
