"""What goes to the cloud, against what Anthropic's own AnthropicVertex client sends there for the same conversation."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import pytest

from tests.support.fake_vertex import FakeVertex, Received
from tests.support.proxy import Proxy

OLD, NEW = "claude-sonnet-4-5", "claude-opus-4-8"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
DATA_URL = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
VERSION = "vertex-2023-10-16"
"""Ours. The SDK writes its newest, which the cloud would not take together with sampling parameters."""


def say(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


SAME: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "one question": (
        {"model": OLD, "max_tokens": 50, "messages": [say("user", "Why is the sky blue?")]},
        {"model": f"{OLD}@20250929", "max_tokens": 50, "messages": [say("user", "Why is the sky blue?")]},
    ),
    "system, turns, sampling and stops": (
        {
            "model": OLD,
            "max_tokens": 60,
            "messages": [say("system", "Brief."), say("user", "A?"), say("assistant", "B."), say("user", "C? 你好 😀")],
            "temperature": 0.25,
            "top_k": 40,
            "stop": ["END", "\nYou:"],
        },
        {
            "model": f"{OLD}@20250929",
            "max_tokens": 60,
            "system": "Brief.",
            "messages": [say("user", "A?"), say("assistant", "B."), say("user", "C? 你好 😀")],
            "stop_sequences": ["END", "\nYou:"],
            "extra_body": {"temperature": 0.25, "top_k": 40},  # the SDK's newest has no arguments for them
        },
    ),
    "a picture": (
        {
            "model": NEW,
            "max_completion_tokens": 70,
            "messages": [say("user", [{"type": "text", "text": "What is this?"}, DATA_URL])],
            "temperature": 1,
            "top_p": 1,
        },
        {
            "model": NEW,
            "max_tokens": 70,
            "messages": [say("user", [{"type": "text", "text": "What is this?"}, IMAGE])],
        },
    ),
    "a picture as SillyTavern sends it": (
        {"model": NEW, "max_tokens": 80, "messages": [say("user", [IMAGE, {"type": "text", "text": "And this?"}])]},
        {"model": NEW, "max_tokens": 80, "messages": [say("user", [IMAGE, {"type": "text", "text": "And this?"}])]},
    ),
    "a beginning of the answer": (
        {"model": OLD, "max_tokens": 90, "messages": [say("user", "Count."), say("assistant", "One, ")]},
        {"model": f"{OLD}@20250929", "max_tokens": 90, "messages": [say("user", "Count."), say("assistant", "One,")]},
    ),
}


def meaning(received: Received) -> dict[str, Any]:
    """The body with every string content as the list of blocks that it stands for."""
    body = dict(received.parsed)
    if isinstance(body.get("system"), str):
        body["system"] = [{"type": "text", "text": body["system"]}]
    body["messages"] = [
        {**turn, "content": [{"type": "text", "text": turn["content"]}]} if isinstance(turn["content"], str) else turn
        for turn in body["messages"]
    ]
    return body


@contextmanager
def anothers_headers(cloud: FakeVertex, version: str = VERSION) -> Iterator[None]:
    """The cloud takes what the SDK adds, too."""
    cloud.strict_headers, cloud.anthropic_version = False, version
    try:
        yield
    finally:
        cloud.strict_headers, cloud.anthropic_version = True, VERSION


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("case", SAME)
def test_both_say_the_same(
    cloud: FakeVertex, proxy: Proxy, vertex: anthropic.AnthropicVertex, case: str, stream: bool
) -> None:
    ours, theirs = SAME[case]
    assert proxy.chat(**ours, stream=stream).status == 200
    mine = cloud.requests[-1]
    with anothers_headers(cloud):
        theirs = {**theirs, "extra_body": {"anthropic_version": VERSION, **theirs.get("extra_body", {})}}
        if stream:
            assert list(vertex.messages.create(**theirs, stream=True))
        else:
            vertex.messages.create(**theirs)
    their = cloud.requests[-1]
    assert mine is not their
    assert (mine.method, mine.path) == (their.method, their.path)
    assert meaning(mine) == meaning(their)
    assert mine.parsed.keys() == their.parsed.keys()
    assert mine.parsed.get("stream") is (True if stream else None)


def test_the_known_difference_is_the_version(
    cloud: FakeVertex, proxy: Proxy, vertex: anthropic.AnthropicVertex
) -> None:
    ours, theirs = SAME["one question"]
    assert proxy.chat(**ours).status == 200
    mine = cloud.requests[-1]
    with anothers_headers(cloud, "2026-10-21"):
        vertex.messages.create(**theirs)
    their = cloud.requests[-1]
    assert mine.path == their.path
    assert meaning(mine) == meaning(their) | {"anthropic_version": VERSION}
    assert their.parsed["anthropic_version"] == "2026-10-21"


def test_nothing_of_the_client_but_its_words_reaches_the_cloud(cloud: FakeVertex, proxy: Proxy) -> None:
    body = {"model": OLD, "messages": [say("user", "x")]}
    answer = proxy.post(
        "/v1/chat/completions",
        body,
        {
            "authorization": "Bearer mine",
            "x-api-key": "mine-too",
            "user-agent": "mine/1",
            "cookie": "a=b",
            "anthropic-beta": "some-beta-2026-01-01",
            "x-goog-user-project": "someone-elses",
            "openai-organization": "org",
            "x-forwarded-for": "127.0.0.1",
            "accept-encoding": "gzip, br",
        },
    )
    assert answer.status == 200
    sent = {name.lower(): value for name, value in cloud.requests[-1].headers.items()}
    assert sent.keys() == {
        *("host", "authorization", "content-type", "content-length", "accept", "accept-encoding", "user-agent")
    }
    assert sent["authorization"] == f"Bearer {cloud.tokens[-1]}"
    assert sent["user-agent"] == "oai-vertex"
    assert sent["accept-encoding"] == "identity"
