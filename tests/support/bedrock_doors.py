"""Claude's answers in the words and frames of Bedrock's two own doors, `invoke` and `converse`.

Vendor sources: AWS's API reference (InvokeModelWithResponseStream, Converse, ConverseStream, guardrails).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.support.aws_frames import converse_frame, exception_frame, invoke_frame
from tests.support.claude_streams import data_of

EVENT_STREAM = "application/vnd.amazon.eventstream"
BLOCKED = "guardrail_intervened"
"""Converse's word for why an answer ends that a guardrail has put in place of the model's."""
EXCEPTIONS = {
    "overloaded_error": "serviceUnavailableException",
    "rate_limit_error": "throttlingException",
    "invalid_request_error": "validationException",
    "timeout_error": "modelStreamErrorException",
}
SHOWN = {"text", "tool_use", "thinking", "redacted_thinking"}
"""The blocks that Converse has words for."""
LATENCY = 321  # milliseconds


class Invoke:
    """`invoke` passes on what Anthropic says and adds its own figures; `guarded`: a guardrail was named."""

    content_type = EVENT_STREAM

    def __init__(self, guarded: bool = False) -> None:
        self._guarded = guarded

    def stream(self, events: Iterable[bytes]) -> Iterator[bytes]:
        usage: dict[str, Any] = {}
        blocked = False
        for event in events:
            data = data_of(event)
            if data is None:
                yield event
                continue
            if data["type"] == "exception":
                yield exception_frame(data["exception"], **data["details"])
                continue
            if data["type"] == "message_start":
                usage |= data["message"]["usage"]
            elif data["type"] == "message_delta":
                usage |= data.get("usage", {})
                blocked = data["delta"].get("stop_reason") == BLOCKED
                if blocked:
                    data = data | {"delta": data["delta"] | {"stop_reason": "end_turn"}}
            elif data["type"] == "message_stop":
                data = data | self._guardrail(blocked) | {"amazon-bedrock-invocationMetrics": _metrics(usage)}
            yield invoke_frame(data)

    def whole(self, message: bytes) -> bytes:
        said = json.loads(message)
        blocked = said["stop_reason"] == BLOCKED
        if blocked:
            said["stop_reason"] = "end_turn"
        return json.dumps(said | self._guardrail(blocked)).encode()

    def _guardrail(self, blocked: bool) -> dict[str, str]:
        if not self._guarded:
            return {}
        return {"amazon-bedrock-guardrailAction": "INTERVENED" if blocked else "NONE"}


class Converse:
    """`converse` has its own words; `fields` are the body's, of which some come back."""

    content_type = EVENT_STREAM

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._tier = {"serviceTier": fields["serviceTier"]} if "serviceTier" in fields else {}

    def stream(self, events: Iterable[bytes]) -> Iterator[bytes]:
        usage: dict[str, Any] = {}
        servers: set[int] = set()
        for event in events:
            data = data_of(event)
            if data is None:
                yield event
                continue
            if data["type"] == "content_block_start" and data["content_block"]["type"] not in SHOWN:
                servers.add(data["index"])
            if data.get("index") in servers:
                continue
            match data["type"]:
                case "message_start":
                    usage |= data["message"]["usage"]
                    yield converse_frame("messageStart", {"role": "assistant"})
                case "content_block_start" | "content_block_delta" | "content_block_stop":
                    yield from _block_event(data)
                case "message_delta":
                    usage |= data.get("usage", {})
                    yield converse_frame("messageStop", {"stopReason": stop_reason(data["delta"]["stop_reason"])})
                case "message_stop":
                    told = {"usage": _usage(usage), "metrics": {"latencyMs": LATENCY}}
                    yield converse_frame("metadata", told | self._tier)
                case "exception":
                    yield exception_frame(data["exception"], **data["details"])
                case "error":
                    name = EXCEPTIONS.get(data["error"]["type"], "internalServerException")
                    yield exception_frame(name, data["error"]["message"])

    def whole(self, message: bytes) -> bytes:
        said = json.loads(message)
        content = [block for block in map(_block, said["content"]) if block]
        answer = {
            "metrics": {"latencyMs": LATENCY},
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": stop_reason(said["stop_reason"]),
            "usage": _usage(said["usage"]),
        }
        return json.dumps(answer | self._tier).encode()


def stop_reason(reason: str) -> str:
    """Claude's word in Converse's: most are the same."""
    return {"refusal": "content_filtered", "pause_turn": "end_turn"}.get(reason, reason)


def _block_event(data: Mapping[str, Any]) -> Iterator[bytes]:
    """A text block has no start."""
    at = {"contentBlockIndex": data["index"]}
    match data:
        case {"content_block": {"type": "tool_use", "id": call_id, "name": name}}:
            yield converse_frame("contentBlockStart", {"start": {"toolUse": {"toolUseId": call_id, "name": name}}} | at)
        case {"content_block": {"type": "redacted_thinking", "data": redacted}}:
            delta = {"reasoningContent": {"redactedContent": redacted}}
            yield converse_frame("contentBlockDelta", {"delta": delta} | at)
        case {"delta": delta} if (said := _delta(delta)) is not None:
            yield converse_frame("contentBlockDelta", {"delta": said} | at)
        case {"type": "content_block_stop"}:
            yield converse_frame("contentBlockStop", at)


def _delta(delta: Mapping[str, Any]) -> dict[str, Any] | None:
    match delta:
        case {"type": "text_delta", "text": text}:
            return {"text": text}
        case {"type": "thinking_delta", "thinking": text}:
            return {"reasoningContent": {"text": text}}
        case {"type": "signature_delta", "signature": signature}:
            return {"reasoningContent": {"signature": signature}}
        case {"type": "input_json_delta", "partial_json": written}:
            return {"toolUse": {"input": written}}
    return None


def _block(block: Mapping[str, Any]) -> dict[str, Any] | None:
    match block:
        case {"type": "text", "text": text}:
            return {"text": text}
        case {"type": "tool_use", "id": call_id, "name": name, "input": given}:
            return {"toolUse": {"toolUseId": call_id, "name": name, "input": given}}
        case {"type": "thinking", "thinking": text, "signature": signature}:
            return {"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}}
        case {"type": "redacted_thinking", "data": redacted}:
            return {"reasoningContent": {"redactedContent": redacted}}
    return None


def _usage(usage: Mapping[str, Any]) -> dict[str, int]:
    """Cache figures come in whether there is a cache or not; the total counts them, too."""
    read, written = (int(usage.get(f"cache_{how}_input_tokens") or 0) for how in ("read", "creation"))
    asked, answered = int(usage.get("input_tokens") or 0), int(usage.get("output_tokens") or 0)
    return {
        "inputTokens": asked,
        "outputTokens": answered,
        "totalTokens": asked + answered + read + written,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": written,
    }


def _metrics(usage: Mapping[str, Any]) -> dict[str, int]:
    return {
        "inputTokenCount": int(usage.get("input_tokens") or 0),
        "outputTokenCount": int(usage.get("output_tokens") or 0),
        "invocationLatency": LATENCY,
        "firstByteLatency": 123,
    }
