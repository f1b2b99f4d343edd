"""pages/people.py: the page for people, which shows how to connect and holds nothing that a key protects."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from oai_bridge.pages import Page, html_page, static_page
from oai_bridge.pages.words import words
from oai_bridge.settings.clients import Client
from oai_bridge.settings.values import Config
from tests.support.page_parts import configured, served

BASE = "http://127.0.0.1:7860"
KEYED = (Client("tavern", "k" * 30),)


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
        if tag not in ("meta", "link", "br", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def one(self, tag: str, **attributes: str) -> dict[str, str | None]:
        """The attributes of the only such element."""
        (found,) = [has for name, has in self.tags if name == tag and attributes.items() <= has.items()]
        return found


def page(config: Config, language: str | None = None) -> Page:
    return html_page(BASE, config, served(config), language)


@pytest.mark.parametrize(
    ("language", "lang", "shown"),
    [
        ("en-GB", "en", ["Base URLs", "Custom Endpoint (Base URL)", "Valid", "All models"]),
        ("zh-CN", "zh-Hans", ["接口地址", "自定义端点（基础 URL）", "有效的", "全部模型"]),
    ],
)
def test_the_page_shows_how_to_connect_in_one_language(language: str, lang: str, shown: list[str]) -> None:
    config = configured("us-east5", title="My proxy")
    made = page(config, language)
    read = Reader(made)
    assert read.one("html")["lang"] == lang
    for text in ("My proxy", f"{BASE}/proxy/gcp/claude", f"{BASE}/proxy/gcp/gemini", f"{BASE}/v1", *shown):
        assert text in read.text, text
    assert words(language[:2])["no_script"] in read.text
    assert read.open == []
    assert bool(re.search("[\u4e00-\u9fff]", read.text)) is (lang != "en")
    assert json.loads(read.one("body")["data-words"] or "") == words(language[:2])
    assert dict(made.headers)["content-type"] == "text/html; charset=utf-8"


def test_the_demo_is_told_unless_a_key_protects_that() -> None:
    assert "hidden" not in Reader(page(Config())).one("p", id="demo")
    assert "hidden" in Reader(page(configured("us-east5"))).one("p", id="demo")
    assert "hidden" in Reader(page(Config(clients=KEYED))).one("p", id="demo")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_steps_fit_to_the_settings(language: str) -> None:
    told = {name: re.sub(r"\*\*", "", text) for name, text in words(language).items()}
    plain, keyed = Reader(page(Config(), language)).text, Reader(page(Config(clients=KEYED), language)).text
    assert told["step_no_key"] in plain and told["step_key"] not in plain
    assert told["step_key"] in keyed and told["step_no_key"] not in keyed
    assert told["step_test"] in plain
    assert told["step_test"] not in Reader(page(Config(answer_test_message=False), language)).text


def test_with_client_keys_it_holds_nothing_of_the_proxy() -> None:
    config = configured("us-east5", models=("claude-secret",), told=("A secret note.",), clients=KEYED)
    read = page(config).body.decode()
    for secret in ("us-east5", "my-project", "claude-secret", "A secret note", "tavern", "kkk", "0.1.0"):
        assert secret not in read, secret
    assert Reader(page(config)).one("body")["data-locked"] == "yes"
    assert Reader(page(replace(config, clients=()))).one("body")["data-locked"] == "no"


def test_the_page_loads_nothing_from_elsewhere_and_its_policy_allows_its_own_files_alone() -> None:
    made = page(Config())
    read = Reader(made)
    assert not {tag for tag, _ in read.tags} & {"style", "img", "iframe", "object", "base"}
    links = [found for _, attributes in read.tags for key in ("href", "src") if (found := attributes.get(key))]
    assert links == ["data:,", "status/page.css", "status/page.js", "status", "v1/models", "health"]
    assert not [key for _, attributes in read.tags for key in attributes if key.startswith("on") or key == "style"]
    assert re.findall(r"<script[^>]*>(.*?)</script>", made.body.decode(), re.DOTALL) == [""]
    policy = dict(made.headers)["content-security-policy"]
    rules: dict[str, Any] = {rule.split()[0]: rule.split()[1:] for rule in policy.split("; ")}
    assert rules == {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "connect-src": ["'self'"],
        "img-src": ["data:"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }


def test_its_files_are_its_own() -> None:
    script, style = static_page("script"), static_page("style")
    assert dict(script.headers)["content-type"] == "text/javascript; charset=utf-8"
    assert dict(style.headers)["content-type"] == "text/css; charset=utf-8"
    assert dict(script.headers)["cache-control"] == "no-store"
    assert b"innerHTML" not in script.body and b"eval" not in script.body
    assert b"prefers-color-scheme: dark" in style.body
    for file in (script, style):
        assert not re.search(rb"https?://(?!www\.w3\.org/2000/svg)|@import|url\(", file.body)


HOSTILE = "<script>alert('x')</script>&\"'</style>{url}**"


def test_nothing_shown_is_taken_for_markup() -> None:
    config = Config(title=HOSTILE, prefix="/" + HOSTILE.replace("/", ""))
    read = Reader(html_page(BASE + HOSTILE, config, served(config), None))
    plain = Reader(page(Config()))
    assert [tag for tag, _ in read.tags] == [tag for tag, _ in plain.tags]
    assert read.text.count("<script>alert('x')</script>") == 5
