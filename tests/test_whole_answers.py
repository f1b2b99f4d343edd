"""Whole answers, generated: what a request's `Reading` makes of them is the same in one piece and as a stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from oai_bridge.backends.vertex import VertexClaude
from oai_bridge.dialects.claude_reply import ClaudeStream
from oai_bridge.dialects.reading import Reading, Translated
from oai_bridge.errors import InvalidRequest
from oai_bridge.events import Said
from oai_bridge.models.catalog import ModelFacts
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import ChatRequest
from oai_bridge.openai.reply import ChunkWriter, Completion, ReplyTo
from oai_bridge.openai.request import parse_chat
from oai_bridge.settings.values import Claude, Vertex
from oai_bridge.streaming.transcript import Transcript
from oai_bridge.wire.sse import SseDecoder
from tests.support.claude_models import Model
from tests.support.claude_models import model as judged
from tests.support.claude_rules import VERTEX_VERSION, faults
from tests.support.claude_seals import Seals
from tests.support.claude_streams import stream_of
from tests.support.claude_thinking_rules import thinks
from tests.support.request_messages import SPOKEN
from tests.support.requests import bodies
from tests.support.sdk_types import openai_chunk_faults, openai_faults
from tests.test_whole_requests import CATALOG, MODELS, times

Body = dict[str, Any]
Block = dict[str, Any]

INPUTS = st.sampled_from(
    [{}, {"input": "canary"}, {"input": 'Ü\u2028\n"', "b": 1}, {"input": 5}, {"a": {"b": [1, 2.5, None, "😀"]}}]
)
CITATION = {
    "type": "web_search_result_location",
    "url": "https://example.com/a",
    "title": "A",
    "cited_text": "a",
    "encrypted_index": "eA==",
}
SEARCH: list[Block] = [
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "canary"}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
]
ENDINGS: list[Body] = [
    *(
        {"stop_reason": reason}
        for reason in ("end_turn", "max_tokens", "tool_use", "refusal", "compaction", "odd", None)
    ),
    {"stop_reason": "stop_sequence", "stop_sequence": "\nUser:"},
    {"stop_reason": "refusal", "stop_details": {"type": "refusal", "category": "cyber", "explanation": "No."}},
]
USAGE = st.fixed_dictionaries(
    {"input_tokens": st.integers(0, 9), "output_tokens": st.integers(0, 9)},
    optional={
        "cache_read_input_tokens": st.none() | st.integers(0, 9),
        "cache_creation_input_tokens": st.integers(0, 9),
        "output_tokens_details": st.sampled_from([None, {"thinking_tokens": 3}]),
        "service_tier": st.sampled_from(["standard", "priority", "batch"]),
    },
)
TEXTS = st.builds(
    lambda text, citations: {"type": "text", "text": text, **citations},
    SPOKEN | st.just(""),
    st.sampled_from([{}, {}, {"citations": [CITATION, {"type": "char_location", "cited_text": "a"}]}]),
)
THOUGHTS = st.one_of(
    st.builds(
        lambda text, seal: {"type": "thinking", "thinking": text, "signature": seal}, SPOKEN, st.just("c2VhbA==")
    ),
    st.sampled_from(
        [
            {"type": "thinking", "thinking": "", "signature": "c2VhbA=="},
            {"type": "thinking", "thinking": "canary", "signature": ""},
            {"type": "redacted_thinking", "data": "ZGF0YQ=="},
        ]
    ),
)


@st.composite
def answers(draw: st.DrawFn, names: list[str]) -> Body:
    """A message of Claude's that calls any of the tools with these names."""
    content: list[Block] = []
    calls = st.builds(lambda name, given: {"type": "tool_use", "name": name, "input": given}, _one(names), INPUTS)
    for kind in draw(st.lists(st.sampled_from(["text", "thought", "call", "call", "search", "odd"]), max_size=6)):
        match kind:
            case "text":
                content.append(draw(TEXTS))
            case "thought":
                content.append(draw(THOUGHTS))
            case "call" if names:
                content.append(draw(calls) | {"id": f"toolu_{len(content)}"})
            case "search":
                content += SEARCH
            case _:
                content.append({"type": "canary", "text": 5})
    ending = {"stop_sequence": None} | draw(st.sampled_from(ENDINGS))
    head = {"id": "msg_vrtx_1", "type": "message", "role": "assistant", "model": "claude-test"}
    return {**head, "content": content, **ending, "usage": draw(USAGE)}


