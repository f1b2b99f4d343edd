"""The golden cases of tests/cases: adding one is adding files; `UPDATE_CASES=1` writes anew what is expected."""

from __future__ import annotations

import os

import pytest

from tests.support import case_judges, sdk_types
from tests.support.cases import ALL, IN, OUT, TESTS, Case, name

PASSED = ("azure", "gemini", "bedrock_openai")
"""The backends whose answers are passed on with all that the cloud adds to OpenAI's."""


def with_file(*files: str) -> list[Case]:
    """The cases that have one of the files."""
    return [case for case in ALL if any((case.folder / file).exists() for file in files)]


def own(case: Case, faults: list[str]) -> list[str]:
    """The faults that are the proxy's: what a cloud adds is no fault of its own."""
    passed = case.folder.parent.name in PASSED
    return [fault for fault in faults if not (passed and fault.endswith("unknown key"))]


@pytest.mark.parametrize("case", ALL, ids=name)
def test_a_case_comes_out_as_written(case: Case) -> None:
    if os.environ.get("UPDATE_CASES"):
        case.update()
    outcome = case.outcome()
    assert outcome == case.expected()
    assert outcome, "the case shows nothing"


@pytest.mark.parametrize("case", ALL, ids=name)
def test_a_case_has_only_known_files(case: Case) -> None:
    assert {file.name for file in case.folder.iterdir()} <= IN | OUT


@pytest.mark.parametrize("case", with_file("cloud.json", "cloud_2.json"), ids=name)
def test_what_goes_upstream_is_what_the_cloud_takes(case: Case) -> None:
    expected = case.expected()
    for body in (expected[file] for file in ("cloud.json", "cloud_2.json") if file in expected):
        assert case_judges.faults(case, body) == []


@pytest.mark.parametrize("case", with_file("cloud_count.json"), ids=name)
def test_what_is_to_be_counted_is_what_the_cloud_takes(case: Case) -> None:
    assert case_judges.count_faults(case, case.expected()["cloud_count.json"]) == []


@pytest.mark.parametrize("case", with_file("client_reply.json"), ids=name)
def test_every_completion_is_one_in_the_sdks_eyes(case: Case) -> None:
    reply = case.expected()["client_reply.json"]
    assert own(case, sdk_types.openai_faults(reply)) == []
    usage = reply["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


@pytest.mark.parametrize("case", with_file("client.sse"), ids=name)
@pytest.mark.parametrize("file", ["client.sse", "client_with_usage.sse"])
def test_every_chunk_is_one_in_the_sdks_eyes(case: Case, file: str) -> None:
    *events, nothing = case.expected()[file].split("\n\n")
    assert nothing == "", "the stream does not end with an empty line"
    data = [event.removeprefix("data: ").encode() for event in events if event != ": ping"]
    assert (data[-1] == b"[DONE]") is not data[-1].startswith(b'{"error":'), "neither whole nor an error"
    # The SDK's chunks know no custom calls (openai-python#2530).
    chunks = [chunk for chunk in data if chunk != b"[DONE]" and b'"type":"custom"' not in chunk]
    assert [own(case, sdk_types.openai_chunk_faults(chunk)) for chunk in chunks] == [[]] * len(chunks)


def test_every_stream_of_the_vectors_is_a_case() -> None:
    folders = ("anthropic-*/*", "bedrock-recorded/*.bin", "aws-eventstream/generated-bedrock/*.bin")
    streams = {file for folder in folders for file in (TESTS / "vectors").glob(folder) if file.suffix != ".json"}
    named = {(case.folder / "recorded.txt").read_text("utf-8").strip() for case in with_file("recorded.txt")}
    assert named == {file.relative_to(TESTS / "vectors").as_posix() for file in streams}
