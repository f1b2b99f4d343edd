"""An agent of langchain-openai's: for each line `[BASE_URL, MODEL, "whole" or "streamed", PROMPT]` that it reads it
prints one: `[TEXT, ROUNDS]`, what it said and the number of calls in each round, or the words of an error.
"""

from __future__ import annotations

import json
import sys
import traceback

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


@tool
def get_weather(city: str) -> str:
    """Asks for the weather."""
    return f"get_weather of {city}"


@tool
def get_time(city: str) -> str:
    """Asks for the time."""
    return f"get_time of {city}"


TOOLS = {"get_weather": get_weather, "get_time": get_time}


def loop(base_url: str, model: str, how: str, prompt: str) -> list[object]:
    chat = ChatOpenAI(base_url=base_url, api_key="any", model=model, reasoning_effort="medium", max_retries=0)
    bound = chat.bind_tools(list(TOOLS.values()))
    messages = [HumanMessage(prompt)]
    rounds = []
    while True:
        if how == "whole":
            answer = bound.invoke(messages)
        else:
            first, *rest = bound.stream(messages)
            answer = sum(rest, first)
        messages.append(answer)
        rounds.append(len(answer.tool_calls))
        if not answer.tool_calls:
            return [answer.content, rounds]
        for call in answer.tool_calls:
            messages.append(ToolMessage(TOOLS[call["name"]].invoke(call["args"]), tool_call_id=call["id"]))


for line in sys.stdin:
    try:
        told: object = loop(*json.loads(line))
    except Exception:
        told = traceback.format_exc()
    print(json.dumps(told), flush=True)
