"""Messages as clients send them, in all legal and sloppy forms: hypothesis strategies.

What every client says in its own words has `CANARY` in it, so that it is found wherever it must not be.
"""

from __future__ import annotations

import base64
from typing import Any

from hypothesis import strategies as st

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


def one_of(*bodies: Body) -> st.SearchStrategy[Body]:
    return st.sampled_from(bodies)


def made_of(*parts: st.SearchStrategy[Body]) -> st.SearchStrategy[Body]:
    """Objects made of several."""
    return st.tuples(*parts).map(lambda found: {key: value for part in found for key, value in part.items()})


def field(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Body]:
    return values.map(lambda value: {name: value})


TEXT_PARTS = made_of(one_of({"type": "text"}, {"type": "text"}, {"type": "input_text"}), field("text", WORDS), MARKS)
MEDIA_PARTS = made_of(
    st.one_of(
        st.sampled_from(_PICTURES).map(lambda url: {"type": "image_url", "image_url": {"url": url, "detail": "high"}}),
        st.sampled_from(_PICTURES).map(lambda url: {"type": "image_url", "image_url": url}),
        one_of(
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

# -- messages ----------------------------------------------------------------------------------------------------------

_NAMES = [
    *("get_weather", "canary", "mcp__server__do-it", "search.web", "search/web", "search_web", "search web"),
    *("金丝雀", "canary!", "canary?", "_", "tool", "web_search", "json_tool_call", "Json_Tool_Call", "search_web_2"),
    *("x" * 128, "x" * 129, "x" * 140, "😀" * 70),
]
NAMES = st.sampled_from(_NAMES)
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
    field("thinking_blocks", st.sampled_from(_THOUGHTS)),
    field("reasoning_details", st.sampled_from(_REASONING)),
    one_of({"reasoning_content": "canary"}, {"reasoning": None}),
)
SPEAKER = one_of(*[{}] * 5, {"name": "Canary"}, {"name": " "}, {"name": ""}, {"name": None})
SYSTEM = made_of(one_of({"role": "system"}, {"role": "developer"}), field("content", TEXT_CONTENT), SPEAKER, MARKS)
USER = made_of(st.just({"role": "user"}), field("content", USER_CONTENT), SPEAKER, MARKS)
ASSISTANT = made_of(
    st.just({"role": "assistant"}),
    field("content", st.one_of(TEXT_CONTENT, st.none(), USER_CONTENT)),
    one_of(*[{}] * 6, {"refusal": "Canary refuses."}, {"refusal": None}, {"audio": {"id": "canary"}}, {"prefix": True}),
    THOUGHTS,
    SPEAKER,
    MARKS,
)
_IDS_OF = {count: st.lists(st.sampled_from(_IDS), min_size=count, max_size=count, unique=True) for count in (1, 2, 3)}
_ORDER_OF = {count: st.permutations(range(count)) for count in (1, 2, 3)}
_CALLED = st.lists(NAMES, min_size=1, max_size=3)
_FORMS = st.sampled_from(["openai"] * 5 + ["custom", "anthropic", "function", "no ids", "same id"])
_GIVEN = st.sampled_from(_ARGUMENTS)
_THOUGHT_BEFORE = st.sampled_from([[], *_THOUGHTS[:2]])
_RESULT = st.one_of(USER_CONTENT, st.just([]))
_KEPT = st.sampled_from([3, 3, 3, 3, 3, 1, 0])
_FAILED = one_of({}, {"is_error": True})
_BESIDE = st.lists(USER_PARTS, max_size=2)
_CUT_IN = st.lists(st.one_of(SYSTEM, USER, st.just({"role": "tool", "content": "canary"})), max_size=1)
_AMID = st.sampled_from([False, False, True])
_WHETHER = st.booleans()


@st.composite
def work(draw: st.DrawFn, names: list[str]) -> list[Body]:
    """An assistant's calls in one of the forms, and the results: all as a rule, in any order, and perhaps somebody cuts
    in or a result is one too many."""
    called = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3) if names else _CALLED)
    ids = draw(_IDS_OF[len(called)])
    form = draw(_FORMS)
    given = [(id, name, draw(_GIVEN)) for id, name in zip(ids, called, strict=True)]
    said = draw(ASSISTANT)
    results: list[Body] = [{"role": "tool", "tool_call_id": id} for id in ids]
    match form:
        case "function":
            _, name, arguments = given[0]
            said |= {"function_call": {"name": name, "arguments": arguments}}
            results = [{"role": "function", "name": name}]
        case "anthropic":
            uses = [{"type": "tool_use", "id": id, "name": name, "input": {"a": 1}} for id, name, _ in given]
            said["content"] = [*draw(_THOUGHT_BEFORE), {"type": "text", "text": "Canary"}, *uses]
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
                results = [{"role": "tool", **draw(one_of({}, {"name": name}))} for name in called]
            said["tool_calls"] = calls
    order = draw(_ORDER_OF[len(results)])
    results = [results[number] | {"content": draw(_RESULT)} | draw(MARKS) for number in order]
    results = results[: draw(_KEPT)]
    if form == "anthropic":
        blocks = [
            {"type": "tool_result", "tool_use_id": result["tool_call_id"], "content": result["content"], **draw(MARKS)}
            | draw(_FAILED)
            for result in results
        ]
        results = [{"role": "user", "content": [*blocks, *draw(_BESIDE)]}]
    cut_in = draw(_CUT_IN)
    place = len(results) // 2 if draw(_AMID) else len(results)
    return [said, *results[:place], *(cut_in if draw(_WHETHER) else []), *results[place:]]


_PROMPTS = st.lists(SYSTEM, max_size=2)
_GREETINGS = st.lists(ASSISTANT, max_size=1)
_GREETED = st.integers(0, 1)
_STEPS = st.lists(
    st.sampled_from(["user"] * 3 + ["talk", "talk", "work", "work", "work", "system", "assistant", "stray"]),
    min_size=1,
    max_size=6,
)
_SPEAKERS = {"user": USER, "system": SYSTEM, "assistant": ASSISTANT}
_STRAY_IDS = st.sampled_from(_IDS)


@st.composite
def messages(draw: st.DrawFn, names: list[str]) -> list[Body]:
    """A chat: a system prompt or none, perhaps a greeting, then what people, models and programs say."""
    found = draw(_PROMPTS) + draw(_GREETINGS) * draw(_GREETED)
    for step in draw(_STEPS):
        match step:
            case "talk":
                found += [draw(ASSISTANT), draw(USER)]
            case "work":
                found += draw(work(names))
            case "stray":
                found.append({"role": "tool", "tool_call_id": draw(_STRAY_IDS), "content": draw(WORDS)})
            case _:
                found.append(draw(_SPEAKERS[step]))
    return found
