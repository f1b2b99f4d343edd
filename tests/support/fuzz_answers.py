"""Fuzz targets for answers in one piece: each becomes a proper answer or an error, and no invented words."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from oai_bridge.anthropic.reply import PassedStream as NativeStream
from oai_bridge.anthropic.reply import pass_on
from oai_bridge.backends.base import Dialect
from oai_bridge.backends.bedrock import InvokeClaude
from oai_bridge.backends.bedrock_embeddings import BedrockEmbeddings
from oai_bridge.dialects.claude_native import count_of
from oai_bridge.dialects.claude_reply import ClaudeStream
from oai_bridge.dialects.converse_reply import ConverseStream
from oai_bridge.dialects.openai_answers import renamed, usage_of
from oai_bridge.errors import BridgeError
from oai_bridge.events import Failure, Pause
from oai_bridge.models.catalog import Catalog
from oai_bridge.models.passed import Cloud
from oai_bridge.openai.embeddings import embeddings_answer
from oai_bridge.openai.passed import PassedStream, pass_completion
from oai_bridge.openai.reply import ChunkWriter, Completion
from oai_bridge.settings.values import Bedrock, Claude
from oai_bridge.streaming.transcript import Transcript
from oai_bridge.wire.sse import SseDecoder
from tests.support.cases import ALL
from tests.support.fuzz_streams import REASONS, TOS, WITH, chunks, sound, spoken, told, words
from tests.support.fuzz_targets import TRANSLATOR, Target, picked

_SIZES = (1, 2, 3)
_EMBEDDINGS = BedrockEmbeddings(Bedrock())
_INVOKE = InvokeClaude(Bedrock(), Claude(), Catalog())


def proper(completion: dict[str, Any], known: str) -> None:
    """It is a whole answer of OpenAI's API, made of what the cloud said."""
    assert completion["object"] == "chat.completion" and completion["model"] == "model" and completion["id"]
    for choice in completion["choices"]:
        message = choice["message"]
        assert "role" in message and choice["finish_reason"] in REASONS - {None}
        for field in ("content", "reasoning_content", "reasoning"):
            if isinstance(text := message.get(field), str):
                assert comes_from(text, known), "invented words"


def comes_from(text: str, known: str) -> bool:
    """Whether it can be put together of what is known, from its beginning to its end. Blank lines part thoughts."""
    letters = iter(known)
    return all(letter in letters for letter in text.replace("\n", ""))


def check_reply(make: Callable[..., Dialect], data: bytes) -> None:
    """An answer in a cloud's own words, for a client that waits for one piece, and for one that waits for a stream."""
    to, reading = picked(data, WITH)
    events = make(reading).whole(data)
    completion = Completion(to)
    failed = isinstance(events[-1], Failure)
    bodies = [body for event in (events[:-1] if failed else events) if (body := completion.add(event))]
    assert sum(isinstance(event, Failure) for event in events) == failed
    assert len(bodies) == (not failed and not isinstance(events[-1], Pause))
    known = words(told(data))
    for body in bodies:
        if reading.answer_tool is None:
            proper(json.loads(body), known)
    transcript = Transcript(SseDecoder(), make(reading), ChunkWriter(to))
    out = transcript.take(data) + (transcript.stop_paused() if transcript.paused else b"")
    sound(transcript)
    assert (transcript.failure is not None) is failed
    said = chunks(out, transcript.failure)
    assert reading.answer_tool or all(comes_from(text, known) for text in spoken(said)), "invented words"


def check_completion(cloud: Cloud, data: bytes) -> None:
    """A completion in OpenAI's own words, likewise."""
    to, known = picked(data, TOS), words(told(data))
    try:
        body = pass_completion(data, to, cloud, lambda event: None)
    except BridgeError as error:
        assert error.status >= 400 and error.message
    else:
        proper(json.loads(body), known)
    passed = PassedStream(to, cloud)
    transcript = Transcript(SseDecoder(), passed, passed)
    out = transcript.take(data)
    sound(transcript)
    assert all(text in known for text in spoken(chunks(out, transcript.failure))), "invented words"


