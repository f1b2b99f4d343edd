"""inspector/cache_reasons.py: each rule for why a cache was missed, and none where it was used."""

from __future__ import annotations

from typing import Any

import pytest

from oai_bridge.events import Usage
from oai_bridge.inspector.cache_match import matched
from oai_bridge.inspector.cache_prompt import HOUR
from oai_bridge.inspector.cache_reasons import duration, verdict_of
from tests.support.cache_chats import SYSTEM, TURNS, chat, known, openai_chat, text

CACHED = 3000


def told(
    now: dict[str, Any] | None = None,
    before: dict[str, Any] | None = None,
    *,
    first: dict[str, Any] | None = None,
    other: bool = False,
    **more: Any,
) -> tuple[str, list[str]]:
    """Verdict and codes. The first request had `first`, or wrote 3,000 tokens; the second 3,500 unless told."""
    earlier = known(before or chat(TURNS[:7]), **({"written": CACHED} | (first or {})))
    later = known(now or chat(), **({"at": 60, "written": 3500} | more))
    verdict, reasons = verdict_of(matched(later, earlier, other=other))
    assert all(reason.text.endswith(".") and reason.text[0].isupper() for reason in reasons)
    assert all(reason.remedy.endswith(".") for reason in reasons if reason.remedy)
    return verdict, [reason.code for reason in reasons]


def test_all_was_read() -> None:
    assert told(read=CACHED, written=500) == ("used", ["used"])


def test_a_swipe_that_read_all_is_normal() -> None:
    swiped = chat([*TURNS[:7], "Another answer.", "And?"])
    assert told(swiped, chat(), read=2900, written=100) == ("used", ["used", "answer_replaced"])


def test_the_first_request_of_a_conversation() -> None:
    verdict, (reason,) = verdict_of(matched(known(chat(), written=CACHED), None, other=True))
    assert (verdict, reason.code) == ("new", "first") and "3.0k tokens" in reason.text


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ({"model": "claude-haiku-4-5"}, ["model_changed"]),
        ({"place": "vertex/europe-west1"}, ["place_changed"]),
        ({"credential": "other-project"}, ["credential_changed"]),
        ({"model": "claude-haiku-4-5", "place": "bedrock/us-east-1"}, ["model_changed", "place_changed"]),
        ({"at": 301}, ["expired"]),
        ({"at": 300}, ["gone"]),
    ],
)
def test_the_same_prompt_and_yet_nothing_read(more: dict[str, Any], codes: list[str]) -> None:
    assert told(**more) == ("missed", codes)


def test_what_lives_for_an_hour_expires_later() -> None:
    hours = {"now": chat(ttl="1h"), "before": chat(TURNS[:7], ttl="1h")}
    assert told(**hours, at=HOUR) == ("missed", ["gone"])
    assert told(**hours, at=HOUR + 1) == ("missed", ["expired"])
    mixed = chat(TURNS[:7], ttl="1h")
    mixed["messages"][-1]["content"][-1] = text(TURNS[6], "5m")
    assert told(chat(), mixed, at=400)[1] == ["expired"]


def test_sent_before_the_one_before_was_answered() -> None:
    assert told(first={"answered": 61}) == ("missed", ["too_soon"])
    assert told(first={"answered": 60}) == ("missed", ["gone"])


@pytest.mark.parametrize(
    "setting",
    [{"tool_choice": {"type": "any"}}, {"thinking": {"type": "adaptive"}}, {"output_config": {"effort": "low"}}],
)
def test_settings_that_empty_the_cache(setting: dict[str, Any]) -> None:
    assert told(chat(**setting), read=1500, written=2000) == ("partly", ["settings_changed"])
    assert told(chat(**setting), chat(TURNS[:7], **setting)) == ("missed", ["gone"])
    assert told(chat(**setting), read=CACHED) == ("used", ["used"])


def many_results(count: int) -> dict[str, Any]:
    """The next turn has that many results of tools, and a point on the last one only."""
    body = chat(TURNS[:7])
    for message in body["messages"]:
        message["content"] = [text(block["text"]) for block in message["content"]]
    body["messages"] += [{"role": "assistant", "content": [text("So.")]}]
    body["messages"] += [{"role": "user", "content": [*map(text, map(str, range(count - 1))), text("End.", "5m")]}]
    return body


