"""What a client sees of the model's thoughts and sends back of them, and turns that the cloud pauses for a search."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.support.claude_answers import said, tokens
from tests.support.fake_vertex import (
    Answers,
    Behaviour,
    FakeVertex,
    Stream,
    agent,
    anthropic_error,
    broken,
    endless,
    searcher,
)
from tests.support.proxy import CHAT, Proxy, events

MANUAL, BOTH, ADAPTIVE, BOUND = "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-8", "claude-opus-5-5"
INTERIM = "claude-sonnet-5-5"
MODELS = [MANUAL, BOTH, ADAPTIVE, BOUND, INTERIM]
HELLO = {"role": "user", "content": "Hello?"}
CALL = {"role": "user", "content": 'call: #0({"city": "Paris"})\ncall: #0({"city": "Rome"})'}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": CITY}}
WAYS = ["whole", "streamed"]


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeVertex]:
    with FakeVertex() as cloud:
        cloud.default = agent()
        yield cloud
        assert cloud.wrong == []


def ask(proxy: Proxy, how: str, **request: Any) -> dict[str, Any]:
    """The completion, as OpenAI's SDK reads it or puts it together from the chunks."""
    request = {"model": BOUND, "messages": [HELLO], "max_tokens": 20_000} | request
    with proxy.sdk() as client:
        if how == "whole":
            return client.chat.completions.create(**request).model_dump()
        more = {"stream_options": {"include_usage": True}}
        with client.chat.completions.stream(**request, **more) as stream:
            return stream.get_final_completion().model_dump()


def message_of(completion: dict[str, Any]) -> dict[str, Any]:
    (choice,) = completion["choices"]
    return choice["message"]


def kept(message: dict[str, Any]) -> dict[str, Any]:
    """What a program that knows of `thinking_blocks` sends back."""
    message = {key: value for key, value in message.items() if key not in ("parsed", "audio", "refusal")}
    for call in message.get("tool_calls") or []:
        call.pop("index", None)
        call["function"].pop("parsed_arguments", None)
    return message


# --- Thoughts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("model", MODELS)
def test_the_thoughts_are_seen(proxy: Proxy, model: str, how: str) -> None:
    """Also on models that hide them unless asked (CLIProxyAPI#2803, docker-agent#3415)."""
    completion = ask(proxy, how, model=model, reasoning_effort="medium")
    message = message_of(completion)
    assert message["reasoning_content"] == "I know enough."
    assert message["content"] == "You said: Hello?"
    (thought,) = message["thinking_blocks"]
    assert thought["thinking"] == "I know enough." and thought["signature"]
    details = completion["usage"]["completion_tokens_details"]
    assert 0 < details["reasoning_tokens"] < completion["usage"]["completion_tokens"]


@pytest.mark.parametrize("how", WAYS)
def test_thoughts_that_nobody_asked_for(proxy: Proxy, cloud: FakeVertex, how: str) -> None:
    """Some models always think; others not unless they are asked."""
    message = message_of(ask(proxy, how, model=BOUND))
    assert "thinking" not in cloud.requests[-1].parsed
    assert not message.get("reasoning_content")
    assert message["thinking_blocks"][0]["signature"]
    for model in (MANUAL, ADAPTIVE):
        message = message_of(ask(proxy, how, model=model))
        assert not {"reasoning_content", "thinking_blocks"} & message.keys()


