"""The page Upstream: each request that went to a cloud, without what let it in, and how it went."""

from __future__ import annotations

from collections.abc import Iterator

from ..plain.jsontext import read_any
from .figures import seconds, size
from .outline import outline
from .paper import LIMIT, Paper
from .told import Told, ToldAttempt

_FEW_ATTEMPTS = 20  # whose bodies are shown


def upstream_page(told: Told) -> str:
    paper = Paper()
    if not told.attempts:
        paper.line("Nothing was sent to a cloud.")
    bodies: dict[str, int] = {}
    text_limit = LIMIT // max(len(told.attempts), 1) // 4
    for number, attempt in enumerate(told.attempts, 1):
        aside = str(attempt.status or ("failed" if attempt.error else "no answer yet"))
        paper.heading(f"Request {number} of {len(told.attempts)}", aside)
        paper.text(f"{attempt.method} {attempt.url}" if attempt.was_sent else "not sent: nothing let it in")
        paper.table(_facts(told, attempt))
        paper.gap()
        paper.table(attempt.headers.items())
        paper.gap()
        if not attempt.was_sent:
            continue
        if (before := bodies.setdefault(attempt.body, number)) != number:
            paper.line(f"The body is that of request {before}.")
        elif number <= _FEW_ATTEMPTS:
            _body(paper, attempt, text_limit)
    return str(paper)


def _facts(told: Told, attempt: ToldAttempt) -> Iterator[tuple[str, str]]:
    yield "account", attempt.credential
    yield "sent", _times(told, attempt)
    if attempt.error:
        yield "failed", attempt.error
    if attempt.may_have_run:
        yield "", "The cloud may have worked on it, and you may pay for it."


def _times(told: Told, attempt: ToldAttempt) -> str:
    if attempt.sent is None or not attempt.was_sent:
        return ""
    parts = [f"after {seconds(attempt.sent - told.timing.began)}"]
    if attempt.connected is not None:
        parts.append(f"connected in {attempt.connected:.3f} s" if attempt.connected else "a kept connection")
    if attempt.answered is not None:
        parts.append(f"answered {seconds(attempt.answered - attempt.sent)} later")
    return " · ".join(parts)


def _body(paper: Paper, attempt: ToldAttempt, text_limit: int) -> None:
    kept = len(attempt.body.encode("utf-8", "replace"))
    if attempt.body_size and not attempt.body:
        paper.line(f"The body of {size(attempt.body_size)} is not kept: later requests of this chat were too large.")
        return
    if kept < attempt.body_size:
        paper.line(f"Only the first {size(kept)} of {size(attempt.body_size)} are kept.")
        paper.text(attempt.body, limit=text_limit)
        return
    try:
        outline(paper, read_any(attempt.body.encode()), limit=text_limit)
    except (ValueError, RecursionError):
        paper.text(attempt.body, limit=text_limit)
