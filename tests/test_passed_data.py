"""The data of the models that are passed on: limits and prices are litellm's, and every name is well formed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from oai_bridge.models import passed
from oai_bridge.models.facts import Prices, Profile
from oai_bridge.models.passed import PassedFacts, azure_facts, find_on_bedrock, find_on_vertex

TABLE = json.loads(Path(passed.__file__).with_name("passed.json").read_bytes())
LITELLM = json.loads((Path(__file__).parent / "vectors" / "litellm-models" / "models.json").read_bytes())
NO_PRICE_OF_ITS_OWN = {"model-router"}
CHATS = [name for name, row in TABLE["azure"].items() if row.get("kind", "chat") == "chat"]
# litellm hasn't heard that these refuse sampling.
REASONING = {"gpt-5.2-chat", "gpt-5.3-chat"}


def on_vertex(name: str) -> dict[str, Any]:
    plain = name.partition("/")[2]
    return next(LITELLM[id] for id in (f"vertex_ai/{name}", f"vertex_ai/{plain}", plain) if id in LITELLM)


def check(facts: PassedFacts, litellm: dict[str, Any]) -> None:
    assert facts.context == litellm.get("max_input_tokens")
    # As much as the context: litellm doesn't know.
    limit = litellm.get("max_output_tokens")
    assert facts.max_output == (None if limit == facts.context else limit)
    if facts.prices is None:
        return
    assert facts.prices.input == pytest.approx(litellm["input_cost_per_token"] * 1_000_000)
    assert facts.prices.output == pytest.approx(litellm.get("output_cost_per_token", 0) * 1_000_000)
    read = litellm.get("cache_read_input_token_cost")
    assert facts.prices.cache_read == (pytest.approx(read * 1_000_000) if read else None)


@pytest.mark.parametrize("name", TABLE["vertex"])
def test_on_vertex(name: str) -> None:
    facts = find_on_vertex(name)
    assert facts is not None and facts.prices is not None
    assert facts.name == name
    check(facts, on_vertex(name))
    ended = on_vertex(name).get("deprecation_date", "9999") < "2026-11-28"
    assert facts.listed != (ended or name == "google/gemini-3-pro-preview")


@pytest.mark.parametrize("name", TABLE["bedrock"])
def test_on_bedrock(name: str) -> None:
    facts = find_on_bedrock(TABLE["bedrock"][name]["id"])
    assert facts is not None and facts.prices is not None
    assert facts.name == name
    plain, anywhere, us = (LITELLM.get(prefix + name) for prefix in ("", "global.", "us."))
    check(facts, anywhere or plain or {})
    assert list(facts.bedrock_profiles) == [one for one in get_args(Profile) if f"{one}.{name}" in LITELLM]
    if us and anywhere:
        surcharge = us["input_cost_per_token"] / anywhere["input_cost_per_token"] - 1
        assert facts.bedrock_regional_surcharge == pytest.approx(surcharge)
    assert facts.reasoning == (facts.owner == "openai" and "gpt-oss" not in name)


@pytest.mark.parametrize("name", CHATS)
def test_on_azure(name: str) -> None:
    facts = azure_facts(name, name)
    litellm = LITELLM[f"azure/{name}"]
    check(facts, litellm)
    assert (facts.prices is None) == (name in NO_PRICE_OF_ITS_OWN)
    assert facts.reasoning == (bool(litellm.get("supports_reasoning")) or name in REASONING)


def test_embeddings_cost_nothing_but_their_input() -> None:
    embeddings = [name for name, row in TABLE["azure"].items() if row.get("kind") == "embedding"]
    assert embeddings
    for name in embeddings:
        facts = azure_facts(name, name)
        assert facts.prices is not None
        assert (facts.prices.output, facts.context) == (0, 8192)
        assert facts.prices.input == pytest.approx(LITELLM[f"azure/{name}"]["input_cost_per_token"] * 1_000_000)


def test_the_tier_for_long_prompts() -> None:
    facts = azure_facts("gpt-6.1-sol", "gpt-6.1-sol")
    assert facts.prices is not None and facts.prices.long_context is not None
    assert (facts.prices.long_context.over, facts.prices.long_context.input) == (272_000, 4)
    gemini = find_on_vertex("gemini-3.1-pro-preview")
    assert gemini is not None and gemini.prices is not None and gemini.prices.long_context is not None
    assert (gemini.prices.long_context.over, gemini.prices.long_context.output) == (200_000, 18)


def test_every_name_is_there_once_and_well_formed() -> None:
    assert all(re.fullmatch(r"[a-z0-9-]+/[a-z0-9.-]+", name) for name in TABLE["vertex"])
    assert all(re.fullmatch(r"[a-z]+\.[a-z0-9.-]+(:0)?", name) for name in TABLE["bedrock"])
    ids = [row["id"] for row in TABLE["bedrock"].values()]
    assert len(ids) == len(set(ids))
    bare = [name.partition("/")[2] for name in TABLE["vertex"]]
    assert len(bare) == len(set(bare))
    assert any("MIT" in line for line in TABLE["source"])


@pytest.mark.parametrize("door", ["vertex", "bedrock", "azure"])
def test_the_data_file_holds_just_what_the_schema_has(door: str) -> None:
    for row in TABLE[door].values():
        assert set(row) <= set(PassedFacts.__struct_fields__) - {"name", "owner"}
        prices = row.get("prices", {"long_context": {}})
        assert set(prices) <= set(Prices.__struct_fields__)
        assert set(prices.get("long_context", ())) <= {*Prices.__struct_fields__, "over"}
