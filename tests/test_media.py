"""Pictures and files by what their bytes are: data URLs, base64, Anthropic's blocks, addresses, fetched bytes."""

from __future__ import annotations

import base64
import tracemalloc
from typing import Any
from urllib.parse import quote

import pytest

from oai_bridge.errors import InvalidRequest
from oai_bridge.openai.chat import Document, Image, Office, Remote
from oai_bridge.openai.media import anthropic_part, file_part, image_url_part, media_from_bytes, media_from_url

BYTES = {
    "image/png": b"\x89PNG\r\n\x1a\n" + bytes(range(90)),
    "image/jpeg": b"\xff\xd8\xff\xe0" + bytes(range(90)),
    "image/gif": b"GIF87a" + bytes(range(90)),
    "image/webp": b"RIFF\x24\0\0\0WEBP" + bytes(range(90)),
}
PDF_BYTES = b"%PDF-1.7\n" + bytes(range(90))
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


PNG = encoded(BYTES["image/png"])
PDF = encoded(PDF_BYTES)
TEXT = encoded("Grüße, 世界\n".encode())


@pytest.mark.parametrize("media_type", BYTES)
@pytest.mark.parametrize(
    "head",
    [
        *("image/png;base64", "image/svg+xml;base64", ";base64", "image/png; BASE64", "text/plain;base64"),
        *("image/png;charset=utf-8;base64", "image/png;base64;charset=utf-8", 'image/png;name="a%2Cb.png";base64'),
    ],
)
def test_the_bytes_tell_the_type(media_type: str, head: str) -> None:
    """Portkey split at every semicolon, so that `;charset=` broke the picture; others pass a wrong label on."""
    data = encoded(BYTES[media_type])
    assert media_from_url(f"data:{head},{data}", "p") == Image(media_type, data)
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/bmp", "data": data}}
    assert anthropic_part(block, "p") == Image(media_type, data)
    assert media_from_bytes(BYTES[media_type], head, "p") == Image(media_type, data)


@pytest.mark.parametrize(
    "data",
    [
        *(PNG, quote(PNG, safe=""), PNG[:9] + "\r\n " + PNG[9:] + "\n", PNG.replace("=", "%3d"), "%20" + PNG),
        *(PNG.rstrip("="), "\n" + PNG),
    ],
)
def test_what_travel_did_to_base64_is_undone(data: str) -> None:
    assert media_from_url(f"data:image/png;base64,{data}", "p") == Image("image/png", PNG)


def test_a_data_url_without_base64_is_percent_encoded() -> None:
    url = "DATA:image/png," + quote(BYTES["image/png"], safe="")
    assert media_from_url(url, "p") == Image("image/png", PNG)


def test_clean_data_is_not_copied() -> None:
    data = encoded(BYTES["image/png"] * 9_000)
    part = anthropic_part({"source": {"type": "base64", "data": data}}, "p")
    assert isinstance(part, Image)
    assert part.data is data


@pytest.mark.parametrize("head", [BYTES["image/png"], PDF_BYTES], ids=["picture", "pdf"])
def test_ten_megabytes_are_cut_off_once(head: bytes) -> None:
    url = "data:x/y;base64," + encoded(head + bytes(7_500_000))
    tracemalloc.start()
    media_from_url(url, "p")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.05 * len(url)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (f"data:text/plain;base64,{TEXT}", "Grüße, 世界\n"),
        (f"data:text/plain;charset=utf-8;base64,{TEXT}", "Grüße, 世界\n"),
        (f"data:application/json;base64,{TEXT}", "Grüße, 世界\n"),
        (f"data:text/markdown;base64,{TEXT.rstrip('=')}", "Grüße, 世界\n"),
        ("data:text/plain;base64," + encoded("\ufeffBOM".encode()), "BOM"),
        ("data:text/plain;charset=iso-8859-1;base64," + encoded(b"Gr\xfc\xdfe"), "Grüße"),
        ('data:text/plain;charset="GBK";base64,' + encoded("世界".encode("gbk")), "世界"),
        ("data:text/csv;charset=utf-16;base64," + encoded("a,b".encode("utf-16")), "a,b"),
        ("data:text/plain;charset=rot13;base64," + encoded(b"abc"), "abc"),
        ("data:text/plain;charset=punycode;base64," + encoded(b"abc-"), "abc-"),
        ("data:text/plain,a%20b,c", "a b,c"),
        ("data:,Hello", "Hello"),
        ("data:;charset=utf-8,Gr%C3%BC", "Grü"),
        ("data:text/plain;base64,", ""),
    ],
)
def test_a_text_becomes_its_text(url: str, text: str) -> None:
    assert media_from_url(url, "p") == Document("text/plain", text)


