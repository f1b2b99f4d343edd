"""Claude on AWS Bedrock by invoke, by Anthropic's own API there and on Mantle: addresses, headers and bodies."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.backends.bedrock import InvokeClaude, MessagesClaude, claude_chat, claude_count, claude_native
from oai_bridge.backends.converse import ConverseClaude
from oai_bridge.errors import UpstreamError
from oai_bridge.models.catalog import Catalog
from oai_bridge.notes import Notes
from oai_bridge.settings.values import Bedrock, Claude, Guardrail
from oai_bridge.wire.sse import SseDecoder
from tests.support.aws_frames import invoke_frame
from tests.support.bedrock_requests import CATALOG, HELLO, NAMED, PROFILE, TURN, body_of, chat, native
from tests.support.claude_clouds import BEDROCK
from tests.support.claude_models import named
from tests.support.claude_rules import faults

RUNTIME = "https://bedrock-runtime.us-east-1.amazonaws.com"
MANTLE = "https://bedrock-mantle.us-east-1.api.aws"
OLD, OLD_ID = "claude-sonnet-4-5", "anthropic.claude-sonnet-4-5-20250929-v1:0"
BETA, OTHER_BETA = "context-1m-2025-08-07", "effort-2025-11-24"
MINE = Catalog({"mine": {"generation": "5.5", "bedrock": PROFILE, "vertex": None}})
JSON_BOTH_WAYS = {"content-type": "application/json", "accept": "application/json", "accept-encoding": "identity"}


def answering(api: Any) -> tuple[type, ...]:
    """Who answers chats, native requests and counts."""
    bedrock = Bedrock(api=api)
    return tuple(type(make(bedrock, Claude(), CATALOG)) for make in (claude_chat, claude_native, claude_count))


def test_the_settings_choose_the_doors() -> None:
    assert answering("invoke") == (InvokeClaude, InvokeClaude, InvokeClaude)
    assert answering("converse") == (ConverseClaude, InvokeClaude, InvokeClaude)
    assert answering("messages") == (MessagesClaude, MessagesClaude, InvokeClaude)  # the runtime has no such count
    assert answering("mantle") == (MessagesClaude, MessagesClaude, MessagesClaude)


# -- invoke -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "region", "place"),
    [
        ("claude-opus-4-8", "us-east-1", "bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-opus-4-8"),
        (OLD, "eu-west-1", f"bedrock-runtime.eu-west-1.amazonaws.com/model/eu.{OLD_ID}"),
        (OLD, "ap-northeast-1", f"bedrock-runtime.ap-northeast-1.amazonaws.com/model/jp.{OLD_ID}"),
        (OLD, "sa-east-1", f"bedrock-runtime.sa-east-1.amazonaws.com/model/global.{OLD_ID}"),
        (OLD, "us-gov-west-1", f"bedrock-runtime.us-gov-west-1.amazonaws.com/model/us-gov.{OLD_ID}"),
        (OLD, "cn-north-1", f"bedrock-runtime.cn-north-1.amazonaws.com.cn/model/{OLD_ID}"),
        (OLD, "eusc-de-east-1", f"bedrock-runtime.eusc-de-east-1.amazonaws.eu/model/{OLD_ID}"),
        (
            "claude-3-haiku",
            "us-east-1",
            "bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-3-haiku-20240307-v1:0",
        ),
        (f"eu.{OLD_ID}", "us-east-1", f"bedrock-runtime.us-east-1.amazonaws.com/model/eu.{OLD_ID}"),
        ("claude-zeta-9", "us-east-1", "bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-zeta-9"),
        (NAMED, "us-east-1", f"bedrock-runtime.us-east-1.amazonaws.com/model/{quote(NAMED, safe=':')}"),
        ("mine", "us-east-1", f"bedrock-runtime.us-east-1.amazonaws.com/model/{quote(PROFILE, safe=':')}"),
    ],
)
def test_the_model_and_the_region_stand_in_the_address(model: str, region: str, place: str) -> None:
    whole = chat(HELLO | {"model": model}, region=region, catalog=MINE)
    streamed = chat(HELLO | {"model": model, "stream": True}, region=region, catalog=MINE)
    assert (whole.method, whole.url) == ("POST", f"https://{place}/invoke")
    assert (streamed.method, streamed.url) == ("POST", f"https://{place}/invoke-with-response-stream")
    assert quote(whole.model, safe=":") == streamed.url.split("/")[4]
    assert whole.service == streamed.service == "bedrock"


def test_an_arns_slashes_are_no_path() -> None:
    assert "application-inference-profile%2Fa1b2c3/invoke" in chat(HELLO | {"model": "mine"}, catalog=MINE).url


def test_the_settings_can_name_the_host_and_send_requests_anywhere() -> None:
    sent = chat(HELLO, base_url="http://127.0.0.1:9", profiles="global")
    assert sent.url == "http://127.0.0.1:9/model/global.anthropic.claude-opus-4-8/invoke"


def test_the_headers_say_what_comes_back() -> None:
    assert chat(HELLO).headers == native(TURN).headers == JSON_BOTH_WAYS
    frames = {"accept": "application/vnd.amazon.eventstream", "x-amzn-bedrock-accept": "application/json"}
    assert chat(HELLO | {"stream": True}).headers == JSON_BOTH_WAYS | frames


def test_tier_and_guardrail_are_asked_for_in_headers() -> None:
    wishes: dict[str, Any] = {"service_tier": "flex", "guardrail": Guardrail("g1", "3")}
    headers = {
        "x-amzn-bedrock-service-tier": "flex",
        "x-amzn-bedrock-guardrailidentifier": "g1",
        "x-amzn-bedrock-guardrailversion": "3",
    }
    for sent in (chat(HELLO, **wishes), native(TURN, **wishes)):
        assert sent.headers == JSON_BOTH_WAYS | headers
    assert headers.items() <= chat(HELLO | {"stream": True}, **wishes).headers.items()
    assert native(TURN, count=True, **wishes).headers == JSON_BOTH_WAYS


def test_the_client_has_no_word_on_the_guardrail_of_the_settings() -> None:
    """It could say that nothing of what it sends is to be looked at."""
    own = {"amazon-bedrock-guardrailConfig": {"tagSuffix": "x"}}
    assert body_of(native(TURN | own)).items() >= own.items()
    assert body_of(native(TURN | own, guardrail=Guardrail("g1"))) == body_of(native(TURN))
    backend, notes = claude_native(Bedrock(guardrail=Guardrail("g1")), Claude(), CATALOG), Notes()
    facts = backend.find("claude-opus-4-8")
    assert facts is not None
    backend.messages(TURN | own, facts, (), notes)
    assert [note.code for note in notes] == ["dropped:amazon-bedrock-guardrailConfig"]


def test_the_tier_that_a_client_wants_comes_first() -> None:
    sent = chat(HELLO | {"service_tier": "priority"}, service_tier="flex")
    assert sent.headers["x-amzn-bedrock-service-tier"] == "priority" and "service_tier" not in body_of(sent)
    assert "x-amzn-bedrock-service-tier" not in chat(HELLO | {"service_tier": "auto"}).headers
    assert body_of(chat(HELLO | {"service_tier": "default"}, api="messages"))["service_tier"] == "standard_only"


@pytest.mark.parametrize("stream", [False, True])
def test_the_body_has_the_version_and_the_betas_but_neither_model_nor_stream(stream: bool) -> None:
    sent = native(TURN | {"stream": stream, "anthropic_beta": [OTHER_BETA]}, betas=(BETA,))
    assert body_of(sent) == {
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": [BETA, OTHER_BETA],
        **TURN,
    }
    assert "anthropic-beta" not in sent.headers and sent.url.endswith("-stream") is stream
    translated = body_of(chat(HELLO | {"stream": stream}))
    assert translated.keys() == {"anthropic_version", "max_tokens", "messages"}


def test_the_clients_own_version_does_not_count() -> None:
    mine = native(TURN | {"anthropic_version": "vertex-2023-10-16"}, anthropic_version="bedrock-2099-01-01")
    assert body_of(mine)["anthropic_version"] == "bedrock-2099-01-01"


def test_the_newer_version_takes_no_sampling() -> None:
    warm = HELLO | {"model": OLD, "temperature": 0.5}
    assert body_of(chat(warm))["temperature"] == 0.5
    assert "temperature" not in body_of(chat(warm, anthropic_version="bedrock-2026-10-21"))


def test_streams_come_in_awss_frames() -> None:
    decoder = claude_chat(Bedrock(), Claude(), CATALOG).decoder()
    assert decoder.feed(invoke_frame({"type": "ping"})) == [b'{"type":"ping"}']


# -- counting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", ["invoke", "converse", "messages"])
@pytest.mark.parametrize(
    ("model", "id"),
    [
        ("claude-opus-4-8", "anthropic.claude-opus-4-8"),  # CountTokens refuses the ids of profiles
        (OLD, OLD_ID),
        (f"eu.{OLD_ID}", OLD_ID),
        (NAMED, OLD_ID),
        ("mine", quote(PROFILE, safe=":")),
    ],
)
def test_tokens_are_counted_by_the_model_itself(api: str, model: str, id: str) -> None:
    sent = native(TURN, count=True, model=model, catalog=MINE, api=api)
    assert sent.url == f"{RUNTIME}/model/{id}/count-tokens"
    assert sent.headers == JSON_BOTH_WAYS and sent.service == "bedrock"


def counted(body: dict[str, Any], **more: Any) -> Any:
    sent = body_of(native(body, count=True, **more))
    assert sent.keys() == {"input"} and sent["input"].keys() == {"invokeModel"}
    return json.loads(base64.b64decode(sent["input"]["invokeModel"]["body"], validate=True))


THINKING = {"thinking": {"type": "enabled", "budget_tokens": 2000}}


@pytest.mark.parametrize(
    "asked", [{}, THINKING, {"tools": [{"name": "f", "input_schema": {"type": "object"}}]}, {"system": "Be brief."}]
)
def test_what_is_counted_is_a_request_that_could_be_sent(asked: dict[str, Any]) -> None:
    body = counted({"messages": TURN["messages"], **asked}, model=OLD, betas=(BETA,))
    assert body["anthropic_version"] == "bedrock-2023-05-31" and body["anthropic_beta"] == [BETA]
    assert {key: body[key] for key in asked} == asked and body["messages"] == TURN["messages"]
    assert faults(body, named(OLD, BEDROCK), streamed=False) == []


@pytest.mark.parametrize("thinking", [None, 5, [], {}, {"budget_tokens": None}, {"budget_tokens": "9"}])
def test_odd_wishes_for_thinking_are_left_to_the_cloud(thinking: Any) -> None:
    assert counted({"messages": [], "thinking": thinking})["max_tokens"] == 1


def test_a_count_comes_back_in_anthropics_form() -> None:
    backend = claude_count(Bedrock(), Claude(), CATALOG)
    assert json.loads(backend.counted(b'{"inputTokens": 12, "more": []}')) == {"input_tokens": 12}
    mantle = claude_count(Bedrock(api="mantle"), Claude(), CATALOG)
    assert mantle.counted(b'{"input_tokens": 12}') == b'{"input_tokens": 12}'


@given(st.one_of(st.binary(max_size=40), st.sampled_from([b"[" * 100_000, b"{}", b'{"inputTokens": "1"}', b"null"])))
def test_what_is_no_count_is_told(answer: bytes) -> None:
    with pytest.raises(UpstreamError, match="no count of tokens"):
        claude_count(Bedrock(), Claude(), CATALOG).counted(answer)


# -- Anthropic's own API ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "api", "url", "id", "service"),
    [
        (OLD, "messages", f"{RUNTIME}/anthropic/v1/messages", f"us.{OLD_ID}", "bedrock"),
        (OLD, "mantle", f"{MANTLE}/anthropic/v1/messages", "anthropic.claude-sonnet-4-5", "bedrock-mantle"),
        (f"eu.{OLD_ID}", "messages", f"{RUNTIME}/anthropic/v1/messages", f"eu.{OLD_ID}", "bedrock"),
        (f"eu.{OLD_ID}", "mantle", f"{MANTLE}/anthropic/v1/messages", "anthropic.claude-sonnet-4-5", "bedrock-mantle"),
        (NAMED, "messages", f"{RUNTIME}/anthropic/v1/messages", NAMED, "bedrock"),
        ("claude-opus-4-6", "mantle", f"{MANTLE}/anthropic/v1/messages", "anthropic.claude-opus-4-6", "bedrock-mantle"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_model_and_stream_stand_in_the_body(
    *, model: str, api: str, url: str, id: str, service: str, stream: bool
) -> None:
    sent = native(TURN | {"stream": stream, "anthropic_beta": [OTHER_BETA]}, model=model, api=api, betas=(BETA,))
    assert (sent.url, sent.model, sent.service) == (url, id, service)
    assert body_of(sent) == {"model": id, "stream": stream, **TURN}
    assert sent.headers == JSON_BOTH_WAYS | {
        "accept": "text/event-stream" if stream else "application/json",
        "anthropic-version": "2023-06-01",
        "anthropic-beta": f"{BETA},{OTHER_BETA}",
    }


@pytest.mark.parametrize("api", ["messages", "mantle"])
def test_chats_go_the_same_way(api: Any) -> None:
    sent = chat(HELLO | {"stream": True}, api=api)
    assert body_of(sent)["stream"] is True and body_of(sent)["model"] == sent.model
    assert sent.headers["anthropic-version"] == "2023-06-01" and "anthropic-beta" not in sent.headers
    assert isinstance(claude_chat(Bedrock(api=api), Claude(), CATALOG).decoder(), SseDecoder)


def test_each_of_the_two_hosts_can_be_named() -> None:
    named = {"base_url": "http://runtime.test", "mantle_url": "http://mantle.test"}
    assert native(TURN, api="messages", **named).url == "http://runtime.test/anthropic/v1/messages"
    assert native(TURN, api="mantle", **named).url == "http://mantle.test/anthropic/v1/messages"
    count = native(TURN, count=True, api="mantle", **named)
    assert count.url == "http://mantle.test/anthropic/v1/messages/count_tokens"
    assert body_of(count) == {"model": "anthropic.claude-opus-4-8", **TURN}


# -- errors -----------------------------------------------------------------------------------------------------------

ON_DEMAND = (
    "Invocation of model ID anthropic.claude-opus-4-8 with on-demand throughput isn’t supported. Retry your request "
    "with the ID or ARN of an inference profile that contains this model."
)


@pytest.mark.parametrize(
    ("region", "hint"),
    [
        ("us-east-1", "`us.anthropic.claude-opus-4-8`"),
        ("eu-central-1", "`eu.anthropic.claude-opus-4-8`"),
        ("ap-northeast-1", "`jp.anthropic.claude-opus-4-8`"),
        ("ap-southeast-2", "`au.anthropic.claude-opus-4-8`"),
        ("sa-east-1", "`global.anthropic.claude-opus-4-8`"),
        ("us-gov-east-1", "`us-gov.anthropic.claude-opus-4-8`"),
        ("cn-north-1", "`us.`, `eu.` or `global.`"),
        ("", "`us.`, `eu.` or `global.`"),
    ],
)
@pytest.mark.parametrize("api", ["invoke", "messages", "mantle"])
def test_an_error_names_the_profile_that_would_work(api: Any, region: str, hint: str) -> None:
    backend = claude_chat(Bedrock(api=api), Claude(), CATALOG)
    body = json.dumps({"message": ON_DEMAND}).encode()
    headers = {"x-amzn-errortype": "ValidationException"}
    error = backend.error(400, headers, body, "anthropic.claude-opus-4-8", region)
    assert (error.status, error.code) == (404, "model_not_found")
    assert hint in error.message
