"""The cache coach: finds the conversation that a request belongs to, and says what became of its prompt's cache."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..plain.jsontext import encodable
from .cache_changes import Reason
from .cache_compare import Difference, changed_span, same_segments
from .cache_match import Known, Match, Sent, matched
from .cache_prompt import Prompt, Segment, read_prompt
from .cache_reasons import TOO_MANY, UNREADABLE, Verdict, verdict_of

__all__ = ["Coach", "Finding", "Sent"]

_CONVERSATIONS = 64
_BYTES = 16 * 1024 * 1024  # of remembered texts; the newest request is kept in any case
_SEGMENT_BYTES = 500  # that a remembered segment takes besides its text
_BRANCHES = 4  # requests of a conversation that are remembered
_SHARED = 3  # messages from which a half of them in common makes one conversation
_TITLE = 40  # characters
_TITLE_FROM = 200  # characters that it is made of
_EXCERPT = 30  # characters on either side of a difference
_DIFFERS = 40  # characters of a difference


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one request's cache. `conversation` and `request` count from 1; `title` is of its first words."""

    sent: Sent
    verdict: Verdict
    reasons: Sequence[Reason]
    conversation: int = 0
    request: int = 0
    title: str = ""
    match: Match | None = None

    def to_metadata(self) -> dict[str, Any]:
        """As plain data, for `cache_text.finding_text` and programs. Numbers of tokens are the cloud's, or estimates
        scaled to them; `None`: not known, or nothing to tell."""
        usage = self.sent.usage
        match = self.match
        data: dict[str, Any] = {
            "verdict": self.verdict,
            "conversation": {"number": self.conversation, "request": self.request, "title": self.title},
            "sent": {"model": self.sent.model, "place": self.sent.place, "credential": self.sent.credential},
            "previous": None,
            "same": None,
            "difference": None,
            "usage": {"read": usage.cache_read, "written": usage.cache_write, "uncached": usage.input},
            "expected": None,
            "exact": False,
            "missed": None,
            "cost": None,
            "reasons": [
                {"code": reason.code, "text": reason.text, "remedy": reason.remedy, "normal": reason.normal}
                for reason in self.reasons
            ],
        }
        if match is not None and (before := match.before) is not None:
            data["previous"] = {
                "seconds": self.sent.at - before.sent.at,
                "other": match.other,
                "model": before.sent.model,
                "place": before.sent.place,
                "credential": before.sent.credential,
            }
            data["same"] = _same(match)
            data["difference"] = _difference(match.difference)
            data |= {"expected": match.expected, "exact": match.exact, "missed": match.missed, "cost": match.cost}
        plain: dict[str, Any] = _encodable(data)
        return plain


@dataclass(slots=True)
class _Conversation:
    number: int
    title: str
    count: int = 0
    requests: list[Known] = field(default_factory=list)  # the newest last
    keys: list[frozenset[tuple[str, str]]] = field(default_factory=list)  # what the messages of each say
    size: int = 0  # bytes

    def remember(self, known: Known, keys: frozenset[tuple[str, str]]) -> None:
        """Keeps it instead of those of which it is a continuation: whoever shares something with them shares it with
        this one. Texts that are known already are kept once."""
        texts = {segment.text: segment.text for request in self.requests for segment in request.prompt.segments}
        segments = tuple(replace(one, text=texts.get(one.text, one.text)) for one in known.prompt.segments)
        known = Known(known.sent, Prompt(segments, known.prompt.settings))
        kept = [pair for pair in zip(self.requests, self.keys, strict=True) if not _continues(known, pair[0])]
        kept = [*kept, (known, keys)][-_BRANCHES:]
        self.requests, self.keys = [request for request, _ in kept], [said for _, said in kept]
        self._measure()

    def keep_newest(self) -> None:
        self.requests, self.keys = self.requests[-1:], self.keys[-1:]
        self._measure()

    def _measure(self) -> None:
        all_segments = [segment for request in self.requests for segment in request.prompt.segments]
        distinct = {id(segment.text): segment.text for segment in all_segments}
        self.size = sum(map(sys.getsizeof, distinct.values())) + _SEGMENT_BYTES * len(all_segments)


