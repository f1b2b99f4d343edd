"""Tools as clients define and choose them, in all legal and sloppy forms: hypothesis strategies."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.request_messages import MARKS, made_of, one_of
from tests.support.schemas import SCHEMAS, WIDE

Body = dict[str, Any]

_DESCRIPTIONS: list[Body] = [{}, {"description": ""}, {"description": " "}, {"description": None}]
_DETAILS = made_of(
    st.sampled_from([*_DESCRIPTIONS, *[{"description": "A canary."}] * 3]),
    one_of({}, {}, {"strict": True}, {"strict": False}, {"strict": None}),
)
_FOREIGN: list[Body] = [
    {"type": "web_search_preview"},
    {"type": "mcp", "server_label": "canary", "server_url": "https://example.com"},
    {"type": "computer_20250124", "name": "computer"},
]
_STRICT = st.integers(0, 3)
_PARAMETERS = st.one_of(SCHEMAS, SCHEMAS, SCHEMAS, st.none(), st.just({}), st.just([]))
_FORMS = st.sampled_from(["openai"] * 4 + ["no parameters", "bare", "anthropic", "custom", "custom bare"])
_OTHERS = st.integers(0, 5)
_OF_OTHERS = st.sampled_from(_FOREIGN)


@st.composite
def tools(draw: st.DrawFn, names: list[str]) -> list[Body]:
    """A definition for each name in one of the forms, and perhaps tools that only others have."""
    found = []
    strict = draw(_STRICT) == 0
    for name in names:
        schema = draw(WIDE if strict else _PARAMETERS)
        inner = {"name": name, **draw(_DETAILS), **({"strict": True} if strict else {})}
        form = draw(_FORMS)
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
    if draw(_OTHERS) == 0:
        found.append(draw(_OF_OTHERS))
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
