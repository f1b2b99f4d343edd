"""The judge of Claude's requests, cloud by cloud: what each door takes that others don't."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.claude_clouds import BEDROCK, BEDROCK_MESSAGES, FOUNDRY, VERTEX, Cloud
from tests.support.claude_models import Model, named
from tests.support.claude_rules import count_faults, faults

HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}
OWN: dict[str, dict[str, Any]] = {
    "vertex": {"anthropic_version": "vertex-2023-10-16"},
    "bedrock": {"anthropic_version": "bedrock-2023-05-31"},
    "messages": {"model": "x"},
    "foundry": {"model": "x"},
}
CLOUDS = {"vertex": VERTEX, "bedrock": BEDROCK, "messages": BEDROCK_MESSAGES, "foundry": FOUNDRY}
OLD, NEW = "claude-sonnet-4-5", "claude-opus-4-8"


def judged(cloud: str, changes: dict[str, Any], name: str = OLD, betas: tuple[str, ...] = ()) -> list[str]:
    body = OWN[cloud] | HELLO | {"max_tokens": 9} | changes
    return faults(body, named(name, CLOUDS[cloud]), streamed=body.get("stream") is True, betas=betas)


def picture(url: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": url}}]}]}


def tool(kind: str, name: str) -> dict[str, Any]:
    return {"tools": [{"type": kind, "name": name}]}


FORM = {"output_config": {"format": {"type": "json_schema", "schema": {"type": "string"}}}}


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({}, {"vertex", "bedrock", "messages", "foundry"}),
        ({"stream": True}, {"vertex", "messages", "foundry"}),
        ({"stream": 1}, set()),
        ({"anthropic_beta": ["context-1m-2025-08-07"]}, {"vertex", "bedrock"}),
        ({"anthropic_beta": ["web-search-2025-03-05"]}, {"vertex"}),
        ({"anthropic_beta": ["tool-search-tool-2025-10-19"]}, {"vertex", "bedrock"}),
        ({"service_tier": "auto"}, {"messages", "foundry"}),
        ({"service_tier": "flex"}, set()),
        ({"cache_control": {"type": "ephemeral"}}, {"foundry"}),
        ({"top_k": 5}, {"vertex", "bedrock", "messages", "foundry"}),
        (picture("https://x.example/a.png"), {"foundry"}),
        (picture("http://x.example/a.png"), set()),
        (tool("web_search_20250305", "web_search"), {"vertex", "foundry"}),
        (tool("web_fetch_20250910", "web_fetch"), {"foundry"}),
        (tool("web_fetch_20250910", "fetch"), set()),
        (FORM, {"bedrock", "messages", "foundry"}),
    ],
)
def test_each_door_takes_its_own(changes: dict[str, Any], right: set[str]) -> None:
    assert {name for name in CLOUDS if not judged(name, changes)} == right


@pytest.mark.parametrize(
    ("betas", "right"),
    [
        (("context-1m-2025-08-07",), {"vertex", "messages", "foundry", "bedrock"}),
        (("skills-2025-10-02",), {"foundry"}),
        (("inline-tools-2026-09-15",), {"vertex", "foundry"}),
        (("fine-grained-tool-streaming-2025-05-14",), {"messages", "foundry", "bedrock"}),
    ],
)
def test_each_cloud_knows_its_betas(betas: tuple[str, ...], right: set[str]) -> None:
    assert {name for name in CLOUDS if not judged(name, {}, betas=betas)} == right


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("claude-sonnet-4-6", {"vertex", "bedrock", "messages", "foundry"}),
        ("claude-opus-4-7", {"vertex", "foundry"}),
        ("claude-opus-4-8", {"vertex", "bedrock", "messages", "foundry"}),
        ("claude-fable-5-1", {"vertex", "foundry"}),
        ("claude-opus-4-1", set()),
    ],
)
def test_structured_outputs_differ_by_cloud(name: str, right: set[str]) -> None:
    assert {cloud for cloud in CLOUDS if not judged(cloud, FORM, name)} == right


def test_the_highest_effort_differs_by_cloud() -> None:
    most = {"output_config": {"effort": "max"}}
    assert {cloud for cloud in CLOUDS if not judged(cloud, most, NEW)} == {"vertex", "foundry"}
    assert not judged("bedrock", most, "claude-opus-5-5")
    assert not judged("bedrock", most, "claude-opus-4-6")


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_version_that_is_anothers_is_refused(cloud: str) -> None:
    other = {"anthropic_version": "bedrock-2023-05-31" if cloud != "bedrock" else "vertex-2023-10-16"}
    assert any("anthropic_version" in fault for fault in judged(cloud, other))


@pytest.mark.parametrize("cloud", [FOUNDRY, BEDROCK_MESSAGES])
def test_a_version_in_a_header_counts_likewise(cloud: Cloud) -> None:
    body = HELLO | {"model": "x", "max_tokens": 9, "temperature": 1}
    assert faults(body, named(OLD, cloud), streamed=False, version="2023-06-01") == []
    strict = faults(body, named(OLD, cloud), streamed=False, version="2026-10-21")
    assert "`temperature` is deprecated for this model." in strict
    assert any("not supported on this model" in fault for fault in strict) == (cloud.name == "bedrock")


def test_counting_knows_the_model_by_its_deployment() -> None:
    facts = Model("claude-opus-4-8", (4, 8), FOUNDRY)
    assert count_faults(HELLO | {"model": "mine"}, facts) == []
    assert count_faults(HELLO | {"model": "mine", "max_tokens": 1}, facts) == [
        "max_tokens: Extra inputs are not permitted"
    ]
    assert count_faults(HELLO | {"model": "mine", "stream": True}, facts) == ["stream: Extra inputs are not permitted"]


@pytest.mark.parametrize(
    ("name", "version"),
    [("claude-sonnet-4-5", (4, 5)), ("claude-3-5-haiku", (3, 5)), ("claude-opus-5", (5, 0)), ("claude-x", (99, 0))],
)
def test_knows_a_generation_by_the_name_alone(name: str, version: tuple[int, int]) -> None:
    assert named(name, BEDROCK) == Model(name, version, BEDROCK)
