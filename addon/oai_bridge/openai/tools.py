"""The tools of a request and the choice among them: OpenAI's `tools` and older `functions`, Anthropic's own shape.

Schemas are taken as they are, however large or deep.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ..errors import InvalidRequest
from ..notes import Notes
from .chat import Tool, ToolChoice
from .fields import NEUTRAL, boolean, mapping, text
from .messages import Context, cache_of

_MODES: Mapping[str, Literal["auto", "none", "required"]] = {
    **{"auto": "auto", "none": "none", "required": "required"},
    "any": "required",  # Anthropic's word
}
_ANTHROPICS = ("defer_loading", "input_examples", "eager_input_streaming")
_NAMING = ("function", "custom", "tool")  # the last is Anthropic's


def read_tools(body: Mapping[str, Any], context: Context) -> tuple[Tool, ...]:
    """The tools in `tools`, else in `functions`; raises `InvalidRequest`. Kinds that only OpenAI's servers have are
    told to the notes."""
    tools: dict[str, Tool] = {}
    field = "functions" if uses_functions(body) else "tools"
    if field == "tools" and body.get("functions"):
        context.notes.dropped("functions", "The request has `tools`; its older `functions` were not sent.")
    given = body.get(field) or []
    if not isinstance(given, list):
        raise InvalidRequest(f"`{field}` must be a list.", param=field)
    for index, item in enumerate(given):
        at = f"{field}[{index}]"
        if not isinstance(item, dict):
            raise InvalidRequest('A tool must be {"type": "function", "function": {"name": …}}.', param=at)
        if (tool := _tool(item, at, context)) is None:
            detail = "Only functions and custom tools can be sent to the model; this tool is another's."
            context.notes.dropped(at, detail, code="tool")
        elif field == "functions" and tool.custom:
            raise InvalidRequest("Put a custom tool into `tools`: the older `functions` have no such kind.", param=at)
        elif tool.name in tools:
            raise InvalidRequest("There is another tool of this name; rename one of them.", param=f"{tool.param}.name")
        else:
            tools[tool.name] = tool
    return tuple(tools.values())


def uses_functions(body: Mapping[str, Any]) -> bool:
    """Whether the tools come in the older form, and the answer has to call them in that form too."""
    return bool(body.get("functions")) and not body.get("tools")


def read_choice(body: Mapping[str, Any], tools: tuple[Tool, ...], notes: Notes) -> ToolChoice | None:
    """The field `tool_choice`, else the older `function_call`; without tools there is nothing to choose, which is told
    where one has to be called. Raises `InvalidRequest`, also for a tool that is not there."""
    field = "tool_choice" if body.get("tool_choice") else "function_call"
    choice = body.get(field)
    if not choice:
        return None
    if not tools:
        if (choice.get("type") if isinstance(choice, dict) else choice) not in ("auto", "none"):
            notes.dropped(field, "There are no tools to call.")
        return None
    named = {tool.name: tool for tool in tools}
    if isinstance(choice, str) and choice in _MODES:
        return ToolChoice(_MODES[choice])
    if not isinstance(choice, dict):
        raise InvalidRequest(f"`{field}` must be auto, none, required, or name a tool.", param=field)
    if field == "function_call":
        return ToolChoice("named", _known(choice, field, named))
    match choice.get("type"):
        case str(kind) if kind in _MODES:
            return ToolChoice(_MODES[kind])
        case str(kind) if kind in _NAMING:
            holder, at = _inner(choice, kind, field)
            name = _known(holder, at, named)
            if kind == "custom" and not named[name].custom:
                raise InvalidRequest("This tool is a function; choose it as one.", param=f"{at}.name")
            return ToolChoice("named", name)
        case "allowed_tools":
            return _allowed(*_inner(choice, "allowed_tools", field), named)
    raise InvalidRequest("`type` must be function, custom or allowed_tools.", param=f"{field}.type")


def allows_parallel(body: Mapping[str, Any]) -> bool:
    """Whether several tools may be called at once: `parallel_tool_calls`, or Anthropic's `disable_parallel_tool_use`
    inside `tool_choice`."""
    choice = body.get("tool_choice")
    at_once = not isinstance(choice, dict) or not boolean(choice, "disable_parallel_tool_use", "tool_choice")
    return boolean(body, "parallel_tool_calls", default=True) and at_once


# -- tools ------------------------------------------------------------------------------------------------------------


def _tool(value: dict[str, Any], at: str, context: Context) -> Tool | None:
    """One tool: `{"type": "function", "function": {…}}`, a legacy function or Anthropic's tool (whose fields stand at
    the top), or `{"type": "custom", "custom": {…}}`. `None` for another kind."""
    kind = value.get("type") or "function"
    if not isinstance(kind, str):
        raise InvalidRequest("The `type` of a tool must be function or custom.", param=f"{at}.type")
    if kind not in ("function", "custom"):
        return None
    definition, place = _inner(value, kind, at)
    schema = "input_schema" if "input_schema" in definition else "parameters"
    custom = kind == "custom" and schema == "parameters"
    if custom:
        _refuse_a_grammar(definition, place)
    _tell_what_a_tool_loses({at: value, place: definition}, context.notes)
    return Tool(
        name=_name(definition, place),
        # Some clients leave these two beside the function, where the Responses API has them.
        description=text(definition, "description", place) or text(value, "description", at),
        parameters=None if custom else mapping(definition, schema, place),
        param=place,
        strict=boolean(definition, "strict", place, default=boolean(value, "strict", at)),
        custom=custom,
        cache=cache_of(value, at, context) or cache_of(definition, place, context),
    )


def _inner(value: dict[str, Any], field: str, at: str) -> tuple[dict[str, Any], str]:
    """The object in a field and its place, or `value` itself, for those who write the same without a shell (OpenAI's
    Responses API, Anthropic, legacy functions)."""
    if field not in value:
        return value, at
    inner = value[field]
    if isinstance(inner, dict):
        return inner, f"{at}.{field}"
    raise InvalidRequest(f"`{field}` must be an object.", param=f"{at}.{field}")


def _name(value: dict[str, Any], at: str) -> str:
    name = value.get("name")
    if isinstance(name, str) and name.strip():
        return name
    raise InvalidRequest("A tool needs a `name`, which is a string.", param=f"{at}.name")


def _refuse_a_grammar(value: dict[str, Any], at: str) -> None:
    given = value.get("format")
    if given and (not isinstance(given, dict) or given.get("type", "text") != "text"):
        raise InvalidRequest(
            "This model keeps to no grammar; use the format text, or a function with a JSON schema.",
            param=f"{at}.format",
            code="unsupported_value",
        )


def _tell_what_a_tool_loses(holders: Mapping[str, dict[str, Any]], notes: Notes) -> None:
    """What Anthropic's own tools may have, and is not sent; `holders` are the places where it may stand."""
    for field in _ANTHROPICS:
        for at, holder in holders.items():
            if holder.get(field) not in NEUTRAL:
                notes.dropped(f"{at}.{field}", f"The {field} of a tool is not sent.", code=field)


