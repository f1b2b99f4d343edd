"""Signatures of thinking: good where they were issued, and refused when anything that they seal was changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.claude_models import Model
from tests.support.claude_seals import Seals

LOOSE, BOUND, OTHER = (
    Model("claude-opus-4-8", (4, 8)),
    Model("claude-opus-5-5", (5, 5)),
    Model("claude-fable-5-2", (5, 2)),
)
BODY: dict[str, Any] = {
    "system": [{"type": "text", "text": "Be brief."}],
    "tools": [{"name": "look", "input_schema": {"type": "object"}}],
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
}
INVALID = "Invalid `signature` in `thinking` block"
MODIFIED = "cannot be modified"
ELSEWHERE = "bound to a different conversation"


def thought(seals: Seals, facts: Model, body: dict[str, Any], text: str, *before: dict[str, Any]) -> dict[str, Any]:
    return {"type": "thinking", "thinking": text, "signature": seals.issue(facts, body, before, text)}


def answered(body: dict[str, Any], *content: dict[str, Any], then: Any = "Go on.") -> dict[str, Any]:
    later = [{"role": "assistant", "content": list(content)}, {"role": "user", "content": then}]
    return body | {"messages": [*body["messages"], *later]}


TEXT = {"type": "text", "text": "Hello."}


def judged(seals: Seals, facts: Model, body: dict[str, Any]) -> list[str]:
    return list(seals.faults(facts, body))


@pytest.mark.parametrize("facts", [LOOSE, BOUND])
def test_what_comes_back_as_it_was_is_good(facts: Model) -> None:
    seals = Seals()
    one = thought(seals, facts, BODY, "Hm")
    two = thought(seals, facts, BODY, "", one)
    later = answered(BODY, one, two, TEXT)
    assert judged(seals, facts, later) == []
    three = thought(seals, facts, later, "So")
    much_later = answered(later, three, TEXT)
    assert judged(seals, facts, much_later) == []
    assert len({block["signature"] for block in (one, two, three)}) == 3


def test_cache_points_and_the_way_of_writing_change_nothing() -> None:
    seals = Seals()
    later = answered(BODY, thought(seals, BOUND, BODY, "Hm"), TEXT)
    point = {"cache_control": {"type": "ephemeral"}}
    later |= {"system": "Be brief.", "tools": [BODY["tools"][0] | point]}
    later["messages"][0] = {"role": "user", "content": "Hi"}
    later["messages"][1]["content"][1] = TEXT | point | {"citations": None}
    assert judged(seals, BOUND, later) == []
    halves = [{"role": "user", "content": [{"type": "text", "text": text}]} for text in ("a", "b")]
    whole = [{"role": "user", "content": [block for half in halves for block in half["content"]]}]
    apart = answered(BODY | {"messages": halves}, thought(seals, BOUND, BODY | {"messages": whole}, "Hm"))
    assert judged(seals, BOUND, apart) == []


def edited(body: dict[str, Any], at: int, content: Any) -> dict[str, Any]:
    messages = list(body["messages"])
    messages[at] = messages[at] | {"content": content}
    return body | {"messages": messages}


@pytest.mark.parametrize("facts", [LOOSE, BOUND])
def test_a_changed_thought_is_refused(facts: Model) -> None:
    seals = Seals()
    good = thought(seals, facts, BODY, "Hm")
    for changes, why in [
        ({"thinking": "Hm!"}, MODIFIED),
        ({"signature": "c2ln"}, INVALID),
        ({"signature": "?"}, INVALID),
        ({"signature": Seals().issue(facts, BODY, (), "Hm")}, INVALID),
        ({"signature": good["signature"].swapcase()}, INVALID),
    ]:
        (found,) = judged(seals, facts, answered(BODY, good | changes, TEXT))
        assert found.startswith("messages.1.content.0: ") and why in found


def test_a_bound_model_refuses_a_thought_of_another_conversation() -> None:
    seals = Seals()
    later = answered(BODY, one := thought(seals, BOUND, BODY, "Hm"), two := thought(seals, BOUND, BODY, "So", one))
    for changed in (
        edited(later, 0, "Hi!"),
        later | {"system": "Be long."},
        later | {"tools": []},
        edited(later, 1, [TEXT, one]),
    ):
        found = judged(seals, BOUND, changed)
        assert found and all(ELSEWHERE in fault for fault in found)
        assert judged(seals, LOOSE, changed) == []
    assert any(ELSEWHERE in fault for fault in judged(seals, BOUND, edited(later, 1, [two, one])))


def test_a_thought_between_others_may_not_be_left_out_but_the_first_ones_may() -> None:
    seals = Seals()
    one = thought(seals, BOUND, BODY, "1")
    two = thought(seals, BOUND, BODY, "2", one)
    three = thought(seals, BOUND, BODY, "3", one, two)
    assert judged(seals, BOUND, answered(BODY, two, three)) == []
    assert judged(seals, BOUND, answered(BODY, one, two)) == []
    (found,) = judged(seals, BOUND, answered(BODY, one, three))
    assert found.startswith("messages.1.content.1: ") and ELSEWHERE in found


def test_a_bound_model_refuses_another_models_thought() -> None:
    seals = Seals()
    later = answered(BODY, thought(seals, OTHER, BODY, "Hm"))
    (found,) = judged(seals, BOUND, later)
    assert INVALID in found and "different model" in found
    assert judged(seals, LOOSE, later) == []


def test_hidden_thoughts_are_sealed_too() -> None:
    seals = Seals()
    hidden = {"type": "redacted_thinking", "data": seals.issue(BOUND, BODY, (), "")}
    assert judged(seals, BOUND, answered(BODY, hidden, TEXT)) == []
    (found,) = judged(seals, BOUND, answered(BODY, hidden | {"data": "eA=="}, TEXT))
    assert INVALID in found
