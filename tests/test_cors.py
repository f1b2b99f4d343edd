"""cors.py: a listed web page is told just what it needs."""

from __future__ import annotations

import pytest

from oai_bridge.entrance.cors import leave_for, preflight_page


def test_leave_is_for_one_origin_and_without_cookies() -> None:
    headers = leave_for("https://chat.example")
    assert headers["access-control-allow-origin"] == "https://chat.example" and headers["vary"] == "origin"
    assert "access-control-allow-credentials" not in headers and "*" not in "".join(headers.values())
    assert "x-request-id" in headers["access-control-expose-headers"]


def test_the_headers_that_were_asked_for_are_allowed() -> None:
    page = preflight_page("authorization, content-type,x-stainless-lang")
    assert page.status == 204 and page.body == b""
    assert dict(page.headers) == {
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": "authorization, content-type,x-stainless-lang",
        "access-control-allow-private-network": "true",
        "access-control-max-age": "600",
        "content-length": "0",
    }
    assert "access-control-allow-headers" in dict(preflight_page("x" * 2000).headers)


@pytest.mark.parametrize("asked", [None, "", "a\r\nset-cookie: x", "a b", "ü", "x" * 2001])
def test_what_is_no_header_name_is_not_repeated(asked: str | None) -> None:
    assert "access-control-allow-headers" not in dict(preflight_page(asked).headers)
