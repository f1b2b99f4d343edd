"""Images as clients send them inside JSON: data URLs and Anthropic's base64 blocks, with the type their bytes tell."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from ..errors import InvalidRequest

_HEAD = 64  # base64 characters that are enough for every magic number below


@dataclass(frozen=True, slots=True)
class Image:
    """`data` is base64 as the client sent it: megabytes, so never decoded and encoded again."""

    media_type: str
    data: str


def image_from_url(url: str, param: str) -> Image:
    """An image from a `data:` URL (RFC 2397); other URLs are refused."""
    scheme, _, rest = url.partition(":")
    if scheme.lower() != "data":
        raise InvalidRequest(
            "Images by URL are not fetched by this version; send the image itself as a data: URL.",
            param=param,
            code="unsupported_value",
        )
    head, comma, data = rest.partition(",")
    if not comma:
        raise InvalidRequest("The data: URL of this image has no comma; send data:image/png;base64,…", param=param)
    if head.split(";")[-1].strip().lower() != "base64":
        return _image(base64.b64encode(unquote_to_bytes(data)).decode(), param)
    return _image(data, param)


def image_from_source(source: Any, param: str) -> Image:
    """An image from the `source` of an Anthropic block, `{"type": "base64", "media_type": …, "data": …}`."""
    if isinstance(source, dict) and source.get("type") == "url" and isinstance(source.get("url"), str):
        return image_from_url(source["url"], f"{param}.url")
    if not isinstance(source, dict) or source.get("type") != "base64" or not isinstance(source.get("data"), str):
        raise InvalidRequest(
            'The source of an image must be {"type": "base64", "media_type": …, "data": …}.', param=param
        )
    return _image(source["data"], f"{param}.data")


def _image(data: str, param: str) -> Image:
    data = data if data.isascii() and not any(map(data.__contains__, " \t\r\n%")) else _cleaned(data)
    try:
        head = base64.b64decode(data[:_HEAD] + "=" * (-len(data[:_HEAD]) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest("The data of this image is not base64; encode it again.", param=param) from None
    media_type = _sniff(head)
    if media_type is None:
        raise InvalidRequest(
            "This is not a JPEG, PNG, GIF or WebP image, and Claude reads no others; convert it first.",
            param=param,
            code="unsupported_value",
        )
    return Image(media_type, data)


def _cleaned(data: str) -> str:
    return "".join(unquote_to_bytes(data).decode("latin-1").split())


def _sniff(head: bytes) -> str | None:
    """The media type by magic number: clients mislabel, and the clouds refuse a wrong label."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return None
