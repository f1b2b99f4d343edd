"""How Claude is made to answer in JSON: by structured output, by a hidden tool or by being told (TRANSLATION.md 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..models.catalog import Cloud, ModelFacts
from ..notes import Notes
from ..openai.chat import JsonFormat
from ..plain import jsontext
from .claude_blocks import Block
from .claude_tools import ToolNames
from .closed_schema import output_schema
from .json_schema import is_object, tool_schema

_ANY_OBJECT = "Respond with a single JSON object only: no other text, no code fences."
_ONE_THAT_FITS = "Respond with JSON only, no other text and no code fences; it must conform to this JSON schema: "
_TOOL = "json_tool_call"
_TOOL_DESCRIPTION = "Gives the answer to the user. The arguments are the whole answer."


@dataclass(frozen=True, slots=True)
class Format:
    """At most one is set. `output_format`: the body's `output_config.format`. `tool`: the definition of a hidden tool
    whose arguments are the answer; it must be forced. `instruction`: a text for the end of the system prompt."""

    output_format: dict[str, Any] | None = None
    tool: Block | None = None
    instruction: str | None = None


def format_of(
    wish: JsonFormat | None,
    names: ToolNames,
    facts: ModelFacts,
    cloud: Cloud,
    *,
    forced: bool,
    has_tools: bool,
    notes: Notes,
) -> Format:
    """The surest way that there is. `forced`: whether the model may be made to call a tool; `has_tools`: it has others,
    which a forced one would keep it from calling. Raises `InvalidRequest` for a schema that is nested too deeply."""
    if wish is None:
        return Format()
    if wish.schema is None:
        notes.add("rewrote:response_format", "This model has no JSON mode; it was told to answer with a JSON object.")
        return Format(instruction=_ANY_OBJECT)
    an_object = is_object(wish.schema, wish.param)
    native = output_schema(wish.schema, wish.param) if cloud in facts.structured_output else None
    if native is not None:
        return Format(output_format={"type": "json_schema", "schema": native})
    if forced and an_object and not has_tools:
        schema = tool_schema(wish.schema, wish.param)
        notes.add("rewrote:response_format", "The answer was asked for as the arguments of a tool with the schema.")
        return Format(tool={"name": names.free(_TOOL), "description": _TOOL_DESCRIPTION, "input_schema": schema})
    notes.add("rewrote:response_format", "The model was told the answer's JSON schema; nothing makes it keep to it.")
    return Format(instruction=instruction(wish.schema))


def instruction(schema: Mapping[str, Any], *, after: bool = False) -> str:
    """What tells Claude to answer in JSON that fits `schema`; `after` another text, apart from it."""
    return ("\n\n" if after else "") + _ONE_THAT_FITS + jsontext.write(schema).decode()
