"""Tests for account_lists.py: regions in the order of preference, and patterns for models."""

from __future__ import annotations

import pytest

from oai_bridge.settings.account_lists import is_name, models_named, regions_named
from oai_bridge.settings.values import ConfigError


def named(where: str, text: str) -> str:
    if text == "nowhere":
        raise ConfigError(f"{where} is not a region.")
    return text


@pytest.mark.parametrize(
    ("region", "regions", "expected"),
    [
        (None, None, (None,)),
        ("", None, (None,)),
        ("a", None, ("a",)),
        (None, ["a"], ("a",)),
        ("", ["b", "a"], ("b", "a")),
        (None, ["b", "a", "b", "c", "a"], ("b", "a", "c")),
    ],
)
def test_regions(region: str | None, regions: list[str] | None, expected: tuple[str | None, ...]) -> None:
    assert regions_named("x", region, regions, named) == expected


@pytest.mark.parametrize(
    ("region", "regions", "sentence"),
    [
        ("nowhere", None, "x.region ('nowhere') is not a region."),
        (None, ["a", "nowhere"], "x.regions[1] ('nowhere') is not a region."),
        (None, [], "x.regions is empty: name a region there, or remove it."),
        ("a", ["a"], "x has region and regions: keep one of them."),
        ("a", [], "x has region and regions: keep one of them."),
    ],
)
def test_broken_regions_are_told(region: str | None, regions: list[str] | None, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        regions_named("x", region, regions, named)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (None, ()),
        ([], ()),
        (["claude-*", "gpt-4o", "claude-*", "[!x]?"], ("claude-*", "gpt-4o", "[!x]?")),
    ],
)
def test_models(patterns: list[str] | None, expected: tuple[str, ...]) -> None:
    assert models_named("x", patterns) == expected


@pytest.mark.parametrize(
    ("text", "told"), [("", "''"), (" ", "' '"), ("a\nb", "'a\\nb'"), ("a" * 201, "what stands there")]
)
def test_what_is_no_name_is_told(text: str, told: str) -> None:
    assert not is_name(text) and is_name("a" * 200) and is_name("模型 1")
    with pytest.raises(ConfigError) as caught:
        models_named("x", ["claude-*", text])
    assert str(caught.value) == (
        f"x.models[1] ({told}) is empty, unreadable or too long: use the id of a model or a pattern such as claude-*."
    )
