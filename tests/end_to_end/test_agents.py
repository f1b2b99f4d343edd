"""Agents at work: OpenAI's SDK calls tools in a loop, while Claude thinks and the cloud checks it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import openai
import pydantic
import pytest

from tests.support.fake_vertex import FakeVertex, agent
from tests.support.proxy import Proxy

MANUAL, BOTH, ADAPTIVE, BOUND = "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-8", "claude-opus-5-5"
INTERIM = "claude-sonnet-5-5"
"""Says what it says between calls as thinking, so that one answer has several thoughts."""
MODELS = [MANUAL, BOTH, ADAPTIVE, BOUND, INTERIM]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PROMPT = """Plan my trip.
call: #0({"city": "Paris"}) + #1({"city": "Paris"})
call: #0({"city": "Rome (Italy)"})
call: #1({"city": "東京 \\"Tokyo\\""}) + #0({"city": "Oslo"}) + #0({"city": "Bern"})"""
"""Three rounds of calls, two of them parallel."""
CITIES = ["Paris", "Paris", "Rome (Italy)", '東京 "Tokyo"', "Oslo", "Bern"]
Message = dict[str, Any]


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeVertex]:
    with FakeVertex() as cloud:
        cloud.default = agent()
        yield cloud
        assert cloud.wrong == []


