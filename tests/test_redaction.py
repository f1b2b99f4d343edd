"""Secrets in others' texts: by their shape, and those we know."""

from __future__ import annotations

import time

import pytest

from oai_bridge.plain.redaction import plain_id, redact

SESSION = "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEUCIQD+x/y=="
AZURE = "4fT8" * 13 + "JQQJ99BKACYeBjFXJ3w3AAABACOGaBcD"

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
        (f"token {SESSION} is old", "token *** is old"),
        (f"x-amz-security-token:{SESSION.swapcase()}\nhost:a", "x-amz-security-token:***\nhost:a"),
        ("?X-Amz-Security-Token=Fwo%2FabcDEF&X-Amz-Date=1", "?X-Amz-Security-Token=***&X-Amz-Date=1"),
        (
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/bedrock/aws4_request, "
            "SignedHeaders=host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6",
            "AWS4-HMAC-SHA256 Credential=***, SignedHeaders=host;x-amz-date, Signature=***",
        ),
        ("The key AKIAIOSFODNN7EXAMPLE, ASIAIOSFODNN7EXAMPLE", "The key ***, ***"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPx", "aws_secret_access_key = ***"),
        (
            '{"SecretAccessKey":"wJalrXUtnFEMI","SessionToken" : "abcdefgh"}',
            '{"SecretAccessKey":"***","SessionToken" : "***"}',
        ),
        (r'"{\"aws_session_token\":\"abcdefgh\"}"', r'"{\"aws_session_token\":\"***\"}"'),
        ("key ABSKQmVkcm9ja0FQSUtleS1hYmNk+/==, yes", "key ***, yes"),
        ("key bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t=&Version=1", "key ***&Version=1"),
        (f"key {AZURE}.", "key ***."),
        ("api-key: 0123456789abcdef0123456789abcdef", "api-key: ***"),
        ("Ocp-Apim-Subscription-Key=0123456789abcdef", "Ocp-Apim-Subscription-Key=***"),
        ("client_secret=abc~DEF.8Q~x&scope=y", "client_secret=***&scope=y"),
        *(
            (text, text)
            for text in (
                "The security token included in the request is expired",
                "Signature expired: 20260101T000000Z is now earlier than 20260101T000500Z (20260101T001000Z - 5 min.)",
                "messages.1.content.0.thinking.signature: Field required",
                "Invalid API Key format: Must start with pre-defined prefix",
                "x-api-key header is required",
                "api-key: no",
                "arn:aws:bedrock:us-east-1:012345678901:inference-profile/us.anthropic.claude-sonnet-4-6",
                "a model AKIA and iqojb3jpz2lux2vjejr in ABSK",
                "a" * 200,
            )
        ),
        ("The bearer of news", "The bearer *** news"),  # one word too many is the right side to err on
        ("", ""),
    ],
)
def test_shapes(text: str, out: str) -> None:
    assert redact(text) == out


@pytest.mark.parametrize(
    "piece",
    [
        "eyJaaaaaaaa-",
        "ABSK",
        "IQoJ/",
        "AKIA",
        "bedrock-api-key",
        "api_key",
        "session token  ",
        "Signature=a",
        "a" * 51 + " ",
    ],
)
def test_twice_the_text_takes_twice_the_time(piece: str) -> None:
    def seconds(count: int) -> float:
        begun = time.process_time()
        redact(piece * count)
        return time.process_time() - begun

    assert min(seconds(8000) for _ in range(3)) < 20 * min(seconds(1000) for _ in range(3))


def test_known_secrets() -> None:
    assert redact("a s3cret and t0ken", "s3cret", "", "t0ken") == "a *** and ***"


@pytest.mark.parametrize("given", ["req_vrtx_011CX", "a1b2-c3d4", "AbC/+=.:0", "x" * 128])
def test_an_id_is_kept(given: str) -> None:
    assert plain_id(given) == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a\r\nset-cookie: b", "a\n", "\udcff", "ü", None, 5, ["a"]])
def test_what_is_no_id_is_left_out(given: object) -> None:
    assert plain_id(given) is None
