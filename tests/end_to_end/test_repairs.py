"""What the cloud refuses for a reason that can be taken away is sent again without it: once, told, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.support.claude_troubles import PICKY
from tests.support.fake_vertex import FakeVertex, agent, anthropic_error, google_error, picky
from tests.support.proxy import CHAT, NO_TLS, Proxy

MODEL = "claude-opus-4-8"
BOUND = "claude-opus-5-5"
"""Whose thoughts are bound to what stood before them, the tools among it."""
CLOSED = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
STRICT = {"type": "function", "function": {"name": "get_weather", "parameters": CLOSED, "strict": True}}
FORM = {"type": "json_schema", "json_schema": {"name": "answer", "schema": CLOSED, "strict": True}}
CALL = {"role": "user", "content": 'call: #0({"city": "Paris"})'}
THINKING = {"model": MODEL, "max_tokens": 20_000, "reasoning_effort": "low"}
Body = dict[str, Any]


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeVertex]:
    with FakeVertex() as cloud:
        cloud.default = agent()
        yield cloud
        assert cloud.wrong == []


@pytest.fixture(scope="module")
def strict(cloud: FakeVertex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("strict")
    with Proxy(folder, environment=cloud.environment(), config="server: {strict: true}") as proxy:
        yield proxy


def thoughts(body: Body) -> int:
    return json.dumps(body).count('"type": "thinking", "thinking"')


def has_format(body: Body) -> bool:
    return "format" in body.get("output_config", {})


def is_strict(body: Body) -> bool:
    return any(tool.get("strict") for tool in body.get("tools", ()))


def amid_a_loop(proxy: Proxy) -> Body:
    """A chat that waits for its next answer, with a thought that the proxy remembers."""
    message = proxy.post(CHAT, THINKING | {"messages": [CALL], "tools": [STRICT]}).json()["choices"][0]["message"]
    (call,) = message["tool_calls"]
    back = {"role": "assistant", "content": message["content"], "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": call["id"], "content": "Sunny."}
    return {"messages": [CALL, back, result], "tools": [STRICT]}


REPAIRS: dict[str, tuple[list[str], Any, Any]] = {
    "strict": (["strict"], is_strict, {"tools": [STRICT], "messages": [CALL]}),
    "thinking": (
        ["invalid signature", "modified thinking", "bound thinking"],
        thoughts,
        amid_a_loop,
    ),
    "output_config": (["format", "output_config"], has_format, {"response_format": FORM, "messages": [CALL]}),
}
CASES = [(name, complaint) for name, (complaints, *_) in REPAIRS.items() for complaint in complaints]


def prompt(proxy: Proxy, name: str) -> Body:
    request = REPAIRS[name][2]
    return THINKING | (request(proxy) if callable(request) else request)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("name", "complaint"), CASES, ids=[complaint for _, complaint in CASES])
def test_it_is_sent_again_once(proxy: Proxy, cloud: FakeVertex, name: str, complaint: str, stream: bool) -> None:
    has = REPAIRS[name][1]
    request = prompt(proxy, name)
    before = len(cloud.requests)
    cloud.script(picky(complaint))
    answer = proxy.post(CHAT, request | {"stream": stream})
    assert answer.status == 200
    assert answer.headers["x-bridge-attempts"] == "2"
    assert f"repaired:{name}" in answer.headers["x-bridge-notes"].split(", ")
    refused, taken = (received.parsed for received in cloud.requests[before:])
    assert has(refused) and not has(taken)
    assert taken["messages"][0] == refused["messages"][0]
    if name == "output_config":
        assert '"city"' in taken["system"][-1]["text"]  # the form is asked for in words


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", REPAIRS)
def test_never_twice(proxy: Proxy, cloud: FakeVertex, name: str, stream: bool) -> None:
    request = prompt(proxy, name)
    before = len(cloud.requests)
    complaint = PICKY[REPAIRS[name][0][0]]
    cloud.script(*[anthropic_error(400, complaint)] * 2)
    answer = proxy.post(CHAT, request | {"stream": stream})
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert complaint[:40] in answer.error["message"]
    assert answer.headers["x-bridge-attempts"] == "2"
    assert answer.headers["x-should-retry"] == "false"
    assert len(cloud.requests) == before + 2


def test_each_reason_has_its_turn(proxy: Proxy, cloud: FakeVertex) -> None:
    request = prompt(proxy, "thinking") | {"response_format": FORM}
    before = len(cloud.requests)
    cloud.script(picky("strict"), picky("bound thinking"), picky("format"))
    answer = proxy.post(CHAT, request)
    assert answer.status == 200
    assert answer.headers["x-bridge-notes"] == "repaired:strict, repaired:thinking, repaired:output_config"
    assert answer.headers["x-bridge-attempts"] == "4"
    told = [(is_strict(r.parsed), thoughts(r.parsed), has_format(r.parsed)) for r in cloud.requests[before:]]
    assert told == [(True, 1, True), (False, 1, True), (False, 0, True), (False, 0, False)]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", REPAIRS)
def test_not_where_nothing_may_be_dropped(strict: Proxy, cloud: FakeVertex, name: str, stream: bool) -> None:
    request = prompt(strict, name)
    before = len(cloud.requests)
    cloud.script(picky(REPAIRS[name][0][0]))
    answer = strict.post(CHAT, request | {"stream": stream})
    assert (answer.status, answer.headers["x-bridge-attempts"]) == (400, "1")
    assert PICKY[REPAIRS[name][0][0]][:40] in answer.error["message"]  # the cloud's own words
    assert len(cloud.requests) == before + 1


OTHERS = {
    "another field": anthropic_error(400, "messages.0.content.0: Input should be a valid string"),
    "the effort": anthropic_error(400, "output_config.effort: Extra inputs are not permitted"),
    "too long": anthropic_error(400, "prompt is too long: 9 tokens > 5 maximum"),
    "the platform": google_error(400),
    "no permission": google_error(403),
    "the quota": anthropic_error(429, "Too many strict tools for your quota"),
    "overloaded": anthropic_error(529, PICKY["strict"]),
    "a failure": anthropic_error(500, PICKY["strict"]),
}


@pytest.mark.parametrize("case", OTHERS)
def test_nothing_else_is_sent_again(proxy: Proxy, cloud: FakeVertex, case: str) -> None:
    """Though there are strict tools, a form and a thought that could be left out."""
    request = prompt(proxy, "thinking") | {"response_format": FORM}
    before = len(cloud.requests)
    cloud.script(OTHERS[case])
    answer = proxy.post(CHAT, request)
    assert answer.status == {529: 503}.get(OTHERS[case].status, OTHERS[case].status)
    assert answer.headers["x-bridge-attempts"] == "1"
    assert len(cloud.requests) == before + 1


@pytest.mark.parametrize("complaint", PICKY)
def test_nothing_is_sent_again_where_nothing_can_be_left_out(proxy: Proxy, cloud: FakeVertex, complaint: str) -> None:
    before = len(cloud.requests)
    cloud.script(anthropic_error(400, PICKY[complaint]))
    with proxy.sdk(max_retries=2) as client, pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hello?"}])
    assert len(cloud.requests) == before + 1


def test_a_native_request_is_the_clients_own(proxy: Proxy, cloud: FakeVertex) -> None:
    """Nothing is left out of it, so that it is the client who hears the refusal."""
    before = len(cloud.requests)
    cloud.script(picky("strict"))
    tool: Any = {"name": "get_weather", "input_schema": CLOSED, "strict": True}
    http_client = anthropic.DefaultHttpxClient(trust_env=False, verify=NO_TLS)
    base = f"http://127.0.0.1:{proxy.port}"
    with (
        anthropic.Anthropic(base_url=base, api_key="any", http_client=http_client) as client,
        pytest.raises(anthropic.BadRequestError) as caught,
    ):
        client.messages.create(model=MODEL, max_tokens=99, messages=[{"role": "user", "content": "Hi"}], tools=[tool])
    assert "strict tools" in caught.value.message
    assert len(cloud.requests) == before + 1


def test_a_thought_of_another_chat(proxy: Proxy, cloud: FakeVertex) -> None:
    """A client that keeps thoughts and changes what stood before them: the cloud sees it, and the chat goes on."""
    request: Any = THINKING | {"model": BOUND, "messages": [CALL], "tools": [STRICT]}
    message = proxy.post(CHAT, request).json()["choices"][0]["message"]
    assert message["thinking_blocks"][0]["signature"]
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "Sunny."}
    edited = {"role": "user", "content": CALL["content"] + " "}
    before = len(cloud.requests)
    answer = proxy.post(CHAT, request | {"messages": [edited, message, result]})
    assert answer.text == "get_weather said: Sunny."
    assert answer.headers["x-bridge-notes"] == "repaired:thinking"
    assert len(cloud.requests) == before + 2
    (why,) = cloud.wrong
    assert "bound to a different conversation" in why
    cloud.wrong.clear()


def test_tools_that_change_take_the_thoughts_with_them(proxy: Proxy, cloud: FakeVertex) -> None:
    """Where thoughts are bound, tools without `strict` are other tools: two repairs, one after the other."""
    request: Any = THINKING | {"model": BOUND, "messages": [CALL], "tools": [STRICT]}
    message = proxy.post(CHAT, request).json()["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "Sunny."}
    cloud.script(picky("strict"))
    answer = proxy.post(CHAT, request | {"messages": [CALL, message, result], "stream": True})
    assert answer.text == "get_weather said: Sunny."
    assert answer.headers["x-bridge-notes"] == "repaired:strict, repaired:thinking"
    assert answer.headers["x-bridge-attempts"] == "3"
    (why,) = cloud.wrong
    assert "bound to a different conversation" in why
    cloud.wrong.clear()
