"""What stands at a URL in a native request: found as deep as the API knows it, and put in its place."""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest

from oai_bridge.dialects.claude_native import put_source, remote_sources
from oai_bridge.errors import InvalidRequest
from oai_bridge.openai.chat import Document, Image


def at(url: Any, kind: str = "image") -> dict[str, Any]:
    return {"type": kind, "source": {"type": "url", "url": url}, "cache_control": {"type": "ephemeral"}}


REMOTE: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 9,
    "system": [at("https://a/not-here")],
    "messages": [
        {"role": "user", "content": "https://a/text"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look"},
                at("https://a/1"),
                at("https://a/2.pdf", "document"),
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}},
                {"type": "tool_result", "tool_use_id": "t", "content": [at("https://a/3")]},
                {"type": "document", "source": {"type": "content", "content": [at("https://a/4")]}},
                {"type": "tool_result", "tool_use_id": "t", "content": "https://a/text"},
                at(None),
                at("https://a/not-here", "brand_new"),
                "no block",
            ],
        },
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": at("https://a/no")}]},
    ],
}


def test_what_stands_at_a_url_is_found() -> None:
    found = remote_sources(REMOTE)
    assert [(source.kind, source.url, source.param) for source in found] == [
        ("image", "https://a/1", "messages[1].content[1].source.url"),
        ("document", "https://a/2.pdf", "messages[1].content[2].source.url"),
        ("image", "https://a/3", "messages[1].content[4].content[0].source.url"),
        ("image", "https://a/4", "messages[1].content[5].source.content[0].source.url"),
    ]


@pytest.mark.parametrize("levels", range(6))
@pytest.mark.parametrize("outer", ["document", "tool_result"])
def test_blocks_in_blocks_are_looked_at_as_deep_as_the_api_knows_them(levels: int, outer: str) -> None:
    content: Any = [at("https://a/1")]
    for _ in range(levels):
        inner = {"source": {"type": "content", "content": content}} if outer == "document" else {"content": content}
        content = [{"type": outer, **inner}]
    found = remote_sources({"messages": [{"role": "user", "content": content}]})
    assert [source.url for source in found] == (["https://a/1"] if levels < 3 else [])


def test_what_was_fetched_stands_in_its_place() -> None:
    body = copy.deepcopy(REMOTE)
    for source in remote_sources(body):
        put_source(
            body, source, Image("image/png", "iVBO") if source.kind == "image" else Document("application/pdf", "JVBE")
        )
    assert remote_sources(body) == []
    blocks = body["messages"][1]["content"]
    picture = {"type": "base64", "media_type": "image/png", "data": "iVBO"}
    assert blocks[1] == {**at("x"), "source": picture}
    assert blocks[2]["source"] == {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}
    assert blocks[4]["content"][0]["source"] == blocks[5]["source"]["content"][0]["source"] == picture
    assert blocks[0] == REMOTE["messages"][1]["content"][0] and body["messages"][2] == REMOTE["messages"][2]


def test_a_text_is_a_text_source() -> None:
    body = {"messages": [{"role": "user", "content": [at("https://a/1.txt", "document")]}]}
    put_source(body, remote_sources(body)[0], Document("text/plain", "Read me"))
    assert body["messages"][0]["content"][0]["source"] == {
        "type": "text",
        "media_type": "text/plain",
        "data": "Read me",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "fetched", "told"),
    [
        ("image", Document("application/pdf", "JVBE"), "At this URL stands a document; send it"),
        ("document", Image("image/png", "iVBO"), "At this URL stands an image; send it"),
    ],
)
def test_a_file_of_the_other_kind_is_refused(kind: Any, fetched: Image | Document, told: str) -> None:
    body = {"messages": [{"role": "user", "content": [at("https://a/1", kind)]}]}
    with pytest.raises(InvalidRequest, match=told) as raised:
        put_source(body, remote_sources(body)[0], fetched)
    assert raised.value.param == "messages[0].content[0].source.url"


def test_many_files_are_put_in_linear_time() -> None:
    def seconds(count: int) -> float:
        body = {"messages": [{"role": "user", "content": [at("https://a/1") for _ in range(count)]}]}
        begun = time.process_time()
        for source in remote_sources(body):
            put_source(body, source, Image("image/png", "iVBO"))
        return time.process_time() - begun

    assert any(seconds(40_000) <= 3 * seconds(20_000) for _ in range(5))
