"""inspector/neutral.py: what tells whose a text is becomes neutral, the same everywhere, and words stay."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.inspector.neutral import Neutral

UUID = "3f2c1d4e-5a6b-4c7d-8e9f-0a1b2c3d4e5f"


@pytest.mark.parametrize(
    ("text", "neutral"),
    [
        ("Write to jane.doe+x@mail.acme.co.uk.", "Write to someone@example.com."),
        ('"jane@acme.com"', '"someone@example.com"'),
        ("https://x/v1/projects/acme-1/locations/us", "https://x/v1/projects/p/locations/us"),
        ("arn:aws:bedrock:us-east-1:998877665544:x", "arn:aws:bedrock:us-east-1:123456789012:x"),
        ("https://acme.openai.azure.com/", "https://mine.openai.azure.com/"),
        ("https://acme.services.ai.azure.com/", "https://mine.services.ai.azure.com/"),
        ("msg_vrtx_01ABCdef234567", "msg_1"),
        ("toolu_01ABCdef234567", "toolu_1"),
        ("chatcmpl-AbC123defGHI456", "chatcmpl-1"),
        (UUID, "00000000-0000-4000-8000-000000000001"),
        (f"user_{'0f' * 32}_account_{UUID}", "someone_account_00000000-0000-4000-8000-000000000001"),
        ("ya29.a0AfH6SMBx", "***"),
        ("denied in project 210987654321 today", "denied in project 123456789012 today"),
        ("https://x/overview?project=210987654321&x=1", "https://x/overview?project=p&x=1"),
        ("https://x/overview?project=other-1", "https://x/overview?project=p"),
        ("project_number:210987654321", "project_number:123456789012"),
        ('{"containerInfo": "210987654321"}', '{"containerInfo": "123456789012"}'),
        ('{"projectNumber": 210987654321}', '{"projectNumber": 123456789012}'),
        ('"containerInfo\\": \\"210987654321', '"containerInfo\\": \\"123456789012'),
        ("arn:aws:iam::998877665544:user/alice is", "arn:aws:iam::123456789012:user/someone is"),
        ("arn:aws:iam::998877665544:role/a/Alice.", "arn:aws:iam::123456789012:role/someone."),
        ("arn:aws:sts::998877665544:assumed-role/A/b", "arn:aws:sts::123456789012:assumed-role/someone"),
        ("assumed-role/AliceAdmin/jane@acme.com", "assumed-role/someone"),
    ],
)
def test_what_tells_whose_it_is_becomes_neutral(text: str, neutral: str) -> None:
    assert Neutral().text(text) == neutral


@pytest.mark.parametrize(
    "text",
    [
        "She looked @ him. a@b, 10@20",
        "call_emergency_services file_a_report2 msg_vrtx_01 toolu_1",
        "Call 123456789012 or :1234567890123:",
        "claude-sonnet-4-5@20250929",
        "projects in general",
        "data:image/png;base64,AAAABBBBCCCCDDDDEEEE1111",
    ],
)
def test_other_words_stay(text: str) -> None:
    assert Neutral().text(text) == text


def test_the_same_is_the_same_in_all_texts() -> None:
    neutral = Neutral()
    assert neutral.text("toolu_01ABCdef234567 toolu_09ZZZdef234567") == "toolu_1 toolu_2"
    assert neutral.text("toolu_09ZZZdef234567") == "toolu_2"


@pytest.mark.parametrize("escape", ["\n", "\t", "\r", "\f", "\b", "\u2028", "\x01", '"', "\\"])
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("cut", [0, 1])
def test_an_escape_belongs_to_no_word(escape: str, depth: int, cut: int) -> None:
    words = ["acme-prod-1", "toolu_01ABCdef234567", "jane@acme.com", "ya29.a0AfH6SMBx", "acme.openai.azure.com", UUID]
    for word in words:
        text: Any = f"x{escape}{word}{escape}y"
        for _ in range(depth):
            text = json.dumps({"a": text})
        neutral = Neutral(["acme-prod-1"]).text(text[: len(text) - cut])
        assert word not in neutral
        if not cut:
            value = neutral
            for _ in range(depth):
                value = json.loads(value)["a"]
            assert value.startswith(f"x{escape}") and value.endswith(f"{escape}y")


def test_a_secret_ends_with_its_string() -> None:
    value = {"a": "-----BEGIN PRIVATE KEY-----\nMII", "b": "Bearer abc", "api_key": "no-shape-at-all", "c": "stays"}
    clean = {"a": "***", "b": "Bearer ***", "api_key": "***", "c": "stays"}
    assert json.loads(Neutral().text(json.dumps(value))) == clean
    stream = Neutral().stream(f"event: x\r\ndata: {json.dumps(value)}\n\ndata:[DONE]\n\n")
    assert stream == f"event: x\r\ndata: {json.dumps(clean)}\n\ndata:[DONE]\n\n"


def test_a_name_that_stands_twice_hides_nothing() -> None:
    assert "jane" not in Neutral().text('{"a": "\\njane@acme.com", "a": "x"}')


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(VALUES, st.booleans())
def test_what_tells_nothing_stays_as_it_was_written(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=ascii_only)
    assert Neutral().text(text) == text
    assert Neutral().stream(text) == text


@given(st.text(max_size=30) | VALUES.map(json.dumps))
def test_what_is_neutral_stays_so(text: str) -> None:
    neutral = Neutral(["acme-prod-1"])
    once = neutral.text(f"{text} {UUID} acme-prod-1 toolu_01ABCdef234567 arn:aws:iam::998877665544:user/alice")
    assert neutral.text(once) == once


@pytest.mark.parametrize("text", ["[" * 20_000, '{"a":' * 20_000, "1" * 5000, '"\\ud800"', "NaN", "[NaN, 1e999]"])
def test_odd_json_does_no_harm(text: str) -> None:
    assert Neutral(["acme-prod-1"]).text(text) == text


def test_half_an_emoji_can_be_written() -> None:
    assert Neutral().text('["\\ud83d", "jane@acme.com"]').encode() == b'["\\ud83d", "someone@example.com"]'


def test_names_of_accounts_and_people_go() -> None:
    neutral = Neutral(names=["acme-prod-1", "demo"], people=["jane"])
    text = '{"user": "jane", "text": "jane has a demo of acme-prod-1, not acme-prod-12"}'
    assert neutral.text(text) == '{"user": "someone", "text": "jane has a demo of p, not acme-prod-12"}'


@pytest.mark.parametrize("text", ["a.b" * 200_000, "a@" * 300_000, "call_" * 100_000, "A1" * 300_000])
def test_long_texts_take_linear_time(text: str) -> None:
    start = time.process_time()
    Neutral(["acme-prod-1"]).text(text)
    assert time.process_time() - start < 5
