"""Why a request did not read from the cache what it could have, by rule, and what to do about it.

The rules are those of Anthropic's "Prompt caching": caches are kept apart by model and organization, an entry lives for
five minutes or an hour after its last use and can be read once the answer that wrote it has begun; a cache point finds
entries that end at most 20 blocks back, itself included; another tool choice or thinking empties the messages' part.
Amazon's "Prompt caching for faster model inference" has the same for Claude, and warns of more writing where an
inference profile chooses the region. Microsoft's "Prompt caching" is about what is cached by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

from ..pages.page import short
from .cache_changes import Reason
from .cache_match import Known, Match
from .cache_prompt import HOUR

Verdict = Literal["used", "partly", "missed", "new", "off", "none", "unknown", "unread"]
"""All that could be read was; a part of it; nothing; nothing could be yet; no cache was asked for; nothing could be,
for another reason; the cloud didn't tell; the body could not be read."""

_LOOK_BACK = 20  # blocks
_PROFILE = re.compile(r"(?:us|us-gov|ca|eu|apac|jp|au|in|global)\.")  # Bedrock's: AWS chooses the region
_AUTO = "set `claude: {cache: auto}` in config.yaml, or have the client send cache_control"

UNREADABLE: Final = Reason("unreadable", "What was sent holds no prompt that can be compared.")
TOO_MANY: Final = Reason(
    "too_many_blocks", "The prompt has too many blocks to be compared.", "Have the client join short blocks."
)
LITTLE: Final = Reason("little", "Hardly anything of it had been cached before.", normal=True)


def verdict_of(match: Match) -> tuple[Verdict, list[Reason]]:
    """What became of the cache, and why. There is at least one reason."""
    now, usage = match.now, match.now.sent.usage
    normal = [reason for reason in match.changes if reason.normal]
    if now.sent.caching == "none":
        return "none", [Reason("not_offered", "This model's cloud has no prompt cache.")]
    if match.missed is None:
        return "unknown", [Reason("not_told", "The cloud did not tell what it read from its cache."), *match.changes]
    if now.sent.caching == "points" and not now.prompt.points:
        return "off", [_no_points(), *match.changes]
    if match.missed:
        return ("partly" if usage.cache_read else "missed"), _causes(match)
    if usage.cache_read:
        text = f"The cache was used: {short(usage.cache_read)} of {short(usage.prompt)} tokens were read."
        return "used", [Reason("used", text, normal=True), *normal]
    if now.sent.min_tokens and usage.prompt < now.sent.min_tokens:
        return "none", [_too_short("The prompt", usage.prompt, now.sent.min_tokens)]
    if match.before is None or match.other:
        return "new", [_first(match)]
    return "none", [*_nothing_cached(match.before), *match.changes] or [LITTLE]


def _causes(match: Match) -> list[Reason]:
    before, now = match.before, match.now
    if before is None:
        return []
    found = list(_cold(match, before, now)) if match.prefix_missed else []
    if not found and all(reason.normal for reason in match.changes):
        found.append(_gone(now))
    return [*found, *match.changes]


def _cold(match: Match, before: Known, now: Known) -> Iterator[Reason]:
    """Reasons why even the same beginning is not found."""
    if before.cache != now.cache:
        yield from _another_cache(before, now)
        return
    idle = now.sent.at - before.sent.at
    if idle > before.ttl:
        yield _expired(before, idle)
    elif before.sent.answered is not None and now.sent.at < before.sent.answered:
        text = "It was sent before the previous request was answered: only then can its part of the cache be read."
        yield Reason("too_soon", text, "Wait for the first word of one answer before you send the next request.")
    yield from _settings(before, now)
    if now.sent.caching == "points":
        yield from _points(match, before, now)


def _another_cache(before: Known, now: Known) -> Iterator[Reason]:
    if before.sent.model != now.sent.model:
        text = f"The model is another one: {before.sent.model} before, {now.sent.model} now. Each has its own cache."
        yield Reason("model_changed", text, "Stay with one model in a chat.")
    if before.sent.place != now.sent.place:
        text = f"It went elsewhere: {before.sent.place} before, {now.sent.place} now. Each place has its own cache."
        remedy = "Configure one region and one account for this model: several take turns, or step in for each other."
        yield Reason("place_changed", text, remedy)
    elif before.sent.credential != now.sent.credential:
        text = (
            f"Another credential was used: {before.sent.credential} before, {now.sent.credential} now. Each project or "
            "account has its own cache."
        )
        yield Reason("credential_changed", text, "Configure one account for this model: several take turns.")


