"""A Claude that calls tools as the prompt says, thinks as it is told, and signs what it thinks.

It does what the last user's text says, a line for each round of calls:

    call: get_weather({"city": "Paris"}) + get_time({})
    call: #0({"city": "Rome"})

`#0` is the first tool, whatever its name. When all results are there, it quotes them. Without such lines it repeats
what the user said, or writes JSON that fits the schema that was asked for. An eager one calls the first tool, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.behaviours import Answers, Asked, Stream
from tests.support.claude_answers import Block, digest, said, sample
from tests.support.claude_shapes import blocks_of

CALL = re.compile(r"\s*(?:\+\s*)?([^\s(]+)\(")


def agent(text: str | None = None, *, eager: bool = False, **how: Any) -> Answers:
    """Calls tools as the prompt says. `text` is what it says in the end; `how`: the other fields of `Stream`."""
    return Answers(lambda asked: Agent(asked, text, eager).answer(how))


@dataclass(slots=True)
class Agent:
    """One answer in the making."""

    asked: Asked
    text: str | None
    eager: bool = False
    content: list[Block] = field(default_factory=list)

    def answer(self, how: Mapping[str, Any]) -> Stream:
        body = self.asked.body
        choice = body.get("tool_choice", {"type": "auto"})
        prompt, turns = self._loop()
        called = [block for turn in turns for block in turn if block["type"] == "tool_use"]
        rounds = sum(any(block["type"] == "tool_use" for block in turn) for turn in turns)
        calls = self._calls(prompt, rounds, choice)
        forced = choice["type"] in ("any", "tool")
        if self.display() and not forced:
            self.think(f"I need {' and '.join(name for name, _ in calls)}." if calls else "I know enough.")
        if calls and (missing := [name for name, _ in calls if name not in self._tools()]):
            return self._end(f"I have no tool named {missing[0]}.", how)
        if not calls:
            return self._end(self._last_words(prompt, turns, called), how)
        if not forced:
            self._say(f"Let me ask {' and '.join(name for name, _ in calls)}.", interim=rounds > 0)
        for index, (name, arguments) in enumerate(calls):
            id = f"toolu_{self.asked.model.cloud.mark}{digest(body)}_{index}"
            self.content.append({"type": "tool_use", "id": id, "name": name, "input": arguments})
        return said(self.asked, self.content, "tool_use", **how)

    def _end(self, text: str, how: Mapping[str, Any]) -> Stream:
        self._say(text)
        return said(self.asked, self.content, **how)

    def _last_words(self, prompt: str, turns: Sequence[Sequence[Block]], called: Sequence[Block]) -> str:
        if self.text is not None:
            return self.text
        if form := self.asked.body.get("output_config", {}).get("format"):
            return json.dumps(sample(form["schema"]))
        names = {block["id"]: block["name"] for block in called}
        results = [block for turn in turns for block in turn if block["type"] == "tool_result"]
        if not results:
            return f"You said: {prompt.strip() or 'nothing'}"
        return "\n".join(
            f"{names.get(block['tool_use_id'])} {'failed' if block.get('is_error') else 'said'}: {_quoted(block)}"
            for block in results
        )

    def _loop(self) -> tuple[str, list[list[Block]]]:
        """The text of the user's that started the present loop, and the turns since."""
        messages = [message for message in self.asked.body["messages"] if message["role"] != "system"]
        for at in reversed(range(len(messages))):
            blocks = blocks_of(messages[at])
            text = "\n".join(block["text"] for block in blocks if block["type"] == "text")
            started = "call:" in text or not any(block["type"] == "tool_result" for block in blocks)
            if messages[at]["role"] == "user" and started:
                return text, [blocks_of(message) for message in messages[at + 1 :]]
        return "", [blocks_of(message) for message in messages]

    def _tools(self) -> dict[str, Any]:
        tools = self.asked.body.get("tools", ())
        return {tool["name"]: tool.get("input_schema") for tool in tools if "input_schema" in tool}

    def _calls(self, prompt: str, rounds: int, choice: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """What to call now: what the prompt says for this round, as far as `tool_choice` lets it."""
        names = list(self._tools())
        if not names or choice["type"] == "none":
            return []
        scripted = [
            [(names[int(name[1:])] if re.fullmatch(r"#\d+", name) else name, arguments) for name, arguments in line]
            for line in _script(prompt)
        ]
        if choice.get("disable_parallel_tool_use"):
            scripted = [[call] for line in scripted for call in line]
        calls = scripted[rounds] if rounds < len(scripted) else []
        if choice["type"] == "tool":
            calls = [call for call in calls if call[0] == choice["name"]]
        if not calls and (choice["type"] in ("any", "tool") or (self.eager and not rounds and not scripted)):
            name = choice.get("name", names[0])
            calls = [(name, sample(self._tools()[name]))]
        return calls

    def display(self) -> str | None:
        """How it shows its thinking; `None` when it does not think."""
        thinking = self.asked.body.get("thinking", {})
        unasked = self.asked.model.thinks_unasked and not thinking
        if unasked or thinking.get("type") in ("enabled", "adaptive"):
            return thinking.get("display") or self.asked.model.display
        return None

    def think(self, text: str) -> None:
        """Thinks this, and signs it."""
        shown = text if self.display() == "summarized" else ""
        signature = self.asked.seals.issue(self.asked.model, self.asked.body, self.content, shown)
        self.content.append({"type": "thinking", "thinking": shown, "signature": signature})

    def _say(self, text: str, *, interim: bool = False) -> None:
        if interim and self.display() and self.asked.model.interim_thinking:
            self.think(text)
        else:
            self.content.append({"type": "text", "text": text})


def _script(text: str) -> list[list[tuple[str, Any]]]:
    """The calls of each line that begins with `call:`."""
    rounds = []
    for line in re.findall(r"^call:(.*)$", text, re.MULTILINE):
        calls, at = [], 0
        while found := CALL.match(line, at):
            arguments, at = json.JSONDecoder().raw_decode(line, found.end())
            at += 1  # the closing bracket
            calls.append((found[1], arguments))
        rounds.append(calls)
    return rounds


def _quoted(result: Block) -> str:
    content = result.get("content") or "nothing"
    if isinstance(content, str):
        return content
    return "".join(part["text"] if part["type"] == "text" else f"[{part['type']}]" for part in content)
