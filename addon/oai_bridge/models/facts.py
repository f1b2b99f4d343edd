"""What is known of a model, whoever made it and whichever cloud serves it."""

from __future__ import annotations

from typing import Annotated, Literal, Protocol

from msgspec import Meta, Struct

Cloud = Literal["vertex", "bedrock", "foundry"]
Kind = Literal["chat", "embedding", "image"]
"""What a model is made for."""
Effort = Literal["low", "medium", "high", "xhigh", "max"]
Profile = Literal["us", "us-gov", "ca", "eu", "apac", "jp", "au", "in", "global"]
"""What an inference profile's id of Bedrock begins with: the part of the world that its requests stay in."""

# Ids end up in URL paths: no slash, no percent sign, no "..". An ARN may have slashes, and is percent-encoded.
Name = Annotated[str, Meta(pattern=r"\A(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._@:-]*\Z", max_length=128)]
Id = Annotated[str, Meta(pattern=r"\A(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._@-]*\Z", max_length=128)]
BedrockId = Annotated[
    str, Meta(pattern=r"\A(?!.*\.\.)(?:[A-Za-z0-9][A-Za-z0-9._:-]*|arn:[A-Za-z0-9._:/-]+)\Z", max_length=2048)
]
Count = Annotated[int, Meta(gt=0)]
Rate = Annotated[float, Meta(ge=0)]


class Facts(Protocol):
    """`id` is the name that is listed. Sizes are in tokens; None: not known."""

    @property
    def id(self) -> str: ...

    @property
    def owner(self) -> str: ...

    @property
    def kind(self) -> Kind: ...

    @property
    def context(self) -> int | None: ...

    @property
    def max_output(self) -> int | None: ...


class Rates(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """USD per million tokens. `None`: not known."""

    input: Rate
    output: Rate
    cache_write_5m: Rate | None = None
    cache_write_1h: Rate | None = None
    cache_read: Rate | None = None


class LongContext(Rates, frozen=True, kw_only=True):
    """The rates for every token of a request whose prompt has more than `over` tokens."""

    over: Count


class Prices(Rates, frozen=True, kw_only=True):
    """The rates where they are lowest: on the cloud's global endpoint or profile, if it has one."""

    long_context: LongContext | None = None


class ModelFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model whose chats are translated. What the sources leave open is set to the choice that is least likely to
    fail a chat. The defaults are Claude's, those of what only Converse asks for included."""

    id: Name  # Anthropic's own name without the date; for others on Bedrock a short one
    generation: str
    owner: str = "anthropic"
    vertex: Id | None  # the id in Vertex's path; None: not there
    bedrock: BedrockId | None = None  # without "us.", "global." ... in the data; None: not known there
    bedrock_profiles: tuple[Profile, ...] | None = None  # the prefixes that it has there; None: not known
    bedrock_on_demand: bool = False  # `bedrock` can be called as it is
    foundry: Id | None = None
    aliases: tuple[str, ...] = ()
    listed: bool = True  # False: most accounts have no access
    retired: tuple[Cloud, ...] = ()  # clouds that don't serve it any more

    sampling: Literal["free", "one", "none"]  # temperature and top_p together | one of them | neither, nor top_k
    top_k: Literal["top_k", "nova", "k", "none"] = "top_k"  # Converse's extra field: that one | inferenceConfig.topK
    max_stops: Annotated[int, Meta(ge=0)] | None = None  # stop sequences; 0: refused; None: no limit is known
    prefill: bool  # the last message may be the assistant's
    system: bool = True  # takes a system prompt
    mid_system: bool  # role "system" inside messages
    tools: bool = True
    streamed_tools: bool = True  # tools in a stream, too
    forced_tools: bool  # tool_choice "any" and "tool"
    named_tool: bool = True  # tool_choice "tool" where `forced_tools`
    rich_results: bool = True  # a tool's result may have a status and pictures

    thinking: Literal["none", "manual", "both", "adaptive"]  # manual: a token budget
    thinking_off: Literal["disabled", "between_tools", "never"]  # the `type` that switches it off, if any does
    thinking_off_max_effort: Effort | None = None  # the highest effort that goes with it; None: any
    thinking_default: Literal["off", "on", "unknown"]  # when the field is left out
    thinking_display: Literal["summarized", "omitted"]  # when `display` is left out; omitted: no text, a signature
    thinking_bound: bool  # blocks are refused after an edit of what stood before them
    interim_thinking: bool  # text between tool calls arrives as thinking
    reasoning: Literal["claude", "nova", "effort", "object", "none"] = "claude"  # Converse's extra field: thinking |
    # reasoningConfig | reasoning_effort | reasoning.effort | none, it thinks always or never
    thinking_back: bool = True  # its thoughts may be sent back to it
    effort: tuple[Effort, ...]  # levels of output_config.effort, or of `reasoning`; empty: the field is refused
    default_effort: Effort | None = None  # None: not stated
    effort_beta: str | None = None  # the beta that `effort` needs
    bedrock_effort_ceiling: Effort | None = None

    structured_output: tuple[Cloud, ...]  # clouds with output_config.format and strict tools
    vision: bool
    pdf: bool  # and on Converse documents of other kinds
    context: Count  # tokens
    max_output: Count  # tokens
    foundry_max_output: Count | None = None  # where it is another one there
    prompt_cache_min_tokens: Count | None  # shorter prompts aren't cached
    cache_points: tuple[Literal["tools", "system", "messages"], ...] = ("tools", "system", "messages")  # on Converse
    bedrock_cache_1h: bool = False  # cache points may last an hour there
    prices: Prices | None = None
    vertex_regional_surcharge: Rate  # share on top of the prices outside Vertex's global endpoint: 0.1 is 10 %
    bedrock_regional_surcharge: Rate = 0  # the same outside Bedrock's global profile

    @property
    def kind(self) -> Kind:
        return "chat"
