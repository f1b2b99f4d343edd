"""Claudes that make trouble of the usual kinds: one refuses, one pauses to search, one is picky about requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.behaviours import Answers, Asked, Behaviour
from tests.support.claude_answers import Block, digest, said
from tests.support.claude_shapes import blocks_of
from tests.support.cloud_errors import anthropic_error
from tests.support.scripted_claude import Agent, agent

PICKY = {
    "strict": "The compiled grammar is too large, which would cause performance issues. Simplify your tool schemas or "
    "reduce the number of strict tools.",
    "output_config": "output_config: Extra inputs are not permitted",
    "format": "output_config.format: Structured outputs are disabled by your organization's policy.",
    "invalid signature": "messages.1.content.0: Invalid `signature` in `thinking` block",
    "modified thinking": "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant "
    "message cannot be modified. These blocks must remain as they were in the original response.",
    "bound thinking": "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a "
    "different conversation. Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior` to "
    '"drop_block".',
}
"""What a picky Claude says, by what it does not take."""
PAGE = {
    "type": "web_search_result",
    "url": "https://weather.example/paris",
    "title": "Weather in Paris",
    "encrypted_content": "RW5jcnlwdGVkIHBhZ2U=",
    "page_age": None,
}
CITATION = {
    "type": "web_search_result_location",
    "url": PAGE["url"],
    "title": PAGE["title"],
    "encrypted_index": "RW5jcnlwdGVkIGluZGV4",
    "cited_text": "Paris: sunny, 21 degrees",
}


def refusing(text: str = "", category: str | None = "cyber", explanation: str | None = "It is unsafe.") -> Answers:
    """Refuses, after `text`."""
    details = {"type": "refusal", "category": category, "explanation": explanation}
    content = [{"type": "text", "text": text}] if text else []
    return Answers(lambda asked: said(asked, content, "refusal", stop_details=details))


def picky(what: str, then: Behaviour | None = None) -> Answers:
    """A 400 for every request that still has `what` (a key of `PICKY`) in it; for others, `then` or the agent."""

    def answer(asked: Asked) -> Behaviour:
        body = asked.body
        has = {
            "strict": any(tool.get("strict") for tool in body.get("tools", ())),
            "output_config": "output_config" in body,
            "format": "format" in body.get("output_config", {}),
        }
        thoughts = any(
            block["type"] in ("thinking", "redacted_thinking")
            for message in body["messages"]
            for block in blocks_of(message)
        )
        return anthropic_error(400, PICKY[what]) if has.get(what, thoughts) else then or agent()

    return Answers(answer)


def searcher(pauses: int = 1, **how: Any) -> Answers:
    """Searches the web `pauses` times, at least once, and pauses its turn after each search; then cites what it found.
    It goes on only when what it said comes back word for word. Without the tool it is the agent."""

    def answer(asked: Asked) -> Behaviour:
        if not any(tool.get("type") == "web_search_20250305" for tool in asked.body.get("tools", ())):
            return agent(**how)
        messages = asked.body["messages"]
        back = messages[-1]["content"] if messages[-1]["role"] == "assistant" else []
        search = _Search(asked, messages[:-1] if back else messages, max(pauses, 1))
        told: list[Block] = []
        for leg in range(pauses + 1):
            if _bare(back) == _bare(told):
                usage = {"server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0}}
                reason = "pause_turn" if leg < pauses else "end_turn"
                new = search.leg(leg) if pauses else search.leg(0) + search.leg(1)
                return said(asked, new, reason, usage=usage, **how)
            told += search.leg(leg)
        return anthropic_error(400, "messages: the content of a paused turn must be sent back as it was")

    return Answers(answer)


@dataclass(slots=True)
class _Search:
    """A turn of searches. `messages` are those before it."""

    asked: Asked
    messages: Sequence[Any]
    searches: int

    def leg(self, number: int) -> list[Block]:
        """What it says between one pause and the next."""
        call = {"type": "server_tool_use", "id": self._id(number), "name": "web_search", "input": {"query": "Paris"}}
        if number == 0:
            return [*self._thought(), {"type": "text", "text": "Let me look it up."}, call]
        found = {"type": "web_search_tool_result", "tool_use_id": self._id(number - 1), "content": [PAGE]}
        if number < self.searches:
            return [found, call]
        cited = {"type": "text", "text": "It is sunny in Paris.", "citations": [CITATION]}
        return [found, cited, {"type": "text", "text": " That is all."}]

    def _id(self, number: int) -> str:
        return f"srvtoolu_{self.asked.model.cloud.mark}{digest(self.messages)}_{number}"

    def _thought(self) -> list[Block]:
        body = dict(self.asked.body) | {"messages": self.messages}
        thinker = Agent(Asked(body, self.asked.model, self.asked.seals), None)
        if thinker.display():
            thinker.think("I should search.")
        return thinker.content


def _bare(blocks: Any) -> list[Block]:
    """Without what the client may add: cache points."""
    return [{key: value for key, value in block.items() if key != "cache_control"} for block in blocks]