def check_native(data: bytes) -> None:
    """An answer in Claude's own words, for a client that speaks Anthropic's API."""
    try:
        assert pass_on(data, ClaudeStream().whole(data), lambda event: None) is data
    except BridgeError as error:
        assert error.status >= 400 and error.message
    native = NativeStream(ClaudeStream(), "req_test")
    transcript = Transcript(SseDecoder(), native, native)
    out = transcript.take(data)
    sound(transcript)
    last = b"event: error" if transcript.failure else b"event: message_stop"
    named = [event.partition(b"\n")[0] for event in out.removesuffix(b"\n\n").split(b"\n\n")]
    assert named[-1] == last and named.count(last) == 1


def check_embedded(data: bytes) -> None:
    """Bedrock's vectors, and OpenAI's, which are passed on."""
    facts, count = picked(data, _EMBEDDINGS.listed()), picked(data, _SIZES, 3)
    try:
        found = _EMBEDDINGS.read(facts, {"x-amzn-bedrock-input-token-count": str(count)}, data, count)
    except BridgeError as error:
        assert error.status >= 400 and error.message
    else:
        assert len(found.vectors) == count
        for base64 in (False, True):
            answer = msgspec.json.decode(embeddings_answer("m", found.vectors, found.tokens or 0, base64))
            assert [item["index"] for item in answer["data"]] == list(range(count))
    try:
        usage_of(data, "azure")
        body = renamed(data, "my own")
    except BridgeError as error:
        assert error.status >= 400 and error.message
    else:
        answer = json.loads(body.decode("utf-8", "replace"))
        assert answer.get("model", "my own") == "my own"


def check_counted(data: bytes) -> None:
    """A number of tokens."""
    for counted in (_INVOKE.counted, bytes):
        try:
            assert isinstance(count_of(counted(data)), int)
        except BridgeError as error:
            assert error.status >= 400 and error.message


def _replies(*kinds: str) -> list[bytes]:
    files = [case.folder / "cloud_reply.json" for case in ALL if case.folder.parent.name in kinds]
    return [file.read_bytes() for file in files if file.exists()]


_VECTORS = [
    b'{"embedding":[0.5,-1,1e-3],"inputTextTokenCount":2}',
    b'{"embedding":[1],"embeddingsByType":{"float":[1]},"inputTextTokenCount":2}',
    b'{"embedding":null,"message":"Too long."}',
    b'{"embeddings":[[0.5,1],[1,2]],"id":"1","response_type":"embeddings_floats","texts":["a","b"]}',
    b'{"embeddings":{"float":[[0.5,1]]},"id":"1","response_type":"embeddings_by_type","texts":["a"]}',
    b'{"embeddings":[{"embeddingType":"TEXT","embedding":[0.5,2]}],"inputTokenCount":3}',
    b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1]}],"model":"m","usage":{"total_tokens":1}}',
    b'{"error":{"message":"No.","type":"invalid_request_error","code":"x"}}',
]
_COUNTS = [b'{"input_tokens":12}', b'{"inputTokens":12}', b'{"type":"error","error":{"type":"x","message":"No."}}']

TARGETS = (
    Target("claude_reply", "json", lambda: _replies("vertex"), partial(check_reply, ClaudeStream), TRANSLATOR),
    Target("converse_reply", "json", lambda: _replies("converse"), partial(check_reply, ConverseStream), TRANSLATOR),
    Target("native_reply", "json", lambda: _replies("vertex"), check_native, TRANSLATOR),
    Target("completion_azure", "json", lambda: _replies("azure"), partial(check_completion, "azure"), TRANSLATOR),
    Target("completion_gemini", "json", lambda: _replies("gemini"), partial(check_completion, "vertex"), TRANSLATOR),
    Target(
        "completion_bedrock",
        "json",
        lambda: _replies("bedrock_openai", "azure"),
        partial(check_completion, "bedrock"),
        TRANSLATOR,
    ),
    Target("embedded", "json", lambda: _VECTORS, check_embedded, TRANSLATOR),
    Target("counted", "json", lambda: _COUNTS, check_counted, TRANSLATOR),
)
