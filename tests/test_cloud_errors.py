"""What the clouds' errors share: kinds, hints that speak of the right cloud, prompts that are too long."""

from __future__ import annotations

import re

import pytest

from oai_bridge.dialects import cloud_errors
from oai_bridge.dialects.claude_errors import error_from_body
from oai_bridge.dialects.claude_reply import ClaudeStream
from oai_bridge.dialects.cloud_errors import AWS, AZURE, GOOGLE, INVALID, Hints, Kind, cloud_error
from oai_bridge.errors import Original
from oai_bridge.events import Failure

KINDS = [kind for kind in vars(cloud_errors).values() if isinstance(kind, Kind)]
WORDS = {"google": "Google|Vertex|gcloud", "aws": "AWS|Bedrock|aws sso", "azure": "Azure|Foundry|az login"}
CLOUDS: dict[str, Hints] = {"google": GOOGLE, "aws": AWS, "azure": AZURE}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.status} {kind.code}")
@pytest.mark.parametrize("cloud", CLOUDS)
def test_hints_say_what_to_do_in_the_words_of_the_cloud(cloud: str, kind: Kind) -> None:
    message = cloud_error(kind, "Told", {}, CLOUDS[cloud], original=Original()).message
    assert message == "Told" if kind is INVALID else message.startswith("Told. ") and message.endswith(".")
    for other in WORDS.keys() - {cloud}:
        assert not re.search(WORDS[other], message)


@pytest.mark.parametrize("said", ["Told.", "Told!", "Told?", "Told…", "説明。"])
def test_a_sentence_that_has_its_end_gets_no_other(said: str) -> None:
    message = cloud_error(cloud_errors.SERVER, said, {}, GOOGLE, original=Original()).message
    assert message == f"{said} {cloud_errors.SERVER.hint}"


def test_hints_of_a_cloud_are_for_kinds_that_are_there() -> None:
    assert all(kind in KINDS and hint for hints in CLOUDS.values() for kind, hint in hints.items())


BODY = b'{"type":"error","error":{"type":"rate_limit_error","message":"Slow."}}'


@pytest.mark.parametrize("cloud", CLOUDS)
def test_claudes_errors_take_the_hints_of_the_cloud_they_come_from(cloud: str) -> None:
    stream, whole = ClaudeStream(hints=CLOUDS[cloud]), ClaudeStream(hints=CLOUDS[cloud])
    failures = [*stream.feed(BODY), *whole.whole(BODY), Failure(error_from_body(429, BODY, {}, CLOUDS[cloud]))]
    assert len(failures) == 3
    for failure in failures:
        assert isinstance(failure, Failure)
        assert re.search(WORDS[cloud], failure.error.message)


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ({}, "body"),
        ({"request-id": "a", "x-amzn-requestid": "b"}, "a"),
        ({"request-id": "", "x-amzn-requestid": "b"}, "b"),
        ({"x-amzn-requestid": "b"}, "b"),
        ({"x-amzn-requestid": "not an id"}, "body"),
        ({"apim-request-id": "c"}, "c"),
    ],
)
def test_the_clouds_id_of_the_request(headers: dict[str, str], request_id: str | None) -> None:
    assert error_from_body(500, b'{"error":{},"request_id":"body"}', headers).request_id == request_id


@pytest.mark.parametrize(
    ("message", "long"),
    [
        ("prompt is too long: 2 > 1", True),
        ("input length and `max_tokens` exceed context limit: 2 > 1", True),
        ("The input exceeds the model's context window", True),
        ("Input is too long for requested model.", True),
        ("Too many input tokens. Max input tokens: 1", True),
        ("This model's maximum context length is 1 tokens.", True),
        ("The input token count (2) exceeds the maximum number of tokens allowed (1).", True),
        ("max_tokens: 2 > 1, which is the maximum allowed number of output tokens", False),
        ("messages: text content is too long ago", False),
    ],
)
def test_prompts_that_are_too_long(message: str, long: bool) -> None:
    error = cloud_error(INVALID, message, {}, GOOGLE, original=Original(400))
    assert (error.code == "context_length_exceeded") is long
    assert cloud_error(cloud_errors.SERVER, message, {}, GOOGLE, original=Original(500)).code is None
