"""pages/: what programs and people are told of the proxy itself, in names that oai-reverse-proxy's users know."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from oai_bridge.pages import (
    Page,
    Queued,
    Snapshot,
    favicon_page,
    health_page,
    html_page,
    status_page,
    wants_html,
)
from oai_bridge.settings import Config
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
        rests={labels[0]: {None: "broken"}, labels[1]: {"claude-sonnet-4-5": "denied", "<b>": "cooling"}},
    )
    found = read(status_page(snapshot, config, served(config)))
    assert found["gcpKeys"] == 2
    family = found["gcp-claude"]
    assert (family["activeKeys"], family["revokedKeys"], family["sonnetKeys"]) == (1, 1, 1)
    assert (family["proomptersInQueue"], family["estimatedQueueTime"]) == (3, "12sec")
    assert (found["gcp-gemini"]["proomptersInQueue"], found["gcp-gemini"]["estimatedQueueTime"]) == (0, "no wait")
    shown = html_page(snapshot, config, served(config)).body.decode()
    assert "not accepted by the cloud" in shown and "claude-sonnet-4-5: not allowed to use it" in shown
    assert "&lt;b&gt;: resting a moment" in shown and "<b>:" not in shown
    assert re.search(r"Waiting<br>.*?</dt><dd>3</dd>", shown)


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


# --- the page for people


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


class Reader(HTMLParser):
    """Collects a page's tags and text, and whether every element that is opened is closed."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page.body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_shows_what_a_user_needs() -> None:
    config = configured("us-east5", title="My proxy", models=("claude-sonnet-4-5",))
    page = html_page(SNAPSHOT, config, served(config))
    shown = Reader(page)
    assert dict(page.headers)["content-type"] == "text/html; charset=utf-8"
    for text in ("My proxy", "Running", "正在运行", "http://127.0.0.1:7860/proxy/gcp/claude", "SillyTavern", "酒馆",
                 "claude-sonnet-4-5", "2 h 13 min", "17", "12.0k", "345", "us-east5 · my-project"):  # fmt: skip
        assert text in shown.text, text
    assert shown.open == []
    assert "Demo." not in shown.text


def test_the_page_says_when_it_is_the_demo() -> None:
    assert "Demo." in Reader(html_page(SNAPSHOT, Config(), served(Config()))).text


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3660, "1 h 1 min"), (90_000, "1 d 1 h")]
)
def test_uptime_in_words(seconds: float, shown: str) -> None:
    assert (
        f"<dd>{shown}</dd>"
        in html_page(Snapshot("0", "http://localhost", 0.0, seconds), Config(), served(Config())).body.decode()
    )


def test_the_page_loads_nothing_from_elsewhere_and_its_policy_allows_its_own_style_alone() -> None:
    page = html_page(SNAPSHOT, Config(), served(Config()))
    shown = Reader(page)
    tags = {tag for tag, _ in shown.tags}
    assert not tags & {"script", "img", "iframe", "object", "form", "base"}
    links = [found for _, attributes in shown.tags for key in ("href", "src") if (found := attributes.get(key))]
    assert links == ["data:,", "/status", "/v1/models", "/health"]
    assert not [key for _, attributes in shown.tags for key in attributes if key.startswith("on") or key == "style"]
    policy = dict(page.headers)["content-security-policy"]
    style = re.search(r"<style>(.*?)</style>", page.body.decode(), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy.startswith("default-src 'none';")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert "prefers-color-scheme: dark" in style[1]


HOSTILE = "<script>alert('x')</script>&\"'</style>"


def test_nothing_shown_is_taken_for_markup() -> None:
    snapshot = Snapshot(HOSTILE, HOSTILE, 0.0, 0.0, accounts={"google": (HOSTILE,)})
    config = Config(title=HOSTILE, models=(HOSTILE,), aliases={HOSTILE + "2": "a"}, prefix="/" + HOSTILE)
    shown = Reader(html_page(snapshot, config, served(config)))
    config = Config(models=("m", "n"))
    plain = Reader(html_page(Snapshot("1", "b", 0.0, 0.0, accounts={"google": ("a",)}), config, served(config)))
    assert [tag for tag, _ in shown.tags] == [tag for tag, _ in plain.tags]
    assert shown.text.count("<script>alert('x')</script>") == 8
