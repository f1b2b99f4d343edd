"""Whatever a chat is made of, the API takes its translation, which is the same each time."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.openai.chat import (
    JsonFormat,
    Message,
    RedactedThought,
    SignedThinking,
    Text,
    ThinkingWish,
    ToolCall,
    ToolChoice,
    WebSearch,
)
from oai_bridge.settings.values import Claude
from tests.claude_request.chats import MODELS, PNG, SCHEMA, faults, tool, translated

TTL = [None, None, None, "5m", "1h"]
CACHE = st.sampled_from(TTL)
NUMBER = st.none() | st.sampled_from([-1.0, 0.0, 0.5, 0.97, 1.0, 1.7])
TEXTS = [Text(words, ttl) for words, ttl in product(["", " ", "a", "b\n", "汉"], TTL)]
PARTS = st.lists(st.sampled_from(TEXTS) | st.just(PNG), max_size=2).map(tuple)
IDS = st.sampled_from(["a", "b", "c/d", None])
NAMED = st.sampled_from([*product(["look", "no/name"], ["{}", "", "[1]"])])
CALLS = st.lists(st.tuples(NAMED, IDS).map(lambda call: ToolCall(*call[0], call[1])), max_size=2).map(tuple)
SEALED = [SignedThinking("Hm.", "seal"), SignedThinking("", "seal"), RedactedThought("x")]
THOUGHTS = st.sampled_from([(), (), (), *product(SEALED), *product(SEALED, SEALED)])
SPOKEN = st.builds(
    lambda role, parts, cache: Message(role, parts, None, 0, cache=cache),
    st.sampled_from(["system", "user", "assistant"]),
    PARTS,
    CACHE,
)
CALLING = st.builds(
    lambda parts, calls, thoughts: Message("assistant", parts, None, 0, calls, thoughts), PARTS, CALLS, THOUGHTS
)
RESULTS = st.builds(lambda parts, call: Message("tool", parts, None, 0, call_id=call), PARTS, IDS)
CHATS = st.lists(SPOKEN | CALLING | RESULTS, min_size=1, max_size=7).map(tuple)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "stream": st.booleans(),
        "temperature": NUMBER,
        "top_p": NUMBER,
        "top_k": st.none() | st.integers(1, 500),
        "max_tokens": st.none() | st.sampled_from([1, 1500, 10**6]),
        "stop": st.sampled_from([(), ("a", "b\n")]),
        "tools": st.sampled_from([(), (tool(),), (tool(), tool("no/name", strict=True, cache="1h"), tool("no name"))]),
        "tool_choice": st.sampled_from([None, ToolChoice("auto"), ToolChoice("none"), ToolChoice("required")]),
        "parallel_tool_calls": st.booleans(),
        "format": st.sampled_from([None, JsonFormat(), JsonFormat(SCHEMA, "n", True), JsonFormat({"type": "array"})]),
        "effort": st.sampled_from([None, "none", "minimal", "medium", "xhigh"]),
        "output_effort": st.sampled_from([None, None, "low", "max"]),
        "thinking": st.sampled_from([None, ThinkingWish("enabled", 2000), ThinkingWish("disabled")]),
        "web_search": st.sampled_from([None, WebSearch()]),
        "user": st.sampled_from([None, "mark", "mark@example.com"]),
        "cache": CACHE,
        "betas": st.sampled_from([(), ("context-1m-2025-08-07", "files-api-2025-04-14", "a\r\nb")]),
        "context_management": st.sampled_from([None, {"edits": []}, {"edits": [{"type": "clear_tool_uses_20250919"}]}]),
    },
)
SETTINGS = st.sampled_from(
    [
        Claude(mid_system=place, names=names, max_output_tokens=most, cache=cache, cache_ttl=ttl, send_user=user)
        for place, names, most, cache, ttl, user in product(
            ["inline", "hoist", "user"],
            [False, True],
            [None, 100, 20_000],
            ["off", "auto"],
            ["5m", "1h"],
            [False, True],
        )
    ]
)


@settings(max_examples=400, deadline=None)
@given(CHATS, st.sampled_from(MODELS), SETTINGS, FIELDS)
def test_the_api_takes_every_translation(
    messages: tuple[Message, ...], model: str, claude: Claude, fields: dict[str, Any]
) -> None:
    found = translated(*messages, model=model, claude=claude, **fields)
    assert faults(found, model, fields.get("stream", False)) == []


@settings(max_examples=300, deadline=None)
@given(CHATS, st.sampled_from(MODELS), SETTINGS, FIELDS)
def test_the_same_chat_gives_the_same_body(
    messages: tuple[Message, ...], model: str, claude: Claude, fields: dict[str, Any]
) -> None:
    one, other = (translated(*messages, model=model, claude=claude, **fields) for _ in range(2))
    assert one == other
    assert json.dumps(one.body) == json.dumps(other.body)
