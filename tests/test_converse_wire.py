"""Converse's messages read: what is named is of its type, what isn't named may be anything."""

from __future__ import annotations

import pytest

from oai_bridge.dialects.converse_wire import BlockEvent, read_answer, read_stream


def test_names_are_as_on_the_wire() -> None:
    event = read_stream(
        b'{"contentBlockStart": {"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}}}'
    ).content_block_start
    assert isinstance(event, BlockEvent) and event.start is not None and event.start.tool_use is not None
    assert (event.content_block_index, event.start.tool_use.tool_use_id) == (3, "t")


def test_what_is_new_is_skipped() -> None:
    read = read_stream(b'{"contentBlockDelta": {"p": [], "new": 5, "delta": {"video": [1]}}, "trace": 5}')
    assert read.content_block_delta is not None and read.content_block_delta.delta is not None
    assert read.content_block_delta.delta.text is None
    assert read.content_block_delta.content_block_index == 0, "the first, where none is told"
    answer = read_answer(b'{"output": {"message": {"content": [{"new": 1}]}}, "usage": "much", "trace": 5}')
    assert (answer.usage, answer.output.message.content[0].text) == ("much", None)


def test_half_surrogates_are_survived() -> None:
    answer = read_answer(b'{"output": {"message": {"content": [{"text": "a\\ud83d"}]}}}')
    assert answer.output.message.content[0].text == "a?"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"output": {}}', b'{"output": {"message": {}}}', b"[" * 10**5])
def test_what_is_no_answer_is_an_error(body: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        read_answer(body)


@pytest.mark.parametrize("message", [b"", b"[]", b'{"messageStop": 5}', b"[" * 10**5])
def test_what_is_no_message_is_an_error(message: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        read_stream(message)
