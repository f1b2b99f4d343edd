"""pages.py: what is answered here, with the field names and types that clients of OpenAI and oai-reverse-proxy know."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from anthropic.types import ModelInfo
from anthropic.types.shared import ErrorResponse
from hypothesis import given
from hypothesis import strategies as st
from openai.types import Model
from openai.types.chat import ChatCompletion

from oai_bridge.dialects.claude_errors import error_from_body
from oai_bridge.errors import (
    BridgeError,
    InvalidRequest,
    MethodNotAllowed,
    Misdirected,
    NotFound,
    TooLarge,
    UpstreamError,
)
from oai_bridge.pages import (
    Page,
    anthropic_error_page,
    error_event_for,
    error_page,
    error_page_for,
    favicon_page,
    health_page,
    html_page,
    is_test_message,
    model_page,
    models_page,
    reply_to_test_message,
    static_page,
    status_page,
)
from oai_bridge.routing import Route
from oai_bridge.settings.values import Config
from tests.support.page_parts import CATALOG, SNAPSHOT, configured, read, served


def ids(page: Page) -> list[str]:
    return [entry["id"] for entry in read(page)["data"]]


EVERY_PAGE = [
    error_page(InvalidRequest("no"), "req-1"),
    anthropic_error_page(InvalidRequest("no"), "req-1"),
    models_page(Route("models"), served(Config())),
    model_page(Route("model", model="claude-sonnet-4-5"), served(Config())),
    reply_to_test_message("claude-x", 5.0),
    health_page(),
    favicon_page(),
    status_page(SNAPSHOT, Config(), served(Config())),
    html_page("http://127.0.0.1:7860", Config(), served(Config()), None),
    static_page("script"),
    static_page("style"),
]


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: page.body[:24])
def test_every_page_is_safe_to_show_and_allows_no_other_origin(page: Page) -> None:
    headers = dict(page.headers)
    assert len(headers) == len(page.headers)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["content-length"] == str(len(page.body))
    assert not [name for name in headers if name.startswith("access-control") or name != name.lower()]


# --- errors


def test_an_error_is_openais_error_object() -> None:
    error = UpstreamError("Wait a little.", param="model", code="rate_limit", status=429, retry=True, retry_after=1.5)
    page = error_page(error, "req-1")
    assert page.status == 429
    assert read(page) == {
        "error": {"message": "Wait a little.", "type": "server_error", "param": "model", "code": "rate_limit"}
    }
    headers = dict(page.headers)
    assert (headers["x-request-id"], headers["retry-after"], headers["x-should-retry"]) == ("req-1", "2", "true")
    assert "x-bridge-upstream-request-id" not in headers


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Choose another model.", "Choose another model."),
        ("one\r\nx-evil: two\0", "one??x-evil: two?"),
        ("试试 …", "?? ?"),
        ("a" * 5000, "a" * 300),
    ],
)
def test_an_error_is_told_beside_the_status_too(message: str, reason: str) -> None:
    """SillyTavern 1.19 shows nothing else of an error to a request without streaming."""
    assert error_page(BridgeError(message), "req-1").reason == reason


def test_the_clouds_own_request_id_stands_beside_ours() -> None:
    headers = dict(error_page(UpstreamError("no", request_id="cloud-7"), "req-1").headers)
    assert (headers["x-request-id"], headers["x-bridge-upstream-request-id"]) == ("req-1", "cloud-7")


@pytest.mark.parametrize("word", ["a\r\nset-cookie: x", "a\x00", "ä", "", "\ud800"])
def test_a_request_id_unfit_for_a_header_is_left_out(word: str) -> None:
    assert "x-bridge-upstream-request-id" not in dict(error_page(UpstreamError("no", request_id=word), "r").headers)


def test_a_wrong_method_names_the_right_ones() -> None:
    page = error_page(MethodNotAllowed(("GET", "HEAD")), "req-1")
    assert page.status == 405
    assert dict(page.headers)["allow"] == "GET, HEAD"


@given(st.text(st.characters(codec=None)), st.none() | st.text(st.characters(codec=None)))
def test_any_message_can_be_written(message: str, param: str | None) -> None:
    told = read(error_page(Misdirected(message, param=param), "req-1"))["error"]
    assert told["type"] == "invalid_request_error"
    assert told["message"] == "".join("?" if "\ud800" <= letter <= "\udfff" else letter for letter in message)


OVERLOADED = error_from_body(
    529,
    b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_vrtx_1"}',
    {"retry-after": "3"},
)


def test_the_clouds_own_status_is_told_where_openais_is_another() -> None:
    page = error_page(OVERLOADED, "req-1")
    assert (page.status, dict(page.headers)["x-bridge-upstream-status"]) == (503, "529")
    for status in (429, None):
        same = error_page(error_from_body(status, b'{"error":{"type":"rate_limit_error","message":"no"}}'), "req-1")
        assert same.status == 429 and "x-bridge-upstream-status" not in dict(same.headers)


def test_an_error_is_anthropics_error_object_on_its_own_routes() -> None:
    page = anthropic_error_page(OVERLOADED, "req-1")
    ErrorResponse.model_validate(read(page), strict=True)
    assert page.status == 529
    assert read(page)["error"]["type"] == "overloaded_error"
    assert page.reason.startswith("Overloaded")
    assert "x-bridge-upstream-status" not in dict(page.headers)
    headers = dict(page.headers)
    assert (headers["request-id"], headers["x-request-id"], read(page)["request_id"]) == ("req-1",) * 3
    assert (headers["retry-after"], headers["x-bridge-upstream-request-id"]) == ("3", "req_vrtx_1")
    assert dict(anthropic_error_page(InvalidRequest("no"), "r").headers)["x-should-retry"] == "false"
    assert dict(anthropic_error_page(MethodNotAllowed(("POST",)), "r").headers)["allow"] == "POST"


@pytest.mark.parametrize(
    ("path", "native"),
    [("/proxy/gcp/claude/v1/messages?beta=true", True), ("/v1/messages/count_tokens", True),
     ("/nowhere/messages", True), ("/v1/chat/completions", False), ("/v1/models", False), ("", False)],
)  # fmt: skip
def test_the_path_says_which_errors_its_client_reads(path: str, native: bool) -> None:
    error = TooLarge(2**20)
    page, event = error_page_for(path, error, "req-1"), error_event_for(path, error, "req-1")
    assert page == (anthropic_error_page if native else error_page)(error, "req-1")
    assert event.startswith(b"event: error\n") is native
    data = json.loads(event.rpartition(b"data: ")[2])
    assert data == read(page) if native else data["error"] == read(page)["error"]


# --- models


def test_the_catalogue_is_listed_for_the_region() -> None:
    listed = ids(models_page(Route("models", path=("gcp", "claude")), served(configured("us-east5"))))
    assert listed == [facts.id for facts in CATALOG.listed("vertex")]
    assert "claude-sonnet-4-5" in listed
    assert ids(models_page(Route("models"), served(Config()))) == [facts.id for facts in CATALOG.listed("vertex")]


def test_several_accounts_list_each_model_once() -> None:
    listed = ids(models_page(Route("models"), served(configured("us-east5", "global", "us-east5"))))
    assert len(listed) == len(set(listed)) and set(listed) >= {facts.id for facts in CATALOG.listed("vertex")}


def test_the_configured_list_and_the_aliases_come_instead_each_once() -> None:
    config = Config(models=("claude-b", "claude-a", "claude-b"), aliases={"gpt-4o": "claude-a", "claude-a": "claude-b"})
    assert ids(models_page(Route("models"), served(config))) == ["claude-b", "claude-a", "gpt-4o"]


def test_a_model_has_openais_fields() -> None:
    config = Config(models=("claude-sonnet-4-5", "my-own"), aliases={"gpt-4o": "claude-sonnet-4-5"})
    found = read(models_page(Route("models"), served(config)))
    assert found["object"] == "list"
    september = 1759104000  # 2025-09-29, the date in the model's id on Vertex
    openai = [{key: entry[key] for key in ("id", "object", "created", "owned_by")} for entry in found["data"]]
    assert openai == [
        {"id": "claude-sonnet-4-5", "object": "model", "created": september, "owned_by": "anthropic"},
        {"id": "my-own", "object": "model", "created": 0, "owned_by": "unknown"},
        {"id": "gpt-4o", "object": "model", "created": september, "owned_by": "anthropic"},
    ]
    for entry in found["data"]:
        Model.model_validate(entry, strict=True)


def test_a_model_has_anthropics_fields_too() -> None:
    config = Config(models=("claude-sonnet-4-5", "my-own"), aliases={"gpt-4o": "claude-sonnet-4-5"})
    found = read(models_page(Route("models"), served(config)))
    assert (found["has_more"], found["first_id"], found["last_id"]) == (False, "claude-sonnet-4-5", "gpt-4o")
    known, unknown, alias = [ModelInfo.model_validate_json(json.dumps(entry), strict=True) for entry in found["data"]]
    assert (known.display_name, known.created_at.isoformat()) == ("Claude Sonnet 4.5", "2025-09-29T00:00:00+00:00")
    assert (known.max_input_tokens, known.max_tokens, known.lifecycle) == (200_000, 64_000, "active")
    assert (unknown.display_name, unknown.created_at.year, unknown.max_tokens) == ("my-own", 1970, None)
    assert (alias.display_name, alias.created_at) == ("gpt-4o", known.created_at)
    for page in (
        models_page(Route("models"), served(Config())),
        model_page(Route("model", model="claude-opus-4-8"), served(Config())),
    ):
        for entry in read(page).get("data", [read(page)]):
            ModelInfo.model_validate_json(json.dumps(entry), strict=True)


@pytest.mark.parametrize(
    ("id", "title"),
    [
        ("claude-opus-4-8", "Claude Opus 4.8"),
        ("claude-3-5-haiku", "Claude 3.5 Haiku"),
        ("claude-sonnet-5", "Claude Sonnet 5"),
        ("claude-new-6-1-20270101", "Claude New 6.1 20270101"),
    ],
)
def test_a_model_is_called_as_people_call_it(id: str, title: str) -> None:
    (entry,) = read(models_page(Route("models"), served(Config(models=(id,)))))["data"]
    assert entry["display_name"] == title


def test_both_sdks_list_and_retrieve_the_models() -> None:
    config = Config(models=("claude-sonnet-4-5", "claude-opus-4-8"))

    def serve(path: str) -> Page:
        name = path.rpartition("/v1/models")[2].strip("/")
        return (
            model_page(Route("model", model=name), served(config))
            if name
            else models_page(Route("models"), served(config))
        )

    def handler(request: Any) -> Any:
        page = serve(request.url.path)
        return httpx2.Response(page.status, content=page.body, headers=dict(page.headers))

    transport = httpx2.Client(transport=httpx2.MockTransport(handler))
    theirs = anthropic.Anthropic(base_url="http://a/proxy/gcp/claude", api_key="k", http_client=transport)
    assert [model.id for model in theirs.models.list()] == list(config.models)
    assert theirs.models.retrieve("claude-opus-4-8").display_name == "Claude Opus 4.8"
    ours = openai.OpenAI(base_url="http://a/proxy/gcp/claude/v1", api_key="k", http_client=transport)
    assert [model.id for model in ours.models.list()] == list(config.models)
    assert ours.models.retrieve("claude-opus-4-8").owned_by == "anthropic"


@pytest.mark.parametrize(
    "name",
    ["claude-sonnet-4-5", "claude-sonnet-4-5@20250929", "claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5",
     "gpt-4o"],
)  # fmt: skip
def test_one_model_by_any_of_its_names(name: str) -> None:
    page = model_page(Route("model", model=name), served(Config(aliases={"gpt-4o": "claude-sonnet-4-5"})))
    assert page.status == 200
    assert read(page)["id"] == name
    assert read(page)["created"] == 1759104000


@pytest.mark.parametrize("name", ["claude-sonet-4-5", "sonnet-4-5", "claude-sonnet-4-55"])
def test_an_unknown_model_names_those_that_come_close(name: str) -> None:
    with pytest.raises(NotFound, match="claude-sonnet-4-5") as raised:
        model_page(Route("model", model=name), served(Config()))
    assert (raised.value.status, raised.value.code) == (404, "model_not_found")


@pytest.mark.parametrize("name", ["claude-sonnet-4-5", "qqqq", ""])
def test_a_model_left_out_of_the_configured_list_is_not_there(name: str) -> None:
    with pytest.raises(NotFound, match="claude-only"):
        model_page(Route("model", model=name), served(Config(models=("claude-only",))))


# --- the test message

HI = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"messages": [HI], "stream": False}, True),
        ({"messages": [HI]}, False),
        ({"messages": [HI], "stream": False, "model": "m", "max_tokens": 9, "tools": []}, True),
        ({"messages": [HI], "stream": None}, False),
        ({"messages": [HI], "stream": True}, False),
        ({"messages": [HI], "stream": False, "tools": [{"type": "function"}]}, False),
        ({"messages": [HI], "stream": False, "functions": [{"name": "f"}]}, False),
        ({"messages": [HI], "stream": False, "response_format": {"type": "json_object"}}, False),
        ({"messages": [HI, HI], "stream": False}, False),
        ({"messages": [], "stream": False}, False),
        ({"messages": [{**HI, "name": "Ann"}], "stream": False}, False),
        ({"messages": [{"role": "user", "content": "hi"}], "stream": False}, False),
        ({"messages": [{"role": "system", "content": "Hi"}], "stream": False}, False),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}], "stream": False}, False),
        ({"messages": HI, "stream": False}, False),
        ({}, False),
        ([HI], False),
        ("Hi", False),
        (None, False),
    ],
)
def test_what_a_test_message_is(body: object, expected: bool) -> None:
    assert is_test_message(body) is expected


@pytest.mark.parametrize(("model", "told"), [("claude-x", "claude-x"), (None, ""), (7, ""), ("a\ud800", "a?")])
def test_the_reply_to_it_is_a_chat_completion_that_says_what_it_is(model: object, told: str) -> None:
    page = reply_to_test_message(model, 1_700_000_000.9)
    reply = ChatCompletion.model_validate(read(page), strict=False)
    assert page.status == 200
    assert (reply.id, reply.object, reply.created, reply.model) == (
        "chatcmpl-test",
        "chat.completion",
        1_700_000_000,
        told,
    )
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.total_tokens) == (0, 0, 0)
    (choice,) = reply.choices
    assert choice.finish_reason == "stop" and choice.message.role == "assistant"
    assert "did not go to the API" in (choice.message.content or "")


def test_every_exception_of_the_family_has_a_page() -> None:
    def family(of: type[BridgeError]) -> list[type[BridgeError]]:
        return [of, *(below for child in of.__subclasses__() for below in family(child))]

    special: dict[type[BridgeError], BridgeError] = {
        MethodNotAllowed: MethodNotAllowed(("GET",)),
        TooLarge: TooLarge(2**20),
    }
    for kind in family(BridgeError):
        error = special[kind] if kind in special else kind("no")
        assert error_page(error, "req-1").status == anthropic_error_page(error, "req-1").status == kind.status