SETTINGS: dict[str, tuple[dict[str, Any], dict[str, Any] | None, dict[str, Any] | None]] = {
    "a budget, on an older model": (
        {"model": MANUAL, "thinking": {"type": "enabled", "budget_tokens": 2000}},
        {"type": "enabled", "budget_tokens": 2000},
        None,
    ),
    "a budget, on a model that takes both": (
        {"model": BOTH, "thinking": {"type": "enabled", "budget_tokens": 2000}},
        {"type": "enabled", "budget_tokens": 2000},
        None,
    ),
    "a budget, on a newer model": (
        {"model": ADAPTIVE, "thinking": {"type": "enabled", "budget_tokens": 2000}},
        {"type": "adaptive", "display": "summarized"},
        {"effort": "low"},
    ),
    "adaptive, on an older model": (
        {"model": MANUAL, "thinking": {"type": "adaptive"}, "reasoning_effort": "medium"},
        {"type": "enabled", "budget_tokens": 4096},
        None,
    ),
    "hidden": (
        {"model": BOUND, "thinking": {"type": "adaptive", "display": "omitted"}},
        {"type": "adaptive", "display": "omitted"},
        None,
    ),
    "off": ({"model": ADAPTIVE, "thinking": {"type": "disabled"}}, {"type": "disabled"}, None),
    "off, between tools": ({"model": INTERIM, "reasoning_effort": "none"}, {"type": "between_tools"}, None),
    "off, where it can't be": ({"model": BOUND, "reasoning_effort": "none"}, None, {"effort": "low"}),
    "off, on an older model": ({"model": MANUAL, "reasoning_effort": "none"}, None, None),
    "an effort beyond the model's": (
        {"model": BOTH, "reasoning_effort": "xhigh"},
        {"type": "adaptive", "display": "summarized"},
        {"effort": "max"},
    ),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_how_to_think(proxy: Proxy, cloud: FakeVertex, case: str) -> None:
    """Whatever the client says, the cloud takes it."""
    changes, thinking, config = SETTINGS[case]
    answer = proxy.post(CHAT, {"messages": [HELLO], "temperature": 0.5, "top_p": 0.5, **changes})
    assert answer.status == 200
    sent = cloud.requests[-1].parsed
    assert (sent.get("thinking"), sent.get("output_config")) == (thinking, config)
    assert sent["max_tokens"] > (thinking or {}).get("budget_tokens", 0)


@pytest.fixture(scope="module")
def rounds(proxy: Proxy, cloud: FakeVertex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Proxy]]:
    """A proxy for each round of a chat, which has never heard of the rounds before."""
    with ExitStack() as stack:
        later = [Proxy(tmp_path_factory.mktemp("later"), environment=cloud.environment()) for _ in range(2)]
        yield [proxy, *map(stack.enter_context, later)]


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("model", [MANUAL, BOUND, INTERIM])
def test_thoughts_that_a_client_keeps_come_back(rounds: list[Proxy], cloud: FakeVertex, model: str, how: str) -> None:
    """By the client alone: each answer is another proxy's. The cloud checks the seals."""
    messages: list[Any] = [CALL]
    for proxy in rounds:
        message = message_of(ask(proxy, how, model=model, messages=messages, tools=[TOOL], reasoning_effort="low"))
        messages.append(kept(message))
        if not message["tool_calls"]:
            break
        messages += [
            {"role": "tool", "tool_call_id": call["id"], "content": "Sunny."} for call in message["tool_calls"]
        ]
    assert message["content"] == "get_weather said: Sunny.\nget_weather said: Sunny."
    turns = [turn["content"] for turn in cloud.requests[-1].parsed["messages"] if turn["role"] == "assistant"]
    assert [turn[0]["type"] for turn in turns] == ["thinking", "thinking"]
    own = [block["signature"] for turn in turns for block in turn if block["type"] == "thinking"]
    assert own == [block["signature"] for old in messages[1::2] for block in old["thinking_blocks"]][: len(own)]


def test_thoughts_without_their_seal_stay_here(proxy: Proxy, cloud: FakeVertex) -> None:
    message = message_of(ask(proxy, "whole", model=ADAPTIVE, messages=[CALL], tools=[TOOL], reasoning_effort="low"))
    message["tool_calls"][0]["id"] = "call_1"  # so that the proxy does not know the turn again
    message["thinking_blocks"][0]["signature"] = ""
    messages = [CALL, kept(message), {"role": "tool", "tool_call_id": "call_1", "content": "Sunny."}]
    answer = proxy.post(CHAT, {"model": ADAPTIVE, "messages": messages, "tools": [TOOL], "reasoning_effort": "low"})
    assert answer.status == 200
    assert answer.headers["x-bridge-notes"] == "dropped:thinking_blocks"
    assert "signature" not in json.dumps(cloud.requests[-1].parsed)


def sealed(asked: Any) -> Stream:
    """An answer after a thought that is for the cloud's eyes alone."""
    data = asked.seals.issue(asked.model, asked.body, [], "")
    return said(asked, [{"type": "redacted_thinking", "data": data}, {"type": "text", "text": "Done."}])


@pytest.mark.parametrize("how", WAYS)
def test_redacted_thoughts_are_handed_on(proxy: Proxy, cloud: FakeVertex, how: str) -> None:
    cloud.script(Answers(sealed))
    message = message_of(ask(proxy, how, reasoning_effort="low"))
    (thought,) = message["thinking_blocks"]
    assert thought["type"] == "redacted_thinking" and thought["data"]
    assert not message.get("reasoning_content")
    assert message["content"] == "Done."


