"""What Claude demands of thinking and effort: the settings that a model knows, what goes with them, and the history.

Vendor sources: Anthropic's thinking, extended thinking, effort and troubleshooting pages, and its errors page.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from tests.support.claude_models import Model
from tests.support.claude_seals import THINKING
from tests.support.claude_shapes import blocks_of, word

BINDING = "thinking-binding-controls-2026-08-01"
INTERLEAVED = "interleaved-thinking-2025-05-14"
EFFORTS = ("low", "medium", "high", "xhigh", "max")
KEYS = {
    "enabled": {"type", "budget_tokens", "display"},
    "adaptive": {"type", "display", "block_binding"},
    "disabled": {"type"},
    "between_tools": {"type"},
}


def thinks(body: Mapping[str, Any]) -> bool:
    """Whether thinking was asked for."""
    return _type(body) in ("enabled", "adaptive")


def _type(body: Mapping[str, Any]) -> str | None:
    return word(body.get("thinking"), "type")


def setting_faults(body: Mapping[str, Any], facts: Model, betas: Collection[str]) -> Iterator[str]:
    """The faults of `thinking` and of what does not go with it."""
    if "thinking" not in body:
        return
    kind = _type(body)
    if kind not in KEYS:
        yield f"thinking: Input tag {kind!r} found using 'type' does not match any of the expected tags"
        return
    if kind not in facts.thinking:
        yield _unknown(kind, facts)
    thinking = body["thinking"]
    for key in thinking.keys() - KEYS[kind]:
        yield f"thinking.{kind}.{key}: Extra inputs are not permitted"
    if "display" in thinking and word(thinking, "display") not in ("summarized", "omitted"):
        yield f"thinking.{kind}.display: Input should be 'summarized' or 'omitted'"
    if "block_binding" in thinking and BINDING not in betas:
        yield f"thinking.adaptive.block_binding: Extra inputs are not permitted without {BINDING}"
    if kind == "enabled":
        yield from _budget(body, thinking.get("budget_tokens"), betas)
    if thinks(body) and facts.sampling != "none":
        yield from _sampling(body)


def _unknown(kind: str, facts: Model) -> str:
    if kind == "enabled":
        return (
            '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
            '"output_config.effort" to control thinking behavior.'
        )
    if kind == "adaptive":
        return "adaptive thinking is not supported on this model"
    known = ", ".join(sorted(facts.thinking))
    return f'"thinking.type.{kind}" is not supported for this model. Supported values: {known}.'


def _budget(body: Mapping[str, Any], budget: Any, betas: Collection[str]) -> Iterator[str]:
    limit = body.get("max_tokens")
    if type(budget) is not int:
        yield "thinking.enabled.budget_tokens: Input should be a valid integer"
    elif budget < 1024:
        yield "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
    elif type(limit) is int and budget >= limit and not (body.get("tools") and INTERLEAVED in betas):
        yield "`max_tokens` must be greater than `thinking.budget_tokens`."


def _sampling(body: Mapping[str, Any]) -> Iterator[str]:
    if body.get("temperature", 1) != 1:
        yield "`temperature` may only be set to 1 when thinking is enabled."
    top_p = body.get("top_p", 1)
    if isinstance(top_p, int | float) and top_p < 0.95:
        yield "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled."
    if "top_k" in body:
        yield "`top_k` must be unset when thinking is enabled."


def effort_faults(
    config: Mapping[str, Any], body: Mapping[str, Any], facts: Model, betas: Collection[str]
) -> Iterator[str]:
    """The faults of `output_config.effort`."""
    if "effort" not in config:
        return
    effort = word(config, "effort")
    if not facts.efforts or (facts.effort_beta and facts.effort_beta not in betas):
        yield "output_config.effort: Extra inputs are not permitted"
    elif effort not in EFFORTS:
        yield f"output_config.effort: Input should be {', '.join(map(repr, EFFORTS))}"
    elif effort not in facts.efforts:
        known = ", ".join(facts.efforts)
        yield f"This model does not support effort level {effort!r}. Supported levels: {known}."
    elif _type(body) in ("disabled", "between_tools") and effort in facts.unthinking_effort:
        yield f"thinking: type {_type(body)!r} is not supported with effort level {effort!r} on this model"


def history_faults(body: Mapping[str, Any]) -> Iterator[str]:
    """Where the last turns lack the thinking, or have one, that they must not for the `thinking` of this request."""
    messages = body["messages"]
    last = messages[-1] if messages else None
    content = blocks_of(last)
    if word(last, "role") == "assistant" and not paused(content):
        if thinks(body) and _first(content) not in THINKING:
            yield _expected(len(messages) - 1, _first(content))
        elif not thinks(body) and any(word(block, "type") in THINKING for block in content):
            yield (
                f"messages.{len(messages) - 1}.content.0.type: When `thinking` is disabled, an `assistant` message in "
                "the final position cannot contain `thinking`."
            )
    elif _type(body) == "enabled" and _has_result(content):
        run = _run(messages)
        if run and not any(_first(blocks) in THINKING for _, blocks in (run[0], run[-1])):
            yield _expected(run[-1][0], _first(run[-1][1]))


def _run(messages: Sequence[Any]) -> list[tuple[int, list[Any]]]:
    """The assistant's turns in the run of calls that the messages end with, each with its place. Without the beta for
    interleaved thinking Claude thinks before the first call alone."""
    run: list[tuple[int, list[Any]]] = []
    for at, message in reversed(list(enumerate(messages))):
        if word(message, "role") == "assistant":
            run.insert(0, (at, blocks_of(message)))
        elif word(message, "role") == "user" and not _has_result(blocks_of(message)):
            break
    return run


def _has_result(content: Sequence[Any]) -> bool:
    return any(word(block, "type") == "tool_result" for block in content)


def _expected(at: int, found: str) -> str:
    return (
        f"messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{found}`. When "
        "`thinking` is enabled, a final `assistant` message must start with a thinking block (preceding the lastmost "
        "set of `tool_use` and `tool_result` blocks)."
    )


def paused(content: Sequence[Any]) -> bool:
    """Whether a last assistant's turn is one that a server's tool had paused, and no prefill."""
    return any(word(block, "type") == "server_tool_use" for block in content)


def _first(content: Sequence[Any]) -> str:
    return str(word(content[0], "type")) if content else "nothing"