# -- the choice -------------------------------------------------------------------------------------------------------


def _known(value: dict[str, Any], at: str, tools: Mapping[str, Tool]) -> str:
    name = _name(value, at)
    if name in tools:
        return name
    raise InvalidRequest("No tool of the request has this name.", param=f"{at}.name")


def _allowed(value: dict[str, Any], at: str, tools: Mapping[str, Tool]) -> ToolChoice:
    """`{"mode": "auto" | "required", "tools": [{"type": "function", "function": {"name": …}}, …]}`."""
    mode, given = value.get("mode") or "auto", value.get("tools")
    if mode not in ("auto", "required"):
        raise InvalidRequest("`mode` must be auto or required.", param=f"{at}.mode")
    if not isinstance(given, list) or not given:
        raise InvalidRequest("`tools` must be a list that names tools of the request.", param=f"{at}.tools")
    names: dict[str, None] = {}
    for index, item in enumerate(given):
        place = f"{at}.tools[{index}]"
        kind = item.get("type") or "function" if isinstance(item, dict) else None
        if not isinstance(kind, str):
            raise InvalidRequest('A tool is named as {"type": "function", "function": {"name": …}}.', param=place)
        if kind in _NAMING:  # what else may stand here is no tool of Claude's, and was dropped from the tools
            names[_known(*_inner(item, kind, place), tools)] = None
    if not names:
        raise InvalidRequest(
            "No tool of the request is allowed; name one, or set `tool_choice` to none.", param=f"{at}.tools"
        )
    return ToolChoice(_MODES[mode], allowed=tuple(names))
