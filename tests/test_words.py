"""pages/words.py: the page's words are whole in each language, and a browser gets the one that it prefers."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import get_args

import pytest

from oai_bridge import pages
from oai_bridge.doctor.findings import State
from oai_bridge.pages.words import LANGUAGES, language_of, words
from oai_bridge.waiting.verdict import RESTS

SCRIPT = files(pages).joinpath("static", "page.js").read_text("utf-8")
SHELL = files(pages).joinpath("people.py").read_text("utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_the_same_words_with_the_same_places_to_fill(language: str) -> None:
    told, english = words(language), words("en")
    assert list(told) == list(english)
    for name, text in told.items():
        assert text.strip()
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", english[name])), name
        assert text.count("**") == english[name].count("**") or name.startswith("step_"), name
        assert text.count("**") % 2 == 0, name


def test_chinese_is_chinese() -> None:
    same = [name for name, text in words("zh").items() if not re.search("[\u4e00-\u9fff]", text)]
    assert same == ["cap_spent", "cap_tokens", "tokens", "tokens_both"]


def test_every_word_is_used_and_none_is_missing() -> None:
    made = {f"{kind}_{state}" for kind in ("state", "remedy") for state in RESTS} | {"cap_day", "cap_month"}
    made |= {f"finding_{state}" for state in get_args(State)}
    used = set(re.findall(r'words\.(\w+)|say\("(\w+)"[,)]', SCRIPT))
    named = {name for pair in used for name in pair if name}
    named |= set(re.findall(r'told\["(\w+)"\]', SHELL)) | set(re.findall(r'"(step_\w+)"', SHELL))
    assert named | made == words("en").keys()


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh", "zh"),
        ("ZH-Hant-TW", "zh"),
        ("en-US,en;q=0.9,zh-CN;q=0.8", "en"),
        ("fr,zh;q=0.3,en;q=0.2", "zh"),
        ("de-DE,de", "en"),
        ("zh;q=0,en;q=0.1", "en"),
        ("zh;q=nonsense, en;q=0.1", "en"),
        ("zh;q=nan", "en"),
        (";;,,q=1", "en"),
    ],
)
def test_the_language_of_the_browser(header: str | None, language: str) -> None:
    assert language_of(header) == language
