"""Claude's answers in OpenAI's words, as those doors send them that speak its language.

Vendor sources: OpenAI's API reference (chat completion chunks); recorded streams of Azure and of Vertex.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tests.support.claude_streams import data_of

CREATED = 1_795_348_800
REASONS = {
    **{"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tool_calls"},
    **{"refusal": "content_filter", "pause_turn": "stop"},
}
DONE = b"data: [DONE]\n\n"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that an answer's stream says. `value`: what a `delta` adds, why it `finish`ed, the `error`, the
    figures at the `end`, or what was no event (`raw`)."""

    kind: Literal["start", "delta", "finish", "end", "error", "raw"]
    value: Any = None


def steps(events: Iterable[bytes]) -> Iterator[Step]:
    """What Anthropic's events say, in OpenAI's terms; thinking is not told."""
    calls: dict[int, int] = {}
    unwritten: set[int] = set()
    usage: Json = {}
    for event in events:
        match data_of(event):
            case None:
                yield Step("raw", event)
            case {"type": "message_start"} as first:
                usage |= first["message"]["usage"]
                yield Step("start")
            case {"type": "content_block_start", "index": at, "content_block": {"type": "tool_use"} as block}:
                calls[at] = len(calls)
                unwritten.add(at)
                function = {"name": block["name"], "arguments": ""}
                call = {"index": calls[at], "id": call_id(block["id"]), "type": "function", "function": function}
                yield Step("delta", {"tool_calls": [call]})
            case {"delta": {"type": "text_delta", "text": text}}:
                yield Step("delta", {"content": text})
            case {"index": at, "delta": {"type": "input_json_delta", "partial_json": written}} if (
                written and at in calls
            ):
                unwritten.discard(at)
                yield Step("delta", {"tool_calls": [{"index": calls[at], "function": {"arguments": written}}]})
            case {"type": "content_block_stop", "index": at} if at in unwritten:
                yield Step("delta", {"tool_calls": [{"index": calls[at], "function": {"arguments": "{}"}}]})
            case {"type": "message_delta", "delta": {"stop_reason": reason}, **more}:
                usage |= more.get("usage", {})
                yield Step("finish", REASONS[reason])
            case {"type": "message_stop"}:
                yield Step("end", figures_of(usage))
            case {"type": "error", "error": error}:
                yield Step("error", error)


def call_id(claudes: str) -> str:
    """A call's id as OpenAI writes it."""
    return re.sub(r"^toolu_(vrtx_|bdrk_)?", "call_", claudes)


def figures_of(usage: Mapping[str, Any]) -> Json:
    """OpenAI's usage."""
    cached, written = (int(usage.get(f"cache_{how}_input_tokens") or 0) for how in ("read", "creation"))
    asked, answered = int(usage.get("input_tokens") or 0) + cached + written, int(usage.get("output_tokens") or 0)
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def event(data: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


class OpenAI:
    """OpenAI's own way. `body` is the request's; `model` is what the answer calls the model."""

    content_type = "text/event-stream; charset=utf-8"

    def __init__(self, body: Mapping[str, Any], model: str, answer_id: str) -> None:
        self.body = body
        self.base: Json = {"id": answer_id, "created": CREATED, "model": model}

    def stream(self, events: Iterable[bytes]) -> Iterator[bytes]:
        for step in steps(events):
            yield from self.written(step)

    def written(self, step: Step) -> Iterator[bytes]:
        """One step as it goes out."""
        match step:
            case Step("start"):
                yield from self.chunks({"role": "assistant", "content": "", "refusal": None})
            case Step("delta", delta):
                yield from self.chunks(delta)
            case Step("finish", reason):
                yield from self.chunks({}, reason)
            case Step("error", error):
                yield event(
                    {"error": {"message": error["message"], "type": "server_error", "param": None, "code": None}}
                )
            case Step("end", usage):
                if (self.body.get("stream_options") or {}).get("include_usage"):
                    yield event(self.chunk([]) | {"usage": usage})
                yield DONE
            case Step("raw", raw):
                yield raw

    def chunks(self, delta: Mapping[str, Any], reason: str | None = None) -> Iterator[bytes]:
        """The same for each of the answers that were asked for: they are all alike."""
        for index in range(self.body.get("n") or 1):
            yield event(self.chunk([self.choice(index, delta, reason)]))

    def chunk(self, choices: Sequence[Mapping[str, Any]]) -> Json:
        return {**self.base, "object": "chat.completion.chunk", "choices": list(choices)}

    def choice(self, index: int, delta: Mapping[str, Any], reason: str | None) -> Json:
        return {
            "index": index,
            "delta": dict(delta),
            "logprobs": self.logprobs(delta.get("content")),
            "finish_reason": reason,
        }

    def logprobs(self, text: str | None) -> Json | None:
        if not self.body.get("logprobs") or not text:
            return None
        others = [{"token": "x", "logprob": -3.5, "bytes": [120]}] * (self.body.get("top_logprobs") or 0)
        token = {"token": text, "logprob": -0.25, "bytes": list(text.encode()), "top_logprobs": others}
        return {"content": [token], "refusal": None}

    def whole(self, message: bytes) -> bytes:
        said = json.loads(message)
        answer = self.message(said)
        choices = [
            {
                "index": index,
                "message": answer,
                "logprobs": self.logprobs(answer["content"]),
                "finish_reason": REASONS[said["stop_reason"]],
            }
            for index in range(self.body.get("n") or 1)
        ]
        usage = figures_of(said["usage"])
        return json.dumps({**self.base, "object": "chat.completion", "choices": choices, "usage": usage}).encode()

    def message(self, said: Mapping[str, Any]) -> Json:
        texts = [block["text"] for block in said["content"] if block["type"] == "text"]
        calls = [
            {
                "id": call_id(block["id"]),
                "type": "function",
                "function": {"name": block["name"], "arguments": json.dumps(block["input"])},
            }
            for block in said["content"]
            if block["type"] == "tool_use"
        ]
        message: Json = {
            "role": "assistant",
            "content": "".join(texts) if texts or not calls else None,
            "refusal": None,
        }
        return message | ({"tool_calls": calls} if calls else {})
