"""Claude on Azure AI Foundry: addresses and headers, and the same requests as Anthropic's own client makes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anthropic
import httpx2
import pytest

from oai_bridge.backends.foundry import FoundryClaude
from oai_bridge.credentials.azure import AzureAccess
from oai_bridge.credentials.base import Outbound
from oai_bridge.models.catalog import Catalog
from oai_bridge.notes import Notes
from oai_bridge.openai.request import parse_chat
from oai_bridge.settings.values import AzureKey, Claude, ConfigError, EntraLogin, Foundry, FoundryAccount
from oai_bridge.wire.sse import SseDecoder
from tests.support.cases import ALL, Case, name
from tests.support.sdk_requests import CONVERSATION, THE_SAME_FOR_ANTHROPIC, asked_of_claude, meaning, sent_by

CATALOG = Catalog()
BASE = "https://mine.services.ai.azure.com/anthropic"
KEY = AzureAccess(FoundryAccount(BASE, AzureKey("key")), "key")
LOGIN = AzureAccess(FoundryAccount(BASE, EntraLogin()), "token")
TURN: dict[str, Any] = {"max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
CASES = [case for case in ALL if case.folder.parent.name == "foundry" and (case.folder / "cloud.json").exists()]


def backend(**foundry: Any) -> FoundryClaude:
    return FoundryClaude(Foundry(**foundry), Claude(), CATALOG)


def chat(body: dict[str, Any], access: AzureAccess = KEY, **foundry: Any) -> Outbound:
    door = backend(**foundry)
    asked = parse_chat(body, Notes(), Claude())
    facts = door.find(asked.model)
    assert facts is not None
    sent = door.chat(asked, facts, Notes())
    return door.outbound(sent.body, facts, "stream" if asked.stream else "whole", sent.betas, access)


def native(body: dict[str, Any], *, count: bool = False, model: str = "claude-opus-4-8", **foundry: Any) -> Outbound:
    door = backend(**foundry)
    facts = door.find(model)
    assert facts is not None
    translate = door.count if count else door.messages
    sent = translate({"model": model, **body}, facts, (), Notes())
    call = "count" if count else "stream" if body.get("stream") else "whole"
    return door.outbound(sent.body, facts, call, sent.betas, KEY)


@pytest.mark.parametrize(("model", "limit"), [("claude-sonnet-4-6", 128_000), ("claude-sonnet-4-5", 64_000)])
def test_the_longest_answer_is_foundrys(model: str, limit: int) -> None:
    """Vertex and Bedrock give claude-sonnet-4-6 half as much."""
    door = backend()
    facts = door.find(model)
    assert facts is not None and facts.max_output == limit
    assert {one.max_output for one in door.listed() if one.id == model} == {limit}
    asked = parse_chat({"model": model, "max_tokens": 10**6, "messages": TURN["messages"]}, Notes(), Claude())
    assert door.chat(asked, facts, Notes()).body["max_tokens"] == limit
    assert door.find("gpt-4o") is None


def test_the_model_stands_in_the_body_and_the_version_in_a_header() -> None:
    sent = native(TURN)
    assert (sent.method, sent.url, sent.model) == ("POST", f"{BASE}/v1/messages", "claude-opus-4-8")
    assert json.loads(sent.body) == {"model": "claude-opus-4-8", **TURN}
    assert sent.headers == {
        "content-type": "application/json",
        "accept": "application/json",
        "accept-encoding": "identity",
        "anthropic-version": "2023-06-01",
    }


def test_a_stream_is_asked_for_in_the_body() -> None:
    sent = native(TURN | {"stream": True}, anthropic_version="2026-10-21")
    assert json.loads(sent.body)["stream"] is True and sent.url == f"{BASE}/v1/messages"
    assert sent.headers["accept"] == "text/event-stream" and sent.headers["anthropic-version"] == "2026-10-21"
    assert isinstance(backend().decoder(), SseDecoder)


def test_betas_stand_in_their_header() -> None:
    sent = native(TURN | {"anthropic_beta": ["skills-2025-10-02", "files-api-2025-04-14"]})
    assert sent.headers["anthropic-beta"] == "skills-2025-10-02,files-api-2025-04-14"
    assert "anthropic_beta" not in json.loads(sent.body)


def test_counts_go_to_a_path_of_their_own_and_come_back_as_they_are() -> None:
    sent = native(TURN, count=True)
    assert sent.url == f"{BASE}/v1/messages/count_tokens"
    assert json.loads(sent.body) == {"model": "claude-opus-4-8", **TURN}
    assert backend().counted(b'{"input_tokens": 3}') == b'{"input_tokens": 3}'


def test_the_newer_version_takes_no_sampling() -> None:
    warm = CONVERSATION | {"model": "claude-sonnet-4-5"}
    assert json.loads(chat(warm).body)["temperature"] == 0.5
    assert "temperature" not in json.loads(chat(warm, anthropic_version="2026-10-21").body)


@pytest.mark.parametrize(
    ("model", "deployment"),
    [
        ("claude-sonnet-4-5", "my-sonnet"),
        ("claude-sonnet-4-5-20250929", "my-sonnet"),
        ("anthropic/claude-sonnet-4.5", "my-sonnet"),
        ("claude-opus-4-8", "my-opus"),
        ("claude-haiku-4-5", "claude-haiku-4-5"),
        ("claude-3-haiku", "claude-3-haiku"),  # Foundry's name isn't known: most likely the same
        ("claude-zeta-9", "claude-zeta-9"),
    ],
)
def test_deployments_may_have_other_names(model: str, deployment: str) -> None:
    """Whichever way the model is spelled, in a request and in the settings."""
    sent = native(
        TURN, model=model, deployments={"claude-sonnet-4.5": "my-sonnet", "claude-opus-4-8@default": "my-opus"}
    )
    assert json.loads(sent.body)["model"] == sent.model == deployment


def test_a_deployment_of_no_claude_is_told_at_the_start() -> None:
    with pytest.raises(ConfigError, match=r"foundry\.deployments \('my-sonnet'\) is no Claude: .* models\.aliases"):
        backend(deployments={"my-sonnet": "claude-sonnet-4-5"})


def test_errors_say_what_to_do_on_azure() -> None:
    answer = json.dumps({"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist."}})
    error = backend().error(404, {}, answer.encode(), "claude-opus-4-8", "mine")
    assert error.status == 404 and "Deploy the model in this Azure resource" in error.message


# -- Anthropic's client -----------------------------------------------------------------------------------------------


def by_anthropic(ask: Callable[[Any], object], **options: Any) -> httpx2.Request:
    def call(http: httpx2.Client) -> None:
        ask(anthropic.AnthropicFoundry(http_client=http, **options).messages)

    return sent_by(call)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("access", "options"),
    [
        (KEY, {"resource": "mine", "api_key": "key"}),
        (KEY, {"base_url": BASE, "api_key": "key"}),
        (LOGIN, {"resource": "mine", "azure_ad_token_provider": lambda: "token"}),
    ],
)
def test_a_conversation_is_the_same_on_the_wire_as_by_anthropics_client(
    access: AzureAccess, options: dict[str, Any], stream: bool
) -> None:
    model = "claude-opus-4-5"
    ours = chat({**CONVERSATION, "model": model, "stream": stream}, access)
    body = {**THE_SAME_FOR_ANTHROPIC, "stream": stream}
    theirs = by_anthropic(lambda messages: asked_of_claude(messages, model, body), **options)
    assert (ours.method, ours.url) == (theirs.method, str(theirs.url))
    assert theirs.headers["anthropic-version"] and ours.headers["anthropic-version"]
    letting_in = access.headers(ours)
    assert letting_in == {key: value for key, value in theirs.headers.items() if "key" in key or key == "authorization"}
    sent = {key: value for key, value in json.loads(theirs.content).items() if (key, value) != ("stream", False)}
    assert meaning(json.loads(ours.body)) == meaning(sent)


def test_a_count_is_the_same_on_the_wire_as_by_anthropics_client() -> None:
    asked = {"messages": TURN["messages"], "system": "Be brief."}
    ours = native(asked, count=True)
    theirs = by_anthropic(
        lambda messages: messages.count_tokens(model="claude-opus-4-8", **asked), resource="mine", api_key="key"
    )
    assert (ours.method, ours.url) == (theirs.method, str(theirs.url))
    assert json.loads(ours.body) == json.loads(theirs.content)


@pytest.mark.filterwarnings("ignore:Using Claude with:UserWarning")  # it advises against budgets for 4.6
@pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")
@pytest.mark.parametrize("case", CASES, ids=name)
def test_anthropics_client_sends_our_bodies_as_they_are(case: Case) -> None:
    body = case.expected()["cloud.json"]
    model = body.pop("model")
    theirs = by_anthropic(lambda messages: asked_of_claude(messages, model, body), resource="mine", api_key="key")
    assert meaning(json.loads(theirs.content)) == meaning(body | {"model": model})
