"""Which model on Bedrock takes what through Converse: a table of the judges' own, apart from the program's model data.

Vendor sources: AWS's "Supported models and model features", "Prompt caching", the model pages of Amazon Nova; what
Bedrock refused as users met it (stop sequences of Qwen, DeepSeek V3 and gpt-oss; cache points of Nova; tools of Llama
in a stream).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from tests.support.claude_clouds import BEDROCK
from tests.support.claude_models import Model as Claude
from tests.support.claude_models import named

_PREFIX = re.compile(r"\A(?:us|us-gov|ca|eu|apac|jp|au|in|global)\.")
_VERSION = re.compile(r"-v\d+(?::\d+)?$")
_DATE = re.compile(r"-\d{8}$")
_EVERYWHERE = frozenset({"tools", "system", "messages"})


@dataclass(frozen=True, slots=True)
class Model:
    """`claude`: how Claude's own API would judge it. `cache` are the parts of a body that may have cache points,
    `extra` the keys of `additionalModelRequestFields`. What isn't known of a model is no fault."""

    id: str
    claude: Claude | None = None
    system: bool = True
    tools: bool = True
    streamed_tools: bool = True
    choices: frozenset[str] = frozenset({"auto", "any", "tool"})
    status: bool = False  # of a tool's result, and pictures in it
    images: bool = True
    documents: bool = True
    prefill: bool = False
    stops: bool = True
    thoughts: bool = False  # reasoningContent in the history
    cache: frozenset[str] = frozenset()
    cache_hour: bool = False
    extra: frozenset[str] = field(default_factory=frozenset)


def model(bedrock_id: str) -> Model:
    """The model of an id in Bedrock's path: plain, with a version, or an inference profile's."""
    plain = _PREFIX.sub("", bedrock_id, count=1)
    if plain.startswith("anthropic."):
        return _claude(bedrock_id, plain)
    for pattern, found in _FAMILIES:
        if re.match(pattern, plain):
            return replace(found, id=bedrock_id)
    return Model(bedrock_id)


def _claude(bedrock_id: str, plain: str) -> Model:
    claude = named(_DATE.sub("", _VERSION.sub("", plain.removeprefix("anthropic."))), BEDROCK)
    return Model(
        bedrock_id,
        claude,
        status=True,
        images="3-5-haiku" not in plain,
        prefill=claude.prefill,
        thoughts=True,
        cache=_EVERYWHERE,
        cache_hour=claude.version >= (4, 5),
        extra=frozenset({"thinking", "top_k", "anthropic_beta", "tool_choice", "context_management"}),
    )


_NOVA = Model(
    "",
    status=True,
    prefill=True,
    cache=frozenset({"system", "messages"}),
    extra=frozenset({"inferenceConfig"}),
)
_LLAMA = Model("", streamed_tools=False, choices=frozenset({"auto"}))
_MISTRAL = Model("", streamed_tools=False, choices=frozenset({"auto", "any"}), extra=frozenset({"top_k"}))
_OPEN = Model("", thoughts=True)
_FAMILIES: tuple[tuple[str, Model], ...] = (
    (r"amazon\.nova-micro", replace(_NOVA, images=False, documents=False)),
    (r"amazon\.nova-2", replace(_NOVA, prefill=False, extra=frozenset({"inferenceConfig", "reasoningConfig"}))),
    (r"amazon\.nova", _NOVA),
    (r"amazon\.titan", Model("", system=False, tools=False, images=False)),
    (r"deepseek\.r1", Model("", tools=False, images=False)),
    (r"deepseek\.v3", Model("", stops=False, images=False)),
    (r"meta\.llama3-2-(1b|3b)|meta\.llama3-(8b|70b)", replace(_LLAMA, tools=False, images=False)),
    (r"meta\.llama3-[13]", replace(_LLAMA, images=False)),
    (r"meta\.llama", _LLAMA),
    (r"mistral\.(mistral-7b|mixtral-8x7b)", replace(_MISTRAL, system=False, tools=False, images=False)),
    (r"mistral\.mistral-large-24", replace(_MISTRAL, images=False)),
    (r"mistral\.pixtral", _MISTRAL),
    (r"qwen\.(?!.*-vl-)", Model("", stops=False, images=False)),
    (r"qwen\.", Model("", stops=False)),
    (r"openai\.gpt-oss", Model("", stops=False, images=False, extra=frozenset({"reasoning_effort"}))),
    (r"moonshotai\.kimi-k3", replace(_OPEN, extra=frozenset({"reasoning"}))),
    (
        r"zai\.glm-5\.3",
        replace(_OPEN, cache=frozenset({"system", "messages"}), extra=frozenset({"reasoning_effort"})),
    ),
    (r"moonshot(ai)?\.|minimax\.|zai\.|nvidia\.|google\.|mistral\.", _OPEN),
)