@pytest.mark.parametrize("head", ["application/pdf", "application/octet-stream", "image/png", "text/plain", ""])
def test_a_pdf_is_a_document_wherever_it_stands(head: str) -> None:
    assert media_from_url(f"data:{head};base64,{PDF}", "p") == Document("application/pdf", PDF)


@pytest.mark.parametrize("url", ["https://example.com/a.png", " HTTP://example.com/?a=b,c\n"])
def test_an_address_is_left_to_be_fetched(url: str) -> None:
    assert image_url_part({"image_url": {"url": url}}, "p") == Remote(url.strip(), "p.image_url.url")
    assert image_url_part({"image_url": url}, "p") == Remote(url.strip(), "p.image_url.url")
    assert anthropic_part({"source": {"type": "url", "url": url}}, "p") == Remote(url.strip(), "p.source.url")
    assert file_part({"file": {"file_data": url}}, "p") == Remote(url.strip(), "p.file.file_data")


def test_a_file_to_be_fetched_keeps_its_name() -> None:
    url = "https://example.com/a"
    file = {"file": {"filename": "law.pdf", "file_data": url}}
    assert file_part(file, "p") == Remote(url, "p.file.file_data", title="law.pdf")
    block = {"title": "The law", "source": {"type": "url", "url": url}}
    assert anthropic_part(block, "p") == Remote(url, "p.source.url", title="The law")


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("file:///etc/passwd", "neither a data: URL"),
        ("ftp://example.com/a.png", "neither a data: URL"),
        ("javascript:alert(1)", "neither a data: URL"),
        ("a.png", "neither a data: URL"),
        ("", "neither a data: URL"),
        ("data:image/png;base64", "no comma"),
        ("data:" + "x" * 2000 + "," + PNG, "no comma"),
        ("data:image/png;base64,", "not a JPEG"),
        ("data:image/png;base64,&&&&", "not base64"),
        ("data:image/png;base64,\u00e9\u00e9\u00e9\u00e9", "not base64"),
        ("data:image/png;base64," + PNG * 100 + "\u00e9", "not base64"),
        ("data:image/png;base64," + encoded(BYTES["image/png"] * 90)[:-5] + "&&&&&", "not base64"),
        ("data:image/png;base64,A", "not base64"),
        ("data:image/png;base64," + PNG[:-3], "not base64"),
        ("data:text/plain;base64," + "QUJD" * 5000 + "&" + "QUJD" * 5000, "not base64"),
        ("data:text/plain;base64," + encoded(b"\xff\xfe\xfd"), "not UTF-8"),
        ("data:image/bmp;base64," + encoded(b"BM" + bytes(80)), "not a JPEG"),
        ("data:image/avif;base64," + encoded(b"\0\0\0\x20ftypavif" + bytes(80)), "not a JPEG"),
        ("data:image/webp;base64," + encoded(b"RIFF\x24\0\0\0WAVE" + bytes(80)), "not a JPEG"),
        ("data:image/svg+xml;utf8,<svg/>", "not a JPEG"),
        ("data:image/svg+xml;base64," + encoded(SVG), "not a JPEG"),
        ("data:application/pdf;base64," + encoded(b"no pdf"), "convert this file"),
        ("data:application/zip;base64,UEsDBA==", "convert this file"),
    ],
)
def test_what_can_not_be_read(url: str, word: str) -> None:
    with pytest.raises(InvalidRequest, match=word) as caught:
        image_url_part({"image_url": {"url": url}}, "messages[0].content[1]")
    assert caught.value.param == "messages[0].content[1].image_url.url"


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ({"file_data": f"data:application/pdf;base64,{PDF}"}, Document("application/pdf", PDF)),
        ({"file_data": PDF, "filename": "a.pdf"}, Document("application/pdf", PDF, "a.pdf")),
        ({"file_data": PDF}, Document("application/pdf", PDF)),
        ({"file_data": PDF, "filename": None}, Document("application/pdf", PDF)),
        ({"file_data": PDF, "filename": " " + "n" * 300}, Document("application/pdf", PDF, "n" * 255)),
        ({"file_data": TEXT, "filename": "Notes.MD"}, Document("text/plain", "Grüße, 世界\n", "Notes.MD")),
        (
            {"file_data": f"data:application/octet-stream;base64,{TEXT}", "filename": "a.csv"},
            Document("text/plain", "Grüße, 世界\n", "a.csv"),
        ),
        ({"file_data": PNG, "filename": "a.txt"}, Image("image/png", PNG)),
    ],
)
def test_a_file(file: dict[str, Any], part: Any) -> None:
    """Portkey left the `data:…;base64,` in the data of a file, which the cloud refuses."""
    assert file_part({"type": "file", "file": file}, "p") == part