class Coach:
    """Remembers the last requests of each conversation, in bounded memory. Clients don't share conversations."""

    def __init__(self, conversations: int = _CONVERSATIONS, memory: int = _BYTES) -> None:
        self._most = conversations
        self._memory = memory
        self._numbers = 0
        self._conversations: dict[int, tuple[str, _Conversation]] = {}  # with their clients, the last used last

    def look(self, sent: Sent) -> Finding:
        """To be called once for each request, when its answer has ended. Never raises."""
        prompt = read_prompt(sent.body)
        sent = replace(sent, body={})
        if prompt is None:
            return Finding(sent, "unread", [UNREADABLE])
        if not prompt.segments:
            return Finding(sent, "unread", [TOO_MANY])
        known = Known(sent, prompt)
        keys = frozenset(segment.key for segment in prompt.part("messages"))
        conversation = self._find(sent.client, keys)
        other = conversation is None
        earlier = self._earlier(sent) if conversation is None else _sent_before(conversation, sent.at)
        match = matched(known, _best(earlier, known), other=other)
        if other and not match.same:
            match = matched(known, None, other=other)  # nothing in common
        if conversation is None:
            self._numbers += 1
            conversation = _Conversation(self._numbers, _title(prompt))
        conversation.count += 1
        verdict, reasons = verdict_of(match)
        if sent.usage.prompt:  # else it may have failed, and cached nothing
            self._conversations.pop(conversation.number, None)
            self._conversations[conversation.number] = sent.client, conversation
            conversation.remember(known, keys)
            self._forget()
        return Finding(sent, verdict, reasons, conversation.number, conversation.count, conversation.title, match)

    def _find(self, client: str, keys: frozenset[tuple[str, str]]) -> _Conversation | None:
        """The conversation of which a request has most in common with these messages, the last used of several. Tools
        and system prompt don't count, so that a chat is known again whatever becomes of them, and another chat with the
        same ones is not taken for it."""
        best, found = 0.0, None
        for owner, conversation in self._conversations.values():
            if owner == client:
                likeness = max((_likeness(keys, others) for others in conversation.keys), default=0.0)
                if likeness and likeness >= best:
                    best, found = likeness, conversation
        return found

    def _earlier(self, sent: Sent) -> Iterator[Known]:
        for owner, conversation in self._conversations.values():
            if owner == sent.client:
                yield from _sent_before(conversation, sent.at)

    def _forget(self) -> None:
        size = sum(conversation.size for _, conversation in self._conversations.values())
        while len(self._conversations) > 1 and (len(self._conversations) > self._most or size > self._memory):
            _, oldest = self._conversations.pop(next(iter(self._conversations)))
            size -= oldest.size
        if size > self._memory:
            for _, newest in self._conversations.values():
                newest.keep_newest()


def _sent_before(conversation: _Conversation, at: float) -> Iterator[Known]:
    """Answers end in another order than their requests were sent."""
    return (request for request in conversation.requests if request.sent.at <= at)


def _likeness(keys: frozenset[tuple[str, str]], others: frozenset[tuple[str, str]]) -> float:
    """How many messages they share, if they are of one conversation; else 0. A short chat that shares less than all of
    a message or two may be another one with the same character, whose greeting is always the same."""
    shared = len(keys & others)
    least = min(len(keys), len(others))
    return shared if shared == least or (shared >= _SHARED and 2 * shared >= least) else 0


def _best(earlier: Iterator[Known], now: Known) -> Known | None:
    """The request whose cache can still be alive and which shares most of the beginning, the last of several."""

    def rank(before: Known) -> tuple[bool, float, float]:
        alive = bool(before.cached) and before.cache == now.cache and now.sent.at - before.sent.at <= before.ttl
        same = same_segments(before.prompt, now.prompt)
        return alive, sum(segment.tokens for segment in now.prompt.segments[:same]), before.sent.at

    return max(earlier, key=rank, default=None)


def _continues(now: Known, before: Known) -> bool:
    whole = len(before.prompt.segments)
    return (
        before.cache == now.cache
        and before.cached <= now.cached
        and before.sent.at <= now.sent.at
        and (same_segments(before.prompt, now.prompt) == whole)
    )


def _title(prompt: Prompt) -> str:
    """The user's first words that are more than a stand-in such as "[Start a new chat]"."""
    said = (one.text[:_TITLE_FROM] for one in prompt.segments if one.role == "user" and one.kind == "text")
    texts = [" ".join(text.split()) for text in said]
    text = next((text for text in texts if len(text) > 2 and text[0] != "["), texts[0] if texts else "")
    return text if len(text) <= _TITLE else text[: _TITLE - 1].rstrip() + "…"


def _same(match: Match) -> dict[str, int]:
    segments, tokens = match.now.prompt.segments, match.now.tokens_of
    letters = sum(len(segment.text) for segment in segments[: match.same])
    begun = match.difference.same_tokens if match.difference else 0.0
    return {
        "blocks": match.same,
        "of_blocks": len(segments),
        "characters": letters + (match.difference.character if match.difference else 0),
        "of_characters": sum(len(segment.text) for segment in segments),
        "tokens": tokens(sum(segment.tokens for segment in segments[: match.same]) + begun),
        "of_tokens": tokens(match.now.prompt.tokens),
    }


def _difference(difference: Difference | None) -> dict[str, Any] | None:
    """Where it is, the number of the first character that differs, from 1, and excerpts: what stands before it, what
    differs, what comes after."""
    if difference is None:
        return None
    before, now, start = difference.before, difference.now, difference.character
    old, new = before.text if before else "", now.text if now else ""
    was, became = changed_span(old, new) if start else (old, new)
    segment = now or before
    return {
        "where": segment.where if segment else "",
        "character": start + 1,
        "before": _excerpt(before, start, was),
        "now": _excerpt(now, start, became),
    }


def _excerpt(segment: Segment | None, start: int, differs: str) -> list[str] | None:
    if segment is None:
        return None
    end = start + len(differs)
    shown = differs if len(differs) <= _DIFFERS else differs[: _DIFFERS - 1] + "…"
    after = segment.text[end : end + _EXCERPT] if len(differs) <= _DIFFERS else ""
    return [segment.text[max(0, start - _EXCERPT) : start], shown, after]


def _encodable(value: Any) -> Any:
    """Without half surrogates, which a flow's file can't hold."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {key: _encodable(inner) for key, inner in value.items()}
    return [_encodable(inner) for inner in value] if isinstance(value, list) else value