def test_the_cloud_looks_back_20_blocks() -> None:
    assert told(many_results(18), read=1500, written=2000) == ("partly", ["gone"])
    assert told(many_results(19), read=1500, written=2000) == ("partly", ["look_back"])


def test_a_point_that_went_missing() -> None:
    now = chat(ttl=None)
    now["system"] = [text(SYSTEM, "5m")]
    assert told(now, read=1500, written=0, fresh=2000) == ("partly", ["point_missing"])


def test_nothing_asked_for_caching() -> None:
    assert told(chat(ttl=None), chat(TURNS[:7], ttl=None), written=0, fresh=3500) == ("off", ["no_cache_points"])


def test_what_is_cached_by_itself_needs_no_points() -> None:
    first = {"caching": "automatic", "written": 0, "fresh": CACHED}
    more: dict[str, Any] = {"caching": "automatic", "written": 0, "fresh": 3500, "first": first}
    now, before = openai_chat(), openai_chat(TURNS[:7])
    assert told(now, before, **more) == ("missed", ["gone"])
    assert told(now, before, **more, at=301) == ("missed", ["expired"])
    assert told(openai_chat(tool_choice="none"), before, **more) == ("missed", ["gone"])
    assert told(openai_chat(response_format={}), before, **more) == ("missed", ["settings_changed"])


def test_a_model_without_a_cache() -> None:
    assert told(caching="none") == ("none", ["not_offered"])


def test_prompts_that_are_too_short() -> None:
    assert told(min_tokens=4096, written=0, fresh=3500, first={"written": 0, "fresh": 900})[1] == ["too_short"]
    short = told(first={"written": 0, "fresh": 900}, written=1200)
    assert short == ("none", ["too_short"])


def test_the_request_before_had_cached_nothing() -> None:
    nothing = {"written": 0, "fresh": 3000}
    assert told(before=chat(TURNS[:7], ttl=None), first=nothing) == ("none", ["before_off"])
    assert told(first=nothing) == ("none", ["nothing_cached"])
    early = chat(TURNS[:7], system="Short.", ttl=None)
    early["system"] = [text("Short.", "5m")]
    assert told(chat(system="Short."), early, first=nothing) == ("none", ["point_too_early"])


def test_hardly_anything_had_been_cached() -> None:
    first = {"written": 100, "fresh": 9}
    assert told(first=first, caching="automatic", written=0, fresh=3500) == ("none", ["little"])


def test_a_change_is_the_reason_where_the_rest_was_read() -> None:
    lore: list[Any] = [*TURNS]
    lore[4] = [TURNS[4], "[The castle: an old ruin.]"]
    assert told(chat(lore), chat(), read=2000, written=1500, at=301) == ("partly", ["block_inserted"])


def test_an_expired_cache_is_told_beside_a_change() -> None:
    assert told(chat(system=SYSTEM + "A"), chat(system=SYSTEM + "B"), at=301)[1] == ["expired", "system_few"]


def test_another_credential_does_not_matter_where_the_rest_was_read() -> None:
    lore: list[Any] = [*TURNS]
    lore[4] = [TURNS[4], "[The castle: an old ruin.]"]
    assert told(chat(lore), chat(), read=2000, written=1500, credential="b")[1] == ["block_inserted"]


def test_another_conversation_that_could_have_read_the_system_prompt() -> None:
    now = chat(["Hello", "Hi", "And?"])
    assert told(now, chat(), other=True, at=301) == ("missed", ["expired"])
    assert told(now, chat(), other=True, read=3400, written=100) == ("used", ["used"])
    assert told(chat(["Hello"], system="Bob."), chat(), other=True) == ("new", ["first"])


def test_what_the_cloud_does_not_tell() -> None:
    assert told(usage=Usage(), now=chat(system="B"))[0] == "unknown"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (89, "89 s"), (300, "5 min"), (5399, "90 min"), (12600, "3.5 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
