"""Claude on Vertex AI: addresses, and the same request as Anthropic's own client makes."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2
import pytest

from oai_bridge.backends.vertex import VertexClaude, base_url
from oai_bridge.credentials.base import Outbound
from oai_bridge.credentials.google import GoogleAccess
from oai_bridge.notes import Notes
from oai_bridge.openai.request import parse_chat
from oai_bridge.settings.values import Claude, Vertex
from tests.support.case_backends import CATALOG
from tests.support.cases import CASES, Case, name
from tests.support.sdk_requests import CONVERSATION, THE_SAME_FOR_ANTHROPIC, asked_of_claude, meaning, sent_by


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("global", "https://aiplatform.googleapis.com"),
        ("us", "https://aiplatform.us.rep.googleapis.com"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com"),
        ("us-east5", "https://us-east5-aiplatform.googleapis.com"),
    ],
)
def test_hosts(region: str, url: str) -> None:
    assert base_url(region) == url


def outbound(body: dict[str, Any], *, project: str = "p", region: str = "global", **vertex: Any) -> Outbound:
    backend = VertexClaude(Vertex(**vertex), Claude(), CATALOG)
    chat = parse_chat(body, Notes(), Claude())
    facts = CATALOG.find(chat.model)
    assert facts is not None
    sent = backend.chat(chat, facts, Notes())
    call = "stream" if chat.stream else "whole"
    return backend.outbound(sent.body, facts, call, sent.betas, GoogleAccess(project, region, "token"))


HELLO = {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.mark.parametrize(
    ("fields", "vertex", "url"),
    [
        (
            {},
            {},
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
        ),
        (
            {"stream": True, "model": "claude-opus-4-8"},
            {"region": "eu"},
            "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu/publishers/anthropic/models/claude-opus-4-8:streamRawPredict",
        ),
        (
            {},
            {"project": "example.com:p"},
            "https://aiplatform.googleapis.com/v1/projects/example.com:p/locations/global/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
        ),
        (
            {},
            {"project": "a/../b?c"},
            "https://aiplatform.googleapis.com/v1/projects/a%2F..%2Fb%3Fc/locations/global/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
        ),
        (
            {},
            {"base_url": "http://127.0.0.1:9", "region": "us-east5"},
            "http://127.0.0.1:9/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
        ),
    ],
)
def test_addresses(fields: dict[str, Any], vertex: dict[str, Any], url: str) -> None:
    assert outbound(HELLO | fields, **vertex).url == url


def test_headers_hold_nothing_of_the_clients() -> None:
    plain, streamed = outbound(HELLO), outbound(HELLO | {"stream": True})
    assert plain.method == "POST"
    assert plain.headers == {
        "content-type": "application/json",
        "accept": "application/json",
        "accept-encoding": "identity",
    }
    assert streamed.headers == {**plain.headers, "accept": "text/event-stream"}


def test_the_token_goes_into_its_header_and_is_shown_nowhere() -> None:
    access = GoogleAccess("p", "global", "s3cret")
    assert access.headers(outbound(HELLO)) == {"authorization": "Bearer s3cret"}
    assert access.secrets == ("s3cret",)
    assert "s3cret" not in repr(access)


def by_the_sdk(body: dict[str, Any], model: str, region: str) -> httpx2.Request:
    """What Anthropic's own client puts on the wire for the same body."""

    def call(http: httpx2.Client) -> None:
        sdk = anthropic.AnthropicVertex(region=region, project_id="p", access_token="token", http_client=http)
        asked_of_claude(sdk.messages, model, body)

    return sent_by(call)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("region", ["global", "us", "eu", "europe-west1"])
def test_a_conversation_is_the_same_on_the_wire_as_by_anthropics_client(region: str, stream: bool) -> None:
    ours = outbound({**CONVERSATION, "stream": stream}, region=region)
    theirs = by_the_sdk({**THE_SAME_FOR_ANTHROPIC, "stream": stream}, CONVERSATION["model"], region)
    assert (ours.method, ours.url) == (theirs.method, str(theirs.url))
    body, sent = json.loads(ours.body), json.loads(theirs.content)
    assert (body["anthropic_version"], sent["anthropic_version"]) == ("vertex-2023-10-16", "2026-10-21")
    sent = {key: value for key, value in sent.items() if (key, value) != ("stream", False)}
    assert meaning(body) == meaning(sent)


@pytest.mark.filterwarnings("ignore:Using Claude with:UserWarning")  # it advises against budgets for 4.6
@pytest.mark.parametrize("case", [case for case in CASES if (case.folder / "cloud.json").exists()], ids=name)
def test_anthropics_client_sends_our_bodies_as_they_are(case: Case) -> None:
    body = case.expected()["cloud.json"]
    del body["anthropic_version"]
    sent = json.loads(by_the_sdk(body, case.facts.vertex, "global").content)
    assert meaning(sent) == meaning(body)