FIELDS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "as DeepSeek": ({}, {"reasoning_content", "thinking_blocks"}),
    "as OpenRouter": ({"reasoning_field": "reasoning"}, {"reasoning", "thinking_blocks"}),
    "as both": ({"reasoning_field": "both"}, {"reasoning", "reasoning_content", "thinking_blocks"}),
    "without seals": ({"thinking_blocks": False}, {"reasoning_content"}),
}


@pytest.mark.parametrize("case", FIELDS)
def test_where_the_thoughts_stand(cloud: FakeVertex, tmp_path: Path, case: str) -> None:
    settings, names = FIELDS[case]
    with Proxy(tmp_path, environment=cloud.environment(), config=json.dumps({"claude": settings})) as proxy:
        for how in WAYS:
            message = message_of(ask(proxy, how, reasoning_effort="low"))
            assert message.keys() & {"reasoning", "reasoning_content", "thinking_blocks"} == names
            assert {message[name] for name in names - {"thinking_blocks"}} == {"I know enough."}


# --- Pauses -----------------------------------------------------------------------------------------------------------

SEARCH: dict[str, Any] = {"model": BOUND, "reasoning_effort": "low", "web_search_options": {}, "max_tokens": 20_000}
ANSWER = "Let me look it up.It is sunny in Paris. That is all."


