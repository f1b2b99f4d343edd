"""Converse's answers, generated: pieces make what one piece makes, and garbage never more than one ending."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.dialects.converse_reply import ConverseStream
from oai_bridge.dialects.reading import Reading
from oai_bridge.events import Event, Failure, Stop, Text, Thinking, ToolArguments, UsageReport
from oai_bridge.plain.jsontext import write
from tests.test_converse_reply import AS_SENT, METADATA, START, call, delta, fed, read, reason, stop, whole

TEXTS = st.sampled_from(["Hi", "", "\n", "Ü\u2028", "{}"])
BLOCKS = st.lists(
    st.one_of(
        st.builds(lambda text: {"text": text}, TEXTS),
        st.builds(lambda data: {"reasoningContent": {"redactedContent": data}}, st.sampled_from(["eA==", "eHg="])),
        st.builds(
            lambda text, seal: {"reasoningContent": {"reasoningText": {"text": text, "signature": seal}}},
            TEXTS,
            st.sampled_from(["seal", "x"]),
        ),
        st.builds(
            lambda name, given: {"toolUse": {"toolUseId": "t", "name": name, "input": given}},
            st.sampled_from(["f", "a_b", "free", "json"]),
            st.sampled_from([{}, {"input": "x"}, {"a": {"b": [1, None, "😀"]}}]),
        ),
    ),
    max_size=5,
)


def streamed(blocks: list[dict[str, Any]], word: str) -> list[dict[str, Any]]:
    """The same answer in pieces, of one character where they are texts."""
    messages = [START]
    for index, block in enumerate(blocks):
        match block:
            case {"text": text}:
                messages += [delta(index, text=letter) for letter in text] or [delta(index, text="")]
            case {"reasoningContent": {"redactedContent": data}}:
                messages.append(delta(index, reasoningContent={"redactedContent": data}))
            case {"reasoningContent": {"reasoningText": {"text": text, "signature": seal}}}:
                messages += [delta(index, reasoningContent={"text": letter}) for letter in text]
                messages.append(delta(index, reasoningContent={"signature": seal}))
            case {"toolUse": {"toolUseId": call_id, "name": name, "input": arguments}}:
                messages.append(call(index, toolUseId=call_id, name=name))
                messages += [delta(index, toolUse={"input": letter}) for letter in write(arguments).decode()]
        messages.append(stop(index))
    return [*messages, reason(word), METADATA]


def told(events: list[Event]) -> list[Any]:
    """Events without the tokens, with neighbouring pieces joined."""
    joined: list[Any] = []
    for event in events:
        match event, joined[-1:]:
            case UsageReport(), _:
                pass
            case (Text(text), [Text(before)]):
                joined[-1] = Text(before + text)
            case (Thinking(text), [Thinking(before)]):
                joined[-1] = Thinking(before + text)
            case (ToolArguments(index, piece), [ToolArguments(same, before)]) if index == same:
                joined[-1] = ToolArguments(index, before + piece)
            case _:
                joined.append(event)
    return joined


@settings(max_examples=200, deadline=None)
@given(
    blocks=BLOCKS,
    word=st.sampled_from(["end_turn", "tool_use", "max_tokens"]),
    reading=st.sampled_from(
        [
            AS_SENT,
            Reading(names={"a_b": "a b"}, custom=frozenset({"free"}), keep=True),
            Reading(answer_tool="json", keep=True),
        ]
    ),
)
def test_pieces_make_the_same_answer(blocks: list[dict[str, Any]], word: str, reading: Reading) -> None:
    blocks = [block for block in blocks if block.get("text") != ""]
    in_pieces = read(*streamed(blocks, word), reading=reading)
    at_once = whole(*blocks, reading=reading, stopReason=word)
    assert told(in_pieces) == told(at_once)
    assert isinstance(at_once[-1], Stop) and at_once[-1].upstream_reason == word


# -- total ------------------------------------------------------------------------------------------------------------

JUNK = st.sampled_from([None, True, -1, 1.5, "", "x", [], {}, [[]], {"text": 5}, {"toolUse": []}, "text", 10**30])
KEYS = ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"]
MESSAGES = st.one_of(
    st.sampled_from([START, delta(text="Hi"), call(toolUseId="t", name="f"), stop(), reason("end_turn"), METADATA]),
    st.dictionaries(st.sampled_from(KEYS), JUNK, max_size=2),
    st.builds(
        lambda key, inner: {key: inner},
        st.sampled_from(KEYS),
        st.dictionaries(st.sampled_from(["contentBlockIndex", "delta", "start", "stopReason", "usage"]), JUNK),
    ),
    JUNK,
)


@settings(max_examples=500, deadline=None)
@given(messages=st.lists(MESSAGES, max_size=8), keep=st.booleans())
def test_there_is_one_ending_at_most_and_nothing_after_it(messages: list[Any], keep: bool) -> None:
    stream = ConverseStream(Reading(keep=keep))
    events = [*fed(stream, *messages), *stream.end()]
    endings = [place for place, event in enumerate(events) if isinstance(event, Stop | Failure)]
    assert endings in ([], [len(events) - 1])
