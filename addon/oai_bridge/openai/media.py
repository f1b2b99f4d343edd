"""Pictures and files as clients send them: data URLs, base64 or an http(s) address, with the type their bytes tell.

Base64 stays the client's own string wherever it can: megabytes, of which only both ends are looked at.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Literal, NoReturn
from urllib.parse import unquote_to_bytes

from ..errors import InvalidRequest
from .chat import Document, Image, Office, Remote
from .fields import text

Media = Image | Document
Given = Image | Document | Office | Remote

_ENDS = 4096  # base64 characters, a multiple of four, that are checked at the front and at the back
_MAGIC = 64  # bytes that are enough for every magic number below
_DATA_HEAD = 1024  # characters before the comma of a data: URL; no media type comes near
_TITLE = 255  # characters; no file has a longer name

_TEXT_TYPES = {
    *("application/json", "application/x-ndjson", "application/jsonl", "application/xml", "application/csv"),
    *("application/yaml", "application/x-yaml", "application/toml", "application/sql", "application/javascript"),
    *("application/x-javascript", "application/typescript", "application/x-sh", "application/x-subrip"),
}
_TEXT_ENDINGS = (
    *(".txt", ".text", ".md", ".markdown", ".rst", ".tex", ".log", ".srt", ".vtt", ".diff", ".patch"),
    *(".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".xml", ".html", ".htm", ".css"),
    *(".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".env", ".properties", ".sql", ".sh", ".bat", ".ps1"),
    *(".py", ".js", ".mjs", ".jsx", ".ts", ".tsx", ".java", ".kt", ".c", ".h", ".cc", ".cpp", ".hpp", ".cs"),
    *(".go", ".rs", ".rb", ".php", ".pl", ".lua", ".swift", ".scala", ".r", ".vue", ".ipynb"),
)
_OFFICE: Mapping[bytes, Mapping[Literal["doc", "docx", "xls", "xlsx"], str]] = {
    b"PK\x03\x04": {
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    },
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": {"doc": "application/msword", "xls": "application/vnd.ms-excel"},
}
_UNREADABLE = (
    "The model reads JPEG, PNG, GIF and WebP images, PDF files and plain text; "
    "convert this file to PDF, or put its text into the chat."
)
_CHARSETS = {
    # Everything else is read as UTF-8: some of Python's codecs are no text encodings, and some take quadratic time.
    **dict.fromkeys(("iso-8859-1", "latin1", "windows-1252", "cp1252"), "latin-1"),
    **{name: name for name in ("utf-16", "utf-16le", "utf-16be", "gbk", "gb2312", "gb18030", "big5")},
    **{name: name for name in ("shift_jis", "euc-jp", "euc-kr", "koi8-r", "windows-1251")},
}


def image_url_part(value: dict[str, Any], at: str) -> Given:
    """OpenAI's `{"type": "image_url", "image_url": {"url": …}}`, or with the URL right in `image_url`."""
    given = value.get("image_url")
    url = given.get("url") if isinstance(given, dict) else given
    if isinstance(url, str):
        return media_from_url(url, f"{at}.image_url.url")
    raise InvalidRequest('`image_url` must be {"url": "data:…"}.', param=f"{at}.image_url")


def file_part(value: dict[str, Any], at: str) -> Given:
    """OpenAI's `{"type": "file", "file": {"filename": …, "file_data": …}}`. The data is documented as base64; clients
    send data: URLs, and some an address."""
    file, at = value.get("file"), f"{at}.file"
    if not isinstance(file, dict):
        raise InvalidRequest('`file` must be {"filename": …, "file_data": "data:…"}.', param=at)
    data = file.get("file_data")
    if isinstance(data, str) and data:
        return _media_from_text(data, "", f"{at}.file_data", _title(file, "filename", at))
    if file.get("file_id"):
        raise InvalidRequest(
            "Uploaded files are not within reach here; send the file itself in `file_data`.",
            param=f"{at}.file_id",
            code="unsupported_value",
        )
    raise InvalidRequest("`file_data` must be the file as a data: URL or as base64.", param=f"{at}.file_data")


def anthropic_part(value: dict[str, Any], at: str) -> Given:
    """Anthropic's `image` and `document` blocks, which SillyTavern's post-processing "Claude" and others leave in the
    OpenAI body: `{"type": …, "source": {"type": "base64" | "url" | "text", …}, "title"?: …}`."""
    title = _title(value, "title", at)
    match value.get("source"):
        case {"type": "base64", "data": str(data), **rest}:
            declared = rest.get("media_type")
            declared = declared if isinstance(declared, str) else ""
            return _media_from_text(data, declared, f"{at}.source.data", title)
        case {"type": "url", "url": str(url)}:
            return media_from_url(url, f"{at}.source.url", title)
        case {"type": "text", "data": str(plain)}:
            return Document("text/plain", plain, title)
    raise InvalidRequest(
        '`source` must be {"type": "base64", "media_type": …, "data": …}, or have the type url or text.',
        param=f"{at}.source",
    )


