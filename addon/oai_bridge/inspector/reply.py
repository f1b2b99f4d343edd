"""The page Reply: the answer put together, and what it took: tokens, money, time."""

from __future__ import annotations

from collections.abc import Iterator

from .figures import dollars, seconds, tokens
from .paper import Paper
from .prompt import put_parts, weight
from .replies import read_reply
from .spoken import Api, Reply
from .told import Told


def reply_page(response: bytes | None, api: Api, told: Told | None, *, is_cut: bool = False) -> str:
    """`response` is what the client got, so far; without any compression. `is_cut`: it got more, which isn't kept."""
    if response is None:
        return "Nothing has come yet."
    reply = read_reply(response, api)
    paper = Paper()
    paper.table(_facts(reply, told, is_cut))
    for choice in reply.choices:
        name = "answer" if len(reply.choices) == 1 else f"answer {choice.index}"
        paper.heading(name, weight(choice.message.parts))
        put_parts(paper, choice.message.parts, "  ")
    if not any(choice.message.parts for choice in reply.choices):
        _nothing(paper, reply, response, told)
    if error := reply.error or (told.error.message if told and told.error else ""):
        paper.heading("error")
        paper.text(error, "  ")
    return str(paper)


def _nothing(paper: Paper, reply: Reply, response: bytes, told: Told | None) -> None:
    paper.gap()
    if _is_running(told):
        paper.line("Nothing has come yet.")
    elif not reply.error:
        paper.line("Nothing was said." if reply.whole or not response else "There is no answer in this:")
        if not reply.whole:
            paper.text(response.decode("utf-8", "replace"))


def _is_running(told: Told | None) -> bool:
    return told is not None and not told.timing.ended


def _facts(reply: Reply, told: Told | None, is_cut: bool) -> Iterator[tuple[str, str]]:
    yield "state", _state(reply, told, is_cut)
    yield "finish", _finish(reply, told)
    if told is None:
        yield "model", reply.model
        return
    yield "model", " · ".join(word for word in (told.model, told.route, told.upstream_model) if word)
    yield "tokens", _tokens(told)
    yield "cost", _cost(told)
    yield "time", " · ".join(_times(told))
    yield "request", " · ".join(word for word in (told.request_id, told.upstream_request_id) if word)


def _state(reply: Reply, told: Told | None, is_cut: bool) -> str:
    if _is_running(told):
        return "it is still coming: this is what there is so far"
    if reply.error or (told and told.error):
        return "it broke off: what came before is below" if reply.choices else "it failed"
    if is_cut:
        return "the client got more: only the first 8 MB are kept here"
    return "whole" if reply.whole else "it is not whole: the client left, or the connection broke"


def _finish(reply: Reply, told: Told | None) -> str:
    words = [choice.finish_reason for choice in reply.choices]
    if told and told.upstream_reason and told.upstream_reason not in words:
        words.append(f"the cloud's word: {told.upstream_reason}")
    words += [f"at {choice.stop_sequence!r}" for choice in reply.choices if choice.stop_sequence]
    return " · ".join(word for word in words if word)


def _tokens(told: Told) -> str:
    usage = told.usage
    if not usage.prompt and not usage.output:
        return ""
    kinds = ((usage.input, "new"), (usage.cache_write, "written to the cache"), (usage.cache_read, "read from it"))
    prompt = " + ".join(f"{count:,} {kind}" for count, kind in kinds if count)
    thinking = f", {tokens(usage.reasoning)} of them thinking" if usage.reasoning else ""
    return f"{usage.prompt:,} prompt ({prompt}) → {usage.output:,} output{thinking}"


def _cost(told: Told) -> str:
    usage, cost = told.usage, told.cost
    if not usage.prompt and not usage.output:
        return ""
    if cost is None:
        return "unknown: the model's price, or that of its service tier, isn't known here"
    kinds = (
        (cost.input, "new"),
        (cost.cache_write, "cache write"),
        (cost.cache_read, "cache read"),
        (cost.output, "output"),
    )
    parts = " + ".join(f"{dollars(paid)} {kind}" for paid, kind in kinds if paid)
    least = "" if told.finish_reason else "at least "
    return f"{least}{dollars(cost.total)}" + (f" = {parts}" if parts else "")


def _times(told: Told) -> Iterator[str]:
    timing = told.timing
    if timing.queued:
        yield f"{seconds(timing.queued)} in the queue"
    last = next((one for one in reversed(told.attempts) if one.answered is not None), None)
    if last is not None and last.connected is not None:
        yield f"connected in {last.connected:.3f} s" if last.connected else "a kept connection"
    if (first := told.first_token_after) is not None:
        yield f"first word after {seconds(first)}"
    if rate := told.tokens_per_second:
        yield f"then {rate:.0f} tokens/s"
    if timing.ended is not None:
        yield f"{seconds(timing.ended - timing.began)} in all"
