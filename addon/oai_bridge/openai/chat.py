"""What a client asks for, as values, whichever model will answer. `request.py` reads them out of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]
Ttl = Literal["5m", "1h"]
"""How long a cached prompt is kept after its last use."""


@dataclass(frozen=True, slots=True)
class Text:
    """`cache` asks for the prompt up to and with this part to be cached; so it is with all parts."""

    text: str
    cache: Ttl | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """`data` is base64 as the client sent it: megabytes, so never decoded and encoded again."""

    media_type: str
    data: str
    cache: Ttl | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A file to read. `data` is base64 of a PDF, or the text itself of `text/plain`."""

    media_type: Literal["application/pdf", "text/plain"]
    data: str
    title: str | None = None
    cache: Ttl | None = None


@dataclass(frozen=True, slots=True)
class Office:
    """A file of Word or Excel, which not every cloud reads. `data` is base64; `param` is its field in the request, for
    error messages."""

    format: Literal["doc", "docx", "xls", "xlsx"]
    data: str
    param: str
    title: str | None = None
    cache: Ttl | None = None


@dataclass(frozen=True, slots=True)
class Remote:
    """An image or a document that stands at an http(s) URL and has to be fetched. `param` is its field in the request,
    for error messages; `title` is for a document."""

    url: str
    param: str
    cache: Ttl | None = None
    title: str | None = None


Part = Text | Image | Document | Office | Remote


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call in the history. `arguments` is the client's text, which may not be JSON; `id` may be missing."""

    name: str
    arguments: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class SignedThinking:
    """A thought of an earlier turn with the seal that lets it be sent back."""

    thinking: str
    signature: str


@dataclass(frozen=True, slots=True)
class RedactedThought:
    data: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `developer` is `system` here, a legacy `function` message is a `tool`'s. `index` is its place in the
    client's list, for error messages.

    `calls` and `thoughts` are an assistant's, `call_id` (`None`: not given) and `failed` a tool result's. `legacy`: it
    calls a function in the old form, or is the result of one, which is named in `name`. `cache` is asked for the
    message as a whole.
    """

    role: Role
    parts: tuple[Part, ...]
    name: str | None
    index: int
    calls: tuple[ToolCall, ...] = ()
    thoughts: tuple[SignedThinking | RedactedThought, ...] = ()
    call_id: str | None = None
    failed: bool = False
    legacy: bool = False
    cache: Ttl | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call. `parameters` is the client's JSON schema, unchecked; `custom` marks a tool
    that takes free text instead of arguments. `param` is its field in the request, for error messages."""

    name: str
    description: str | None
    parameters: Mapping[str, Any] | None
    param: str
    strict: bool = False
    custom: bool = False
    cache: Ttl | None = None


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether tools are called. `name` is the one tool of "named"; `allowed` limits the choice to some."""

    mode: Literal["auto", "none", "required", "named"]
    name: str | None = None
    allowed: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """The answer must be JSON: one that fits `schema`, or any object without one. `strict` as in OpenAI's
    `json_schema`; `param` is the schema's field in the request, for error messages."""

    schema: Mapping[str, Any] | None = None
    name: str | None = None
    strict: bool = False
    param: str = "response_format.json_schema.schema"


@dataclass(frozen=True, slots=True)
class ThinkingWish:
    """The Anthropic-style `thinking` field. `budget` in tokens, of "enabled"; `display` None: left open. `binding` is
    Anthropic's `block_binding`, unchecked: what happens to thoughts that don't fit the chat any more."""

    type: Literal["enabled", "adaptive", "disabled", "between_tools"]
    budget: int | None = None
    display: Literal["summarized", "omitted"] | None = None
    binding: Mapping[str, Any] | None = None


Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


@dataclass(frozen=True, slots=True)
class WebSearch:
    """`location` is OpenAI's `approximate` object: city, country, region, timezone."""

    context_size: Literal["low", "medium", "high"] = "medium"
    location: Mapping[str, str] | None = None


_ASKING: frozenset[Role] = frozenset(("user", "tool"))
_SYSTEM: frozenset[Role] = frozenset(("system",))


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What the client asks for. `None` means that the client left it open."""

    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    include_usage: bool = False
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool = True
    legacy_functions: bool = False
    """The tools came as `functions`: the answer calls them in that old form, one at a time."""
    format: JsonFormat | None = None
    effort: Effort | None = None
    """`reasoning_effort`: how much to think, and to show it."""
    thinking: ThinkingWish | None = None
    output_effort: Effort | None = None
    """Anthropic's own `output_config.effort`: like `effort`, without a word on thinking."""
    web_search: WebSearch | None = None
    user: str | None = None
    service_tier: str | None = None
    """How fast and how dear the answer is to be, in any cloud's word; "auto" asks for nothing."""
    cache: Ttl | None = None
    """The whole prompt should be cached, wherever it is best."""
    betas: tuple[str, ...] = ()
    context_management: Mapping[str, Any] | None = None

    @property
    def asking(self) -> frozenset[Role]:
        """Whose pictures and files the model is asked about. Of system messages alone the last becomes a user's."""
        return _SYSTEM if all(message.role == "system" for message in self.messages) else _ASKING