def media_from_url(url: str, param: str, title: str | None = None) -> Given:
    """What a `data:` URL (RFC 2397) holds, or where an http(s) URL leads; others are refused."""
    url = url.strip()
    scheme = url[:8].partition(":")[0].lower()
    if scheme in ("http", "https"):
        return Remote(url, param, title=title)
    if scheme != "data":
        raise InvalidRequest(
            "This is neither a data: URL nor an http(s) one; send data:image/png;base64,…",
            param=param,
            code="unsupported_value",
        )
    comma = url.find(",", 0, _DATA_HEAD)
    if comma < 0:
        raise InvalidRequest("This data: URL has no comma after its type; send data:image/png;base64,…", param=param)
    head, data = url[len("data:") : comma], url[comma + 1 :]
    if head[:1] in ("", ";"):
        head = f"text/plain{head}"
    if "base64" in [parameter.strip().lower() for parameter in head.split(";")[1:]]:
        return _media_from_base64(data, head, param, title)
    return _media_from_bytes(unquote_to_bytes(data), head, param, title)


def media_from_bytes(data: bytes, declared: str | None, param: str) -> Media:
    """A fetched file; `declared` is its Content-Type, `param` the field that named it. Raises `InvalidRequest`."""
    if _sniffed(data) is None and (declared or "").lower().startswith(("text/html", "application/xhtml")):
        raise InvalidRequest(
            "This address leads to a web page; send the address of the picture or file itself.",
            param=param,
            code="unsupported_value",
        )
    return _media_from_bytes(data, declared or "", param, None)


# -- the bytes and their type -----------------------------------------------------------------------------------------


def _media_from_text(data: str, declared: str, param: str, title: str | None) -> Given:
    """Base64, or a URL where base64 belongs: a colon is not in base64's alphabet."""
    data = data.strip()
    if ":" in data[:8]:
        return media_from_url(data, param, title)
    return _media_from_base64(data, declared, param, title)


def _media_from_base64(data: str, declared: str, param: str, title: str | None) -> Media | Office:
    data = _clean(data)
    if not data.isascii():
        raise _not_base64(param)
    head = _decoded(data[:_ENDS], param)
    _decoded(data[-_ENDS:], param)
    if (office := _office(head, declared, title)) is not None:
        return Office(office, data, param, title)
    media_type = _media_type(head, declared, title, param)
    if media_type == "text/plain":
        return Document("text/plain", _text(_decoded(data, param), declared, param), title)
    return _encoded(media_type, data, title)


def _media_from_bytes(data: bytes, declared: str, param: str, title: str | None) -> Media:
    media_type = _media_type(data, declared, title, param)
    if media_type == "text/plain":
        return Document("text/plain", _text(data, declared, param), title)
    return _encoded(media_type, base64.b64encode(data).decode(), title)


def _encoded(media_type: str, data: str, title: str | None) -> Media:
    return Document("application/pdf", data, title) if media_type == "application/pdf" else Image(media_type, data)


def _clean(data: str) -> str:
    """Base64 without what travel did to it: percent-encoding, white space, lost padding."""
    if any(map(data.__contains__, " \t\r\n%")):
        data = "".join(unquote_to_bytes(data).decode("latin-1").split())
    return data + "=" * (-len(data) % 4)


def _decoded(data: str, param: str) -> bytes:
    try:
        return binascii.a2b_base64(data, strict_mode=True)
    except ValueError:
        raise _not_base64(param) from None


def _not_base64(param: str) -> InvalidRequest:
    return InvalidRequest("This data is not base64; encode the file again.", param=param)


def _media_type(data: bytes, declared: str, title: str | None, param: str) -> str:
    """What the bytes are: clients mislabel, and the clouds refuse a wrong label. Text has no magic number, so that the
    label or the file's name has to tell it."""
    if (found := _sniffed(data)) is not None:
        return found
    media_type = declared.partition(";")[0].strip().lower()
    if media_type.startswith("text/") or media_type in _TEXT_TYPES or (title or "").lower().endswith(_TEXT_ENDINGS):
        return "text/plain"
    if media_type.startswith("image/"):
        message = "This is not a JPEG, PNG, GIF or WebP image, and the model reads no others; convert it first."
    else:
        message = _UNREADABLE
    raise InvalidRequest(message, param=param, code="unsupported_value")


def _office(data: bytes, declared: str, title: str | None) -> Literal["doc", "docx", "xls", "xlsx"] | None:
    """Which of Office's formats it is, if any: the bytes only tell what they are packed in."""
    magic = next((magic for magic in _OFFICE if data.startswith(magic)), None)
    if magic is None:
        return None
    media_type, name = declared.partition(";")[0].strip().lower(), (title or "").lower()
    return next(
        (form for form, kind in _OFFICE[magic].items() if media_type == kind or name.endswith(f".{form}")), None
    )


def refuse_office(part: Office) -> NoReturn:
    """For a model or a cloud that doesn't read it; raises `InvalidRequest`."""
    raise InvalidRequest(_UNREADABLE, param=part.param, code="unsupported_value")


def _sniffed(data: bytes) -> str | None:
    head = data[:_MAGIC]
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head.lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"%PDF-"):
        return "application/pdf"
    return None


def _text(data: bytes, declared: str, param: str) -> str:
    """A text file's text, in the character set that its label names, else in UTF-8."""
    parameters = (parameter.strip().lower() for parameter in declared.split(";")[1:])
    named = next((each for each in parameters if each.startswith("charset=")), "")
    charset = _CHARSETS.get(named.removeprefix("charset=").strip("\"'"), "utf-8-sig")
    try:
        return data.decode(charset)
    except UnicodeDecodeError:
        raise InvalidRequest(
            "This text is not UTF-8; save the file as UTF-8 and attach it again.", param=param
        ) from None


def _title(value: dict[str, Any], field: str, at: str) -> str | None:
    return (text(value, field, at) or "").strip()[:_TITLE] or None