def function(name: str, parameters: Any = CITY, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": "Asks.", "parameters": parameters, **more}}


TOOLS = [function("get_weather"), function("get_time")]


def work(name: str, arguments: str) -> str:
    """A tool of the client's: what it answers tells what it was given."""
    return f"{name} of {json.loads(arguments)['city']}"


class Chat:
    """A chat with tools as programs write it: only what OpenAI's API knows goes back."""

    def __init__(self, proxy: Proxy, how: Literal["whole", "streamed", "helper"], **request: Any) -> None:
        self._proxy = proxy
        self._how = how
        self.request = {"tools": TOOLS, "max_tokens": 20_000} | request
        self.messages: list[Message] = []
        self.rounds: list[int] = []
        """How many calls each answer had."""

    def ask(self, text: str, between: Callable[[], Proxy] | None = None) -> str:
        """Until the model has its last word. `between` is called after each round and says who serves the next."""
        self.messages.append({"role": "user", "content": text})
        while True:
            message = self._answer()
            self.messages.append(message)
            self.rounds.append(len(message.get("tool_calls", ())))
            if not message.get("tool_calls"):
                return message["content"]
            for call in message["tool_calls"]:
                answer = work(call["function"]["name"], call["function"]["arguments"])
                self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": answer})
            if between is not None:
                self._proxy = between()

    def _answer(self) -> Message:
        request = {**self.request, "messages": self.messages}
        with self._proxy.sdk() as client:
            match self._how:
                case "whole":
                    choice = client.chat.completions.create(**request).choices[0]
                    said, calls = choice.message.content, choice.message.tool_calls or []
                case "helper":
                    with client.chat.completions.stream(**request) as stream:
                        choice = stream.get_final_completion().choices[0]
                    said, calls = choice.message.content, choice.message.tool_calls or []
                case "streamed":
                    return self._pieces(client.chat.completions.create(**request, stream=True))
        assert choice.finish_reason == ("tool_calls" if calls else "stop")
        plain = [
            {"id": call.id, "type": "function", "function": call.function.model_dump(include={"name", "arguments"})}
            for call in calls
        ]
        return {"role": "assistant", "content": said, **({"tool_calls": plain} if plain else {})}

    def _pieces(self, stream: openai.Stream[Any]) -> Message:
        """What a program makes of the chunks by hand; tools count from 0 without a gap (litellm#5231)."""
        said, calls, finish = "", [], None
        for chunk in stream:
            choice = chunk.choices[0]
            said += choice.delta.content or ""
            finish = choice.finish_reason or finish
            for piece in choice.delta.tool_calls or []:
                if piece.id:
                    assert piece.index == len(calls)
                    calls.append({"id": piece.id, "type": "function", "function": {"name": "", "arguments": ""}})
                call = calls[piece.index]["function"]
                call["name"] += piece.function.name or ""
                call["arguments"] += piece.function.arguments or ""
        assert finish == ("tool_calls" if calls else "stop")
        return {"role": "assistant", "content": said or None, **({"tool_calls": calls} if calls else {})}


def thoughts(cloud: FakeVertex) -> list[list[str]]:
    """The kinds of blocks in each of the assistant's turns of the last request."""
    turns = cloud.requests[-1].parsed["messages"]
    return [[block["type"] for block in turn["content"]] for turn in turns if turn["role"] == "assistant"]


def told(names: tuple[str, str] = ("get_weather", "get_time")) -> list[str]:
    """What the tools said of `PROMPT`, as the cloud quotes it."""
    order = [0, 1, 0, 1, 0, 0]
    return [f"{names[tool]} of {city}" for tool, city in zip(order, CITIES, strict=True)]


def quoted(text: str) -> list[str]:
    return [line.partition(" said: ")[2] for line in text.splitlines()]


# --- OpenAI's SDK -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["whole", "streamed", "helper"])
@pytest.mark.parametrize("effort", [None, "medium"], ids=["as it is", "thinking"])
@pytest.mark.parametrize("model", MODELS)
def test_a_loop_of_tools(proxy: Proxy, cloud: FakeVertex, model: str, effort: str | None, how: Any) -> None:
    """All results arrive under their calls (litellm#5231), all in one turn (CLIProxyAPI#4656)."""
    chat = Chat(proxy, how, model=model, **({"reasoning_effort": effort} if effort else {}))
    assert quoted(chat.ask(PROMPT)) == told()
    assert chat.rounds == [2, 1, 3, 0]
    assert [turn["role"] for turn in cloud.requests[-1].parsed["messages"]] == [*("user", "assistant") * 3, "user"]
    thinks = effort is not None or model in (BOUND, INTERIM)
    assert [kinds[0] == "thinking" for kinds in thoughts(cloud)] == [thinks] * 3
    assert chat.ask('And?\ncall: #1({"city": "Nice"})').endswith("get_time of Nice")


@pytest.mark.parametrize("model", [MANUAL, BOUND, INTERIM])
def test_a_loop_goes_on_after_a_restart(proxy: Proxy, cloud: FakeVertex, model: str) -> None:
    """The proxy has forgotten what the model thought, and the client never knew it: the answer comes all the same
    (litellm#15601)."""

    def restarted() -> Proxy:
        if len(chat.rounds) == 2:
            assert proxy.stop() == 0
            proxy.start()
            proxy.wait_until_it_serves()
        return proxy

    chat = Chat(proxy, "whole", model=model, reasoning_effort="medium")
    assert quoted(chat.ask(PROMPT, restarted)) == told()
    assert chat.rounds == [2, 1, 3, 0]
    before, after = thoughts(cloud)[:2], thoughts(cloud)[2]
    assert [kinds[0] for kinds in before] == ["text", "tool_use" if model in (BOUND, INTERIM) else "text"]
    assert ("thinking" in cloud.requests[-1].parsed) is (model != MANUAL)  # which can't begin to think amid a loop
    assert (after[0] == "thinking") is (model != MANUAL)
    assert chat.ask('And?\ncall: #1({"city": "Nice"})').endswith("get_time of Nice")
    assert thoughts(cloud)[-1][0] == "thinking"


def test_another_model_takes_over(proxy: Proxy, cloud: FakeVertex) -> None:
    """What one model thought is not for another: it is left out, not refused."""
    first = Chat(proxy, "whole", model=BOUND, reasoning_effort="high")
    first.ask(PROMPT)
    for model in (INTERIM, ADAPTIVE, BOTH, MANUAL):
        chat = Chat(proxy, "streamed", model=model, reasoning_effort="high")
        chat.messages = first.messages[:-1]
        assert quoted(chat._answer()["content"]) == told()
        assert not any("thinking" in kinds for kinds in thoughts(cloud))


def test_a_changed_history_is_answered(proxy: Proxy, cloud: FakeVertex) -> None:
    """Who edits an early message gets what the model thought nowhere: it was bound to what stood there."""
    chat = Chat(proxy, "whole", model=BOUND)
    chat.ask(PROMPT)
    chat.messages = [{"role": "system", "content": "Be brief."}, *chat.messages]
    assert "Thanks" in chat.ask("Thanks")
    assert not any("thinking" in kinds for kinds in thoughts(cloud)[:3])


ALLOWED = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": TOOLS[:1]}}
CHANGES: dict[str, dict[str, Any]] = {
    "another tool": {"tools": [*TOOLS, function("get_news")]},
    "a tool that is explained anew": {"tools": [TOOLS[0], function("get_time", CITY | {"description": "A city."})]},
    "a strict tool": {"tools": [TOOLS[0], function("get_time", CITY | {"additionalProperties": False}, strict=True)]},
    "fewer tools": {"tool_choice": ALLOWED},
    "a search": {"web_search_options": {}},
    "JSON": {"response_format": {"type": "json_object"}},
    "no tools at all": {"tools": openai.omit},
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_prompt_that_changes_amid_a_loop(proxy: Proxy, cloud: FakeVertex, case: str) -> None:
    """What was thought is bound to the former prompt: it is left out, so that the cloud has nothing to refuse."""

    def change() -> Proxy:
        if len(chat.rounds) == 1:
            chat.request |= CHANGES[case]
        return proxy

    before = len(cloud.requests)
    chat = Chat(proxy, "whole", model=BOUND, reasoning_effort="low")
    chat.ask(
        'call: get_weather({"city": "Paris"}) + get_time({"city": "Paris"})\ncall: get_weather({"city": "Rome"})',
        change,
    )
    assert len(cloud.requests) == before + len(chat.rounds)
    assert "thinking" not in thoughts(cloud)[0]


ODD = {
    "alike": ("mcp.weather/get", "mcp.weather.get"),
    "one as the other is sent": ("get weather", "get_weather"),
    "Chinese": ("天气", "时间"),
    "long": ("x" * 150, "x" * 150 + "y"),
    "a word of the cloud's": ("web_search", "json_tool_call"),
}


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("case", ODD)
def test_tools_with_odd_names(proxy: Proxy, cloud: FakeVertex, case: str, how: Any) -> None:
    names = ODD[case]
    chat = Chat(proxy, how, model=BOUND, tools=[function(name) for name in names], reasoning_effort="low")
    assert quoted(chat.ask(PROMPT)) == told(names)
    assert [kinds[0] for kinds in thoughts(cloud)] == ["thinking"] * 3
    assert len({tool["name"] for tool in cloud.requests[-1].parsed["tools"]}) == 2


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("model", [MANUAL, BOUND])
def test_a_loop_of_functions(proxy: Proxy, model: str, stream: bool) -> None:
    """OpenAI's first form of tools, which has one call at a time and no ids."""
    functions: Any = [tool["function"] for tool in TOOLS]
    messages: list[Any] = [{"role": "user", "content": PROMPT}]
    names = []
    with proxy.sdk() as client:
        while True:
            if stream:
                with client.chat.completions.stream(model=model, messages=messages, functions=functions) as pieces:
                    choice = pieces.get_final_completion().choices[0]
            else:
                choice = client.chat.completions.create(model=model, messages=messages, functions=functions).choices[0]
            call = choice.message.function_call
            assert choice.message.tool_calls is None
            assert choice.finish_reason == ("function_call" if call else "stop")
            if call is None:
                break
            names.append(call.name)
            back = {"name": call.name, "arguments": call.arguments}
            messages.append({"role": "assistant", "content": choice.message.content, "function_call": back})
            messages.append({"role": "function", "name": call.name, "content": work(call.name, call.arguments)})
    assert names == [line.partition(" ")[0] for line in told()]
    assert quoted(choice.message.content or "") == told()


def test_many_agents_at_once_do_not_mix(proxy: Proxy, cloud: FakeVertex) -> None:
    """Each has the results and the thoughts of its own calls."""

    def run(number: int) -> tuple[str, list[int]]:
        how: Any = ("whole", "streamed", "helper")[number % 3]
        chat = Chat(proxy, how, model=MODELS[number % len(MODELS)], reasoning_effort="low")
        return chat.ask(PROMPT.replace("Paris", f"Paris {number}")), chat.rounds

    with ThreadPoolExecutor(8) as pool:
        for number, (text, rounds) in enumerate(pool.map(run, range(24))):
            assert quoted(text) == [line.replace("Paris", f"Paris {number}") for line in told()]
            assert rounds == [2, 1, 3, 0]


# --- What to call -----------------------------------------------------------------------------------------------------


CHOICES: dict[str, tuple[dict[str, Any], dict[str, Any] | None, list[str], str]] = {
    "required": ({"tool_choice": "required"}, {"type": "any"}, ["get_weather"], ""),
    "named": (
        {"tool_choice": {"type": "function", "function": {"name": "get_time"}}},
        {"type": "tool", "name": "get_time"},
        ["get_time"],
        "",
    ),
    "required of a model that can't be forced": (
        {"model": BOUND, "tool_choice": "required"},
        None,
        [],
        "dropped:tool_choice",
    ),
    "named, of a model that can't be forced": (
        {"model": INTERIM, "tool_choice": {"type": "function", "function": {"name": "get_time"}}},
        None,
        [],
        "dropped:tool_choice",
    ),
    "required while it thinks": (
        {"tool_choice": "required", "reasoning_effort": "low"},
        None,
        [],
        "dropped:tool_choice",
    ),
    "none": ({"tool_choice": "none", "messages": [{"role": "user", "content": PROMPT}]}, {"type": "none"}, [], ""),
    "one at a time": (
        {"parallel_tool_calls": False, "messages": [{"role": "user", "content": PROMPT}]},
        {"type": "auto", "disable_parallel_tool_use": True},
        ["get_weather"],
        "",
    ),
}


@pytest.mark.parametrize("case", CHOICES)
def test_what_to_call(proxy: Proxy, cloud: FakeVertex, case: str) -> None:
    changes, choice, names, notes = CHOICES[case]
    request: dict[str, Any] = {"model": ADAPTIVE, "messages": [{"role": "user", "content": "Hello?"}], "tools": TOOLS}
    with proxy.sdk() as client:
        answer = client.chat.completions.with_raw_response.create(**request | changes)
    message = answer.parse().choices[0].message
    assert [call.function.name for call in message.tool_calls or [] if call.type == "function"] == names
    assert cloud.requests[-1].parsed.get("tool_choice") == choice
    assert answer.headers.get("x-bridge-notes", "") == notes


# --- Answers of a form ------------------------------------------------------------------------------------------------


class Stop(pydantic.BaseModel):
    city: str
    days: int


class Trip(pydantic.BaseModel):
    title: str
    stops: list[Stop]
    by: Literal["train", "plane"]
    remark: str | None


class Tree(pydantic.BaseModel):
    """A schema that holds itself, which Claude has no grammar for."""

    name: str
    children: list[Tree]


TRIP = Trip(title="text", stops=[Stop(city="text", days=1)], by="train", remark="text")
"""What the cloud makes of the schema."""


STRICT = {"tools": [function("get_time", CITY | {"additionalProperties": False}, strict=True)]}
WAYS: dict[str, tuple[dict[str, Any], str]] = {
    "native": ({"model": BOTH}, "native"),
    "native, while it thinks": ({"model": BOUND, "reasoning_effort": "low"}, "native"),
    "native, with tools": ({"model": BOUND} | STRICT, "native"),
    "as a hidden tool": ({"model": MANUAL}, "tool"),
    "as an instruction, while it thinks": ({"model": MANUAL, "reasoning_effort": "low"}, "instruction"),
    "as an instruction, with tools": ({"model": MANUAL} | STRICT, "instruction"),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("case", WAYS)
def test_an_answer_is_parsed(proxy: Proxy, cloud: FakeVertex, case: str, stream: bool) -> None:
    """By `parse` of OpenAI's SDK into the program's own class, whatever way leads there."""
    asked, way = WAYS[case]
    if way == "instruction":
        cloud.script(agent(TRIP.model_dump_json()))
    request: Any = {"messages": [{"role": "user", "content": "Plan."}], "response_format": Trip} | asked
    with proxy.sdk() as client:
        if stream:
            with client.chat.completions.stream(**request) as pieces:
                choice = pieces.get_final_completion().choices[0]
        else:
            choice = client.chat.completions.parse(**request).choices[0]
    assert choice.message.parsed == TRIP
    assert (choice.finish_reason, choice.message.tool_calls or []) == ("stop", [])
    body = cloud.requests[-1].parsed
    ways = {
        "native": "format" in body.get("output_config", {}),
        "tool": body.get("tool_choice", {}).get("type") == "tool",
        "instruction": '"stops"' in json.dumps(body.get("system", "")).replace('\\"', '"'),
    }
    assert [name for name, used in ways.items() if used] == [way]


def test_a_form_that_holds_itself(proxy: Proxy, cloud: FakeVertex) -> None:
    tree = Tree(name="root", children=[Tree(name="leaf", children=[])])
    cloud.script(agent(tree.model_dump_json()))
    with proxy.sdk() as client:
        completion = client.chat.completions.parse(
            model=BOUND, messages=[{"role": "user", "content": "Grow."}], response_format=Tree
        )
    assert completion.choices[0].message.parsed == tree
    assert "output_config" not in cloud.requests[-1].parsed
