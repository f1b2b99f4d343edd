"""Claude's answer, whole or in pieces, as events (Anthropic Messages API, also behind Vertex, Bedrock and Foundry)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..errors import BridgeError, StreamBroken
from ..events import (
    Citation,
    Event,
    Failure,
    FinishReason,
    Pause,
    Ping,
    RedactedThinking,
    Said,
    Signature,
    Start,
    Stop,
    Text,
    Thinking,
    UsageReport,
)
from ..plain.jsontext import read_any
from .claude_calls import Call, Calls
from .claude_content import Content
from .claude_errors import error_from_body
from .claude_usage import Tally
from .claude_wire import Block, Delta, Head, Message, StreamEvent, read_event, read_message
from .cloud_errors import GOOGLE, Hints, in_place_of_answer
from .reading import Reading

_FINISH: dict[str | None, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "compaction": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    # Bedrock's own:
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
_AS_SENT = Reading()

_INTERVENED = "INTERVENED"  # Bedrock's word for what a guardrail did; the model's stop reason says nothing of it


@dataclass(slots=True)
class _Thought:
    seal: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Passage:
    """A text. `begins` in characters of the answer's text; `sources` are Claude's citations of any kind."""

    begins: int
    sources: list[Any]


class ClaudeStream:
    """The messages of one answer, in order, to events: `feed` those of a stream, or `whole` an answer in one piece.
    Total: whatever comes in, events come out.

    `Stop` comes with `message_stop` and not before, so that a stream that is cut after its stop reason can still end
    as the failure it is. Where the request has a hidden answer tool, other text waits until it is known that the tool
    was not called: besides the tool's JSON it would spoil the answer.
    """

    def __init__(self, reading: Reading = _AS_SENT, hints: Hints = GOOGLE) -> None:
        """`hints` are those of the cloud, for its errors."""
        self._hints = hints
        self._content = Content() if reading.keep else None
        self._waiting: list[Event] | None = [] if reading.answer_tool is not None else None
        self._started = False
        self._begun = False  # so is this request's part of the answer
        self._ended = False
        self._tally = Tally()
        self._stop = Delta()
        self._guarded = False  # a guardrail of Bedrock's stepped in
        self._calls = Calls(reading)
        self._length = 0  # of the text so far, in characters
        self._open: dict[int, _Thought | _Passage | Call | None] = {}  # None: nothing of it is for the client

    def feed(self, message: bytes) -> list[Event]:
        """The events of one JSON message of a stream."""
        if self._ended:
            return []
        try:
            return self.take(read_event(message), message)
        except (ValueError, RecursionError):
            return self._fail(StreamBroken("The cloud sent something that is not part of a Claude stream; try again."))

    def take(self, event: StreamEvent, message: bytes) -> list[Event]:
        """The events of a message that was read already, perhaps out of another cloud's words. `message` is its JSON,
        looked at where `event` doesn't hold everything: where a block begins, and for pieces and events of other kinds.
        Raises `ValueError` or `RecursionError` where it is needed and can't be read."""
        return [] if self._ended else self._translate(event, message)

    def whole(self, body: bytes) -> list[Event]:
        """The events of an answer that came in one piece; an error object, or anything else, as a `Failure`."""
        if self._ended:
            return []
        try:
            message, blocks = read_message(body)
            if message.type == "message":
                return self._message(message, blocks)
        except (ValueError, RecursionError):
            pass
        return self._fail(in_place_of_answer(body, error_from_body(None, body, hints=self._hints)))

    def resume(self) -> None:
        """After a `Pause`: what comes next is the answer to another request and goes on with the same answer."""
        self._ended = self._begun = False
        self._stop = Delta()
        self._tally.next_request()
        if self._content:
            self._content.next_request()

    def end(self) -> list[Event]:
        """Nothing: a stream without its `message_stop` is not whole."""
        return []

    def _fail(self, error: BridgeError) -> list[Event]:
        self._ended = True
        return [Failure(error)]

    def _message(self, message: Message, blocks: list[dict[str, Any]]) -> list[Event]:
        events = self._start(Head(message.id, message.model))
        for index, (block, raw) in enumerate(zip(message.content, blocks, strict=True)):
            if self._content:
                self._content.start(index, raw)
            events += self._block(index, block) + self._block_end(index)
        self._guarded = message.guardrail == _INTERVENED
        events += self._usage(message.usage)
        return events + self._finish(message.stop_reason, message.stop_sequence, message.stop_details)

    def _translate(self, event: StreamEvent, message: bytes) -> list[Event]:
        match event.type:
            case "content_block_delta" if event.delta is not None:
                return self._delta(event.index, event.delta, message)
            case "content_block_start" if event.content_block is not None:
                ended = self._block_end(event.index)
                if self._content:
                    self._content.start(event.index, read_any(message)["content_block"])
                return ended + self._block(event.index, event.content_block)
            case "content_block_stop":
                return self._block_end(event.index)
            case "message_start" if not self._begun:
                head = event.message or Head()
                return self._start(head) + self._usage(head.usage)
            case "message_delta":
                self._guarded = self._guarded or event.guardrail == _INTERVENED
                if event.delta is not None and event.delta.stop_reason is not None:
                    self._stop = event.delta
                return self._usage(event.usage)
            case "message_stop" if self._begun:
                self._guarded = self._guarded or event.guardrail == _INTERVENED
                stop = self._stop
                events = self._finish(stop.stop_reason, stop.stop_sequence, stop.stop_details)
                return [UsageReport(self._tally.usage), *events] if self._tally.tell_metrics(event.metrics) else events
            case "message_stop":
                return self._fail(StreamBroken("The cloud ended its answer before it began; try again."))
            case "ping":
                return [Ping()]
            case kind if kind == "error" or event.error is not None:  # Google's own errors have no type
                return self._fail(error_from_body(None, message, hints=self._hints))
        return []

    def _start(self, head: Head) -> list[Event]:
        first = not self._started
        self._started = self._begun = True
        return [Start(head.id or "", head.model or "")] if first else []

    def _usage(self, usage: Any) -> list[Event]:
        self._tally.tell(usage)
        return [UsageReport(self._tally.usage)] if isinstance(usage, dict) else []

    def _block(self, index: int, block: Block) -> list[Event]:
        match block.type:
            case "tool_use":
                call, events = self._calls.start(block)
                if call:
                    self._open[index] = call
                return events
            case "text":
                sources = block.citations if isinstance(block.citations, list) else []
                self._open[index] = _Passage(self._length, list(sources))
                return self._text(block.text) if block.text else []
            case "thinking":
                self._open[index] = _Thought([block.signature] if block.signature else [])
                return [Thinking(block.thinking)] if block.thinking else []
            case "redacted_thinking":
                return [RedactedThinking(block.data or "")]
            case _:
                self._open[index] = None
        return []

    def _delta(self, index: int, delta: Delta, message: bytes) -> list[Event]:
        if self._content:
            self._content.take(index, delta, message)
        if index in self._open and self._open[index] is None:
            return []
        match delta.type:
            case "text_delta" if delta.text:
                return self._text(delta.text)
            case "thinking_delta" if delta.thinking:
                return [Thinking(delta.thinking)]
            case "signature_delta" if delta.signature:
                if isinstance(thought := self._open.get(index), _Thought):
                    thought.seal.append(delta.signature)
            case "input_json_delta" if delta.partial_json:
                if isinstance(call := self._open.get(index), Call):
                    return self._calls.arguments(call, delta.partial_json)
            case "citations_delta":
                if isinstance(passage := self._open.get(index), _Passage):
                    passage.sources.append(delta.citation)
        return []

    def _text(self, text: str) -> list[Event]:
        self._length += len(text)
        return self._unless_answered([Text(text)])

    def _unless_answered(self, events: list[Event]) -> list[Event]:
        if self._waiting is None:
            return events
        self._waiting += events
        return []

    def _block_end(self, index: int) -> list[Event]:
        """What is known, or of use, only when the block is whole."""
        match self._open.pop(index, None):
            case Call() as call:
                return self._calls.end(call)
            case _Thought(seal):
                return [Signature("".join(seal))]
            case _Passage() as passage:
                return self._unless_answered(_citations(passage, self._length))
        return []

    def _finish(self, reason: str | None, sequence: str | None, details: Any) -> list[Event]:
        events = [event for index in list(self._open) for event in self._block_end(index)]
        if self._waiting and not self._calls.answered:
            events += self._waiting
            self._waiting = []  # after a pause more may come
        if self._content:
            events.append(Said(self._content.blocks()))
        self._ended = True
        if reason == "pause_turn" and self._content:
            return [*events, Pause()]
        finish = "content_filter" if self._guarded else _FINISH.get(reason, "stop")
        if finish == "tool_calls" and not self._calls.count:
            finish = "stop"  # the cloud's own tools only: the client has nothing to answer
        refusal = _refusal(details) if reason == "refusal" else None
        return [*events, Stop(finish, sequence, refusal, reason, guessed=reason is not None and reason not in _FINISH)]


def _citations(passage: _Passage, end: int) -> list[Event]:
    """Those of the web: other sources have no place in OpenAI's answers."""
    return [
        Citation(url, _string(source.get("title")), passage.begins, end)
        for source in passage.sources
        if isinstance(source, dict) and source.get("type") == "web_search_result_location"
        if (url := _string(source.get("url")))
    ]


def _refusal(details: Any) -> str:
    told = details if isinstance(details, dict) else {}
    category = _string(told.get("category")) or "no reason given"
    return _string(told.get("explanation")) or f"The model refused this request ({category})."


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