def _one(names: list[str]) -> st.SearchStrategy[str]:
    return st.sampled_from(names) if names else st.nothing()


@dataclass(frozen=True, slots=True)
class Asked:
    backend: VertexClaude
    facts: ModelFacts
    chat: ChatRequest
    translated: Translated
    to: ReplyTo

    @property
    def offered(self) -> list[str]:
        """The names, in the cloud, of what the client is asked to run."""
        return [tool["name"] for tool in self.translated.body.get("tools", ()) if "input_schema" in tool]


def asked(body: Body, backend: VertexClaude | None = None) -> Asked:
    claude = Claude()
    backend = backend or VertexClaude(Vertex(), claude, CATALOG)
    facts = CATALOG.find(body["model"])
    assert facts is not None
    chat = parse_chat(body, Notes(), claude)
    translated = backend.chat(chat, facts, Notes())
    to = ReplyTo(chat.model, 1, "req", chat.include_usage, legacy_functions=chat.legacy_functions, thinking_blocks=True)
    return Asked(backend, facts, chat, translated, to)


def in_one_piece(message: Body, reading: Reading, to: ReplyTo) -> Body:
    completion = Completion(to)
    whole = [
        body for event in ClaudeStream(reading).whole(json.dumps(message).encode()) if (body := completion.add(event))
    ]
    assert len(whole) == 1
    assert openai_faults(whole[0]) == []
    return json.loads(whole[0])


def as_a_stream(stream: bytes, cuts: list[int], reading: Reading, to: ReplyTo) -> list[Body]:
    """The chunks."""
    transcript = Transcript(SseDecoder(), ClaudeStream(reading), ChunkWriter(to))
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    written = b"".join(transcript.feed(stream[start:end]) for start, end in pairwise(edges))
    assert transcript.end() == b""
    assert transcript.whole
    *events, done, rest = written.replace(b": ping\n\n", b"").split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    chunks = [json.loads(event.removeprefix(b"data: ")) for event in events]
    for chunk in chunks:
        if '"type": "custom"' not in json.dumps(chunk):  # the SDK's chunks know no custom calls
            assert openai_chunk_faults(chunk) == []
    return chunks


def put_together(chunks: list[Body]) -> Body:
    """What the SDK's own helper makes of them."""
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for chunk in chunks:
        state.handle_chunk(ChatCompletionChunk.construct(**chunk))
    return state.current_completion_snapshot.model_dump()


def comparable(completion: Body) -> Body:
    """Without what a stream has in other words: indexes of lists, null for nothing, the spelling of JSON."""
    choice = completion["choices"][0]
    message = {key: _plain(value) for key, value in choice["message"].items() if value not in (None, "", [])}
    top = {key: completion.get(key) for key in ("id", "created", "model")}
    return {
        **top,
        "finish_reason": choice["finish_reason"],
        "message": {key: value for key, value in message.items() if key != "parsed"},
    }


def _plain(value: Any) -> Any:
    """Without the indexes and the nulls that the SDK adds, and JSON as its value."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        dropped = ("index", "parsed_arguments")
        return {key: _plain(item) for key, item in value.items() if key not in dropped and item is not None}
    if isinstance(value, str) and value.startswith("{"):
        return json.loads(value)
    return value


@times(200)
@given(data=st.data())
def test_an_answer_is_the_same_in_one_piece_and_as_a_stream(data: st.DataObject) -> None:
    try:
        request = asked(data.draw(bodies(MODELS)))
    except InvalidRequest:
        assume(False)
    reading, to = request.translated.reading, request.to
    message = data.draw(answers(request.offered))
    stream = stream_of(message, data.draw(st.sampled_from([1, 5, 100])))
    whole = in_one_piece(message, reading, to)
    chunks = as_a_stream(stream, data.draw(st.lists(st.integers(0, 10**6), max_size=8)), reading, to)
    assert comparable(put_together(chunks)) == comparable(whole)

    choices = [chunk["choices"][0] for chunk in chunks if chunk["choices"]]
    assert [choice["finish_reason"] is None for choice in choices] == [True] * (len(choices) - 1) + [False]
    assert choices[-1].get("stop_sequence") == whole["choices"][0].get("stop_sequence")
    assert chunks[-1].get("service_tier") == whole.get("service_tier")
    told = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    assert told == ([whole["usage"]] if to.include_usage else [])
    heads = [call["index"] for choice in choices for call in choice["delta"].get("tool_calls", ()) if "id" in call]
    assert heads == list(range(len(heads)))
    check_calls(request, message, whole)


def check_calls(request: Asked, message: Body, whole: Body) -> None:
    """Each call has come, in order, with the name that the client gave the tool."""
    reply = whole["choices"][0]["message"]
    hidden = request.translated.reading.answer_tool
    used = [block["name"] for block in message["content"] if block["type"] == "tool_use" and block["name"] != hidden]
    calls = [call.get("function") or call["custom"] for call in reply.get("tool_calls", ())]
    if request.to.legacy_functions:
        used, calls = used[:1], [reply["function_call"]] if "function_call" in reply else []
    names = [call["name"] for call in calls]
    assert all(isinstance(json.loads(call.get("arguments", "{}")), dict) for call in calls)
    own = {tool.name for tool in request.chat.tools} | {
        call.name for one in request.chat.messages for call in one.calls
    }
    assert set(names) <= own
    assert len(names) == len(used)
    assert len(set(zip(used, names, strict=True))) == len(set(used)) == len(set(names))


# -- the chat goes on --------------------------------------------------------------------------------------------------


def without_thoughts(body: Body) -> Body:
    """The request with the history of a client that loses them, and with a last word of the user's."""
    told: list[Body] = []
    for message in body["messages"]:
        kept = {key: value for key, value in message.items() if key not in ("thinking_blocks", "reasoning_details")}
        if isinstance(kept.get("content"), list):
            kept["content"] = [part for part in kept["content"] if "thinking" not in str(_kind(part))]
        told.append(kept)
    return body | {"messages": [*told, {"role": "user", "content": "Canary?"}]}


