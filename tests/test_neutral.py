"""inspector/neutral.py: what tells whose a text is becomes neutral, the same everywhere, and words stay."""

from __future__ import annotations

import time

import pytest

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


def test_names_of_accounts_and_people_go() -> None:
    neutral = Neutral(names=["acme-prod-1", "demo"], people=["jane"])
    text = '{"user": "jane", "text": "jane has a demo of acme-prod-1, not acme-prod-12"}'
    assert neutral.text(text) == '{"user": "someone", "text": "jane has a demo of p, not acme-prod-12"}'


@pytest.mark.parametrize("text", ["a.b" * 200_000, "a@" * 300_000, "call_" * 100_000, "A1" * 300_000])
def test_long_texts_take_linear_time(text: str) -> None:
    start = time.process_time()
    Neutral(["acme-prod-1"]).text(text)
    assert time.process_time() - start < 5
