"""A longer conversation's translation begins with the shorter one's, so that the prompt cache holds.

litellm#36559, litellm#41043 and bifrost#4592 are what happens otherwise: every turn was billed in full. The exceptions
are those of `claude_turns`, each a function here that says from the messages alone whether it may apply: another one
fails the test, and one that is none any more does too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, dropwhile, pairwise, takewhile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.dialects.claude_blocks import Block
from oai_bridge.dialects.claude_turns import Turn, split_system, system_blocks
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import Message, Text, ToolCall
from oai_bridge.settings.values import Claude
from tests.support.chats import (
    PNG,
    THINKING,
    THOUGHT,
    assistant,
    calls,
    faults,
    message,
    numbered,
    result,
    system,
    translated,
    user,
)

Messages = tuple[Message, ...]
Way = tuple[str, bool, bool]
"""The setting `mid_system`, whether the model takes system turns, whether it takes a prefill."""

WAYS: list[Way] = [
    (setting, facts, prefill)
    for setting in ("inline", "user", "hoist")
    for facts in (True, False)
    for prefill in (True, False)
]


# -- the prompt, and what it is to begin with another ------------------------------------------------------------------


def remembered(turns: Sequence[Turn], message: Message) -> list[Block] | None:
    """Some turns are known as the model wrote them, under the model's ids."""
    if message.index % 3:
        return None
    uses = [
        {"type": "tool_use", "id": f"toolu_{message.index}_{place}", "name": call.name, "input": {}}
        for place, call in enumerate(message.calls)
    ]
    return [dict(THINKING), *uses]


def prompt(messages: Messages, way: Way) -> list[Turn]:
    """Everything that is cached: the system prompt, as a turn that is always there, and the turns."""
    setting, facts, prefill = way
    front, rest = split_system(messages, setting == "hoist", Notes())
    inline = facts and setting == "inline"
    turns = translated(rest, inline=inline, prefill=prefill, recall=remembered)
    assert faults(turns, inline=inline, prefill=prefill) == []
    return [Turn("system", system_blocks(front, Claude(), Notes())), *turns]


def bare(value: Any) -> Any:
    """Without the cache's marks, which move as a conversation grows."""
    if isinstance(value, dict):
        return {key: bare(item) for key, item in value.items() if key != "cache_control"}
    return [bare(item) for item in value] if isinstance(value, list) else value


def begins(long: list[Turn], short: list[Turn]) -> bool:
    """Whether the blocks of `long` begin with those of `short`, turn by turn; only the last turn may have grown."""
    if len(long) < len(short) or (short and bare(long[0].blocks) != bare(short[0].blocks)):
        return False
    for place, (one, other) in enumerate(zip(short, long, strict=False)):
        grown = other.blocks[: len(one.blocks)] if place == len(short) - 1 else other.blocks
        if one.role != other.role or bare(one.blocks) != bare(grown):
            return False
    return True


# -- the exceptions, told by the messages ------------------------------------------------------------------------------


def speaks(one: Message) -> bool:
    said = any(part.text.strip() if isinstance(part, Text) else one.role == "user" for part in one.parts)
    return said or bool(one.calls) or one.role == "tool"


def stretch(messages: Messages, *, first: bool) -> Messages:
    """The messages before the first that the assistant speaks, or after the last."""
    places = [place for place, one in enumerate(messages) if one.role == "assistant" and speaks(one)]
    if first:
        return messages[: min(places, default=len(messages))]
    return messages[max(places, default=-1) + 1 :]


def last_words(messages: Messages) -> Messages:
    """What the assistant said last without a user in between."""
    ended = messages[: len(messages) - len(stretch(messages, first=False))]
    own: list[Message] = []
    for one in reversed(ended):
        if one.role == "assistant":
            own.append(one)
        elif one.role != "system" or speaks(one):
            break
    return tuple(reversed(own))


def ends_with_the_assistant(before: Messages, more: Messages, way: Way) -> bool:
    """1: the end of the assistant's turn, where it changes at all. What is hoisted does not end it."""
    if way[0] == "hoist":
        before = tuple(one for one in before if one.role != "system")
    spoken = last_words(before)
    if any(one.role != "assistant" and (speaks(one) or one.role == "user") for one in stretch(before, first=False)):
        return False
    if any(one.calls for one in spoken):
        return True
    follower = next((one for one in more if speaks(one) or one.role == "user"), None)
    if follower and follower.calls and not speaks(replace(follower, calls=())) and sum(map(speaks, spoken)) == 1:
        return True
    texts = [part.text for one in spoken for part in one.parts if isinstance(part, Text) and part.text.strip()]
    return bool(texts) and (not way[2] or texts[-1] != texts[-1].rstrip())


