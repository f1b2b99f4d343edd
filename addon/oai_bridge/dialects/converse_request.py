"""A `ChatRequest` as the body of Bedrock's Converse: Claude's request, said in Converse's words.

Vendor sources: "Converse" in AWS's API reference and botocore's model of bedrock-runtime; for what goes into
`additionalModelRequestFields` the models' own pages, and what others found that the server takes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..models.facts import ModelFacts
from ..notes import Notes
from ..openai.chat import ChatRequest
from ..plain.jsontext import write
from ..settings.values import BEDROCK_TIERS, Bedrock, Claude
from .claude_blocks import Block, extend, tagged
from .claude_memory import TurnMemory
from .claude_request import claude_body
from .converse_blocks import ConverseBlocks
from .converse_fit import fitted, fitted_facts
from .reading import Translated

Body = dict[str, Any]

_NAME_LIMIT = 64  # characters of a tool's name
_ID_MARKS = ".:"  # ids of calls may have these, as Kimi's do; Claude itself refuses them
_NO_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_NO_METADATA = re.compile(r"[^a-zA-Z0-9\s:_@$#=/+,.-]")
_USUAL_EFFORT = "medium"  # of Nova, which wants to be told one
_CLAUDES_OWN = ("thinking", "context_management")


def converse_body(
    chat: ChatRequest, facts: ModelFacts, settings: Claude, bedrock: Bedrock, notes: Notes, *, memory: TurnMemory
) -> Translated:
    """The request without the model's id, which stands in the path, as does whether it is for a stream. Betas are in
    the body. Raises `InvalidRequest`."""
    chat = fitted(chat, facts, notes)
    facts = fitted_facts(chat, facts, settings)
    translated = claude_body(
        chat,
        facts,
        settings,
        notes,
        cloud="bedrock",
        sampling=True,
        memory=memory,
        name_limit=_NAME_LIMIT,
        id_marks="" if facts.owner == "anthropic" else _ID_MARKS,
        tiers=BEDROCK_TIERS,
        office=True,
    )
    body = _Rewriter(translated, chat, facts, notes).body()
    if tier := translated.body.get("service_tier", bedrock.service_tier):
        body["serviceTier"] = {"type": tier}
    if guardrail := bedrock.guardrail:
        body["guardrailConfig"] = {"guardrailIdentifier": guardrail.id, "guardrailVersion": guardrail.version}
    return replace(translated, body=body, betas=())


class _Rewriter:
    """One body in Claude's words, said in Converse's."""

    def __init__(self, translated: Translated, chat: ChatRequest, facts: ModelFacts, notes: Notes) -> None:
        self._given = translated.body
        self._betas = translated.betas
        self._answer_tool = translated.reading.answer_tool
        self._chat = chat
        self._facts = facts
        self._notes = notes
        self._blocks = ConverseBlocks(facts, notes)
        self._extra: Body = {}  # what only this vendor's models have

    def body(self) -> Body:
        self._fields_of_the_vendor()
        body: Body = {"messages": self._messages()}
        parts = {
            "system": self._blocks.system(self._given.get("system", ())) if self._facts.system else None,
            "inferenceConfig": self._inference(),
            "toolConfig": self._tools(),
            "outputConfig": self._output(),
            "requestMetadata": self._metadata(),
            "additionalModelRequestFields": self._extra,
        }
        return body | {key: value for key, value in parts.items() if value}

    def _messages(self) -> list[Body]:
        messages = [dict(message) for message in self._given["messages"]]
        if not self._facts.system and (system := self._given.get("system")):
            self._notes.add("rewrote:system", "This model takes no system prompt; it became text of the first turn.")
            first: list[Block] = [tagged(system)]
            extend(first, messages[0]["content"])
            messages[0]["content"] = first
        return [{"role": message["role"], "content": self._blocks.turn(message["content"])} for message in messages]

    def _inference(self) -> Body:
        given = self._given
        config = {
            "maxTokens": given["max_tokens"],
            "temperature": given.get("temperature"),
            "topP": given.get("top_p"),
            "stopSequences": given.get("stop_sequences"),
        }
        if self._extra.get("reasoningConfig", {}).get("maxReasoningEffort") == "high":
            config["maxTokens"] = None
            for name, field in (("temperature", "temperature"), ("topP", "top_p")):
                if config[name] is not None:
                    self._notes.dropped(field, f"This model takes no {field} while it thinks hard.")
                    config[name] = None
            if self._chat.max_tokens is not None:
                self._notes.dropped("max_tokens", "This model takes no max_tokens while it thinks hard.")
        return {key: value for key, value in config.items() if value is not None}

    # -- tools --------------------------------------------------------------------------------------------------------

    def _tools(self) -> Body | None:
        """`toolConfig`. Converse has no choice "none", and no word on calls in parallel: where the client wants those,
        Claude's own choice is sent past Converse."""
        tools, choice = self._given.get("tools", []), self._given.get("tool_choice") or {"type": "auto"}
        kind = choice["type"]
        if not tools or (kind == "none" and not self._has_calls()):
            return None
        hidden = kind == "tool" and choice["name"] == self._answer_tool
        own = kind == "none" or (choice.get("disable_parallel_tool_use") and not hidden)
        if own and self._facts.owner == "anthropic":
            self._extra["tool_choice"] = choice
            return {"tools": self._blocks.tools(tools)}
        if kind == "none":
            self._notes.add("rewrote:tool_choice", "This model can't be kept from calling the tools of its history.")
        elif kind == "any":
            return {"tools": self._blocks.tools(tools), "toolChoice": {"any": {}}}
        elif kind == "tool" and self._facts.named_tool:
            return {"tools": self._blocks.tools(tools), "toolChoice": {"tool": {"name": choice["name"]}}}
        elif kind == "tool":
            detail = "This model can be made to call some tool, not a certain one: it was sent that one only."
            self._notes.add("rewrote:tool_choice", detail)
            only = [tool for tool in tools if tool["name"] == choice["name"]]
            return {"tools": self._blocks.tools(only), "toolChoice": {"any": {}}}
        return {"tools": self._blocks.tools(tools)}

    def _has_calls(self) -> bool:
        return any(block["type"] == "tool_use" for turn in self._given["messages"] for block in turn["content"])

    # -- the rest -----------------------------------------------------------------------------------------------------

    def _output(self) -> Body:
        config = self._given.get("output_config", {})
        output: Body = {}
        if form := config.get("format"):
            schema = {"schema": write(form["schema"]).decode()}
            name = self._chat.format.name if self._chat.format else None
            if name:
                schema["name"] = _NO_NAME.sub("_", name)[:_NAME_LIMIT]
            output["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": schema}}
        if self._facts.reasoning == "claude" and (effort := config.get("effort")):
            output["effort"] = effort
        return output

    def _metadata(self) -> Mapping[str, str]:
        user = self._given.get("metadata", {}).get("user_id")
        return {"user_id": _NO_METADATA.sub("_", user)} if user else {}

    def _fields_of_the_vendor(self) -> None:
        given = self._given
        match self._facts.top_k:
            case "nova" if "top_k" in given:
                self._extra["inferenceConfig"] = {"topK": given["top_k"]}
            case "top_k" | "k" as name if "top_k" in given:
                self._extra[name] = given["top_k"]
        thinking, effort = given.get("thinking"), given.get("output_config", {}).get("effort")
        match self._facts.reasoning:
            case "claude":
                self._extra |= {key: given[key] for key in _CLAUDES_OWN if key in given}
                if self._betas:
                    self._extra["anthropic_beta"] = list(self._betas)
            case "nova" if thinking and thinking["type"] == "disabled":
                self._extra["reasoningConfig"] = {"type": "disabled"}
            case "nova" if thinking or effort:
                effort = effort or self._facts.default_effort or _USUAL_EFFORT
                self._extra["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": effort}
            case "effort" if effort:
                self._extra["reasoning_effort"] = effort
            case "object" if effort:
                self._extra["reasoning"] = {"effort": effort}
            case _ if thinking and thinking["type"] == "disabled":
                field = "thinking" if self._chat.thinking else "reasoning_effort"
                self._notes.add(f"clamped:{field}", "This model can't be told not to think.")
