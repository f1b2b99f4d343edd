"""Generated conversations to Claude: what the API demands holds for all of them, and the cache is not broken."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.dialects.claude_request import claude_body
from oai_bridge.models.catalog import ModelFacts
from oai_bridge.notes import Notes
from oai_bridge.openai.media import Image
from oai_bridge.openai.request import ChatRequest, Message, Part, Role
from oai_bridge.settings import Claude
from tests.support import claude_rules
from tests.support.cases import CATALOG

CLAUDE = Claude()
PNG = Image("image/png", "iVBORw0KGgo=")
MODELS = [
    *("claude-3-haiku", "claude-opus-4-1", "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-7"),
    *("claude-opus-4-8", "claude-sonnet-5-5", "claude-saga-9"),
]
SETTINGS = st.builds(
    Claude,
    mid_system=st.sampled_from(["inline", "hoist", "user"]),
    names=st.booleans(),
    max_output_tokens=st.sampled_from([None, 100, 1_000_000]),
)
NUMBER = st.none() | st.sampled_from([-1.0, 0.0, 0.5, 1.0, 1.7])
BLANK = st.sampled_from(["", " ", "\n\t", "\u2003"])


def facts_of(model: str) -> ModelFacts:
    facts = CATALOG.find(model)
    assert facts is not None
    return facts


@st.composite
def conversation(draw: st.DrawFn) -> tuple[Message, ...]:
    """Messages in any order; each text that is not blank holds a word of its own, `w0`, `w1` …"""
    words = iter(range(1000))
    word = st.builds(lambda before, after: f"{before}w{next(words)};{after}", BLANK, BLANK)
    parts = st.lists(st.one_of(word, word, BLANK, st.just(PNG)), max_size=3)
    messages = st.builds(
        lambda role, name, parts: Message(role, tuple(parts), name, 0),
        st.sampled_from(["system", "user", "assistant"]),
        st.sampled_from([None, None, "Mark", " "]),
        parts,
    )
    return tuple(draw(st.lists(messages, min_size=1, max_size=8)))


def translated(
    messages: tuple[Message, ...], model: str, claude: Claude = CLAUDE, notes: Notes | None = None, **fields: Any
) -> dict[str, Any]:
    chat = ChatRequest("client's name", messages, **fields)
    return claude_body(chat, facts_of(model), claude, notes or Notes(), sampling=True)


@settings(max_examples=2000, deadline=None)
@given(
    messages=conversation(),
    model=st.sampled_from(MODELS),
    claude=SETTINGS,
    temperature=NUMBER,
    top_p=NUMBER,
    top_k=st.none() | st.integers(1, 500),
    max_tokens=st.none() | st.integers(1, 10**6),
    stop=st.sampled_from([(), ("a", "b\n")]),
    stream=st.booleans(),
)
def test_the_api_takes_every_translation(
    messages: tuple[Message, ...], model: str, claude: Claude, **fields: Any
) -> None:
    body = translated(messages, model, claude, **fields)
    rules = claude_rules.model(facts_of(model).vertex)
    assert rules is not None
    versioned = {"anthropic_version": claude_rules.VERTEX_VERSION, **body}
    assert claude_rules.faults(versioned, rules, streamed=fields["stream"]) == []
    roles = [message["role"] for message in body["messages"]]
    assert all(one != other for one, other in pairwise(roles)), "no two turns of one role"


def words(value: Any) -> list[str]:
    return [
        piece for piece in json.dumps(value).replace("w", ";w").split(";") if piece[:1] == "w" and piece[1:].isdigit()
    ]


@settings(max_examples=500, deadline=None)
@given(conversation(), st.sampled_from(MODELS), SETTINGS)
def test_no_word_is_lost_or_moved(messages: tuple[Message, ...], model: str, claude: Claude) -> None:
    said = words([[part for part in message.parts if isinstance(part, str)] for message in messages])
    body = translated(messages, model, claude)
    told = words([body.get("system", []), body["messages"]])
    assert sorted(told) == sorted(said)
    if claude.mid_system != "hoist":
        assert told == said


TEXT = st.integers(0, 9).map(lambda number: (f"w{number}",))


def message(role: Role, *parts: Part) -> Message:
    return Message(role, parts, None, 0)


@settings(max_examples=1000, deadline=None)
@given(
    conversation(),
    st.booleans(),
    st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3),
    st.sampled_from(MODELS),
    SETTINGS,
)
def test_a_longer_chat_begins_with_the_shorter_one(
    start: tuple[Message, ...], nudged: bool, more: list[tuple[Any, Any]], model: str, claude: Claude
) -> None:
    """Pairs of an assistant's answer and the user's next turn are appended to a chat that asks for an answer."""
    chat = (*start, message("user", "Well?"), *((message("system", "Gently."),) if nudged else ()))
    before = translated(chat, model, claude)
    for answer, question in more:
        chat = (*chat, message("assistant", *answer), message("user", *question))
        after = translated(chat, model, claude)
        assert after["messages"][: len(before["messages"])] == before["messages"]
        assert after.get("system") == before.get("system")
        before = after


@pytest.mark.parametrize(
    ("longer", "why"),
    [
        ([message("user", "Hi"), message("assistant", "Hello "), message("user", "Bye")], "a prefill loses its end"),
        (
            [message("user", "Hi"), message("assistant", "A"), message("user", ""), message("user", "B")],
            "a placeholder",
        ),
        ([message("user", "Hi"), message("system", "S"), message("user", "Bye")], "no longer before an assistant's"),
    ],
)
def test_the_known_exceptions(longer: list[Message], why: str) -> None:
    model = "claude-opus-4-8" if longer[1].role == "system" else "claude-sonnet-4-5"
    before, after = (translated(tuple(chat), model)["messages"] for chat in (longer[:-1], longer))
    assert after[: len(before)] != before, f"no exception any more: {why}"


def test_the_order_of_the_body_is_stable() -> None:
    one, other = (list(translated((message("system", "S"), message("user", "Hi")), model)) for model in MODELS[:2])
    assert one == other == ["messages", "system", "max_tokens"]


def test_images_of_others_are_told_each_with_its_place() -> None:
    notes = Notes()
    chat = [message("user", "Hi"), message("assistant", PNG, "A"), message("system", PNG, "S"), message("user", PNG)]
    translated(tuple(replace(one, index=index) for index, one in enumerate(chat)), "claude-sonnet-4-5", notes=notes)
    assert [note.code for note in notes][:2] == ["dropped:assistant_image", "dropped:system_image"]
