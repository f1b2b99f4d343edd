"""What Claude says about tokens, gathered over an answer.

Fields as in `anthropic/types/usage.py` and, for `amazon-bedrock-invocationMetrics`, in recorded streams of Bedrock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ..events import Usage

_COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_PROMPT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_HOUR = "ephemeral_1h_input_tokens"  # of the tokens written, in `cache_creation`
_METRICS = ("inputTokenCount", "outputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount")
_MOST = 10**12  # what is more is no number of tokens
_TIERS: Mapping[Any, Literal["default", "priority"]] = {"standard": "default", "priority": "priority"}


class Tally:
    """Total: what is missing, null or no number counts as not told."""

    def __init__(self) -> None:
        self._before = Usage()  # of the answer's requests that are done
        self._counts: dict[str, int] = {}
        self._iterations: list[dict[str, int]] = []
        self._thinking: int | None = None
        self._tier: Literal["default", "priority"] | None = None

    def tell(self, usage: Any) -> None:
        """A `usage` object. Later numbers replace earlier ones: they are running totals."""
        if not isinstance(usage, dict):
            return
        self._counts |= _counts(usage)
        if isinstance(iterations := usage.get("iterations"), list):
            self._iterations = [_counts(part) for part in iterations if isinstance(part, dict)]
        details = usage.get("output_tokens_details")
        thinking = _count(details.get("thinking_tokens")) if isinstance(details, dict) else None
        self._thinking = self._thinking if thinking is None else thinking
        tier = usage.get("service_tier")
        self._tier = _TIERS.get(tier, self._tier) if isinstance(tier, str) else self._tier

    def tell_metrics(self, metrics: Any) -> bool:
        """Bedrock's own count, used where Claude has told none; whether it was."""
        if self._counts or self._iterations or not isinstance(metrics, dict):
            return False
        self._counts = _counts({name: metrics.get(key) for name, key in zip(_COUNTS, _METRICS, strict=True)})
        return bool(self._counts)

    def next_request(self) -> None:
        """The answer goes on in another request, which is counted and paid for besides."""
        self._before = self.usage
        self._counts, self._iterations, self._thinking = {}, [], None

    @property
    def usage(self) -> Usage:
        """Of all requests so far. With iterations (of the model, inside one request) the whole is their sum."""
        before = self._before
        parts = self._iterations or [self._counts]
        longest = max(sum(part.get(name, 0) for name in _PROMPT) for part in parts)
        hour = sum(part.get(_HOUR, 0) for part in parts) or self._counts.get(_HOUR, 0)
        fresh, output, read, written = (sum(part.get(name, 0) for part in parts) for name in _COUNTS)
        told = [thinking for thinking in (before.reasoning, self._thinking) if thinking is not None]
        return Usage(
            input=before.input + fresh,
            output=before.output + output,
            cache_read=before.cache_read + read,
            cache_write=before.cache_write + written,
            reasoning=sum(told) if told else None,
            tier=self._tier,
            cache_write_1h=before.cache_write_1h + min(hour, written),
            longest=max(before.longest, longest),
        )


def _counts(value: Mapping[str, Any]) -> dict[str, int]:
    counts = {name: _count(value.get(name)) for name in _COUNTS}
    if isinstance(creation := value.get("cache_creation"), Mapping):
        counts[_HOUR] = _count(creation.get(_HOUR))
    return {name: count for name, count in counts.items() if count is not None}


def _count(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST else None
