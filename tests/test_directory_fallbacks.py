"""directory.py: who stands in for a model, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from oai_bridge.backends import Duty
from oai_bridge.errors import NotFound
from oai_bridge.routing import Path, Route
from oai_bridge.settings.values import Config, ConfigError
from tests.support.directories import ALL, AWS, BEDROCK, CATALOG, GCP, VERTEX, Directory, directory

OPUS, SONNET = "claude-opus-4-8", "claude-sonnet-4-6"


def ways(
    fallbacks: dict[str, tuple[str, ...]],
    name: str,
    kind: Duty = "chat",
    path: Path | None = None,
    settings: dict[str, Any] = ALL,
    **config: Any,
) -> list[str]:
    found = directory(settings, fallbacks=fallbacks, **config).ways(Route(kind, path=path), name)
    return [f"{way.door.backend.name}/{way.facts.id}" for way in found]


def test_without_fallback_there_is_one_way() -> None:
    assert ways({}, OPUS) == [f"vertex/{OPUS}"]


@pytest.mark.parametrize("path", [None, GCP])
def test_fallbacks_follow_in_their_order_from_any_path(path: Path | None) -> None:
    fallbacks = {OPUS: (f"bedrock/{OPUS}", SONNET, f"foundry/{OPUS}")}
    assert ways(fallbacks, OPUS, path=path) == [
        f"vertex/{OPUS}",
        f"bedrock/{OPUS}",
        f"vertex/{SONNET}",
        f"foundry/{OPUS}",
    ]


@pytest.mark.parametrize("name", ["mine", "bedrock/claude-opus-4-8", OPUS])
def test_a_fallback_is_found_by_the_clients_name_the_aliass_and_the_models_own(name: str) -> None:
    found = ways({OPUS: (f"vertex/{SONNET}",)}, name, aliases={"mine": "bedrock/claude-opus-4-8"})
    assert len(found) == 2 and found[1] == f"vertex/{SONNET}"


def test_the_clients_own_name_counts_before_the_models() -> None:
    fallbacks = {"mine": (f"foundry/{OPUS}",), OPUS: (f"bedrock/{OPUS}",)}
    assert ways(fallbacks, "mine", aliases={"mine": OPUS}) == [f"vertex/{OPUS}", f"foundry/{OPUS}"]


def test_what_can_not_do_the_same_is_left_out() -> None:
    """Nova has no API of Anthropic's."""
    fallbacks = {OPUS: ("bedrock/nova-pro", f"bedrock/{OPUS}")}
    assert ways(fallbacks, OPUS, "messages") == [f"vertex/{OPUS}", f"bedrock/{OPUS}"]
    assert ways(fallbacks, OPUS) == [f"vertex/{OPUS}", "bedrock/nova-pro", f"bedrock/{OPUS}"]


def test_the_model_itself_is_no_fallback_of_its_own() -> None:
    assert ways({OPUS: (f"vertex/{OPUS}", f"bedrock/{OPUS}")}, OPUS) == [f"vertex/{OPUS}", f"bedrock/{OPUS}"]


def test_a_model_that_the_path_does_not_have_is_not_found_for_all_that() -> None:
    with pytest.raises(NotFound):
        ways({"gemini-3.5-flash": (OPUS,)}, "gemini-3.5-flash", path=AWS)


@pytest.mark.parametrize("name", ["bedrock/claude-opus-4-8", "no-such-model"])
def test_a_fallback_that_nobody_has_is_told_at_once(name: str) -> None:
    with pytest.raises(ConfigError, match=f"models.fallbacks: '{name}'"):
        directory(VERTEX, fallbacks={OPUS: (name,)})
    Directory(Config(fallbacks={OPUS: (name,)}), CATALOG)  # the demo stands for all clouds


def test_a_fallback_on_the_same_cloud_needs_no_other() -> None:
    assert ways({OPUS: (SONNET,)}, OPUS, settings=BEDROCK) == [f"bedrock/{OPUS}", f"bedrock/{SONNET}"]
