"""A chat without what the model on Converse's other side can't take, by its facts: told, or refused where it counts.

Vendor sources: AWS's "Supported models and model features" of Converse, and the models' own pages.
"""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from ..errors import InvalidRequest
from ..models.facts import ModelFacts
from ..notes import Notes
from ..openai.chat import ChatRequest, Document, Image, Message, Office, Part, Text, ToolCall
from ..openai.media import refuse_office
from ..settings.values import Claude
from .claude_blocks import empty_file


def fitted(chat: ChatRequest, facts: ModelFacts, notes: Notes) -> ChatRequest:
    """The chat for this model. Raises `InvalidRequest` for pictures and files that it can't see: the question would be
    another one without them."""
    if not takes_tools(chat, facts):
        chat = _without_tools(chat, facts, notes)
    if facts.owner != "anthropic":
        chat = _without_claudes_own(chat, notes)
    if chat.top_k is not None and facts.top_k == "none":
        notes.dropped("top_k", "This model takes no top_k.")
        chat = replace(chat, top_k=None)
    if facts.max_stops is not None and len(chat.stop) > facts.max_stops:
        limit = f"at most {facts.max_stops}" if facts.max_stops else "no"
        notes.dropped("stop", f"This model takes {limit} stop sequences.")
        chat = replace(chat, stop=chat.stop[: facts.max_stops])
    if not facts.cache_points and _asks_for_cache(chat):
        notes.dropped("cache_control", "This model has no cache breakpoints.")
    asking = chat.asking
    messages = (_seen(message, facts, notes) if message.role in asking else message for message in chat.messages)
    return replace(chat, messages=tuple(messages))


def fitted_facts(chat: ChatRequest, facts: ModelFacts, settings: Claude) -> ModelFacts:
    """The facts in Claude's terms: what makes another vendor's model think is to the plan an effort like Claude's."""
    thinking, effort = facts.thinking, facts.effort
    if facts.reasoning not in ("claude", "none"):
        thinking = "adaptive"
    if facts.reasoning == "nova" and settings.max_output_tokens:
        effort = tuple(level for level in effort if level != "high")  # which takes no limit of tokens
    forced = facts.forced_tools and takes_tools(chat, facts)
    return structs.replace(facts, thinking=thinking, effort=effort, forced_tools=forced)


def takes_tools(chat: ChatRequest, facts: ModelFacts) -> bool:
    """Whether the model can have tools in the way that the answer is wanted."""
    return facts.tools and (facts.streamed_tools or not chat.stream)


def _without_tools(chat: ChatRequest, facts: ModelFacts, notes: Notes) -> ChatRequest:
    """Calls of the history become text, and so will their results, which nothing calls for then."""
    if chat.tools:
        where = "" if not facts.tools else " in a stream; set `stream` to false for them"
        notes.dropped("functions" if chat.legacy_functions else "tools", f"This model takes no tools{where}.")
    if any(message.calls for message in chat.messages):
        notes.add("rewrote:tool_calls", "Earlier calls of tools became text: this model takes no tools here.")
    messages = tuple(
        replace(message, parts=(*message.parts, *map(_as_words, message.calls)), calls=(), thoughts=())
        if message.calls
        else message
        for message in chat.messages
    )
    return replace(chat, messages=messages, tools=(), tool_choice=None)


def _as_words(call: ToolCall) -> Text:
    return Text(f"[tool call {call.name} {call.arguments.strip() or '{}'}]")


def _without_claudes_own(chat: ChatRequest, notes: Notes) -> ChatRequest:
    if chat.betas:
        notes.dropped("anthropic_beta", "Betas are Claude's; this model has none.")
    if chat.context_management:
        notes.dropped("context_management", "This model can't manage the context.")
    if chat.tools and not chat.parallel_tool_calls:
        notes.dropped("parallel_tool_calls", "This model may call several tools at once.")
    return replace(chat, betas=(), context_management=None)


def _asks_for_cache(chat: ChatRequest) -> bool:
    holders = [chat, *chat.tools, *chat.messages, *(part for message in chat.messages for part in message.parts)]
    return any(holder.cache for holder in holders)


def _seen(message: Message, facts: ModelFacts, notes: Notes) -> Message:
    """The message with what the model can see of its parts."""
    parts = tuple(_part(part, f"messages[{message.index}].content", facts, notes) for part in message.parts)
    return replace(message, parts=parts)


def _part(part: Part, at: str, facts: ModelFacts, notes: Notes) -> Part:
    match part:
        case Image() if not facts.vision:
            raise InvalidRequest(
                f"{facts.id} can't see pictures; choose another model, or leave them out.",
                param=at,
                code="unsupported_value",
            )
        case Document("text/plain", data, title, cache):
            # Every model reads it so; of documents Converse takes five.
            notes.add("rewrote:document", "A text file became text of the chat.")
            if not data or data.isspace():
                return Text(empty_file(title), cache)
            return Text(f"[file {title}]\n{data}" if title else data, cache)
        case Office() if not facts.pdf:
            refuse_office(part)
        case Document() if not facts.pdf:
            raise InvalidRequest(
                f"{facts.id} reads no PDF files; choose another model, or put the text into the chat.",
                param=at,
                code="unsupported_value",
            )
    return part
