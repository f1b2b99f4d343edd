"""pages/: what programs are told of the proxy itself, in names that oai-reverse-proxy's users know."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oai_bridge.pages import (
    Queued,
    Snapshot,
    favicon_page,
    health_page,
    status_page,
    wants_html,
)
from oai_bridge.settings.values import Config
from oai_bridge.waiting.verdict import Trouble
from tests.support.page_parts import CATALOG, SNAPSHOT, configured, read, served

# --- status and health


def test_the_status_has_oai_reverse_proxys_names_and_types() -> None:
    config = configured("us-east5", models=("claude-sonnet-4-5",))
    found = read(status_page(SNAPSHOT, config, served(config)))
    assert found == {
        "uptime": 7999,
        "endpoints": {"gcp": "http://127.0.0.1:7860/proxy/gcp/claude"},
        "proompts": 17,
        "tookens": "12.3k",
        "proomptersNow": 2,
        "gcpKeys": 2,
        "gcp-claude": {
            "usage": "12.3k tokens",
            "activeKeys": 2,
            "revokedKeys": 0,
            "sonnetKeys": 2,
            "sonnet35Keys": 0,
            "haikuKeys": 0,
            "proomptersInQueue": 0,
            "estimatedQueueTime": "no wait",
        },
        "gcp-gemini": {
            "usage": "0 tokens",
            "activeKeys": 2,
            "revokedKeys": 0,
            "proomptersInQueue": 0,
            "estimatedQueueTime": "no wait",
        },
        "version": "0.1.0",
        "demo": False,
        "models": 1,
    }
    assert type(found["uptime"]) is int


def test_the_status_tells_who_waits_and_who_rests() -> None:
    config = configured("us-east5", "global", models=("claude-sonnet-4-5",))
    labels = [account.label for account in config.vertex.accounts]
    snapshot = replace(
        SNAPSHOT,
        accounts={"google": tuple(labels)},
        queues={"gcp-claude": Queued(3, 11.2), "gcp-gemini": Queued(0, 0.0)},
        rests={
            labels[0]: {None: Trouble("broken", 9100.0, "No.")},
            labels[1]: {"claude-sonnet-4-5": Trouble("denied", 9200.0, "Not you.")},
        },
    )
    found = read(status_page(snapshot, config, served(config)))
    assert found["gcpKeys"] == 2
    family = found["gcp-claude"]
    assert (family["activeKeys"], family["revokedKeys"], family["sonnetKeys"]) == (1, 1, 1)
    assert (family["proomptersInQueue"], family["estimatedQueueTime"]) == (3, "12sec")
    assert (found["gcp-gemini"]["proomptersInQueue"], found["gcp-gemini"]["estimatedQueueTime"]) == (0, "no wait")


def test_the_status_of_a_proxy_that_has_just_started() -> None:
    config = Config(prefix="/p")
    found = read(status_page(Snapshot("0.1.0", "http://[::1]:80", 5.0, 4.0), config, served(config)))
    assert (found["uptime"], found["proompts"], found["tookens"], found["gcpKeys"]) == (0, 0, "0", 0)
    assert found["endpoints"] == {"gcp": "http://[::1]:80/p/gcp/claude"}
    assert found["gcp-claude"]["usage"] == "0 tokens"
    assert found["demo"] is True
    assert found["models"] == len(CATALOG.listed("vertex"))


@pytest.mark.parametrize(
    ("tokens", "shown"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (12_345, "12.3k"), (999_949, "999.9k"), (999_950, "1.0m"),
     (1_500_000, "1.5m"), (999_960_000, "1.0b"), (2_000_000_000, "2.0b"), (5_000_000_000_000, "5000.0b")],
)  # fmt: skip
def test_counts_are_short(tokens: int, shown: str) -> None:
    snapshot = Snapshot("0.1.0", "http://localhost", 0.0, 0.0, prompt_tokens=tokens)
    assert read(status_page(snapshot, Config(), served(Config())))["tookens"] == shown


def test_health() -> None:
    assert health_page().status == 200
    assert read(health_page()) == {"status": "ok"}


def test_there_is_no_icon() -> None:
    assert (favicon_page().status, favicon_page().body) == (404, b"")


# --- who wants which


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("application/json, TEXT/HTML;q=0.5", True),
        ("*/*", False),
        ("application/json", False),
        ("text/plain", False),
        ("text/html-sandboxed", False),
        ("", False),
        (None, False),
    ],
)
def test_who_wants_the_page(accept: str | None, expected: bool) -> None:
    assert wants_html(accept) is expected
