"""Cache breakpoints: never more than four, never an hour after five minutes, and where they are best by themselves."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.dialects.claude_cache import make_legal, place_automatic
from oai_bridge.errors import InvalidRequest
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import Ttl
from tests.support.claude_message_rules import cache_faults

FIVE = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}


def text(words: str = "words", mark: Any = None) -> dict[str, Any]:
    return {"type": "text", "text": words} | ({"cache_control": mark} if mark else {})


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def marks(body: dict[str, Any]) -> list[Any]:
    """The marks in the API's order, `None` for blocks without one."""
    blocks = [*body.get("tools", []), *body.get("system", [])]
    for message in body["messages"]:
        blocks += message["content"]
    return [block.get("cache_control") for block in blocks]


def legal(body: dict[str, Any], notes: Notes | None = None) -> list[Any]:
    make_legal(body, notes or Notes())
    return marks(body)


def told(notes: Notes) -> list[str]:
    return [note.code for note in notes]


def test_four_points_stay_as_they_are() -> None:
    body = {
        "tools": [{"name": "t", "cache_control": HOUR}],
        "system": [text(mark=HOUR)],
        "messages": [user(text(mark=FIVE), text()), user(text(mark=FIVE))],
    }
    notes = Notes()
    assert legal(body, notes) == [HOUR, HOUR, FIVE, None, FIVE]
    assert told(notes) == []


def test_the_oldest_points_of_the_messages_go_first() -> None:
    body = {
        "tools": [{"name": "t", "cache_control": FIVE}],
        "system": [text(mark=FIVE)],
        "messages": [user(text(mark=FIVE)), user(text(mark=FIVE)), user(text(mark=FIVE))],
    }
    notes = Notes()
    assert legal(body, notes) == [FIVE, FIVE, None, FIVE, FIVE]
    (note,) = notes
    assert note.code == "dropped:cache_control"
    assert note.detail == "There may be 4 cache breakpoints; the oldest of 5 went."


def test_then_the_first_of_the_rest() -> None:
    body = {
        "tools": [{"name": "t", "cache_control": FIVE}],
        "system": [text(mark=FIVE) for _ in range(5)],
        "messages": [user(text(mark=FIVE))],
    }
    assert legal(body) == [None, None, FIVE, FIVE, FIVE, FIVE, None]


def test_points_inside_tool_results_count() -> None:
    result = {"type": "tool_result", "tool_use_id": "a", "content": [text(mark=FIVE), text(mark=FIVE)]}
    body = {"system": [text(mark=FIVE) for _ in range(3)], "messages": [user(result)]}
    make_legal(body, Notes())
    assert [block.get("cache_control") for block in result["content"]] == [None, FIVE]


def test_an_hour_after_five_minutes_becomes_five() -> None:
    notes = Notes()
    body = {"system": [text(mark=FIVE)], "messages": [user(text(mark=HOUR), text(mark=HOUR))]}
    assert legal(body, notes) == [FIVE, FIVE, FIVE]
    assert told(notes) == ["clamped:cache_control"]


def test_the_ttl_is_kept_where_it_can_be_unlike_portkey() -> None:
    """Portkey drops `ttl`: an hour that was paid for is five minutes."""
    body = {"system": [text(mark=HOUR)], "messages": [user(text(mark=FIVE))]}
    assert legal(body) == [HOUR, FIVE]


def test_strict_refuses_a_fifth_point() -> None:
    with pytest.raises(InvalidRequest) as caught:
        make_legal({"messages": [user(*[text(mark=FIVE)] * 5)]}, Notes(strict=True))
    assert caught.value.param == "cache_control"


MARK = st.sampled_from([None, None, FIVE, HOUR])
BLOCKS = st.lists(st.builds(text, st.sampled_from(["", "a", "b" * 50]), MARK), max_size=6)
BODY = st.fixed_dictionaries(
    {"messages": st.lists(st.builds(lambda blocks: user(*blocks), BLOCKS), min_size=1, max_size=4)},
    optional={"system": BLOCKS, "tools": st.lists(st.fixed_dictionaries({}, optional={"cache_control": MARK}))},
)


@given(BODY, st.sampled_from(["5m", "1h", None]), st.sampled_from([None, 10]))
def test_any_points_become_legal_and_blocks_are_not_touched(body: Any, ttl: Ttl | None, least: int | None) -> None:
    before = copy.deepcopy(body)
    shallow = {
        key: [{"role": "user", "content": list(turn["content"])} for turn in value] if key == "messages" else [*value]
        for key, value in body.items()
    }
    if ttl:
        place_automatic(shallow, ttl, least)
    make_legal(shallow, Notes())
    assert list(cache_faults(shallow)) == []
    assert body == before


# -- automatic ---------------------------------------------------------------------------------------------------------


def chat() -> dict[str, Any]:
    return {
        "tools": [{"name": "a"}, {"name": "b"}],
        "system": [text(), text()],
        "messages": [
            user(text("one")),
            {"role": "assistant", "content": [text("A")]},
            user(text("two"), text("three")),
            {"role": "assistant", "content": [text("B")]},
            user(text("four")),
        ],
    }


