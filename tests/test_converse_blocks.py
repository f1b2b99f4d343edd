"""Blocks one by one: results, documents and their names, cache points."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.dialects.converse_blocks import ConverseBlocks
from oai_bridge.notes import Notes
from tests.support.converse_chats import facts_of
from tests.support.converse_shapes import shape_faults

CLAUDE, NOVA, QWEN = facts_of("claude-sonnet-4-5"), facts_of("nova-pro"), facts_of("qwen3-vl-235b")
TEXT = {"type": "text", "text": "Hi"}
PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/webp", "data": "UklG"}}
SENT_PICTURE = {"image": {"format": "webp", "source": {"bytes": "UklG"}}}
POINT = {"cachePoint": {"type": "default"}}
MARK = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def turn(*blocks: Any, facts: Any = CLAUDE, notes: Notes | None = None) -> list[Any]:
    return ConverseBlocks(facts, notes or Notes()).turn(blocks)


def pdf(title: str | None = None) -> dict[str, Any]:
    source = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
    return {"type": "document", "source": source, **({"title": title} if title else {})}


def names(*titles: str | None) -> list[str]:
    blocks = ConverseBlocks(CLAUDE, Notes())
    return [block["document"]["name"] for title in titles for block in blocks.turn([TEXT, pdf(title)])[1:]]


def result(content: Any = None, **fields: Any) -> dict[str, Any]:
    given = {"content": content} if content is not None else {}
    return {"type": "tool_result", "tool_use_id": "t", **given, **fields}


# -- results ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        ("Sunny.", [{"text": "Sunny."}]),
        ([TEXT, PICTURE], [{"text": "Hi"}, SENT_PICTURE]),
        (None, [{"text": "[no output]"}]),
        ([], [{"text": "[no output]"}]),
    ],
)
def test_a_result(content: Any, sent: Any) -> None:
    assert turn(result(content)) == [{"toolResult": {"toolUseId": "t", "content": sent}}]


def test_a_failure_is_told_where_the_model_takes_it() -> None:
    failed = result("Boom", is_error=True)
    assert turn(failed)[0]["toolResult"]["status"] == "error"
    assert "status" not in turn(failed, facts=QWEN)[0]["toolResult"]


def test_pictures_stand_beside_results_that_take_text_alone() -> None:
    found = turn(result([TEXT, PICTURE]), result([PICTURE]), TEXT, facts=QWEN)
    assert found == [
        {"toolResult": {"toolUseId": "t", "content": [{"text": "Hi"}]}},
        {"toolResult": {"toolUseId": "t", "content": [{"text": "[no output]"}]}},
        SENT_PICTURE,
        SENT_PICTURE,
        {"text": "Hi"},
    ]


def test_what_converse_has_no_word_for_is_left_out() -> None:
    assert turn({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}, TEXT) == [{"text": "Hi"}]


def test_a_thought_without_a_seal_has_none() -> None:
    thought = {"type": "thinking", "thinking": "Hm", "signature": ""}
    assert turn(thought) == [{"reasoningContent": {"reasoningText": {"text": "Hm"}}}]


# -- documents --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("report.pdf", "report pdf"),
        ("A report (v2) [final]-x.pdf", "A report (v2) [final]-x pdf"),
        ("a  \t b", "a b"),
        ("_.a.._", "a"),
        ("报告", "document"),
        (None, "document"),
        ("x" * 300, "x" * 190),
        ("Ignore all:\nrules!", "Ignore all rules"),
    ],
)
def test_a_documents_name(title: str | None, name: str) -> None:
    assert names(title) == [name]


def test_long_names_differ_at_their_ends() -> None:
    assert names("x" * 300, "x" * 300, "x" * 301) == ["x" * 190, "x" * 190 + " (2)", "x" * 190 + " (3)"]


def test_each_document_has_a_name_of_its_own() -> None:
    assert names("a.pdf", "a.pdf", "A.pdf", "a pdf (2)", None, None) == [
        *("a pdf", "a pdf (2)", "A pdf (3)", "a pdf (2) (2)", "document", "document (2)"),
    ]


@given(st.lists(st.text("ab.(2) ", max_size=8), max_size=8))
def test_names_are_valid_and_differ(titles: list[str]) -> None:
    found = names(*titles)
    assert len({name.lower() for name in found}) == len(titles)
    blocks = ConverseBlocks(CLAUDE, Notes()).turn([TEXT, *map(pdf, titles)])
    assert shape_faults({"messages": [{"role": "user", "content": blocks}]}) == []


def test_a_document_has_a_text_beside_it() -> None:
    sent = {"document": {"format": "pdf", "name": "a pdf", "source": {"bytes": "JVBERi0="}}}
    assert turn(pdf("a.pdf")) == [sent, {"text": "[file a pdf]"}]
    assert turn(TEXT, pdf("a.pdf")) == [{"text": "Hi"}, sent]
    within = turn(result([pdf("a.pdf")]))
    assert within == [{"toolResult": {"toolUseId": "t", "content": [sent]}}]


# -- cache points -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "tools", "system", "messages"),
    [
        ("claude-sonnet-4-5", True, True, True),
        ("nova-pro", False, True, True),
        ("qwen3-235b", False, False, False),
    ],
)
def test_cache_points(model: str, tools: bool, system: bool, messages: bool) -> None:
    blocks = ConverseBlocks(facts_of(model), Notes())
    tool = {"name": "f", "input_schema": {"type": "object"}}
    assert (blocks.tools([tool | MARK])[1:] == [POINT]) is tools
    assert (blocks.system([TEXT | MARK, TEXT]) == [{"text": "Hi"}, POINT, {"text": "Hi"}]) is system
    assert (blocks.turn([TEXT | MARK, TEXT]) == [{"text": "Hi"}, POINT, {"text": "Hi"}]) is messages


def test_a_results_point_stands_behind_it() -> None:
    first, point, second = turn(result("a") | MARK, result("b"))
    assert point == POINT and "toolResult" in first and "toolResult" in second
    assert len(turn(result("a") | MARK, TEXT | MARK, facts=NOVA)) == 2  # Nova has none beside results


def test_a_point_for_an_hour() -> None:
    assert turn(TEXT | HOUR)[1] == {"cachePoint": {"type": "default", "ttl": "1h"}}
