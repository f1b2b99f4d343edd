"""What Claude demands of pictures and documents: their sources, types, sizes and number.

Vendor sources: Anthropic's vision and PDF support pages; on Google Cloud a picture has 5 MiB at most, as base64.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from tests.support.claude_clouds import Cloud
from tests.support.claude_models import Model
from tests.support.claude_shapes import word

MAGIC = {
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}
MAX_IMAGE = 5 * 1024 * 1024  # characters of base64
SOURCE_KEYS = {
    "base64": {"type", "media_type", "data"},
    "text": {"type", "media_type", "data"},
    "content": {"type", "content"},
}


def image_faults(where: str, source: Any, cloud: Cloud) -> Iterator[str]:
    """The faults of an image's `source`."""
    if cloud.url_images and word(source, "type") == "url":
        if not str(source.get("url")).startswith("https://"):
            yield f"{where}.url.url: Only HTTPS URLs are supported."
        return
    if not isinstance(source, dict) or source.get("type") != "base64":
        yield f"{where}: only base64 sources are supported"
        return
    yield from _extra(where, source)
    media_type = word(source, "media_type")
    if media_type not in MAGIC:
        yield f"{where}.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"
        return
    data = _decoded(source.get("data", ""))
    if data is None:
        yield f"{where}.base64.data: invalid base64 data"
    elif len(source["data"]) > MAX_IMAGE:
        yield f"{where}.base64: image exceeds 5 MB maximum: {len(source['data'])} bytes > {MAX_IMAGE} bytes"
    elif not MAGIC[media_type].match(data):
        yield f"{where}.base64.data: the image does not match the provided media type {media_type}"


def document_faults(where: str, block: dict[str, Any]) -> Iterator[str]:
    """The faults of a `document` block; those of blocks within it are not looked for."""
    for key in ("title", "context"):
        if not isinstance(block.get(key, ""), str):
            yield f"{where}.{key}: Input should be a valid string"
    citations = block.get("citations", {})
    if not isinstance(citations, dict) or not isinstance(citations.get("enabled", True), bool):
        yield f"{where}.citations.enabled: Input should be a valid boolean"
    source = block.get("source")
    kind = word(source, "type")
    if not isinstance(source, dict) or kind not in SOURCE_KEYS:
        yield f"{where}.source: only base64, text and content sources are supported"
        return
    yield from _extra(f"{where}.source", source)
    if kind == "base64":
        if source.get("media_type") != "application/pdf":
            yield f"{where}.source.base64.media_type: Input should be 'application/pdf'"
        data = _decoded(source.get("data", ""))
        if data is None:
            yield f"{where}.source.base64.data: invalid base64 data"
        elif not data.startswith(b"%PDF"):
            yield f"{where}.source.base64.data: The PDF specified was not valid."
    elif kind == "text":
        if source.get("media_type") != "text/plain":
            yield f"{where}.source.text.media_type: Input should be 'text/plain'"
        if not isinstance(source.get("data"), str) or not source["data"].strip():
            yield f"{where}.source.text.data: text content must be non-empty"
    elif not isinstance(source.get("content"), str | list) or not source["content"]:
        yield f"{where}.source.content: content must be non-empty"


def count_faults(blocks: list[dict[str, Any]], facts: Model) -> Iterator[str]:
    """Whether there are too many pictures among all blocks of a request."""
    images = sum(block.get("type") == "image" for block in blocks)
    if images > facts.max_images:
        yield f"Too much media: 0 document pages + {images} images > {facts.max_images}"


def _extra(where: str, source: dict[str, Any]) -> Iterator[str]:
    for key in source.keys() - SOURCE_KEYS[source["type"]]:
        yield f"{where}.{source['type']}.{key}: Extra inputs are not permitted"


def _decoded(data: Any) -> bytes | None:
    try:
        return base64.b64decode(data, validate=True) or None
    except (binascii.Error, TypeError, ValueError):
        return None
