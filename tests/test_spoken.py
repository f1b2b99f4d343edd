"""inspector/spoken.py: whose API a path is, and how long what was said is."""

from __future__ import annotations

import pytest

from oai_bridge.inspector.spoken import (
    Call,
    Choice,
    Media,
    Message,
    Other,
    Refusal,
    Reply,
    Result,
    Text,
    Thinking,
    api_of,
    characters,
)


@pytest.mark.parametrize(
    ("path", "api"),
    [
        ("/v1/chat/completions", "openai"),
        ("/proxy/gcp/claude//chat/completions/?a=b", "openai"),
        ("http://127.0.0.1:7860/v1/chat/completions", "openai"),
        ("/v1/messages", "anthropic"),
        ("/proxy/aws/claude/messages?beta=true", "anthropic"),
        ("/v1/messages/count_tokens", None),
        ("/v1/embeddings", None),
        ("/completions", None),
        ("/", None),
        ("", None),
    ],
)
def test_a_path_names_the_api(path: str, api: str | None) -> None:
    assert api_of(path) == api


def test_characters_are_counted_at_every_depth_and_media_are_not() -> None:
    parts = (
        Text("abc"),
        Thinking("de"),
        Refusal("no"),
        Media("image", "image/png", 5000),
        Media("document", text="plain"),
        Call("id", "look", "{}"),
        Result("id", "", (Text("xyz"), Result("", "", (Text("!"),)))),
        Other("odd", "[1]"),
    )
    assert characters(parts) == 3 + 2 + 2 + 0 + 5 + 6 + 4 + 3


def test_a_reply_tells_the_text_and_the_thinking_of_its_first_choice() -> None:
    first = Message("assistant", (Thinking("hm"), Text("a"), Call("", "look", "{}"), Text("b")), "choices[0].message")
    second = Message("assistant", (Text("other"),), "choices[1].message")
    reply = Reply("openai", choices=(Choice(0, first), Choice(1, second)))
    assert (reply.text, reply.thinking) == ("ab", "hm")
    assert (Reply("openai").text, Reply("openai").thinking) == ("", "")
