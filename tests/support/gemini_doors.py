"""OpenAI's answers as Gemini sends them on Vertex: its last words come with the reason and the figures, calls whole.

Vendor sources: Google Cloud's "Using OpenAI libraries with Vertex AI" and "Thought signatures"; streams as its users
recorded them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.support.claude_answers import digest
from tests.support.gemini_rules import seals_thoughts
from tests.support.openai_doors import DONE, OpenAI, event, steps

TRAFFIC = {"extra_properties": {"google": {"traffic_type": "ON_DEMAND"}}}


class Gemini(OpenAI):
    """Gemini behind OpenAI's language."""

    def stream(self, events: Iterable[bytes]) -> Iterator[bytes]:
        last: dict[str, Any] = {}
        calls: list[dict[str, Any]] = []
        reason: str | None = None
        for step in steps(events):
            match step.kind, step.value:
                case "delta", {"content": _} as said:
                    yield from self._told(last)
                    last = said
                case "delta", {"tool_calls": [call]}:
                    yield from self._told(last)
                    last = {}
                    if "id" in call:
                        calls.append(call | {"function": dict(call["function"])})
                    else:
                        calls[-1]["function"]["arguments"] += call["function"]["arguments"]
                case "finish", found:
                    reason = found
                case "end", usage:
                    delta = last | ({"tool_calls": list(map(self._sealed, calls))} if calls else {})
                    choices = [self.choice(index, delta, reason) for index in range(self.body.get("n") or 1)]
                    yield event(self.chunk(choices) | {"usage": usage | TRAFFIC})
                    yield DONE
                case "error", error:
                    yield from self._told(last)
                    yield event({"error": {"code": 503, "message": error["message"], "status": "UNAVAILABLE"}})
                case "raw", raw:
                    yield raw

    def _told(self, delta: Mapping[str, Any]) -> Iterator[bytes]:
        if delta:
            yield from self.chunks(delta)

    def choice(self, index: int, delta: Mapping[str, Any], reason: str | None) -> dict[str, Any]:
        return super().choice(index, {**delta, "role": "assistant"}, reason)

    def message(self, said: Mapping[str, Any]) -> dict[str, Any]:
        message = super().message(said)
        if "tool_calls" in message:
            message["tool_calls"] = list(map(self._sealed, message["tool_calls"]))
        return message

    def whole(self, message: bytes) -> bytes:
        answer = json.loads(super().whole(message))
        return json.dumps(answer | {"usage": answer["usage"] | TRAFFIC}).encode()

    def _sealed(self, call: dict[str, Any]) -> dict[str, Any]:
        """With the signature of the thought behind it, of a model that has such ones."""
        if not seals_thoughts(self.base["model"]):
            return call
        signature = base64.b64encode(digest(call["function"]).encode()).decode()
        return call | {"extra_content": {"google": {"thought_signature": signature}}}
