"""Images by what their bytes are, from data URLs and Anthropic's blocks."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import pytest

from oai_bridge.errors import InvalidRequest
from oai_bridge.openai.media import Image, image_from_source, image_from_url

BYTES = {
    "image/png": b"\x89PNG\r\n\x1a\n" + bytes(range(90)),
    "image/jpeg": b"\xff\xd8\xff\xe0" + bytes(range(90)),
    "image/gif": b"GIF87a" + bytes(range(90)),
    "image/webp": b"RIFF\x24\0\0\0WEBP" + bytes(range(90)),
}
PNG = base64.b64encode(BYTES["image/png"]).decode()


@pytest.mark.parametrize("media_type", BYTES)
@pytest.mark.parametrize(
    "head",
    [
        *("image/png;base64", "image/svg+xml;base64", ";base64", "image/png;charset=utf-8;base64", "image/png; BASE64"),
        'image/png;name="a%2Cb.png";base64',
    ],
)
def test_the_bytes_tell_the_type(media_type: str, head: str) -> None:
    data = base64.b64encode(BYTES[media_type]).decode()
    assert image_from_url(f"data:{head},{data}", "p") == Image(media_type, data)
    source = {"type": "base64", "media_type": "image/bmp", "data": data}
    assert image_from_source(source, "p") == Image(media_type, data)


@pytest.mark.parametrize(
    "data",
    [PNG, quote(PNG, safe=""), PNG[:9] + "\r\n " + PNG[9:] + "\n", PNG.replace("=", "%3d"), "%20" + PNG],
)
def test_what_travel_did_to_base64_is_undone(data: str) -> None:
    assert image_from_url(f"data:image/png;base64,{data}", "p").data == PNG


def test_a_data_url_without_base64_is_percent_encoded() -> None:
    url = "data:image/png," + quote(BYTES["image/png"], safe="")
    assert image_from_url(url, "p") == Image("image/png", PNG)


def test_clean_data_is_not_copied() -> None:
    data = PNG * 3
    assert image_from_source({"type": "base64", "data": data}, "p").data is data


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("https://example.com/a.png", "not fetched"),
        ("file:///etc/passwd", "not fetched"),
        ("a.png", "not fetched"),
        ("", "not fetched"),
        ("data:image/png;base64", "no comma"),
        ("data:image/png;base64,", "not a JPEG"),
        ("data:image/png;base64,&&&&", "not base64"),
        ("data:image/png;base64,\u00e9\u00e9\u00e9\u00e9", "not base64"),
        ("data:image/png;base64,A", "not base64"),
        ("data:image/bmp;base64," + base64.b64encode(b"BM" + bytes(80)).decode(), "not a JPEG"),
        ("data:image/avif;base64," + base64.b64encode(b"\0\0\0\x20ftypavif" + bytes(80)).decode(), "not a JPEG"),
        ("data:image/webp;base64," + base64.b64encode(b"RIFF\x24\0\0\0WAVE" + bytes(80)).decode(), "not a JPEG"),
        ("data:image/svg+xml;utf8,<svg/>", "not a JPEG"),
        ("data:application/pdf;base64,JVBERi0xLjQ=", "not a JPEG"),
    ],
)
def test_what_is_no_image(url: str, word: str) -> None:
    with pytest.raises(InvalidRequest, match=word) as caught:
        image_from_url(url, "messages[0].content[1].image_url.url")
    assert caught.value.param == "messages[0].content[1].image_url.url"


@pytest.mark.parametrize(
    ("source", "param"),
    [
        (None, "p"),
        ("x", "p"),
        ({"type": "base64", "data": 5}, "p"),
        ({"type": "file", "file_id": "f"}, "p"),
        ({"type": "base64", "data": "&"}, "p.data"),
        ({"type": "url", "url": "https://example.com/a.png"}, "p.url"),
        ({"type": "url", "url": 5}, "p"),
    ],
)
def test_what_is_no_source(source: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        image_from_source(source, "p")
    assert caught.value.param == param
