"""Vertex AI's OpenAI-compatible door: addresses, names of models, and the requests that OpenAI's own client makes."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from oai_bridge.backends.gemini import VertexOpenAI
from oai_bridge.credentials.base import Outbound
from oai_bridge.credentials.google import GoogleAccess
from oai_bridge.notes import Notes
from oai_bridge.settings.values import OpenAI, Vertex
from tests.support.sdk_requests import sent_by

CHAT: dict[str, Any] = {"model": "gemini-3.5-flash", "messages": [{"role": "user", "content": "Hello"}]}
PLACE = "https://aiplatform.googleapis.com/v1/projects/p/locations/global/endpoints/openapi"


def outbound(fields: dict[str, Any], *, project: str = "p", region: str = "global", **vertex: Any) -> Outbound:
    door = VertexOpenAI(Vertex(**vertex), OpenAI())
    body = CHAT | fields
    facts = door.find(body["model"])
    assert facts is not None
    call = "stream" if body.get("stream") else "whole"
    return door.outbound(
        door.passed(body, facts, call, Notes()), facts, call, (), GoogleAccess(project, region, "token")
    )


@pytest.mark.parametrize(
    ("where", "url"),
    [
        ({}, PLACE),
        ({"region": "us"}, "https://aiplatform.us.rep.googleapis.com/v1/projects/p/locations/us/endpoints/openapi"),
        (
            {"region": "us-east5"},
            "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/endpoints/openapi",
        ),
        ({"project": "a/../b?c"}, PLACE.replace("/p/", "/a%2F..%2Fb%3Fc/")),
        ({"base_url": "http://127.0.0.1:9"}, "http://127.0.0.1:9/v1/projects/p/locations/global/endpoints/openapi"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_addresses(where: dict[str, Any], url: str, stream: bool) -> None:
    sent = outbound({"stream": stream}, **where)
    assert (sent.method, sent.url) == ("POST", f"{url}/chat/completions")
    assert sent.headers == {
        "content-type": "application/json",
        "accept": "text/event-stream" if stream else "application/json",
        "accept-encoding": "identity",
    }


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gemini-3.5-flash", "google/gemini-3.5-flash"),
        ("google/gemini-3.5-flash", "google/gemini-3.5-flash"),
        ("publishers/google/models/gemini-3.5-flash", "google/gemini-3.5-flash"),
        ("gemini-99-ultra", "google/gemini-99-ultra"),
        ("meta/llama-4-scout-17b-16e-instruct-maas", "meta/llama-4-scout-17b-16e-instruct-maas"),
        ("llama-4-scout-17b-16e-instruct-maas", "meta/llama-4-scout-17b-16e-instruct-maas"),
        ("somebody/new-maas", "somebody/new-maas"),
    ],
)
def test_models_go_by_their_publishers_name(model: str, name: str) -> None:
    sent = outbound({"model": model})
    assert (json.loads(sent.body)["model"], sent.model) == (name, name)


@pytest.mark.parametrize(
    "model", ["claude-opus-4-8", "gpt-4o", "anthropic/claude-opus-4-8", "", "a/b/c/d", "../google/x"]
)
def test_claude_and_strangers_are_not_there(model: str) -> None:
    assert VertexOpenAI(Vertex(), OpenAI()).find(model) is None


def test_what_is_listed_is_found_under_its_listed_name() -> None:
    door = VertexOpenAI(Vertex(), OpenAI())
    assert door.listed()
    assert all(door.find(facts.id) == facts and door.has(facts) for facts in door.listed())


def test_errors_are_vertex_ais() -> None:
    answer = [{"error": {"code": 429, "message": "Resource exhausted.", "status": "RESOURCE_EXHAUSTED"}}]
    error = VertexOpenAI(Vertex(), OpenAI()).error(429, {}, json.dumps(answer).encode())
    assert (error.status, error.type) == (429, "rate_limit_error")


@pytest.mark.parametrize("stream", [False, True])
def test_it_is_what_openais_client_sends(stream: bool) -> None:
    more: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    asked = {**CHAT, "max_tokens": 9, "temperature": 0.5, "seed": 1}
    theirs = sent_by(
        lambda http: openai.OpenAI(base_url=PLACE, api_key="token", http_client=http).chat.completions.create(
            **asked | {"model": "google/gemini-3.5-flash"} | more
        )
    )
    ours = outbound({**asked, "stream": True} if stream else asked)
    assert (ours.method, ours.url) == (theirs.method, str(theirs.url))
    assert json.loads(ours.body) == json.loads(theirs.content)
    assert GoogleAccess("p", "global", "token").headers(ours) == {"authorization": theirs.headers["authorization"]}