def ends_with_nothing_said(before: Messages, more: Messages) -> bool:
    """2: a placeholder at the end, and something is said after it; before an assistant's turn it stays, unless it is
    all that there is."""
    end = stretch(before, first=False)
    if any(speaks(one) and one.role != "system" for one in end) or any(one.calls for one in last_words(before)):
        return False
    if not last_words(before):
        late = list(dropwhile(lambda one: one.role == "system", before))
        return not any(speaks(one) for one in late)
    said_after = any(speaks(one) for one in stretch(more, first=True))
    return any(one.role == "user" for one in end) and said_after


def ends_with_system_turns(before: Messages, more: Messages, way: Way) -> bool:
    """3: system turns at the end, and a user speaks after them."""
    if way[:2] != ("inline", True) or not any(
        one.role != "system" and speaks(one) for one in stretch(more, first=True)
    ):
        return False
    end = stretch(before, first=False)
    called = any(one.calls for one in last_words(before))
    others = [one for one in end if speaks(one) and not (called and one.role == "tool")]  # results go first
    late = len(list(takewhile(lambda one: one.role == "system", reversed(others))))
    after_a_user = called or any(one.role != "system" for one in end)
    return late > (0 if after_a_user else 1)


def has_a_late_result(before: Messages, more: Messages) -> bool:
    """4: a result after the model was asked with the call."""
    late = any(one.role == "tool" for one in stretch(more, first=True))
    return late and any(one.calls for one in last_words(before))


def is_system_only(before: Messages) -> bool:
    """5."""
    return all(one.role == "system" for one in before)


def is_hoisted(before: Messages, more: Messages, way: Way) -> bool:
    """6: a system message among those that are new, or one that could not be hoisted as it asked for an answer."""
    late = (*stretch(before, first=False), *more)
    return way[0] == "hoist" and any(one.role == "system" and speaks(one) for one in late)


def stable(turns: list[Turn], before: Messages, more: Messages, way: Way) -> list[Turn]:
    """The turns that a longer conversation must begin with: all but what the exceptions allow to differ."""
    if is_system_only(before) or is_hoisted(before, more, way):
        return turns[:0]
    end = max((place for place, turn in enumerate(turns) if turn.role == "assistant"), default=0)
    if ends_with_the_assistant(before, more, way):
        return turns[:end]
    if (
        ends_with_nothing_said(before, more)
        or ends_with_system_turns(before, more, way)
        or has_a_late_result(before, more)
    ):
        return turns[: end + 1]
    return turns


# -- conversations as clients let them grow ----------------------------------------------------------------------------

BLANK = st.sampled_from(["", " \n"])
SAID = st.sampled_from(["A", "B", "C ", " D", "E\n"])
NAME = st.sampled_from([None, None, "Mark"])
TTL = st.sampled_from([None, None, "5m", "1h"])
QUESTION = st.builds(user, SAID | SAID | BLANK | st.just(PNG), name=NAME, cache=TTL)
NOTE = st.builds(system, SAID | SAID | BLANK)
TALK = st.builds(assistant, SAID | SAID | BLANK, name=NAME, cache=TTL)


@st.composite
def work(draw: st.DrawFn) -> list[Message]:
    """The assistant's calls, and what the client answers: all results as a rule, in any order; it may be interrupted,
    and people and programs may cut in."""
    ids = draw(st.lists(st.sampled_from([None, "a", "b", "c", "bad id"]), min_size=1, max_size=3, unique=True))
    made = tuple(ToolCall("f", draw(st.sampled_from(["{}", "", "[", '{"x": 1}'])), id) for id in ids)
    thoughts = draw(st.sampled_from([(), (THOUGHT,)]))
    call = assistant(draw(SAID | BLANK), calls=made, thoughts=thoughts, cache=draw(TTL))
    results = [result(id, draw(SAID | BLANK), cache=draw(TTL)) for id in ids]
    results = draw(st.permutations(results))[: draw(st.sampled_from([3, 3, 3, 3, 1, 0]))]
    cut_in = draw(st.lists(NOTE | QUESTION, max_size=1))
    place = draw(st.integers(0, len(results)))
    return [call, *results[:place], *cut_in, *results[place:]]


@st.composite
def legacy_work(draw: st.DrawFn) -> list[Message]:
    return [calls(None, name="f", legacy=True), message("tool", draw(SAID), name="f", legacy=True)]


START = st.tuples(
    st.lists(NOTE, max_size=2),  # the system prompt
    st.lists(TALK, max_size=1),  # a character's greeting
    st.lists(QUESTION, min_size=1, max_size=2),
).map(lambda lists: [one for part in lists for one in part])
STEP = st.one_of(
    st.tuples(TALK, QUESTION).map(list),
    st.tuples(TALK, QUESTION, NOTE).map(list),
    st.tuples(TALK, NOTE).map(list),
    work(),
    work(),
    legacy_work(),
    QUESTION.map(lambda one: [one]),
    NOTE.map(lambda one: [one]),
    TALK.map(lambda one: [one]),
    SAID.map(lambda words: [result("a", words)]),  # too late
)
GROWTH = st.builds(
    lambda start, steps: [start, *steps], START | NOTE.map(lambda one: [one]), st.lists(STEP, max_size=8)
)


