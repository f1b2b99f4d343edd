"""Answers that are passed on: one name changes, all else stays to the letter; tokens are read where they are told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.dialects.openai_answers import renamed, usage_of
from oai_bridge.errors import BridgeError, CloudError, UpstreamError
from oai_bridge.events import Usage


def test_only_the_name_changes() -> None:
    answer = b'{ "model" : "theirs", "data":[{"embedding":[0.10, 1E-7, -0.0, 123456789012345678901]}], "x":"\\u00e4" }'
    assert renamed(answer, "mine") == (
        b'{"model":"mine","data":[{"embedding":[0.10, 1E-7, -0.0, 123456789012345678901]}],"x":"\\u00e4"}'
    )


def test_no_name_is_added() -> None:
    assert renamed(b'{"data": []}', "mine") == b'{"data":[]}'


@pytest.mark.parametrize("answer", [b"", b"[]", b"null", b"<html>", b'{"a":', b'{"a":' * 200_000, b"\xff"])
def test_what_is_no_object_is_an_error_of_the_cloud(answer: bytes) -> None:
    with pytest.raises(UpstreamError, match="no JSON object"):
        renamed(answer, "mine")
    with pytest.raises(BridgeError, match="proxy before it" if answer.startswith(b"<") else "cut off"):
        usage_of(answer, "azure")


def test_an_error_in_the_place_of_an_answer_is_raised() -> None:
    error = {"message": "Not this cat.", "type": "invalid_request_error", "code": "content_policy_violation"}
    with pytest.raises(CloudError, match=r"Not this cat\.") as raised:
        usage_of(json.dumps({"error": error}).encode(), "azure")
    assert (raised.value.status, raised.value.code) == (400, "content_policy_violation")


@pytest.mark.parametrize("nothing", [b"null", b"{}", b'""', b"false"])
def test_an_error_that_is_none_spoils_no_answer(nothing: bytes) -> None:
    assert usage_of(b'{"error": %s, "usage": {"prompt_tokens": 5}}' % nothing, "azure") == Usage(input=5)


def test_half_a_surrogate_spoils_no_answer() -> None:
    assert usage_of(b'{"data": [{"revised_prompt": "\\ud83d"}], "usage": {"input_tokens": 5}}', "azure") == Usage(
        input=5
    )


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["model", "data", "usage", "x"]), JSON), st.text())
def test_any_object_keeps_its_other_fields(value: dict[str, Any], model: str) -> None:
    told = json.loads(renamed(json.dumps(value).encode(), model))
    assert told == value | ({"model": model} if "model" in value else {})


@given(st.binary() | st.dictionaries(st.sampled_from(["usage", "error"]), JSON).map(lambda it: json.dumps(it).encode()))
def test_any_answer_tells_its_tokens_or_none_or_is_an_error(answer: bytes) -> None:
    try:
        assert isinstance(usage_of(answer, "azure"), Usage | None)
    except BridgeError as error:
        assert error.status >= 400


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 5, "total_tokens": 5}, Usage(input=5)),
        ({"input_tokens": 50, "output_tokens": 90, "total_tokens": 140}, Usage(input=50, output=90)),
        (None, None),
    ],
)
def test_tokens(usage: Any, expected: Usage | None) -> None:
    assert usage_of(json.dumps({"usage": usage, "data": [[]]}).encode(), "azure") == expected