@pytest.mark.parametrize(("ttl", "mark"), [("5m", FIVE), ("1h", HOUR)])
def test_the_best_places(ttl: Ttl, mark: Any) -> None:
    body = chat()
    place_automatic(body, ttl, 1)
    assert marks(body) == [None, mark, None, mark, None, None, None, mark, None, mark]


def test_the_next_request_reads_what_this_one_wrote() -> None:
    """Its last point but one is where this one's last point is."""
    first, second = chat(), chat()
    second["messages"] += [{"role": "assistant", "content": [text("C")]}, user(text("five"))]
    place_automatic(first, "5m", 1)
    place_automatic(second, "5m", 1)
    assert second["messages"][4] == first["messages"][4] == user(text("four", FIVE))


@pytest.mark.parametrize("places", [[0], [0, 1], [0, 1, 2]])
def test_beside_the_clients_own_points_the_end_is_marked_as_anthropics_automatic_mode_does(places: list[int]) -> None:
    """Else a client that marks its system prompt and asks for the rest to be cached pays for the rest each time."""
    body = chat()
    blocks = [body["tools"][0], body["system"][0], body["messages"][0]["content"][0]]
    for place in places:
        blocks[place]["cache_control"] = HOUR
    expected = copy.deepcopy(body)
    expected["messages"][-1] = user(text("four", FIVE))
    place_automatic(body, "5m", 1)
    assert body == expected


def test_the_clients_own_point_at_the_end_or_four_of_them_are_enough() -> None:
    last, full = chat(), chat()
    last["messages"][-1] = user(text("four", HOUR))
    full["system"] = [text(mark=FIVE) for _ in range(4)]
    for body in (last, full):
        before = copy.deepcopy(body)
        place_automatic(body, "5m", 1)
        assert body == before


def test_a_text_becomes_a_block_where_it_is_marked_only() -> None:
    body = {
        "system": "S",
        "messages": [{"role": "user", "content": word} for word in ("one", "two", "three")],
    }
    place_automatic(body, "5m", 1)
    assert body["system"] == [text("S", FIVE)]
    assert [turn["content"] for turn in body["messages"]] == ["one", [text("two", FIVE)], [text("three", FIVE)]]


def test_what_can_bear_no_point_is_passed_over() -> None:
    body = {
        "tools": [{"name": "a"}, {"name": "b", "defer_loading": True}],
        "system": [text(""), {"type": "text"}],
        "messages": [user(text("one"), {"type": "thinking", "thinking": "x", "signature": "y"}, text(""))],
    }
    place_automatic(body, "5m", 1)
    tools, system, turn = [FIVE, None], [None, None], [FIVE, None, None]
    assert marks(body) == tools + system + turn


@pytest.mark.parametrize(
    ("words", "least", "placed"),
    [
        ("a" * 50, 1024, False),
        ("a" * 1024, 1024, True),
        ("汉" * 340, 1024, True),
        ("a", None, True),
    ],
)
def test_a_prompt_that_is_too_short_gets_no_points(words: str, least: int | None, placed: bool) -> None:
    body = {"messages": [user(text(words))]}
    place_automatic(body, "5m", least)
    assert marks(body) == [FIVE if placed else None]


@pytest.mark.parametrize("least", [37, 38])
def test_every_byte_counts_and_so_do_tools(least: int) -> None:
    body: dict[str, Any] = {
        "tools": [{"name": "汉", "top": 7}],  # 10 bytes, and one for the number
        "system": "s",
        "messages": [{"role": "user", "content": "a" * 10}],  # 25 bytes
    }
    place_automatic(body, "5m", least)
    assert ("cache_control" in body["tools"][0]) is (least == 37)


def test_numbers_count() -> None:
    call = {"type": "tool_use", "id": "a", "name": "look", "input": {"places": list(range(2000))}}
    body = {"messages": [user(text("Hi")), {"role": "assistant", "content": [call]}, user(text("Go on"))]}
    place_automatic(body, "5m", 1024)
    assert any(marks(body))


def test_pictures_count_and_are_not_copied() -> None:
    data = "A" * 2_000_000
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    body = {"messages": [user(picture)]}
    place_automatic(body, "5m", 4096)
    assert body["messages"][0]["content"][0]["source"]["data"] is data
    assert marks(body) == [FIVE]


def test_no_hour_after_five_minutes_and_no_point_on_an_empty_prompt() -> None:
    body: dict[str, Any] = {"system": [text(mark=FIVE)], "messages": [user(text())]}
    place_automatic(body, "1h", 1)
    assert marks(body) == [FIVE, FIVE]
    body = {"system": [text(mark=HOUR)], "messages": [user(text())]}
    place_automatic(body, "1h", 1)
    assert marks(body) == [HOUR, HOUR]
    body = {"system": [text(mark="odd")], "messages": [user(text())]}
    place_automatic(body, "1h", 1)
    assert marks(body) == ["odd", FIVE]
    body = {"system": "", "messages": [{"role": "user", "content": ""}, user(text())]}
    place_automatic(body, "5m", 1)
    assert (body["system"], body["messages"][0]["content"]) == ("", ""), "the API refuses empty blocks"
