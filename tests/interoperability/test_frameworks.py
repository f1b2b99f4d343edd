"""The newest langchain-openai and the newest AI SDK of Vercel's through every door of aimock's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.interoperability.aimock import Door, doors
from tests.interoperability.test_openai import GREETING
from tests.support.proxy import Proxy

AGENTS = Path(__file__).parent / "agents"


def langchain(proxy: Proxy, door: Door) -> Any:
    framework = pytest.importorskip("langchain_openai")
    return framework.ChatOpenAI(
        base_url=f"http://127.0.0.1:{proxy.port}/v1", api_key="any", model=door.model, max_retries=0, stream_usage=True
    )


@pytest.mark.parametrize("how", ["whole", "streamed"])
@doors()
def test_langchain(proxy: Proxy, door: Door, how: str) -> None:
    if how == "streamed" and not door.streams:
        pytest.skip("aimock does not stream here as AWS does")

    def get_weather(city: str) -> str:
        """Asks."""
        return f"sunny in {city}"

    def ask(program: Any, messages: Any) -> Any:
        if how == "whole":
            return program.invoke(messages)
        first, *rest = program.stream(messages)
        return sum(rest, first)

    chat = langchain(proxy, door)
    answer = ask(chat, "greet")
    assert answer.content == GREETING
    assert (answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]) == (11, 7)
    bound, messages, rounds = chat.bind_tools([get_weather]), [("user", "weather")], []
    while True:
        answer = ask(bound, messages)
        messages.append(answer)
        rounds.append([call["args"]["city"] for call in answer.tool_calls])
        if not answer.tool_calls:
            break
        messages += [{"role": "tool", "content": "sunny", "tool_call_id": call["id"]} for call in answer.tool_calls]
    assert (rounds, answer.content) == ([['東京 "Tokyo"', "Rome"], []], "It is sunny in both.")
    with pytest.raises(openai.RateLimitError):
        ask(chat, "limited")
    with pytest.raises(openai.BadRequestError):
        ask(chat, "wrong")
    if how == "streamed":
        with pytest.raises(openai.APIError, match="in the middle of the answer"):
            ask(chat, "cut off")


@pytest.fixture(scope="module")
def vercel(npm: Path) -> Iterator[subprocess.Popen[str]]:
    """Runs an agent's loop for each line that it is given."""
    shutil.copy(AGENTS / "vercel_loop.mjs", npm)  # its imports are looked for beside it
    environment = {"PATH": os.environ["PATH"], "HOME": str(npm), "NO_PROXY": "*"}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "encoding": "utf-8"}
    with subprocess.Popen(["node", str(npm / "vercel_loop.mjs")], env=environment, **pipes) as process:
        yield process
        process.communicate(timeout=60)
        assert process.returncode == 0


@pytest.mark.parametrize("how", ["whole", "streamed"])
@doors()
def test_vercel(proxy: Proxy, vercel: subprocess.Popen[str], door: Door, how: str) -> None:
    if how == "streamed" and not door.streams:
        pytest.skip("aimock does not stream here as AWS does")

    def run(prompt: str) -> Any:
        assert vercel.stdin is not None and vercel.stdout is not None
        print(json.dumps([f"http://127.0.0.1:{proxy.port}/v1", door.model, how, prompt]), file=vercel.stdin, flush=True)
        limit = threading.Timer(30, vercel.kill)
        limit.start()
        line = vercel.stdout.readline()
        limit.cancel()
        return json.loads(line)

    assert run("greet")[:2] == [GREETING, [0]]
    assert run("weather")[:2] == ["It is sunny in both.", [2, 0]]
    for prompt, words in {"limited": "Too many.", "wrong": "That is wrong."}.items():
        told = run(prompt)
        assert isinstance(told, str) and words in told
    if how == "streamed":
        told = run("cut off")
        assert isinstance(told, str) and "in the middle of the answer" in told
