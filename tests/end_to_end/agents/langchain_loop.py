"""An agent of langchain-openai's: `python langchain_loop.py BASE_URL MODEL whole|streamed PROMPT` prints what it said.

Its second line is the number of calls in each round.
"""

from __future__ import annotations

import json
import sys

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


base_url, model, how, prompt = sys.argv[1:]
tools = {"get_weather": get_weather, "get_time": get_time}
chat = ChatOpenAI(base_url=base_url, api_key="any", model=model, reasoning_effort="medium", max_retries=0)
bound = chat.bind_tools(list(tools.values()))
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
        break
    for call in answer.tool_calls:
        messages.append(ToolMessage(tools[call["name"]].invoke(call["args"]), tool_call_id=call["id"]))
print(json.dumps(answer.content))
print(json.dumps(rounds))
