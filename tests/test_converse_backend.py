"""Bedrock's Converse as a door: addresses, headers, who is behind it, hints, and the whole request as boto3's."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest

from oai_bridge.backends.converse import Converse, ConverseClaude
from oai_bridge.credentials.aws import AwsAccess
from oai_bridge.credentials.base import Outbound
from oai_bridge.dialects.bedrock_frames import ConverseDecoder
from oai_bridge.dialects.reading import Reading
from oai_bridge.events import Pause, Said, Stop, Text
from oai_bridge.models.catalog import Catalog
from oai_bridge.notes import Notes
from oai_bridge.openai.request import parse_chat
from oai_bridge.settings.values import AwsKeys, Bedrock, Claude, Guardrail
from tests.support.aws_signatures import Key, Refused, Signed, signed_region
from tests.support.boto import prepared_by_boto
from tests.support.request_messages import PNG

CATALOG = Catalog()
KEYS = AwsKeys("AKIDEXAMPLE", "secret")
HI: dict[str, Any] = {"role": "user", "content": "Hi"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
RUNTIME = "https://bedrock-runtime.us-east-1.amazonaws.com"
APPLICATION = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3"


def door_for(model: str, **bedrock: Any) -> Converse:
    kind = ConverseClaude if "claude" in model else Converse
    return kind(Bedrock(**bedrock), Claude(), CATALOG)


def outbound(
    model: str, *, region: str = "us-east-1", bedrock: dict[str, Any] | None = None, **fields: Any
) -> Outbound:
    door = door_for(model, **bedrock or {})
    asked = parse_chat({"model": model, "messages": [HI], **fields}, Notes(), Claude())
    facts = door.find(model)
    assert facts is not None
    sent = door.chat(asked, facts, Notes())
    assert sent.betas == ()  # they stand in the body
    return door.outbound(sent.body, facts, "stream" if asked.stream else "whole", (), AwsAccess(region, KEYS))


# -- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "region", "place"),
    [
        ("nova-pro", "us-east-1", "bedrock-runtime.us-east-1.amazonaws.com/model/us.amazon.nova-pro-v1:0"),
        ("amazon.nova-pro-v1:0", "us-east-1", "bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-pro-v1:0"),
        (
            "eu.amazon.nova-pro-v1:0",
            "eu-west-1",
            "bedrock-runtime.eu-west-1.amazonaws.com/model/eu.amazon.nova-pro-v1:0",
        ),
        ("claude-opus-4-8", "us-east-1", "bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-opus-4-8"),
        (
            "claude-opus-4-8",
            "cn-north-1",
            "bedrock-runtime.cn-north-1.amazonaws.com.cn/model/anthropic.claude-opus-4-8",
        ),
        ("acme.new-model-v1:0", "us-east-1", "bedrock-runtime.us-east-1.amazonaws.com/model/acme.new-model-v1:0"),
        (APPLICATION, "us-east-1", f"bedrock-runtime.us-east-1.amazonaws.com/model/{quote(APPLICATION, safe=':')}"),
    ],
)
def test_the_model_and_the_region_stand_in_the_address(model: str, region: str, place: str) -> None:
    whole, streamed = outbound(model, region=region), outbound(model, region=region, stream=True)
    assert (whole.method, whole.url) == ("POST", f"https://{place}/converse")
    assert (streamed.method, streamed.url) == ("POST", f"https://{place}/converse-stream")
    assert quote(whole.model, safe=":") == streamed.url.split("/")[4]
    assert whole.service == streamed.service == "bedrock"
    assert "modelId" not in json.loads(whole.body) and "stream" not in json.loads(streamed.body)


def test_the_settings_can_name_the_host_and_send_requests_anywhere() -> None:
    sent = outbound("claude-opus-4-8", bedrock={"base_url": "http://127.0.0.1:9", "profiles": "global"})
    assert sent.url == "http://127.0.0.1:9/model/global.anthropic.claude-opus-4-8/converse"


def test_the_headers_say_what_comes_back() -> None:
    wishes = {"service_tier": "flex", "guardrail": Guardrail("g1", "3")}  # in the body
    usual = {"content-type": "application/json", "accept": "application/json", "accept-encoding": "identity"}
    assert outbound("nova-pro", bedrock=wishes).headers == usual
    assert outbound("nova-pro", stream=True).headers == usual | {"accept": "application/vnd.amazon.eventstream"}
    assert isinstance(door_for("nova-pro").decoder(), ConverseDecoder)


# -- who is behind it -------------------------------------------------------------------------------------------------


def test_claude_has_a_door_of_its_own() -> None:
    others, claude = door_for("nova-pro"), door_for("claude")
    assert [one.owner for one in claude.listed()] == ["anthropic"] * len(CATALOG.listed("bedrock"))
    assert "anthropic" not in {one.owner for one in others.listed()}
    for name in ("claude-opus-4-8", "us.anthropic.claude-opus-4-8", "claude-zeta-9"):
        assert others.find(name) is None and claude.find(name) is not None
    for name in ("nova-pro", "us.amazon.nova-pro-v1:0", "acme.new-model-v1:0", APPLICATION):
        assert others.find(name) is not None and claude.find(name) is None


def test_what_is_listed_is_found_under_its_listed_name() -> None:
    for door in (door_for("nova-pro"), door_for("claude")):
        assert door.listed()
        assert all(door.find(facts.id) == facts and door.has(facts) for facts in door.listed())


@pytest.mark.parametrize(
    ("name", "has"), [("claude-mythos-preview", True), ("claude-3-haiku", False), ("claude-prod", False)]
)
def test_it_knows_which_claudes_are_there(name: str, has: bool) -> None:
    facts = door_for("claude").find(name)
    assert facts is not None and door_for("claude").has(facts) is has


@pytest.mark.parametrize("name", ["acme.new-model-v1:0", "us.acme.new-model-v1:0", APPLICATION])
def test_what_passes_as_it_is_may_not_be_there(name: str) -> None:
    facts = door_for("nova-pro").find(name)
    assert facts is not None and not door_for("nova-pro").has(facts)


def test_a_claude_that_bedrock_lacks_is_not_found() -> None:
    catalog = Catalog({"claude-opus-4-8": {"bedrock": None}})
    assert ConverseClaude(Bedrock(), Claude(), catalog).find("claude-opus-4-8") is None


# -- boto3 ------------------------------------------------------------------------------------------------------------

CONVERSATION: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "Be kind."},
        HI,
        {"role": "assistant", "content": "Hello"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            ],
        },
    ],
    "tools": [{"type": "function", "function": {"name": "weather", "description": "It.", "parameters": SCHEMA}}],
    "tool_choice": "auto",
    "stop": ["END", "STOP"],
    "max_tokens": 100,
    "temperature": 0.5,
}
THE_SAME_FOR_BOTO: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": [{"text": "Hi"}]},
        {"role": "assistant", "content": [{"text": "Hello"}]},
        {
            "role": "user",
            "content": [
                {"text": "What is this?"},
                {"image": {"format": "png", "source": {"bytes": base64.b64decode(PNG)}}},
            ],
        },
    ],
    "system": [{"text": "Be kind."}],
    "inferenceConfig": {"maxTokens": 100, "temperature": 0.5, "stopSequences": ["END", "STOP"]},
    "toolConfig": {
        "tools": [{"toolSpec": {"name": "weather", "description": "It.", "inputSchema": {"json": SCHEMA}}}],
    },
    "serviceTier": {"type": "priority"},
    "guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "1"},
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "region", "id"),
    [
        ("nova-pro", "us-east-1", "us.amazon.nova-pro-v1:0"),
        ("claude-sonnet-4-5", "eu-west-1", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("us.amazon.nova-pro-v1:0", "us-east-1", "us.amazon.nova-pro-v1:0"),
        (APPLICATION, "us-east-1", APPLICATION),
    ],
)
def test_the_whole_request_is_botos(model: str, region: str, id: str, stream: bool) -> None:
    wishes = {"service_tier": "priority", "guardrail": Guardrail("abc", "1")}
    ours = outbound(model, region=region, bedrock=wishes, stream=stream, **CONVERSATION)
    operation = "converse_stream" if stream else "converse"
    theirs = prepared_by_boto(operation, region, modelId=id, **THE_SAME_FOR_BOTO)
    assert (ours.method, unquote(ours.url)) == (theirs.method, unquote(theirs.url))  # boto encodes colons, too
    assert json.loads(ours.body) == json.loads(theirs.body)
    assert ours.headers["content-type"].encode() == theirs.headers["content-type"]


def test_the_signature_is_for_these_very_bytes() -> None:
    now, key = datetime(2026, 11, 22, 12, tzinfo=UTC), Key("AKIDEXAMPLE", "secret")
    sent = outbound(APPLICATION, stream=True)
    letting_in = AwsAccess("us-east-1", KEYS, now.timestamp).headers(sent)

    def judged(sent: Outbound) -> str:
        url = urlsplit(sent.url)
        arrived = Signed(sent.method, url.path, {"host": url.netloc, **sent.headers, **letting_in}, sent.body)
        return signed_region(arrived, keys={key.id: key}, gone=(), service="bedrock", regions={"us-east-1"}, now=now)

    assert judged(sent) == "us-east-1"
    with pytest.raises(Refused, match="does not match"):
        judged(replace(sent, url=sent.url.replace("%2F", "/")))


# -- errors, repairs, pauses ------------------------------------------------------------------------------------------


def on_demand(model: str) -> bytes:
    text = f"Invocation of model ID {model} with on-demand throughput isn’t supported. Retry your request with the ID"
    return json.dumps({"message": f"{text} or ARN of an inference profile that contains this model."}).encode()


@pytest.mark.parametrize(
    ("door", "model", "region", "hint"),
    [
        ("nova-pro", "amazon.nova-pro-v1:0", "us-west-2", "`us.amazon.nova-pro-v1:0`"),
        ("nova-pro", "amazon.nova-pro-v1:0", "ap-southeast-1", "`apac.amazon.nova-pro-v1:0`"),
        ("nova-pro", "meta.llama4-scout-17b-instruct-v1:0", "us-west-2", "`us.meta.llama4-scout-17b-instruct-v1:0`"),
        ("nova-pro", "meta.llama4-scout-17b-instruct-v1:0", "eu-west-1", "`us.`, `eu.` or `global.`"),
        ("nova-pro", "acme.brain-v1:0", "us-west-2", "`us.`, `eu.` or `global.`"),
        ("nova-pro", APPLICATION, "us-east-1", "`us.`, `eu.` or `global.`"),
        ("nova-pro", "", "", "`us.`, `eu.` or `global.`"),
        ("claude", "anthropic.claude-opus-4-8", "ap-northeast-3", "`jp.anthropic.claude-opus-4-8`"),
        ("claude", "anthropic.claude-opus-4-8", "me-central-1", "`global.anthropic.claude-opus-4-8`"),
        ("claude", "us.anthropic.claude-opus-4-8", "eu-west-1", "`eu.anthropic.claude-opus-4-8`"),
        ("claude", "us.anthropic.claude-opus-4-8", "us-east-1", "`us.`, `eu.` or `global.`"),
    ],
)
def test_an_error_names_the_profile_that_would_work(door: str, model: str, region: str, hint: str) -> None:
    headers = {"x-amzn-errortype": "ValidationException"}
    error = door_for(door).error(400, headers, on_demand(model), model, region)
    assert (error.status, error.code) == (404, "model_not_found")
    assert hint in error.message


def test_an_error_says_what_the_settings_rule_out() -> None:
    door = Converse(Bedrock(profiles="geo_only"), Claude(), CATALOG)
    headers = {"x-amzn-errortype": "ValidationException"}
    error = door.error(400, headers, on_demand("deepseek.r1-v1:0"), "zai.glm-5.3", "eu-west-1")
    assert "`geo_only`" in error.message and "Use the inference profile" not in error.message


def test_what_is_refused_is_repaired_as_converse_says_it() -> None:
    door = door_for("nova-pro")
    body = {"messages": [HI], "inferenceConfig": {"maxTokens": 9, "temperature": 1}}
    answer = b'{"message": "This model doesn\'t support the temperature field. Remove temperature and try again."}'
    error = door.error(400, {"x-amzn-errortype": "ValidationException"}, answer)
    assert door.repaired(body, error, frozenset()) == ("field", body | {"inferenceConfig": {"maxTokens": 9}})
    assert door.repaired(body, error, frozenset({"field"})) is None


THOUGHT = {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "c2VhbA=="}}}
CALL = {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Rome"}}}


def answer(*content: dict[str, Any], stop: str) -> bytes:
    return json.dumps(
        {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": stop, "usage": {}}
    ).encode()


@pytest.mark.parametrize("prefill", [[], [{"text": "Well, "}]])
def test_what_paused_goes_on_with_the_turn_as_it_was(prefill: list[dict[str, Any]]) -> None:
    door = door_for("claude")
    start = [{"role": "user", "content": [{"text": "Hi"}]}]
    body = {"messages": [*start, {"role": "assistant", "content": prefill}] if prefill else start, "system": []}
    events = door.dialect(Reading(keep=True)).whole(answer(THOUGHT, {"text": "Hel"}, CALL, stop="pause_turn"))
    said = next(event.content for event in events if isinstance(event, Said))
    assert isinstance(events[-1], Pause)
    turn = {"role": "assistant", "content": [*prefill, THOUGHT, {"text": "Hel"}, CALL]}
    assert door.continued(body, said) == {"messages": [*start, turn], "system": []}
    assert len(body["messages"]) == 1 + bool(prefill)


def test_a_turn_with_thoughts_is_remembered_for_a_client_that_loses_them() -> None:
    door = door_for("claude")
    facts = door.find("claude-opus-4-8")
    assert facts is not None
    asked: dict[str, Any] = {
        "model": "claude-opus-4-8",
        "messages": [HI],
        "tools": CONVERSATION["tools"],
        "reasoning_effort": "low",
    }
    first = door.chat(parse_chat(asked, Notes(), Claude()), facts, Notes())
    events = door.dialect(first.reading).whole(answer(THOUGHT, CALL, stop="tool_use"))
    door.remember(facts, first, next(event.content for event in events if isinstance(event, Said)))
    function = {"name": "weather", "arguments": '{"city": "Rome"}'}
    history = [
        {"role": "assistant", "content": None, "tool_calls": [{"id": "t1", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "t1", "content": "Sunny."},
    ]
    again = parse_chat(asked | {"messages": [HI, *history]}, Notes(), Claude())
    assert door.chat(again, facts, Notes()).body["messages"][1]["content"] == [THOUGHT, CALL]
    assert door_for("claude").chat(again, facts, Notes()).body["messages"][1]["content"] == [CALL]


def test_an_answer_is_read_as_converses() -> None:
    events = door_for("nova-pro").dialect(Reading()).whole(answer({"text": "Hello"}, stop="end_turn"))
    assert Text("Hello") in events and Stop("stop", upstream_reason="end_turn") in events
