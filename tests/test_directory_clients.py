"""directory.py: a client asks for, is offered and falls back to the models that its settings name, and to no others."""

from __future__ import annotations

from typing import Any

import pytest

from oai_bridge.errors import Forbidden, NotFound
from oai_bridge.routing import Route
from oai_bridge.settings.clients import Client
from tests.support.directories import ALL, directory

OPUS, SONNET, HAIKU = "claude-opus-4-8", "claude-sonnet-4-6", "claude-haiku-4-5"
READER = Client("reader", "key", models=("claude-haiku-*", "claude-sonnet-4-6"))


def ways(name: str, client: Client | None = READER, **config: Any) -> list[str]:
    found = directory(ALL, **config).ways(Route("chat"), name, client)
    return [f"{way.door.backend.name}/{way.facts.id}" for way in found]


@pytest.mark.parametrize("name", [HAIKU, f"bedrock/{HAIKU}", "us.anthropic.claude-haiku-4-5-20251001-v1:0", SONNET])
def test_any_spelling_of_an_allowed_model(name: str) -> None:
    assert len(ways(name)) == 1


@pytest.mark.parametrize(
    "name", [OPUS, f"bedrock/{OPUS}", "us.anthropic.claude-opus-4-8", f"{OPUS}@{HAIKU}", "mine", "gpt-4o"]
)
def test_no_spelling_of_another(name: str) -> None:
    with pytest.raises(Forbidden) as caught:
        ways(name, aliases={"mine": OPUS})
    assert caught.value.code == "model_not_allowed" and "reader" in caught.value.message
    assert len(ways(name, None, aliases={"mine": OPUS})) == 1


def test_an_alias_is_the_operators_own_word() -> None:
    assert ways("mine", Client("agent", "key", models=("mine",)), aliases={"mine": OPUS}) == [f"vertex/{OPUS}"]


def test_no_fallback_leads_to_another() -> None:
    fallbacks = {HAIKU: (OPUS, SONNET)}
    assert ways(HAIKU, fallbacks=fallbacks) == [f"vertex/{HAIKU}", f"vertex/{SONNET}"]
    assert ways(HAIKU, None, fallbacks=fallbacks) == [f"vertex/{HAIKU}", f"vertex/{OPUS}", f"vertex/{SONNET}"]


def test_what_is_offered() -> None:
    found = directory(ALL, aliases={"claude-haiku-mine": OPUS, "cheap": HAIKU, "mine": OPUS})
    names = {one.name for one in found.listed(Route("models"), READER)}
    assert {HAIKU, SONNET, "cheap", "claude-haiku-mine"} <= names and not names & {OPUS, "mine"}
    assert all("haiku" in name or name in (SONNET, "cheap") for name in names)
    assert len(found.listed(Route("models"), Client("all", "key"))) == len(found.listed(Route("models")))


@pytest.mark.parametrize("name", ["claude-opus-4-7x", "claude-opus", "nothing-like-it", "gemini-3.5-flash"])
def test_a_wrong_name_leads_to_no_other_model_either(name: str) -> None:
    found = directory(ALL, aliases={"claude-opus-mine": OPUS})
    offered = {one.name for one in found.listed(Route("models"), READER)}
    told = found.unknown(Route("model"), name, READER).message.partition("Close to it: ")[2]
    assert set(told.rstrip(".").split(", ")) <= offered
    with pytest.raises(NotFound) as caught:
        found.ways(Route("messages"), "claudius-opus" if name.startswith("claude") else "nothing-like-it", READER)
    told = caught.value.message.partition("Close to it: ")[2]
    assert set(told.rstrip(".").split(", ")) <= offered
