"""spans.py: what a trace tells, in the words of OpenTelemetry's conventions, and what it does not."""

from __future__ import annotations

from dataclasses import replace

from oai_bridge.credentials.base import Outbound
from oai_bridge.events import Usage
from oai_bridge.inspector.record import Attempt
from oai_bridge.telemetry.spans import Span, span_of
from tests.support.entries import REFUSED, entry

SENT = Outbound("POST", "https://us-east5-aiplatform.googleapis.com/v1/projects/secret-project/x", {}, b"a prompt")


def attempt(sent: float, answered: float | None, status: int | None, error: str | None = None) -> Attempt:
    return Attempt(SENT, "sa@project", ("authorization",), ("a token",), sent, 8, None, answered, status, error)


def test_a_request_is_one_span() -> None:
    span = span_of(entry(usage=Usage(10, 6, 100, 20, reasoning=4)), [attempt(1000.5, 1001.0, 200)])
    assert (span.name, span.began, span.ended, span.error) == ("chat claude-sonnet-4-5", 1000.0, 1002.5, None)
    assert {name: value for name, value in span.attributes.items() if not name.startswith("oai_vertex.")} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.vertex_ai",
        "gen_ai.request.model": "claude-sonnet-4-5",
        "gen_ai.response.model": "claude-sonnet-4-5@20250929",
        "gen_ai.response.id": "req_1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 130,
        "gen_ai.usage.output_tokens": 6,
        "gen_ai.usage.cache_read.input_tokens": 100,
        "gen_ai.usage.cache_creation.input_tokens": 20,
        "gen_ai.usage.reasoning.output_tokens": 4,
        "http.response.status_code": 200,
        "cloud.region": "us-east5",
        "server.address": "us-east5-aiplatform.googleapis.com",
        "server.port": 443,
    }
    assert span.attributes["oai_vertex.client"] == "work"


def test_each_attempt_is_a_span_within_it() -> None:
    tries = [attempt(1000.1, 1000.4, 529, "busy"), attempt(1001.0, None, None, "cut off"), attempt(1001.5, 1001.6, 200)]
    not_sent = replace(tries[0], outbound=Outbound("", "", {}, b""))
    children = span_of(entry(attempts=4), [not_sent, *tries]).children
    assert [(child.began, child.ended, child.error) for child in children] == [
        (1000.1, 1000.4, "529"),
        (1001.0, 1001.5, "_OTHER"),
        (1001.5, 1002.5, None),
    ]
    assert children[0].attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 529,
        "server.address": "us-east5-aiplatform.googleapis.com",
        "server.port": 443,
        "error.type": "529",
    }


def test_what_asked_no_cloud() -> None:
    span = span_of(replace(REFUSED, requested=""), [])
    assert (span.name, span.children, span.error) == ("chat", (), "model_not_found")
    assert span.attributes["error.type"] == "model_not_found"
    assert not {"gen_ai.request.model", "gen_ai.response.model", "server.address"} & span.attributes.keys()


def test_a_client_that_left_is_an_error() -> None:
    assert span_of(entry(left=True), []).error == "client_disconnected"


def test_time_never_goes_back() -> None:
    """Clocks are put right now and then."""
    span = span_of(entry(seconds=-5.0), [attempt(1000.5, 1000.2, 500, "x"), attempt(1001.0, 1001.0, 200)])
    assert all(one.ended >= one.began for one in (span, *span.children))


def test_nothing_of_a_prompt_a_key_or_a_project() -> None:
    def words(span: Span) -> str:
        return repr((span.name, dict(span.attributes), [words(child) for child in span.children]))

    told = words(span_of(entry(requested="ya29.a0AfH6SMBx-secret"), [attempt(1000.5, 1001.0, 200)]))
    assert "vertex" in told
    assert [secret for secret in ("prompt", "a token", "sa@", "secret") if secret in told] == []
