"""What OpenAI's own answers say about tokens.

Fields as in `openai/types/completion_usage.py`, `create_embedding_response.py` and `images_response.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ..events import Usage

_MOST = 10**12  # what is more is no number of tokens
_TIERS: Mapping[Any, Literal["default", "priority"]] = {"default": "default", "priority": "priority"}


def read_usage(usage: Any, tier: Any = None) -> Usage | None:
    """The `usage` of a chat, of vectors or of pictures; `tier` is the answer's `service_tier`. `None` where nothing is
    told; total: what is missing, null or no number counts as none."""
    if not isinstance(usage, dict):
        return None
    prompt = _count(usage, "prompt_tokens") or _count(usage, "input_tokens")
    told = _count(usage, "completion_tokens") or _count(usage, "output_tokens")
    # Vertex AI counts Gemini's thoughts in the total alone.
    output = max(told, _count(usage, "total_tokens") - prompt)
    inputs, outputs = _details(usage, "prompt_tokens_details"), _details(usage, "completion_tokens_details")
    read = min(_count(inputs, "cached_tokens"), prompt)
    written = min(_count(inputs, "cache_write_tokens"), prompt - read)
    return Usage(
        input=prompt - read - written,
        output=output,
        cache_read=read,
        cache_write=written,
        reasoning=_count(outputs, "reasoning_tokens") if "reasoning_tokens" in outputs else None,
        tier=_TIERS.get(tier) if isinstance(tier, str) else None,
    )


def _details(usage: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = usage.get(field)
    return value if isinstance(value, dict) else {}


def _count(usage: Mapping[str, Any], field: str) -> int:
    value = usage.get(field)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _MOST else 0