def _kind(part: Any) -> Any:
    return part.get("type") if isinstance(part, dict) else None


@st.composite
def turns(draw: st.DrawFn, request: Asked, model: Model, seals: Seals) -> Body:
    """A turn of Claude's with calls, as far as the request lets it think, each thought sealed for its place."""
    reading = request.translated.reading
    content: list[Block] = []
    body = request.translated.body
    kinds = ["thought"] if thinks(body) or model.thinks_unasked else []
    for kind in [*kinds, *draw(st.lists(st.sampled_from(["text", *kinds, "call"]), max_size=3)), "call"]:
        match kind:
            case "thought":
                text = draw(SPOKEN)
                seal = seals.issue(model, body, content, text)
                content.append({"type": "thinking", "thinking": text, "signature": seal})
            case "text":
                content.append({"type": "text", "text": draw(SPOKEN)})
            case _:
                name = draw(st.sampled_from(request.offered))
                custom = reading.names.get(name, name) in reading.custom
                given = {"input": "canary"} if custom else draw(INPUTS)
                content.append({"type": "tool_use", "id": f"toolu_{len(content)}", "name": name, "input": given})
    head = {"id": "msg_vrtx_1", "type": "message", "role": "assistant", "model": model.id}
    usage = {"input_tokens": 1, "output_tokens": 1}
    return {**head, "content": content, "stop_reason": "tool_use", "stop_sequence": None, "usage": usage}


@times(100)
@given(body=bodies(MODELS).map(without_thoughts), lossy=st.booleans(), data=st.data())
def test_a_turn_with_calls_goes_back_as_it_was(body: Body, lossy: bool, data: st.DataObject) -> None:
    """litellm#15601, openai-agents-python#678 and others: the thinking that led to a call must come back with it,
    unchanged and in its place, also from clients that know nothing of it."""
    request = asked(body)
    assume(request.offered and not request.chat.legacy_functions and not request.translated.reading.answer_tool)
    model = judged(request.facts.vertex)
    assert model is not None
    seals = Seals()
    message = data.draw(turns(request, model, seals))
    for event in ClaudeStream(request.translated.reading).whole(json.dumps(message).encode()):
        if isinstance(event, Said):
            request.backend.remember(request.facts, request.translated, event.content)
    said = in_one_piece(message, request.translated.reading, request.to)["choices"][0]["message"]
    if lossy:
        said = {key: said[key] for key in ("role", "content", "tool_calls")}
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "canary"} for call in said["tool_calls"]]
    later = body | {"messages": [*body["messages"], said, *results]}
    found = asked(later, request.backend).translated
    streamed = body.get("stream") is True
    sent = {"anthropic_version": VERTEX_VERSION, **found.body}
    assert faults(sent, model, streamed=streamed, betas=found.betas, seals=seals) == []
    if any(block["type"] == "thinking" for block in message["content"]):
        assert found.body["messages"][-2]["content"] == message["content"]
