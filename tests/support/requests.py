"""Chat requests as clients send them, in all legal and sloppy forms: hypothesis strategies for whole bodies.

What every client says in its own words has `CANARY` in it, so that it is found wherever it must not be.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from tests.support.schemas import SCHEMAS, WIDE

Body = dict[str, Any]
CANARY = "canary"

# -- words, pictures, files --------------------------------------------------------------------------------------------

_SPOKEN = ["Canary?", "Canary. ", "\n canary", "Mark: canary", "金丝雀 canary", "canary\u2028\u0000\u200b", "😀 canary"]
SPOKEN = st.sampled_from(_SPOKEN)
WORDS = st.sampled_from([*_SPOKEN, *_SPOKEN, "", " \n\t", "\u3000\x85", "\ufeff"])
"""What is said, which may be nothing."""

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n....").decode()
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0...").decode()
PDF = base64.b64encode(b"%PDF-1.7").decode()
PLAIN = base64.b64encode("canary ü".encode()).decode()
_PICTURES = [
    f"data:image/png;base64,{PNG}",
    f"data:image/png;base64,{JPEG}",
    f" DATA:image/jpg;charset=utf-8;BASE64,{JPEG[:4]}%0A{JPEG[4:]} ",
    f"data:;base64,{PNG.rstrip('=')}",
    f"data:application/pdf;base64,{PDF}",
    "data:text/plain,canary%20text",
    "data:,",
]
_MARKS: list[Body] = [
    *[{}] * 12,
    {"cache_control": {"type": "ephemeral"}},
    {"cache_control": {"type": "ephemeral", "ttl": "1h", "scope": "global"}},
    {"cache_control": {"type": "ephemeral", "ttl": "5m"}},
    {"cache_control": None},
    {"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
    {"prompt_cache_breakpoint": {"mode": "explicit"}},
]
MARKS = st.sampled_from(_MARKS)


def _one_of(*bodies: Body) -> st.SearchStrategy[Body]:
    return st.sampled_from(bodies)


def _with(*parts: st.SearchStrategy[Body]) -> st.SearchStrategy[Body]:
    """Objects made of several."""
    return st.tuples(*parts).map(lambda found: {key: value for part in found for key, value in part.items()})


def _field(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Body]:
    return values.map(lambda value: {name: value})


TEXT_PARTS = _with(_one_of({"type": "text"}, {"type": "text"}, {"type": "input_text"}), _field("text", WORDS), MARKS)
MEDIA_PARTS = _with(
    st.one_of(
        st.sampled_from(_PICTURES).map(lambda url: {"type": "image_url", "image_url": {"url": url, "detail": "high"}}),
        st.sampled_from(_PICTURES).map(lambda url: {"type": "image_url", "image_url": url}),
        _one_of(
            {"type": "file", "file": {"filename": "canary.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
            {"type": "file", "file": {"filename": "canary.py", "file_data": PLAIN}},
            {"type": "file", "file": {"file_data": f"data:text/csv;charset=utf-8;base64,{PLAIN}"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            {"type": "document", "source": {"type": "base64", "data": PDF}, "title": "canary", "citations": {}},
            {"type": "document", "source": {"type": "text", "data": " "}, "context": "canary"},
            {"type": "document", "source": {"type": "text", "data": "canary"}, "citations": {"enabled": True}},
        ),
    ),
    MARKS,
)
USER_PARTS = st.one_of(TEXT_PARTS, TEXT_PARTS, MEDIA_PARTS, WORDS)
USER_CONTENT = st.one_of(WORDS, WORDS, st.none(), st.lists(USER_PARTS, max_size=3))
TEXT_CONTENT = st.one_of(WORDS, WORDS, st.lists(TEXT_PARTS | WORDS, max_size=3))

# -- tools -------------------------------------------------------------------------------------------------------------

_NAMES = [
    *("get_weather", "canary", "mcp__server__do-it", "search.web", "search/web", "search_web", "search web"),
    *("金丝雀", "canary!", "canary?", "_", "tool", "web_search", "json_tool_call", "Json_Tool_Call", "search_web_2"),
    *("x" * 128, "x" * 129, "x" * 140, "😀" * 70),
]
NAMES = st.sampled_from(_NAMES)
_DESCRIPTIONS: list[Body] = [{}, {"description": ""}, {"description": " "}, {"description": None}]
_DETAILS = _with(
    st.sampled_from([*_DESCRIPTIONS, *[{"description": "A canary."}] * 3]),
    _one_of({}, {}, {"strict": True}, {"strict": False}, {"strict": None}),
)
_FOREIGN: list[Body] = [
    {"type": "web_search_preview"},
    {"type": "mcp", "server_label": "canary", "server_url": "https://example.com"},
    {"type": "computer_20250124", "name": "computer"},
]


@st.composite
def tools(draw: st.DrawFn, names: list[str]) -> list[Body]:
    """A definition for each name in one of the forms, and perhaps tools that only others have."""
    found = []
    strict = draw(st.integers(0, 3)) == 0
    for name in names:
        schema = draw(WIDE if strict else st.one_of(SCHEMAS, SCHEMAS, SCHEMAS, st.none(), st.just({}), st.just([])))
        inner = {"name": name, **draw(_DETAILS), **({"strict": True} if strict else {})}
        form = draw(st.sampled_from(["openai"] * 4 + ["no parameters", "bare", "anthropic", "custom", "custom bare"]))
        match form:
            case "openai":
                tool: Body = {"type": "function", "function": {**inner, "parameters": schema}}
            case "no parameters":
                tool = {"type": "function", "function": inner}
            case "bare":
                tool = {"type": "function", **inner, "parameters": schema}
            case "anthropic":
                tool = {**inner, "input_schema": schema}
            case "custom":
                tool = {"type": "custom", "custom": {**inner, "format": {"type": "text"}}}
            case _:
                tool = {"type": "custom", **inner}
        found.append(tool | draw(MARKS))
    if draw(st.integers(0, 9)) == 0:
        found.append(draw(st.sampled_from(_FOREIGN)))
    return found


@st.composite
def choice(draw: st.DrawFn, defined: list[Body]) -> Any:
    """A `tool_choice` among these definitions."""
    named = [(tool.get("type"), tool.get("name") or tool[tool["type"]]["name"]) for tool in defined if _name_of(tool)]
    words: list[Any] = ["auto", "none", "required", "any", None, "", {"type": "auto"}, {"type": "any"}]
    words.append({"type": "auto", "disable_parallel_tool_use": True})
    if named:
        kind, name = draw(st.sampled_from(named))
        custom = kind == "custom"
        words += [
            {"type": "custom", "custom": {"name": name}}
            if custom
            else {"type": "function", "function": {"name": name}},
            {"type": "tool", "name": name},
        ]
        allowed = draw(st.lists(st.sampled_from(named), min_size=1, max_size=3))
        listed = [{"type": "function", "function": {"name": one}} for _, one in allowed]
        limited = {"mode": draw(st.sampled_from(["auto", "required"])), "tools": listed}
        words += [{"type": "allowed_tools", "allowed_tools": limited}, {"type": "allowed_tools", **limited}]
    return draw(st.sampled_from(words))


def _name_of(tool: Body) -> str | None:
    inner = tool.get(str(tool.get("type")), tool)
    return inner.get("name") if tool.get("type") in (None, "function", "custom") else None


# -- messages ----------------------------------------------------------------------------------------------------------

_ARGUMENTS: list[Any] = [
    *['{"city": "Canary"}'] * 6,
    *("{}", "", None, "null", "[1, 2]", '"canary"', "canary", '{"cit', " ", '{"a": 1, "a": 2}', '{"a": 1e400}'),
    *('{"a": 123456789012345678901234567890}', '{"a": "\\ud83d"}', '{"a": NaN}', "[" * 300, {"a": {"b": [1]}}),
]
_IDS = [
    "call_1",
    "call_2",
    "call_3",
    "toolu_01Canary",
    "canary:1",
    "canary.1",
    "金丝雀",
    "c" * 90,
    "call_1_0",
    "fn_1_canary",
]
_THOUGHTS: list[Any] = [
    [{"type": "thinking", "thinking": "Canary.", "signature": "c2VhbA=="}],
    [{"type": "thinking", "thinking": "", "signature": "c2VhbA=="}, {"type": "redacted_thinking", "data": "ZGF0YQ=="}],
    [{"type": "thinking", "thinking": "unsigned canary", "signature": ""}],
    [{"type": "thinking", "thinking": "canary", "signature": "c2VhbA==", "index": 0}, {"type": "odd"}],
    [],
    None,
]
_REASONING: list[Any] = [
    [{"type": "reasoning.text", "text": "Canary.", "signature": "c2VhbA==", "format": "anthropic-claude-v1"}],
    [{"type": "reasoning.encrypted", "data": "ZGF0YQ==", "format": "openai-responses-v1"}],
    [{"type": "reasoning.encrypted", "data": "ZGF0YQ=="}],
]
THOUGHTS = st.one_of(
    *[st.just({})] * 4,
    _field("thinking_blocks", st.sampled_from(_THOUGHTS)),
    _field("reasoning_details", st.sampled_from(_REASONING)),
    _one_of({"reasoning_content": "canary"}, {"reasoning": None}),
)
SPEAKER = _one_of(*[{}] * 5, {"name": "Canary"}, {"name": " "}, {"name": ""}, {"name": None})
SYSTEM = _with(_one_of({"role": "system"}, {"role": "developer"}), _field("content", TEXT_CONTENT), SPEAKER, MARKS)
USER = _with(st.just({"role": "user"}), _field("content", USER_CONTENT), SPEAKER, MARKS)
ASSISTANT = _with(
    st.just({"role": "assistant"}),
    _field("content", st.one_of(TEXT_CONTENT, st.none(), USER_CONTENT)),
    _one_of(
        *[{}] * 6, {"refusal": "Canary refuses."}, {"refusal": None}, {"audio": {"id": "canary"}}, {"prefix": True}
    ),
    THOUGHTS,
    SPEAKER,
    MARKS,
)


@st.composite
def work(draw: st.DrawFn, names: list[str]) -> list[Body]:
    """An assistant's calls in one of the forms, and the results: all as a rule, in any order, and perhaps somebody cuts
    in or a result is one too many."""
    called = draw(st.lists(st.sampled_from(names) if names else NAMES, min_size=1, max_size=3))
    ids = draw(st.lists(st.sampled_from(_IDS), min_size=len(called), max_size=len(called), unique=True))
    form = draw(st.sampled_from(["openai"] * 5 + ["custom", "anthropic", "function", "no ids", "same id"]))
    given = [(id, name, draw(st.sampled_from(_ARGUMENTS))) for id, name in zip(ids, called, strict=True)]
    said = draw(ASSISTANT)
    results: list[Body] = [{"role": "tool", "tool_call_id": id} for id in ids]
    match form:
        case "function":
            _, name, arguments = given[0]
            said |= {"function_call": {"name": name, "arguments": arguments}}
            results = [{"role": "function", "name": name}]
        case "anthropic":
            uses = [{"type": "tool_use", "id": id, "name": name, "input": {"a": 1}} for id, name, _ in given]
            said["content"] = [*draw(st.sampled_from([[], *_THOUGHTS[:2]])), {"type": "text", "text": "Canary"}, *uses]
        case "custom":
            calls = [{"id": id, "type": "custom", "custom": {"name": name, "input": "canary"}} for id, name, _ in given]
            said["tool_calls"] = calls
        case _:
            calls = [
                {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
                for id, name, arguments in given
            ]
            other: Body = {"no ids": {"id": None, "type": None}, "same id": {"id": ids[0]}}.get(form, {})
            calls = [call | other for call in calls]
            if form == "no ids":
                results = [{"role": "tool", **draw(_one_of({}, {"name": name}))} for name in called]
            said["tool_calls"] = calls
    contents = st.one_of(USER_CONTENT, st.just([]))
    results = [result | {"content": draw(contents)} | draw(MARKS) for result in draw(st.permutations(results))]
    results = results[: draw(st.sampled_from([3, 3, 3, 3, 3, 1, 0]))]
    if form == "anthropic":
        blocks = [
            {"type": "tool_result", "tool_use_id": result["tool_call_id"], "content": result["content"], **draw(MARKS)}
            | draw(_one_of({}, {"is_error": True}))
            for result in results
        ]
        results = [{"role": "user", "content": [*blocks, *draw(st.lists(USER_PARTS, max_size=2))]}]
    cut_in = draw(st.lists(st.one_of(SYSTEM, USER, st.just({"role": "tool", "content": "canary"})), max_size=1))
    place = draw(st.sampled_from([len(results), len(results), len(results) // 2]))
    return [said, *results[:place], *(cut_in if draw(st.booleans()) else []), *results[place:]]


@st.composite
def messages(draw: st.DrawFn, names: list[str]) -> list[Body]:
    """A chat: a system prompt or none, perhaps a greeting, then what people, models and programs say."""
    found = draw(st.lists(SYSTEM, max_size=2)) + draw(st.lists(ASSISTANT, max_size=1)) * draw(st.integers(0, 1))
    steps = ["user"] * 3 + ["talk", "talk", "work", "work", "work", "system", "assistant", "stray"]
    for step in draw(st.lists(st.sampled_from(steps), min_size=1, max_size=6)):
        match step:
            case "talk":
                found += [draw(ASSISTANT), draw(USER)]
            case "work":
                found += draw(work(names))
            case "stray":
                found.append({"role": "tool", "tool_call_id": draw(st.sampled_from(_IDS)), "content": draw(WORDS)})
            case _:
                found.append(draw({"user": USER, "system": SYSTEM, "assistant": ASSISTANT}[step]))
    return found


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
    "stream_options": _one_of({"include_usage": True}, {"include_usage": False, "include_obfuscation": True}, {}),
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
        _field("effort", st.sampled_from(_EFFORTS)),
        _field("format", SCHEMAS.map(lambda schema: {"type": "json_schema", "schema": schema})),
        _one_of({}, {"canary": 1}),
    ),
    "response_format": st.one_of(
        _one_of({"type": "text"}, {"type": "json_object"}, {}, {"type": "json_schema", "json_schema": {"name": "a"}}),
        *[
            st.builds(
                lambda schema, beside: {"type": "json_schema", "json_schema": {"schema": schema, **beside}},
                SCHEMAS,
                _one_of({"name": "canary", "strict": True}, {"name": "canary", "description": "canary"}, {}),
            )
        ]
        * 2,
    ),
    "web_search_options": _one_of(
        {},
        {"search_context_size": "high", "user_location": {"type": "approximate", "approximate": {"city": "Canary"}}},
        {"search_context_size": "canary", "user_location": {"type": "approximate", "country": "ES"}},
        {"user_location": {"type": "approximate", "approximate": {"city": "", "region": None}}},
    ),
    "user": st.sampled_from(["canary-1", "canary@example.com", "金丝雀", "u" * 300, "", None]),
    "safety_identifier": st.sampled_from(["canary", None]),
    "system": st.one_of(TEXT_CONTENT, st.none()),
    "cache_control": _one_of({"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}, {"type": "canary"}),
    "prompt_cache_options": _one_of({"ttl": "30m"}, {"ttl": "canary"}, {}),
    "anthropic_beta": st.sampled_from(
        [
            *("context-1m-2025-08-07", "context-1m-2025-08-07, canary-2025-01-01", [], None),
            *(["interleaved-thinking-2025-05-14", "effort-2025-11-24"], ["advanced-tool-use-2025-11-20", "canary"]),
            *(["compact-2026-09-04", "inline-tools-2026-09-15", "web-search-2025-03-05"], ["output-128k-2025-02-19"]),
        ]
    ),
    "context_management": _one_of({"edits": [{"type": "clear_tool_uses_20250919"}]}, {}),
    "continue_final_message": st.booleans(),
    "add_generation_prompt": st.booleans(),
    **{
        field: st.sampled_from([0, 0.5, 1, None])
        for field in ("frequency_penalty", "presence_penalty", "min_p", "top_a")
    },
    "repetition_penalty": st.sampled_from([1, 1.1]),
    "logit_bias": _one_of({}, {"50256": -100}),
    "logprobs": st.sampled_from([True, False, None]),
    "top_logprobs": st.sampled_from([0, 5]),
    "seed": st.sampled_from([0, 7, None]),
    "modalities": st.sampled_from([["text"], None]),
    "audio": st.none(),
    "metadata": _one_of({"canary": "canary"}),
    "store": st.booleans(),
    "service_tier": st.sampled_from(["auto", "flex", "canary"]),
    "verbosity": st.sampled_from(["low", None]),
    "prediction": _one_of({"type": "content", "content": "canary"}),
    "prompt_cache_key": st.just("canary"),
    "Canary\u2028Ü": st.sampled_from([1, None, "canary"]),
    "c" * 100: st.just(1),
}
_WEIGHTY = ["thinking", "reasoning_effort", "response_format", "max_tokens", "temperature", "top_p", "stream"]
_WEIGHTY += ["output_config", "parallel_tool_calls", "web_search_options", "cache_control", "anthropic_beta"]


@st.composite
def bodies(draw: st.DrawFn, models: list[str]) -> Body:
    """A whole request for one of the models."""
    names = draw(st.lists(NAMES, unique=True, max_size=4))
    body: Body = {"model": draw(st.sampled_from(models))}
    for field in draw(st.lists(st.sampled_from(_WEIGHTY) | st.sampled_from(sorted(FIELDS)), max_size=8)):
        body[field] = draw(FIELDS[field])
    match draw(st.sampled_from(["tools"] * 4 + ["none", "none", "functions"])) if names else "none":
        case "tools":
            body["tools"] = draw(tools(names))
            if draw(st.booleans()):
                body["tool_choice"] = draw(choice(body["tools"]))
        case "functions":
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


@st.composite
def mistaken(draw: st.DrawFn, whole: st.SearchStrategy[Body]) -> Body:
    """A body in which something is wrong, somewhere."""
    body = json.loads(json.dumps(draw(whole)))
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        if not (places := list(_places(body))):
            break
        holder, key = places[draw(st.integers(0, 10**6)) % len(places)]
        match draw(st.sampled_from(["junk"] * 6 + ["gone", "twice"])):
            case "gone":
                del holder[key]
            case "twice" if isinstance(holder, list):
                holder.append(holder[key])
            case _:
                holder[key] = draw(st.sampled_from(_JUNK))
        body = json.loads(json.dumps(body))  # the junk is nobody's but this body's
    return body


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Everything in a body, as what holds it and its key there."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if key not in _PASSED_ON:
            yield value, key
            if isinstance(item, dict | list):
                yield from _places(item)
