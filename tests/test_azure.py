"""OpenAI's models on Azure: deployments, addresses by either path, and the requests that OpenAI's own client makes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.backends.azure import AzureOpenAI
from oai_bridge.backends.base import Call
from oai_bridge.credentials.azure import AzureAccess
from oai_bridge.credentials.base import Outbound
from oai_bridge.notes import Notes
from oai_bridge.settings.values import Azure, AzureAccount, AzureKey, Config, EntraLogin, OpenAI
from tests.support.sdk_requests import sent_by

HOST = "https://mine.openai.azure.com"
KEY = AzureKey("key")
VERSION = "2024-10-21"
ANY = AzureAccount(HOST, KEY)
OLDER = AzureAccount(HOST, KEY, api_version=VERSION)
LONG_AGO = AzureAccount(HOST, KEY, api_version="2024-06-01")
MAPPED = AzureAccount(HOST, KEY, {"gpt-4o": "my-4o", "small": "text-embedding-3-small"})
CHAT: dict[str, Any] = {"model": "my-4o", "messages": [{"role": "user", "content": "Hello"}]}


def backend(*accounts: AzureAccount, **openai: Any) -> AzureOpenAI:
    return AzureOpenAI(Config(azure=Azure(accounts), openai=OpenAI(**openai)))


def outbound(
    body: dict[str, Any], account: AzureAccount = ANY, call: Call | None = None, *all: AzureAccount
) -> Outbound:
    """By `account`, which is one of `all`."""
    door = backend(*(all or (account,)))
    facts = door.find(body["model"])
    assert facts is not None
    call = call or ("stream" if body.get("stream") else "whole")
    return door.outbound(door.passed(body, facts, call, Notes()), facts, call, (), AzureAccess(account, "key"))


# -- deployments ------------------------------------------------------------------------------------------------------


def names(door: AzureOpenAI) -> dict[str, str]:
    return {facts.id: facts.name for facts in door.listed()}


def test_what_the_settings_name_is_listed_and_nothing_else_is_served() -> None:
    door = backend(MAPPED)
    assert names(door) == {"gpt-4o": "my-4o", "small": "text-embedding-3-small"}
    assert [door.find(name) is not None for name in ("gpt-4o", "small", "my-4o", "gpt-4", "GPT-4o")] == [
        *(True, True),
        *(False, False, False),
    ]
    assert [facts.kind for facts in door.listed()] == ["chat", "embedding"]


def test_without_a_list_any_name_is_a_deployments() -> None:
    door = backend(ANY)
    assert door.listed() == ()
    facts = door.find("My_model.v2-x")
    assert facts is not None and (facts.id, facts.name) == ("My_model.v2-x", "My_model.v2-x")
    assert door.has(facts) is False  # nobody knows


@pytest.mark.parametrize("name", ["", " ", "a/b", "-a", "a b", "a" * 65, "..", "a?b", "a#b", "%2e", "ä", "a\n", "a@b"])
def test_what_no_deployment_can_be_called_is_none(name: str) -> None:
    assert backend(ANY).find(name) is None


def test_one_account_with_a_list_and_one_without() -> None:
    door = backend(MAPPED, ANY)
    assert names(door) == {"gpt-4o": "my-4o", "small": "text-embedding-3-small"}
    assert door.find("gpt-9") is not None


def test_each_account_has_deployments_of_its_own() -> None:
    other = AzureAccount("https://other.openai.azure.com", KEY, {"gpt-4o": "theirs"})
    accounts = (MAPPED, other, ANY)
    sent = [outbound(CHAT | {"model": "gpt-4o"}, account, None, *accounts) for account in accounts]
    assert [one.model for one in sent] == ["my-4o", "theirs", "gpt-4o"]  # without a list the name is the deployment's
    assert [json.loads(one.body)["model"] for one in sent] == ["my-4o", "theirs", "gpt-4o"]


# -- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "path"),
    [
        ("whole", "/chat/completions"),
        ("stream", "/chat/completions"),
        ("embed", "/embeddings"),
        ("image", "/images/generations"),
    ],
)
def test_addresses(call: Call, path: str) -> None:
    body = CHAT | {"input": "a", "prompt": "a", "stream": call == "stream"}
    newer, older = outbound(body, ANY, call), outbound(body, OLDER, call)
    assert newer.url == f"{HOST}/openai/v1{path}"
    assert older.url == f"{HOST}/openai/deployments/my-4o{path}?api-version={VERSION}"
    for sent in (newer, older):
        assert (sent.method, sent.model, json.loads(sent.body)["model"]) == ("POST", "my-4o", "my-4o")
        assert sent.headers == {
            "content-type": "application/json",
            "accept": "text/event-stream" if call == "stream" else "application/json",
            "accept-encoding": "identity",
        }


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True))
def test_a_deployments_name_is_one_segment_of_the_path(name: str) -> None:
    sent = outbound(CHAT | {"model": name}, OLDER)
    assert sent.url == f"{HOST}/openai/deployments/{name}/chat/completions?api-version={VERSION}"


@pytest.mark.parametrize(
    ("versions", "newer"),
    [
        ([None], True),
        (["2024-10-21"], True),
        (["2024-09-01-preview"], True),
        (["2025-04-01-preview"], True),
        (["2024-08-01-preview"], False),
        (["2024-06-01"], False),
        (["2024-10-21", "2024-06-01"], True),
        (["2024-06-01", "2024-10-21"], False),
        (["2024-06-01", None], False),
        ([None, "2024-06-01"], True),
    ],
)
@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_each_account_is_sent_what_its_version_knows(versions: list[str | None], newer: bool, field: str) -> None:
    """The first one answers, whatever the others know."""
    accounts = [AzureAccount(f"https://{n}.test", KEY, api_version=version) for n, version in enumerate(versions)]
    sent = json.loads(outbound(CHAT | {"stream": True, field: 9}, accounts[0], None, *accounts).body)
    more = {"max_completion_tokens": 9, "stream_options": {"include_usage": True}} if newer else {"max_tokens": 9}
    assert sent == CHAT | {"stream": True} | more


@pytest.mark.parametrize("name", ["prod", "gpt-4", "my-4o", "gpt-5", "o3"])
def test_whatever_a_deployment_is_called_it_gets_the_newer_limit_and_all_of_it(name: str) -> None:
    """`gpt-5` may be behind `prod`, and `gpt-4.1` behind `gpt-4`."""
    sent = json.loads(outbound(CHAT | {"model": name, "max_tokens": 150_000}).body)
    assert sent == CHAT | {"model": name, "max_completion_tokens": 150_000}


@pytest.mark.parametrize("name", ["gpt-35-turbo", "gpt-3.5-turbo-16k", "our-gpt-4-turbo"])
def test_what_takes_the_older_limit_alone_gets_it(name: str) -> None:
    for field in ("max_tokens", "max_completion_tokens"):
        assert json.loads(outbound(CHAT | {"model": name, field: 9000}).body) == CHAT | {
            "model": name,
            "max_tokens": 9000,
        }


def test_azures_search_in_ones_own_data_knows_neither() -> None:
    search = {"data_sources": [{"type": "azure_search"}], "stream": True}
    sent = json.loads(outbound(CHAT | search | {"max_completion_tokens": 9}).body)
    assert sent == CHAT | search | {"max_tokens": 9}


USAGE = {"stream": True, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize(
    ("accounts", "fields", "told"),
    [
        ([LONG_AGO], USAGE, ["dropped:stream_options"]),
        ([LONG_AGO], {"stream": True}, []),
        ([LONG_AGO], USAGE | {"stream": False}, []),
        ([LONG_AGO, ANY], USAGE, []),  # who will answer isn't known yet
        ([ANY], USAGE, []),
        ([ANY], USAGE | {"data_sources": [{"type": "azure_search"}]}, ["dropped:stream_options"]),
    ],
)
def test_that_no_usage_is_to_be_had_is_told(
    accounts: list[AzureAccount], fields: dict[str, Any], told: list[str]
) -> None:
    door, notes = backend(*accounts), Notes()
    facts = door.find("my-4o")
    assert facts is not None
    door.passed(CHAT | fields, facts, "stream", notes)
    assert [note.code for note in notes] == told


def test_the_operators_limit_holds() -> None:
    door = backend(ANY, max_output_tokens=50)
    facts = door.find("my-4o")
    assert facts is not None
    for asked in ({}, {"max_tokens": 90}):
        assert door.passed(CHAT | asked, facts, "whole", Notes())["max_completion_tokens"] == 50


def test_errors_say_what_to_do_on_azure() -> None:
    answer = {
        "error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}
    }
    error = backend(ANY).error(404, {"apim-request-id": "r-1"}, json.dumps(answer).encode(), "my-4o", "mine")
    assert (error.status, error.request_id) == (404, "r-1")
    assert "Deploy the model in this Azure resource" in error.message


# -- OpenAI's client --------------------------------------------------------------------------------------------------

TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
ASKED: dict[str, tuple[Call, Callable[[Any], object], dict[str, Any]]] = {
    "chat": (
        "whole",
        lambda sdk: sdk.chat.completions.create(**CHAT, max_completion_tokens=9, tools=TOOLS),
        {"max_tokens": 9, "tools": TOOLS, **CHAT},
    ),
    "stream": (
        "stream",
        lambda sdk: sdk.chat.completions.create(**CHAT, stream=True, stream_options={"include_usage": True}),
        {**CHAT, "stream": True},
    ),
    "embeddings": (
        "embed",
        lambda sdk: sdk.embeddings.create(model="my-4o", input=["a", "b"], dimensions=256, encoding_format="float"),
        {"model": "my-4o", "input": ["a", "b"], "dimensions": 256, "encoding_format": "float"},
    ),
    "images": (
        "image",
        lambda sdk: sdk.images.generate(model="my-4o", prompt="A cup of tea.", size="1024x1024", n=2),
        {"model": "my-4o", "prompt": "A cup of tea.", "size": "1024x1024", "n": 2},
    ),
}


def by_openai(ask: Callable[[Any], object], make: Callable[..., openai.OpenAI], **options: Any) -> httpx2.Request:
    return sent_by(lambda http: ask(make(http_client=http, max_retries=0, **options)))


def the_same(ours: Outbound, theirs: httpx2.Request) -> None:
    assert (ours.method, ours.url) == (theirs.method, str(theirs.url))
    assert json.loads(ours.body) == json.loads(theirs.content)


@pytest.mark.parametrize(("call", "ask", "body"), ASKED.values(), ids=ASKED)
@pytest.mark.parametrize(
    ("source", "option", "header"),
    [(KEY, "api_key", "api-key"), (EntraLogin(), "azure_ad_token", "authorization")],
    ids=["key", "Entra"],
)
def test_by_the_older_path_it_is_what_azures_client_sends(
    *, source: Any, option: str, header: str, call: Call, ask: Any, body: dict[str, Any]
) -> None:
    account = AzureAccount(HOST, source, api_version=VERSION)
    options = {"azure_endpoint": HOST, "api_version": VERSION, option: "key"}
    ours, theirs = outbound(body, account, call), by_openai(ask, openai.AzureOpenAI, **options)
    the_same(ours, theirs)
    assert AzureAccess(account, "key").headers(ours) == {header: theirs.headers[header]}


@pytest.mark.parametrize(("call", "ask", "body"), ASKED.values(), ids=ASKED)
def test_by_the_newer_path_it_is_what_openais_client_sends(call: Call, ask: Any, body: dict[str, Any]) -> None:
    theirs = by_openai(ask, openai.OpenAI, base_url=f"{HOST}/openai/v1", api_key="key")
    the_same(outbound(body, ANY, call), theirs)