def spent(cloud: FakeVertex, behaviour: Behaviour, before: int) -> tuple[int, int]:
    """The tokens that the cloud counted since then, over all its answers."""
    prompt = output = 0
    for received in cloud.requests[before:]:
        assert isinstance(behaviour, Answers) and received.asked is not None
        answer = behaviour.how(received.asked)
        assert isinstance(answer, Stream) and answer.message is not None
        usage = json.loads(answer.message)["usage"]
        assert usage["input_tokens"] == tokens(received.parsed)
        prompt += usage["input_tokens"]
        output += usage["output_tokens"]
    return prompt, output


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("model", [MANUAL, ADAPTIVE, BOUND])
@pytest.mark.parametrize("pauses", [0, 1, 3])
def test_a_paused_turn_goes_on(proxy: Proxy, cloud: FakeVertex, pauses: int, model: str, how: str) -> None:
    """The client sees one answer; the cloud sees its own words again, seals and all, and both say the same tokens."""
    before, behaviour = len(cloud.requests), searcher(pauses)
    cloud.script(*[behaviour] * (pauses + 1))
    request = SEARCH | {"model": model}
    completion = ask(proxy, how, **request)
    assert len(cloud.requests) == before + pauses + 1
    message = message_of(completion)
    assert message["content"] == ANSWER
    assert message["reasoning_content"] == "I should search."
    assert message["tool_calls"] is None
    assert completion["choices"][0]["finish_reason"] == "stop"
    usage = completion["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == spent(cloud, behaviour, before)
    (annotation,) = message["annotations"]
    cited = annotation["url_citation"]
    assert cited["url"] == "https://weather.example/paris" and cited["title"] == "Weather in Paris"
    assert message["content"][cited["start_index"] : cited["end_index"]] == "It is sunny in Paris."


def test_a_paused_stream_has_one_start_and_one_end(proxy: Proxy, cloud: FakeVertex) -> None:
    cloud.script(*[searcher(2, size=50)] * 3)
    answer = proxy.post(CHAT, SEARCH | {"messages": [HELLO], "stream": True})
    *data, done = events(answer.body)
    assert done == "[DONE]"
    chunks = [json.loads(text) for text in data]
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    choices = [chunk["choices"][0] for chunk in chunks]
    assert [number for number, choice in enumerate(choices) if "role" in choice["delta"]] == [0]
    assert [choice["finish_reason"] for choice in choices] == [None] * (len(choices) - 1) + ["stop"]


def test_each_part_goes_out_before_the_next_comes_in(proxy: Proxy, cloud: FakeVertex) -> None:
    number = len(cloud.requests)
    cloud.script(searcher(1), searcher(1, pause_after=0))
    with proxy.open_chat(**SEARCH, messages=[HELLO], stream=True) as connection:
        read = b""
        while b"it up." not in read:
            read += connection.recv(65_536)
        cloud.wait_until(lambda: cloud.hanging == 1)
        assert len(cloud.requests) == number + 2
        cloud.release()
        while b"[DONE]" not in read:
            read += connection.recv(65_536)


@pytest.mark.parametrize("stream", [False, True], ids=WAYS)
def test_an_answer_that_never_ends_is_cut_short(proxy: Proxy, cloud: FakeVertex, stream: bool) -> None:
    """Each part costs the whole prompt; the client is told that there would be more."""
    before = len(cloud.requests)
    cloud.script(*[searcher(99)] * 10)
    more = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    answer = proxy.post(CHAT, SEARCH | {"messages": [HELLO]} | more)
    if stream:
        *_, last, usage, done = events(answer.body)
        assert done == "[DONE]"
        choice, usage = json.loads(last)["choices"][0], json.loads(usage)["usage"]
    else:
        choice, usage = answer.json()["choices"][0], answer.json()["usage"]
    assert answer.text == "Let me look it up."
    assert choice["finish_reason"] == "length"
    assert len(cloud.requests) == before + 10
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == spent(cloud, searcher(99), before)


def test_how_often_it_was_asked_is_told(proxy: Proxy, cloud: FakeVertex) -> None:
    cloud.script(*[searcher(2)] * 3)
    answer = proxy.post(CHAT, SEARCH | {"messages": [HELLO]})
    assert answer.headers["x-bridge-attempts"] == "3"


SECOND: dict[str, tuple[Behaviour, str | None, int]] = {
    "overloaded": (anthropic_error(529), "overloaded", 503),
    "a quota": (anthropic_error(429), "rate_limit_exceeded", 429),
    "an error event": (broken(after=3), "overloaded", 503),
    "an error event at once": (broken(), "overloaded", 503),
    "nothing at all": (Stream(b""), "stream_truncated", 502),
}


@pytest.mark.parametrize("case", SECOND)
def test_a_later_part_that_fails_is_one_error_event(proxy: Proxy, cloud: FakeVertex, case: str) -> None:
    behaviour, code, _ = SECOND[case]
    cloud.script(searcher(), behaviour)
    answer = proxy.post(CHAT, SEARCH | {"messages": [HELLO], "stream": True})
    *chunks, last = [json.loads(data) for data in events(answer.body)]
    assert last["error"]["code"] == code and last["choices"] == []
    assert all("error" not in chunk and chunk["choices"][0]["finish_reason"] is None for chunk in chunks)
    cloud.script(searcher(), behaviour)
    with pytest.raises(openai.APIError):
        ask(proxy, "streamed", **SEARCH)


@pytest.mark.parametrize("case", ["overloaded", "a quota"])
def test_a_later_part_that_fails_is_an_http_error(proxy: Proxy, cloud: FakeVertex, case: str) -> None:
    behaviour, code, status = SECOND[case]
    cloud.script(searcher(), behaviour)
    answer = proxy.post(CHAT, SEARCH | {"messages": [HELLO]})
    assert (answer.status, answer.error["code"]) == (status, code)


def test_a_client_that_leaves_in_the_second_part_ends_it(proxy: Proxy, cloud: FakeVertex) -> None:
    number = len(cloud.requests)
    cloud.script(searcher(), endless())
    with proxy.open_chat(**SEARCH, messages=[HELLO], stream=True) as connection:
        read = b""
        while b"more" not in read:
            read += connection.recv(65_536)
    cloud.wait_until_left(number + 1)


def cited(asked: Any) -> Stream:
    """Two sources for one sentence, and one for the next."""
    source = {"type": "web_search_result_location", "encrypted_index": "RQ==", "cited_text": "x"}
    sources = [source | {"url": f"https://{name}.example/", "title": name} for name in "abc"]
    texts = [("It is 21 °C 😀.", sources[:2]), (" No source here.", None), (" Nor rain.", sources[2:])]
    content = [{"type": "text", "text": text, **({"citations": own} if own else {})} for text, own in texts]
    return said(asked, content)


@pytest.mark.parametrize("how", WAYS)
def test_sources_are_told_with_what_they_stand_for(proxy: Proxy, cloud: FakeVertex, how: str) -> None:
    cloud.script(Answers(cited))
    message = message_of(ask(proxy, how, **SEARCH))
    told = [annotation["url_citation"] for annotation in message["annotations"]]
    assert [source["url"] for source in told] == [f"https://{name}.example/" for name in "abc"]
    said = [message["content"][source["start_index"] : source["end_index"]] for source in told]
    assert said == ["It is 21 °C 😀.", "It is 21 °C 😀.", " Nor rain."]
