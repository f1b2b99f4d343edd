"""OpenAI's answers as Azure sends them: with what its content filter found, in chunks and places of its own.

Vendor sources: Azure's "Content streaming" and "Content filter annotations"; streams as its users recorded them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from tests.support.openai_doors import OpenAI, Step, event, steps

Filter = Literal["default", "asynchronous"]
"""How the filter works: it holds the answer back until it has seen it, or tells afterwards, in chunks of its own."""
KINDS = ("hate", "self_harm", "sexual", "violence")
SAFE = {kind: {"filtered": False, "severity": "safe"} for kind in KINDS}
BLOCKED = SAFE | {"violence": {"filtered": True, "severity": "high"}}
JAILBREAK = {"jailbreak": {"filtered": False, "detected": False}}
NOBODY: dict[str, Any] = {"id": "", "object": "", "created": 0, "model": ""}
"""What stands for the answer's own fields in chunks of the filter."""


class AzureOpenAI(OpenAI):
    """`filter`: how the content filter works."""

    def __init__(self, body: Mapping[str, Any], model: str, answer_id: str, filter: Filter) -> None:
        super().__init__(body, model, answer_id)
        self.base["system_fingerprint"] = "fp_azure"
        self._filter = filter

    def stream(self, events: Iterable[bytes]) -> Iterator[bytes]:
        yield event(NOBODY | {"choices": [], "prompt_filter_results": _prompt()})
        length = 0
        for step in steps(events):
            yield from self.written(step)
            text = step.value.get("content") if step.kind == "delta" else None
            length += len(text or "")
            if self._filter == "asynchronous" and (text or step.kind == "finish"):
                yield self._seen(length)

    def written(self, step: Step) -> Iterator[bytes]:
        if step.kind == "error":
            yield event({"error": {"code": "InternalServerError", "message": step.value["message"]}})
        else:
            yield from super().written(step)

    def choice(self, index: int, delta: Mapping[str, Any], reason: str | None) -> dict[str, Any]:
        choice = super().choice(index, delta, reason)
        if self._filter == "asynchronous":
            return choice
        found = BLOCKED if reason == "content_filter" else SAFE if delta.get("content") else {}
        return {"content_filter_results": found, **choice}

    def _seen(self, length: int) -> bytes:
        """What the filter says of the answer so far: such a chunk's choice has no delta."""
        offsets = {"check_offset": length, "start_offset": 0, "end_offset": length}
        choice = {"index": 0, "finish_reason": None, "content_filter_results": SAFE, "content_filter_offsets": offsets}
        return event(NOBODY | {"choices": [choice]})

    def whole(self, message: bytes) -> bytes:
        answer = json.loads(super().whole(message))
        for choice in answer["choices"]:
            choice["content_filter_results"] = BLOCKED if choice["finish_reason"] == "content_filter" else SAFE
        return json.dumps(answer | {"prompt_filter_results": _prompt()}).encode()


def _prompt() -> list[dict[str, Any]]:
    return [{"prompt_index": 0, "content_filter_results": SAFE | JAILBREAK}]