ZIP, OLE = encoded(b"PK\x03\x04" + bytes(50)), encoded(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(50))


@pytest.mark.parametrize(
    ("data", "declared", "title", "form"),
    [
        (ZIP, "", "A.DOCX", "docx"),
        (ZIP, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "a", "xlsx"),
        (ZIP, "application/octet-stream", "a.xlsx", "xlsx"),
        (OLE, "application/msword; x=y", None, "doc"),
        (OLE, "", "a.xls", "xls"),
    ],
)
def test_a_file_of_office(data: str, declared: str, title: str | None, form: Any) -> None:
    file = {"file_data": f"data:{declared};base64,{data}", "filename": title}
    assert file_part({"file": file}, "p") == Office(form, data, "p.file.file_data", title)


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ({}, "p.file"),
        ({"file": "x"}, "p.file"),
        ({"file": {}}, "p.file.file_data"),
        ({"file": {"file_data": 5}}, "p.file.file_data"),
        ({"file": {"file_data": ""}}, "p.file.file_data"),
        ({"file": {"file_id": "file-1"}}, "p.file.file_id"),
        ({"file": {"file_data": "&"}}, "p.file.file_data"),
        ({"file": {"file_data": "gs://bucket/a.pdf"}}, "p.file.file_data"),
        ({"file": {"file_data": PDF, "filename": 5}}, "p.file.filename"),
        ({"file": {"file_data": encoded(b"PK\x03\x04" + bytes(50)), "filename": "a.odt"}}, "p.file.file_data"),
        ({"file": {"file_data": encoded(b"PK\x03\x04" + bytes(50)), "filename": "a.doc"}}, "p.file.file_data"),
        ({"file": {"file_data": encoded(b"\xffK\x03\x04" + bytes(50)), "filename": "a.docx"}}, "p.file.file_data"),
        ({"file": {"file_data": encoded(b"PK\x03\x04\xff"), "filename": "a.txt"}}, "p.file.file_data"),
        ({"file": {"file_data": TEXT}}, "p.file.file_data"),
    ],
)
def test_what_is_no_file(value: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        file_part(value, "p")
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ({"type": "base64", "media_type": "application/pdf", "data": PDF}, Document("application/pdf", PDF, "T")),
        ({"type": "base64", "media_type": "text/plain", "data": TEXT}, Document("text/plain", "Grüße, 世界\n", "T")),
        ({"type": "base64", "media_type": 5, "data": PDF}, Document("application/pdf", PDF, "T")),
        ({"type": "text", "media_type": "text/plain", "data": "Hi"}, Document("text/plain", "Hi", "T")),
        ({"type": "base64", "data": f"data:application/pdf;base64,{PDF}"}, Document("application/pdf", PDF, "T")),
        ({"type": "url", "url": f"data:application/pdf;base64,{PDF}"}, Document("application/pdf", PDF, "T")),
    ],
)
def test_anthropics_document(source: dict[str, Any], part: Document) -> None:
    assert anthropic_part({"type": "document", "title": "T", "source": source}, "p") == part


@pytest.mark.parametrize(
    ("source", "param"),
    [
        (None, "p.source"),
        ("x", "p.source"),
        ({"type": "base64", "data": 5}, "p.source"),
        ({"type": "file", "file_id": "f"}, "p.source"),
        ({"type": "content", "content": []}, "p.source"),
        ({"type": "base64", "data": "&"}, "p.source.data"),
        ({"type": "url", "url": "ftp://example.com/a.png"}, "p.source.url"),
        ({"type": "url", "url": 5}, "p.source"),
    ],
)
def test_what_is_no_source(source: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        anthropic_part({"source": source}, "p")
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("data", "declared", "media"),
    [
        (PDF_BYTES, None, Document("application/pdf", PDF)),
        (PDF_BYTES, "binary/octet-stream", Document("application/pdf", PDF)),
        ("世界".encode("gbk"), "text/plain; charset=GBK", Document("text/plain", "世界")),
        (BYTES["image/png"], "text/html", Image("image/png", PNG)),
        (b"<html>", "text/html; charset=utf-8", None),
        (SVG, "image/svg+xml", None),
        (b"anything", None, None),
        (b"", "image/png", None),
    ],
)
def test_what_was_fetched(data: bytes, declared: str | None, media: Document | Image | None) -> None:
    if media is None:
        with pytest.raises(InvalidRequest) as caught:
            media_from_bytes(data, declared, "p")
        assert caught.value.param == "p"
    else:
        assert media_from_bytes(data, declared, "p") == media
