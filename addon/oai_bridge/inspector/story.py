"""A chat's story in one line for the list of flows, and the marker of those that did not end well."""

from __future__ import annotations

from .figures import counted, dollars, seconds, tokens
from .record import one_line
from .told import Told

_ERROR_SHOWN = 160  # characters
_MARKERS = {"length": ":scissors:", "content_filter": ":no_entry_sign:"}
_FAILED, _LEFT = ":x:", ":hand:"
_SIGNS = {":x:": "✗ ", ":hand:": "■ ", ":scissors:": "✂ ", ":no_entry_sign:": "⊘ "}


def story(told: Told, trouble: str | None = None) -> str:
    """Such as `claude-sonnet-4-6 · vertex us-east5 · 12.3k (11.8k cached) → 512 tok · $0.012 · 0.8 s + 41 tok/s · 2
    notes`. What did not end well begins with a sign, and says soon what happened: a list cuts long lines. `trouble` is
    the connection's, if it broke."""
    sign = _SIGNS.get(marker(told, left=trouble is not None), "")
    parts = [sign + (told.model or "a request"), (told.route or "").replace("/", " ")]
    if error := told.error.message if told.error else trouble:
        parts.append(error if len(error) <= _ERROR_SHOWN else error[:_ERROR_SHOWN] + "…")
    if told.finish_reason in _MARKERS:
        parts.append("cut at max_tokens" if told.finish_reason == "length" else "refused by the model")
    parts += [_usage(told), _cost(told), _speed(told)]
    if len(told.attempts) > 1:
        parts.append(f"{len(told.attempts)} attempts")
    if told.notes:
        parts.append(counted(len(told.notes), "note"))
    return one_line(" · ".join(part for part in parts if part))


def marker(told: Told, left: bool) -> str:
    """mitmproxy's marker for the outcome; "" for an answer that is whole, so that `~marked` finds what is not, and what
    the user has marked. `left`: the connection broke, or the chat was stopped."""
    if told.error:
        return _FAILED
    if left:
        return _LEFT
    return _MARKERS.get(told.finish_reason or "", "")


def _usage(told: Told) -> str:
    usage = told.usage
    if not usage.prompt and not usage.output:
        return "" if told.timing.ended else "…"
    cached = f" ({tokens(usage.cache_read)} cached)" if usage.cache_read else ""
    return f"{tokens(usage.prompt)}{cached} → {tokens(usage.output)} tok"


def _cost(told: Told) -> str:
    """Of an answer that did not come to its end, more may have been made, and be paid, than was told."""
    usage = told.usage
    if not usage.prompt and not usage.output:
        return ""
    least = "≥ " if told.cost and not told.finish_reason else ""
    return least + dollars(told.cost.total if told.cost else None)


def _speed(told: Told) -> str:
    """The time to the first word and the speed from there, else how long it took."""
    after, rate, ended = told.first_token_after, told.tokens_per_second, told.timing.ended
    if after is not None and rate is not None:
        return f"{seconds(after)} + {rate:.0f} tok/s"
    return seconds(ended - told.timing.began) if ended is not None else ""
