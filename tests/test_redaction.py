"""Secrets in others' texts: by their shape, and those we know."""

from __future__ import annotations

import time

import pytest

from oai_bridge.redaction import plain_id, redact

PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQ\nabc=\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "out"),
    [
        (f"key {PEM} end", "key *** end"),
        (PEM.replace("\n", "\\n") + "!", "***!"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEvQ\nabc", "***"),
        (f"{PEM} and {PEM}", "*** and ***"),
        ("jwt eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnLW5h-_ end", "jwt *** end"),
        ("token ya29.a0AfH6SM-x_y.z, done", "token ***, done"),
        ('"refresh_token": "1//0gAbCdEfGhIjKlMnOpQrStUv-_x"', '"refresh_token": "***"'),
        ("Authorization: Bearer abc.def/+=", "Authorization: Bearer ***"),
        ("authorization: bearer abc", "authorization: bearer ***"),
        (
            "Quota exceeded for aiplatform.googleapis.com/x 1//2 eyJ.",
            "Quota exceeded for aiplatform.googleapis.com/x 1//2 eyJ.",
        ),
        ("The bearer of news", "The bearer *** news"),  # one word too many is the right side to err on
        ("", ""),
    ],
)
def test_shapes(text: str, out: str) -> None:
    assert redact(text) == out


def test_twice_the_text_takes_twice_the_time() -> None:
    def seconds(count: int) -> float:
        begun = time.perf_counter()
        redact("eyJaaaaaaaa-" * count)
        return time.perf_counter() - begun

    assert min(seconds(8000) for _ in range(3)) < 20 * min(seconds(1000) for _ in range(3))


def test_known_secrets() -> None:
    assert redact("a s3cret and t0ken", "s3cret", "", "t0ken") == "a *** and ***"


@pytest.mark.parametrize("given", ["req_vrtx_011CX", "a1b2-c3d4", "AbC/+=.:0", "x" * 128])
def test_an_id_is_kept(given: str) -> None:
    assert plain_id(given) == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a\r\nset-cookie: b", "a\n", "\udcff", "ü", None, 5, ["a"]])
def test_what_is_no_id_is_left_out(given: object) -> None:
    assert plain_id(given) is None
