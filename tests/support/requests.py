"""Chat requests as clients send them, in all legal and sloppy forms, and with mistakes: hypothesis strategies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from tests.support.request_messages import NAMES, TEXT_CONTENT, WORDS, field, messages, one_of
from tests.support.request_tools import choice, tools
from tests.support.schemas import SCHEMAS

Body = dict[str, Any]

# -- the other fields --------------------------------------------------------------------------------------------------

_NUMBERS: list[Any] = [0, 0.3, 1, 1.0, 2, "0.7", "", None, -1, 0.95, 0.99]
_EFFORTS: list[Any] = [*("none", "minimal", "low", "medium", "high", "xhigh", "max", "auto", "", None, "canary")]
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "max_tokens": st.sampled_from([0, -1, None, 1, 16, 1024, 1025, 4096.0, "5000", 64000, 10**6, 0.5]),
    "max_completion_tokens": st.sampled_from([None, 1, 2000, 30000]),
    "temperature": st.sampled_from(_NUMBERS),
    "top_p": st.sampled_from(_NUMBERS),
    "top_k": st.sampled_from([0, -1, 1, 40, "5", None, 3.7]),
    "stop": st.one_of(WORDS, st.none(), st.lists(st.one_of(WORDS, st.none(), st.just(5)), max_size=4)),
    "stream": st.sampled_from([True, True, False, None]),
    "stream_options": one_of({"include_usage": True}, {"include_usage": False, "include_obfuscation": True}, {}),
    "n": st.sampled_from([1, 1, None, "1", 1.0]),
    "parallel_tool_calls": st.sampled_from([True, False, False, None]),
    "reasoning_effort": st.sampled_from([*_EFFORTS, {"effort": "high", "summary": "auto"}, {"effort": None}, {}]),
    "thinking": st.sampled_from(
        [
            *({"type": "enabled", "budget_tokens": budget} for budget in (0, 1, 1024, "2000", 31999, 10**6, None)),
            *({"type": kind} for kind in ("enabled", "adaptive", "disabled", "between_tools")),
            *({"type": "adaptive", "display": display} for display in ("omitted", "summarized", None)),
            *({"type": "enabled", "budget_tokens": 5000, "display": "omitted"}, True, None, False, {}),
        ]
    ),
    "output_config": st.one_of(
        field("effort", st.sampled_from(_EFFORTS)),
        field("format", SCHEMAS.map(lambda schema: {"type": "json_schema", "schema": schema})),
        one_of({}, {"canary": 1}),
    ),
    "response_format": st.one_of(
        one_of({"type": "text"}, {"type": "json_object"}, {}, {"type": "json_schema", "json_schema": {"name": "a"}}),
        *[
            st.builds(
                lambda schema, beside: {"type": "json_schema", "json_schema": {"schema": schema, **beside}},
                SCHEMAS,
                one_of({"name": "canary", "strict": True}, {"name": "canary", "description": "canary"}, {}),
            )
        ]
        * 2,
    ),
    "web_search_options": one_of(
        {},
        {"search_context_size": "high", "user_location": {"type": "approximate", "approximate": {"city": "Canary"}}},
        {"search_context_size": "canary", "user_location": {"type": "approximate", "country": "ES"}},
        {"user_location": {"type": "approximate", "approximate": {"city": "", "region": None}}},
    ),
    "user": st.sampled_from(["canary-1", "canary@example.com", "金丝雀", "u" * 300, "", None]),
    "safety_identifier": st.sampled_from(["canary", None]),
    "system": st.one_of(TEXT_CONTENT, st.none()),
    "cache_control": one_of({"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}, {"type": "canary"}),
    "prompt_cache_options": one_of({"ttl": "30m"}, {"ttl": "canary"}, {}),
    "anthropic_beta": st.sampled_from(
        [
            *("context-1m-2025-08-07", "context-1m-2025-08-07, canary-2025-01-01", [], None),
            *(["interleaved-thinking-2025-05-14", "effort-2025-11-24"], ["advanced-tool-use-2025-11-20", "canary"]),
            *(["compact-2026-09-04", "inline-tools-2026-09-15", "web-search-2025-03-05"], ["output-128k-2025-02-19"]),
        ]
    ),
    "context_management": one_of({"edits": [{"type": "clear_tool_uses_20250919"}]}, {}),
    "continue_final_message": st.booleans(),
    "add_generation_prompt": st.booleans(),
    **{
        name: st.sampled_from([0, 0.5, 1, None]) for name in ("frequency_penalty", "presence_penalty", "min_p", "top_a")
    },
    "repetition_penalty": st.sampled_from([1, 1.1]),
    "logit_bias": one_of({}, {"50256": -100}),
    "logprobs": st.sampled_from([True, False, None]),
    "top_logprobs": st.sampled_from([0, 5]),
    "seed": st.sampled_from([0, 7, None]),
    "modalities": st.sampled_from([["text"], None]),
    "audio": st.none(),
    "metadata": one_of({"canary": "canary"}),
    "store": st.booleans(),
    "service_tier": st.sampled_from(["auto", "flex", "canary"]),
    "verbosity": st.sampled_from(["low", None]),
    "prediction": one_of({"type": "content", "content": "canary"}),
    "prompt_cache_key": st.just("canary"),
    "Canary\u2028Ü": st.sampled_from([1, None, "canary"]),
    "c" * 100: st.just(1),
}
_WEIGHTY = ["thinking", "reasoning_effort", "response_format", "max_tokens", "temperature", "top_p", "stream"]
_WEIGHTY += ["output_config", "parallel_tool_calls", "web_search_options", "cache_control", "anthropic_beta"]
_FIELD_NAMES = st.lists(st.sampled_from(_WEIGHTY) | st.sampled_from(sorted(FIELDS)), max_size=8)
_TOOL_NAMES = st.lists(NAMES, unique=True, max_size=4)
_KINDS_OF_TOOLS = st.sampled_from(["tools"] * 4 + ["none", "none", "functions"])
_CHOSEN = st.booleans()


def bodies(models: list[str]) -> st.SearchStrategy[Body]:
    """A whole request for one of the models."""
    return _bodies(st.sampled_from(models))


@st.composite
def _bodies(draw: st.DrawFn, models: st.SearchStrategy[str]) -> Body:
    names = draw(_TOOL_NAMES)
    body: Body = {"model": draw(models)}
    for name in draw(_FIELD_NAMES):
        body[name] = draw(FIELDS[name])
    match draw(_KINDS_OF_TOOLS):
        case "tools":
            body["tools"] = draw(tools(names))
            if draw(_CHOSEN):
                body["tool_choice"] = draw(choice(body["tools"]))
        case "functions" if names:
            body["functions"] = [{"name": name, "parameters": draw(SCHEMAS)} for name in names]
            body["function_call"] = draw(st.sampled_from(["auto", "none", None, {"name": names[0]}]))
    body["messages"] = draw(messages(names))
    return body


# -- mistakes ----------------------------------------------------------------------------------------------------------

_JUNK: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 10**30, "", " ", "canary", "Canary\u2028" * 500, [], {}, [[]], [None], ["canary"]),
    *({"type": "canary"}, {"type": None}, {"type": []}, {"canary": {}}, [{"type": "text"}], [{"role": "user"}]),
    *({"type": "text", "text": "canary"}, {"url": "https://example.com/canary.png"}, "https://example.com/canary.png"),
]
_PASSED_ON = {"parameters", "input_schema", "schema", "context_management", "model"}
"""What the cloud is to judge, or would make another request of it."""
_HOW_MANY = st.sampled_from([1, 1, 1, 2, 3])
_PLACE = st.integers(0, 10**6)
_MISTAKES = st.sampled_from(["junk"] * 6 + ["gone", "twice"])
_ANY_JUNK = st.sampled_from(_JUNK)


@st.composite
def mistaken(draw: st.DrawFn, whole: st.SearchStrategy[Body]) -> Body:
    """A body in which something is wrong, somewhere."""
    body = json.loads(json.dumps(draw(whole)))
    for _ in range(draw(_HOW_MANY)):
        if not (places := list(_places(body))):
            break
        holder, key = places[draw(_PLACE) % len(places)]
        match draw(_MISTAKES):
            case "gone":
                del holder[key]
            case "twice" if isinstance(holder, list):
                holder.append(holder[key])
            case _:
                holder[key] = draw(_ANY_JUNK)
        body = json.loads(json.dumps(body))  # the junk is nobody's but this body's
    return body


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Everything in a body, as what holds it and its key there."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if key not in _PASSED_ON:
            yield value, key
            if isinstance(item, dict | list):
                yield from _places(item)
