"""Pictures that a chat in OpenAI's own words names by URL, for doors that take the data only: where they stand, and the
chat with the data in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .chat import Document, Image, Remote

_SCHEMES = ("http://", "https://")


def remote_pictures(messages: list[dict[str, Any]]) -> list[Remote]:
    """What has to be fetched."""
    return [Remote(part["image_url"]["url"].strip(), at) for part, at in _parts(messages)]


def with_pictures(messages: list[dict[str, Any]], fetched: Mapping[str, Image | Document]) -> list[dict[str, Any]]:
    """The messages with data: URLs instead, and texts as such; `messages` stay as they are."""
    data: dict[int, dict[str, Any]] = {}
    for part, _ in _parts(messages):
        media = fetched[part["image_url"]["url"].strip()]
        if media.media_type == "text/plain":
            data[id(part)] = {"type": "text", "text": media.data}
            continue
        url = f"data:{media.media_type};base64,{media.data}"
        data[id(part)] = {**part, "image_url": {**part["image_url"], "url": url}}
    return [
        {**message, "content": [data.get(id(part), part) for part in message["content"]]}
        if isinstance(message.get("content"), list)
        else message
        for message in messages
    ]


def _parts(messages: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    """The parts, each with the place of its URL."""
    for index, message in enumerate(messages):
        content = message.get("content")
        for place, part in enumerate(content if isinstance(content, list) else ()):
            match part:
                case {"type": "image_url", "image_url": {"url": str(url)}} if url.strip().lower().startswith(_SCHEMES):
                    yield part, f"messages[{index}].content[{place}].image_url.url"
