"""inspector/golden_answers.py: frames of AWS's become lines that the tests' own encoder makes the same frames of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oai_bridge.inspector.golden import KINDS, cleared
from oai_bridge.inspector.golden_answers import NoCase, Sent, error_files, stream_files, whole_files
from oai_bridge.inspector.neutral import Neutral
from oai_bridge.openai.reply import ReplyTo
from oai_bridge.settings.values import Config
from tests.support.aws_frames import converse_frame, error_frame, event_frame, exception_frame, invoke_frame

TO = ReplyTo("m", 0, "req_test")
START = {"type": "message_start", "message": {"id": "msg_1", "usage": {}}}


def sent(kind: str, model: str = "claude-sonnet-4-5") -> Sent:
    backend = KINDS[kind].make(cleared(Config(), KINDS[kind]))
    return Sent(KINDS[kind], backend, backend.find(model), "stream", {}, TO)


def lines(kind: str, stream: bytes, model: str = "claude-sonnet-4-5") -> list[Any]:
    files = stream_files(sent(kind, model), stream, Neutral())
    assert files.keys() == {"cloud_frames.jsonl", "client.sse", "client_with_usage.sse"}
    return [json.loads(line) for line in files["cloud_frames.jsonl"].split("\n")[:-1]]


def test_frames_of_invoke_are_claudes_events() -> None:
    text = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "a\u2028 你"}}
    assert lines("bedrock", invoke_frame(START) + invoke_frame(text)) == [START, text]


def test_frames_of_converse_are_named_and_lose_their_padding() -> None:
    stream = converse_frame("messageStart", {"role": "assistant"}) + exception_frame("throttlingException", "Slow.")
    assert lines("converse", stream, "nova-pro") == [
        {"messageStart": {"role": "assistant"}},
        {"exception": "throttlingException", "message": "Slow."},
    ]


def test_an_exception_becomes_the_clients_error() -> None:
    stream = invoke_frame(START) + exception_frame("throttlingException", "Slow down.")
    files = stream_files(sent("bedrock"), stream, Neutral())
    assert '"error":' in files["client.sse"] and "Slow down." in files["client.sse"]


def test_a_secret_without_an_end_leaves_the_other_frames() -> None:
    text = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "%s"}}
    key = json.loads(json.dumps(text).replace("%s", "-----BEGIN PRIVATE KEY-----"))
    clean = json.loads(json.dumps(text).replace("%s", "***"))
    assert lines("bedrock", invoke_frame(START) + invoke_frame(key) + invoke_frame(text)) == [START, clean, text]


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (invoke_frame(START)[:-1] + b"\0" * 8, "can't be read to its end"),
        (error_frame("odd", "Odd."), "no place for"),
        (event_frame("chunk", {"bytes": "e"}), "no place for"),
        (event_frame("chunk", {}), "no place for"),
    ],
)
def test_other_frames_are_refused(stream: bytes, why: str) -> None:
    with pytest.raises(NoCase, match=why):
        stream_files(sent("bedrock"), stream, Neutral())


def test_what_is_no_text_is_refused() -> None:
    for files in (stream_files, whole_files):
        with pytest.raises(NoCase, match="no text"):
            files(sent("vertex"), b"\xff", Neutral())


def test_an_error_that_is_no_json_stays_text() -> None:
    files = error_files(sent("vertex"), 502, b"<html>Bad gateway</html>", Neutral())
    assert files["cloud_error.json"] == {"status": 502, "headers": {}, "body": "<html>Bad gateway</html>"}
    assert files["client_error.json"]["status"] == 502
