"""JSON: strict in, forgiving where a cloud is sloppy, safe for every reader."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.plain.jsontext import JsonError, encodable, one_line, read, read_repaired, write

TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('\u2028\u2029"\\\n'))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_what_is_written_is_read(value: object) -> None:
    line = one_line(write(value))
    assert read(line) == value
    assert not any(mark in line for mark in (b"\n", b"\r", b"\xe2\x80\xa8", b"\xe2\x80\xa9"))


@given(st.binary(max_size=30) | st.text(max_size=10).map(lambda text: json.dumps(text).encode()))
def test_any_bytes_are_json_or_an_error_with_a_reason(raw: bytes) -> None:
    try:
        read(raw)
    except JsonError as error:
        assert str(error).endswith((".", ";"))


@pytest.mark.parametrize(
    ("raw", "repaired"),
    [
        (rb'{"text": "smile \ud83d"}', {"text": "smile ?"}),
        (rb'"\udc00\ud83d"', "??"),
        (rb'"\ud83d\ude00"', "😀"),
        (rb'{"\ud83d": [1, "\udc00"]}', {"?": [1, "?"]}),
    ],
)
def test_half_surrogates_become_question_marks(raw: bytes, repaired: object) -> None:
    assert msgspec.json.decode(read_repaired(raw)) == repaired


@pytest.mark.parametrize("raw", [b"", b"{", b'"\xff"', b"[" * 100_000])
def test_what_is_beyond_repair_is_told(raw: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        read_repaired(raw)


@given(st.text(st.characters(codec=None)))
def test_any_text_can_be_made_encodable(text: str) -> None:
    made = encodable(text)
    assert json.loads(write(made)) == made == "".join("?" if "\ud800" <= one <= "\udfff" else one for one in text)
