"""OpenAI's own chat answers, whole or in pieces, as events: for the record, the usage and the one proper ending.

Shapes as in OpenAI's "Chat Completions" reference, with what Azure, Vertex AI and Bedrock add and leave out: a choice
without a `delta`, an empty `choices`, a `finish_reason` of their own.
"""

from __future__ import annotations

from typing import Any

from ..errors import BridgeError, CloudError, StreamBroken
from ..events import (
    Event,
    Failure,
    FinishReason,
    Start,
    Stop,
    Text,
    Thinking,
    ToolArguments,
    ToolStart,
    UsageReport,
)
from ..models.passed import Cloud
from ..plain.jsontext import read_any, write
from .cloud_errors import in_place_of_answer
from .openai_errors import error_from_openai
from .openai_usage import read_usage

DONE = b"[DONE]"
"""The message after the last chunk."""

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
_GARBLED = "The cloud sent something that is not part of a chat's stream; try again."
_UNFINISHED = "The cloud ended its answer in the middle; try again."


def choices_of(value: Any) -> list[dict[str, Any]]:
    """The choices of a chunk or a completion; what is none is left out."""
    choices = value.get("choices") if isinstance(value, dict) else None
    return [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []


def finish_reason(told: str) -> FinishReason:
    """The cloud's word in OpenAI's: Gemini may say `content_filter: PROHIBITED_CONTENT`. An unknown one is `stop`."""
    return _FINISH.get(_bare(told), "stop")


def _bare(told: str) -> str:
    return told.partition(":")[0].strip()


class OpenAiStream:
    """The messages of one answer, in order, to events: `feed` those of a stream, or `whole` an answer in one piece.
    Total: whatever comes in, events come out.

    Of several choices the first (index 0) is told; the answer ends when `[DONE]` came, or the stream ended, with every
    choice that was begun at its finish.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._started = False
        self._ended = False
        self._finished: dict[int, bool] = {}  # by the choice's index
        self._reason: str | None = None  # of the first choice, in the cloud's word
        self._refusal: list[str] = []
        self._calls: dict[int, int] = {}  # the cloud's index of a call to ours

    def feed(self, message: bytes) -> list[Event]:
        """The events of one message of a stream: JSON, or `[DONE]`."""
        if message.startswith(DONE):
            return self.done()
        try:
            value = read_any(message)
        except (ValueError, RecursionError):
            value = None
        return self.chunk(value)

    def chunk(self, value: Any) -> list[Event]:
        """The events of one chunk, decoded already."""
        if self._ended:
            return []
        if _is_error(value):
            return self._fail(self._error(write(value)))
        if not isinstance(value, dict):
            return self._fail(StreamBroken(_GARBLED))
        events: list[Event] = []
        for choice in choices_of(value):
            events += self._start(value)
            events += self._choice(choice, choice.get("delta"))
        return events + _usage(value)

    def text(self, text: str) -> list[Event]:
        """The events of a chunk that has but some text of the first choice, after others."""
        if self._ended:
            return []
        self._finished.setdefault(0, False)
        return [Text(text)]

    def whole(self, body: bytes) -> list[Event]:
        """The events of an answer that came in one piece; an error object, or anything else, as a `Failure`."""
        try:
            value = read_any(body)
        except (ValueError, RecursionError):
            return [] if self._ended else self._fail(in_place_of_answer(body, self._error(body)))
        return self.completion(value)

    def completion(self, value: Any) -> list[Event]:
        """The events of a whole answer, decoded already."""
        if self._ended:
            return []
        choices = choices_of(value)
        if not choices or _is_error(value):
            body = write(value)
            return self._fail(in_place_of_answer(body, self._error(body)))
        events = self._start(value)
        for choice in choices:
            events += self._choice(choice, choice.get("message"))
        return [*events, *_usage(value), *self._stop()]

    def done(self) -> list[Event]:
        """`[DONE]` came."""
        return [] if self._ended else self.end() or self._fail(StreamBroken(_UNFINISHED))

    def end(self) -> list[Event]:
        """The stream has ended, whose last word not every cloud gives."""
        if self._ended or not self._finished or not all(self._finished.values()):
            return []
        return self._stop()

    def resume(self) -> None:
        """These answers never pause."""

    def _error(self, body: bytes) -> CloudError:
        return error_from_openai(None, {}, body, self._cloud)

    def _fail(self, error: BridgeError) -> list[Event]:
        self._ended = True
        return [Failure(error)]

    def _stop(self) -> list[Event]:
        self._ended = True
        reason = finish_reason(self._reason or "stop")
        refusal = "".join(self._refusal) or None
        guessed = self._reason is not None and _bare(self._reason) not in _FINISH
        return [Stop(reason, refusal=refusal, upstream_reason=self._reason, guessed=guessed)]

    def _start(self, value: dict[str, Any]) -> list[Event]:
        if self._started:
            return []
        self._started = True
        return [Start(_string(value.get("id")), _string(value.get("model")))]

    def _choice(self, choice: dict[str, Any], message: Any) -> list[Event]:
        index = choice.get("index")
        index = index if type(index) is int else 0
        reason = choice.get("finish_reason")
        if reason and isinstance(reason, str):
            self._finished[index] = True
            # Azure's asynchronous filter may speak after the model's own `stop`.
            if index == 0 and not (self._reason and finish_reason(self._reason) == "content_filter"):
                self._reason = reason
        else:
            self._finished.setdefault(index, False)
        return self._message(message) if index == 0 and isinstance(message, dict) else []

    def _message(self, message: dict[str, Any]) -> list[Event]:
        """The events of a message or of a delta."""
        text = _string(message.get("content"))
        if text and len(message) == 1:  # nearly all of them
            return [Text(text)]
        events: list[Event] = []
        if thought := _string(message.get("reasoning_content")) or _string(message.get("reasoning")):
            events.append(Thinking(thought))
        if text:
            events.append(Thinking(text) if _is_thought(message) else Text(text))
        if refusal := _string(message.get("refusal")):
            self._refusal.append(refusal)
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                events += self._call(call, call.get("function") or call.get("custom"))
        if older := message.get("function_call"):
            events += self._call({"index": 0}, older)
        return events

    def _call(self, call: dict[str, Any], function: Any) -> list[Event]:
        function = function if isinstance(function, dict) else {}
        index = call.get("index")
        if not isinstance(index, int):  # a whole message's calls have none, and come with their names
            index = len(self._calls) - (0 if function.get("name") else 1)
        events: list[Event] = []
        if index not in self._calls:
            self._calls[index] = len(self._calls)
            events.append(ToolStart(self._calls[index], _string(call.get("id")), _string(function.get("name"))))
        if given := _string(function.get("arguments")) or _string(function.get("input")):
            events.append(ToolArguments(self._calls[index], given))
        return events


def _is_error(value: Any) -> bool:
    """Whether it is an error object: OpenAI's, Google's in an array, or a bare message where a chunk belongs."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return False
    return bool(value.get("error")) or ("choices" not in value and isinstance(value.get("message"), str))


def _is_thought(message: dict[str, Any]) -> bool:
    """Whether Gemini marks the content as a summary of its thoughts (`extra_content.google.thought`)."""
    match message:
        case {"extra_content": {"google": {"thought": True}}}:
            return True
    return False


def _usage(value: dict[str, Any]) -> list[Event]:
    usage = read_usage(value.get("usage"), value.get("service_tier"))
    return [UsageReport(usage)] if usage else []


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