def requests(growth: list[list[Message]]) -> list[Messages]:
    """The messages of each request: one is sent after each step."""
    whole = numbered(chain.from_iterable(growth))
    ends = [sum(len(step) for step in growth[: place + 1]) for place in range(len(growth))]
    return [whole[:end] for end in ends]


@settings(max_examples=400, deadline=None)
@given(GROWTH, st.sampled_from(WAYS))
def test_a_longer_prompt_begins_with_the_shorter_one(growth: list[list[Message]], way: Way) -> None:
    for before, after in pairwise(requests(growth)):
        more = after[len(before) :]
        assert begins(prompt(after, way), stable(prompt(before, way), before, more, way))


PLAIN = st.one_of(
    st.tuples(SAID.map(assistant), SAID.map(user)).map(list),
    st.tuples(SAID.map(assistant), SAID.map(user), SAID.map(system)).map(list),
    st.builds(lambda one, other: [calls("a", "b", text=one), result("b", other), result("a", one)], SAID, SAID),
)


@settings(max_examples=250, deadline=None)
@given(SAID, st.lists(PLAIN, min_size=1, max_size=6), st.sampled_from([way for way in WAYS if way[0] != "hoist"]))
def test_agents_and_chats_that_only_grow_know_no_exception(said: str, steps: list[list[Message]], way: Way) -> None:
    for before, after in pairwise(requests([[system("S"), user(said)], *steps])):
        assert begins(prompt(after, way), prompt(before, way))


NEW: Way = ("inline", True, False)
OLD: Way = ("inline", False, True)


@pytest.mark.parametrize(
    ("number", "before", "more", "way"),
    [
        pytest.param(1, [user("A"), assistant("B ")], [user("C")], OLD, id="white space of a prefill"),
        pytest.param(1, [user("A"), assistant("B")], [user("C")], NEW, id="a prefill that is refused"),
        pytest.param(1, [user("A"), calls("a")], [assistant("B")], OLD, id="calls that are nobody's business yet"),
        pytest.param(1, [user("A"), user("B"), assistant("C")], [calls("a")], OLD, id="a text before its calls"),
        pytest.param(2, [user("A"), assistant("B"), user("")], [user("C")], OLD, id="a placeholder"),
        pytest.param(2, [user("")], [assistant("A"), user("B")], OLD, id="a placeholder first of all"),
        pytest.param(3, [user("A"), system("S")], [user("B")], NEW, id="a system turn"),
        pytest.param(4, [user("A"), calls("a"), user("B")], [result("a", "R")], OLD, id="a late result"),
        pytest.param(4, [user("A"), calls("a"), result("a", "R")], [result("a", "S")], OLD, id="a second result, late"),
        pytest.param(5, [system("S")], [user("A")], OLD, id="system messages only"),
        pytest.param(6, [user("A")], [system("S")], ("hoist", True, True), id="hoisted"),
        pytest.param(
            6, [user("A"), assistant("B"), system("S")], [user("C")], ("hoist", True, True), id="hoisted late"
        ),
    ],
)
def test_each_exception_is_one(number: int, before: list[Message], more: list[Message], way: Way) -> None:
    whole = numbered([*before, *more])
    head, tail = whole[: len(before)], whole[len(before) :]
    applies = [
        ends_with_the_assistant(head, tail, way),
        ends_with_nothing_said(head, tail),
        ends_with_system_turns(head, tail, way),
        has_a_late_result(head, tail),
        is_system_only(head),
        is_hoisted(head, tail, way),
    ]
    assert applies[number - 1]
    assert not begins(prompt(whole, way), prompt(head, way))


@pytest.mark.parametrize(
    ("before", "more", "way"),
    [
        ([user("A"), assistant("B")], [user("C")], OLD),
        ([user("A"), assistant("B"), user("")], [assistant("C")], NEW),
        ([user("A"), system("S")], [assistant("B"), user("C")], NEW),
        ([user("A"), system("S")], [user("B")], ("user", True, True)),
        ([user("A"), calls("a"), result("a", "R")], [user("B")], NEW),
        ([user("A"), calls("a"), user("B")], [assistant("C"), result("a", "R")], NEW),
    ],
)
def test_near_an_exception_is_none(before: list[Message], more: list[Message], way: Way) -> None:
    whole = numbered([*before, *more])
    assert begins(prompt(whole, way), prompt(whole[: len(before)], way))