def _expired(before: Known, idle: float) -> Reason:
    text = f"The previous request was {duration(idle)} before."
    if before.sent.caching == "automatic":
        return Reason("expired", f"{text} The cloud forgets a prompt after some minutes.", "Answer sooner.")
    if before.ttl == HOUR:
        return Reason("expired", f"{text} What was cached lives for 1 hour after its last use.", "Answer sooner.")
    remedy = "If your pauses are often longer, set `claude: {cache_ttl: 1h}` in config.yaml; writing costs more then."
    return Reason("expired", f"{text} What was cached lives for 5 minutes after its last use.", remedy)


def _settings(before: Known, now: Known) -> Iterator[Reason]:
    old, new = before.prompt.settings, now.prompt.settings
    changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    if now.sent.caching == "automatic":
        changed = [name for name in changed if name == "answer format"]
    if changed:
        text = f"Settings are different that empty the cache though the text is the same: {', '.join(changed)}."
        yield Reason("settings_changed", text, "Keep them the same throughout a chat.")


def _points(match: Match, before: Known, now: Known) -> Iterator[Reason]:
    last = max((point for point in before.prompt.points if point < match.same), default=None)
    if last is None:
        return
    steps = [point - last for point in now.prompt.points if point >= last]
    if not steps:
        text = "No cache point stands where the previous request's did, or after it."
        yield Reason("point_missing", text, f"To have points where they are best, {_AUTO} at the last messages.")
    elif min(steps) >= _LOOK_BACK:
        text = (
            f"The next cache point stands {min(steps)} blocks after the previous request's last one: the cloud looks "
            f"back {_LOOK_BACK} blocks at most."
        )
        remedy = (
            "Have the client set a cache point in between, such as after every 15 blocks of tool calls and results."
        )
        yield Reason("look_back", text, remedy)


def _gone(now: Known) -> Reason:
    text = (
        "All is the same and soon enough, and yet the cloud did not find it: it has forgotten it, or asked elsewhere."
    )
    if now.sent.caching == "automatic":
        return Reason(
            "gone", text, "The cloud promises nothing here; OpenAI's models find more with a prompt_cache_key."
        )
    if _PROFILE.match(now.sent.model):
        return Reason("gone", text, "An inference profile may send each request to another region; name one region.")
    return Reason("gone", text, "If it happens often, name one region instead of a global endpoint.")


def _no_points() -> Reason:
    text = "Nothing asked the cloud to cache this prompt: there is no cache point in it."
    remedy = f"To have the next turn read it for a tenth of the price, {_AUTO}; writing costs a quarter more, once."
    return Reason("no_cache_points", text, remedy)


def _first(match: Match) -> Reason:
    usage = match.now.sent.usage
    text = "It is the first request of its conversation, so that there was nothing to read."
    if usage.cache_write:
        text += f" The next one can read the {short(usage.cache_write)} tokens that it wrote."
    return Reason("first", text, normal=True)


def _nothing_cached(before: Known) -> list[Reason]:
    """Why there was nothing to be read of the request before, if that is why."""
    sent = before.sent
    if before.cached:
        return []
    if sent.caching == "points" and not before.prompt.points:
        return [Reason("before_off", "The previous request had no cache point; what this one wrote can be read next.")]
    if sent.min_tokens and sent.usage.prompt < sent.min_tokens:
        return [_too_short("The previous prompt", sent.usage.prompt, sent.min_tokens)]
    end = before.cached_segments
    early = before.tokens_of(sum(segment.tokens for segment in before.prompt.segments[:end]))
    if sent.min_tokens and early < sent.min_tokens:
        text = (
            f"The previous request's last cache point stood after about {short(early)} tokens: fewer than "
            f"{short(sent.min_tokens)} aren't cached."
        )
        return [Reason("point_too_early", text, f"To have points where they are best, {_AUTO} at the last messages.")]
    return [Reason("nothing_cached", "The cloud cached nothing of the previous request, though it was asked to.")]


def _too_short(what: str, tokens: int, least: int) -> Reason:
    text = f"{what} has {short(tokens)} tokens: this model caches prompts from {short(least)} on."
    return Reason("too_short", text, "Nothing to do: it is cached when the chat has grown.", normal=True)


def duration(seconds: float) -> str:
    """`42 s`, `7 min`, `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
