"""The data of Bedrock's models: what Converse takes of each, the order of the list, and what litellm knows of them."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from oai_bridge.models import catalog
from oai_bridge.models.catalog import Catalog, CatalogError, ModelFacts, Prices
from oai_bridge.models.facts import Profile
from oai_bridge.models.spellings import bedrock_name
from tests.support.catalogue import CATALOG, on_bedrock

DATA = Path(catalog.__file__).with_name("bedrock.json")
TABLE = json.loads(DATA.read_bytes())
CLAUDE = json.loads(DATA.with_name("claude.json").read_bytes())["models"]
LITELLM = json.loads((Path(__file__).parent / "vectors" / "litellm-models" / "models.json").read_bytes())
MODELS = sorted(TABLE["models"])

# litellm has ids that AWS's model cards don't: `apac.` of the newer models, and profiles of models without any.
NOT_ON_THE_CARDS: dict[str, set[str]] = {
    "nova-2-pro": {"eu", "apac"},
    "nova-2-lite": {"apac"},
    "deepseek-v3.2": {"us", "eu"},
    "claude-fable-5": {"apac", "au"},
    "claude-mythos-preview": {"apac", "au"},
    "claude-opus-4-1": {"eu"},
    "claude-opus-4": {"eu"},
    **{name: {"apac"} for name in ("claude-haiku-4-5", "claude-haiku-5-5", "claude-opus-4-7", "claude-opus-4-8")},
    **{name: {"apac"} for name in ("claude-opus-5", "claude-opus-5-5", "claude-sonnet-5", "claude-sonnet-5-5")},
    "claude-sonnet-4-6": {"apac"},
}
# The cards have these, which litellm doesn't.
ONLY_ON_THE_CARDS: dict[str, set[str]] = {
    "nova-lite": {"ca"},
    **{name: {"in"} for name in ("claude-haiku-4-5", "claude-opus-5", "claude-sonnet-5")},
}
TOO_NEW_OR_TOO_OLD = {
    *("anthropic.claude-fable-5-2", "anthropic.claude-mythos-5-2"),
    *("anthropic.claude-3-sonnet-20240229-v1:0", "anthropic.claude-3-haiku-20240307-v1:0"),
}
SEES_PICTURES = {"pixtral-large-2502", "llama-4-maverick", "llama-4-scout"}  # litellm doesn't say so


def found(name: str) -> ModelFacts:
    facts = CATALOG.find_bedrock(name)
    assert facts is not None, name
    return facts


def per_million(price: float | None) -> Any:
    return None if price is None else pytest.approx(price * 1_000_000)


def known_to_litellm(bedrock: str) -> dict[str, dict[str, Any]]:
    """By profile, "" for the plain id."""
    ids = {"": bedrock} | {profile: f"{profile}.{bedrock}" for profile in get_args(Profile)}
    return {profile: LITELLM[id] for profile, id in ids.items() if id in LITELLM}


@pytest.mark.parametrize("name", MODELS)
def test_prices_and_limits_are_litellms(name: str) -> None:
    facts = found(name)
    rows = known_to_litellm(str(facts.bedrock))
    cheapest = rows.get("global") or rows.get("") or rows["us"]
    assert facts.prices is not None
    assert facts.prices.input == per_million(cheapest["input_cost_per_token"])
    assert facts.prices.output == per_million(cheapest["output_cost_per_token"])
    assert facts.prices.cache_read == per_million(cheapest.get("cache_read_input_token_cost"))
    assert facts.prices.cache_write_5m == per_million(cheapest.get("cache_creation_input_token_cost"))
    limits = rows.get("") or cheapest
    assert (facts.context, facts.max_output) == (limits["max_input_tokens"], limits["max_output_tokens"])
    assert facts.vision == (bool(limits.get("supports_vision")) or name in SEES_PICTURES)
    native = bool(limits.get("supports_native_structured_output"))
    assert facts.structured_output == (("bedrock",) if native else ())
    if surcharge := facts.bedrock_regional_surcharge:
        # Nova's is higher elsewhere.
        assert rows["us"]["input_cost_per_token"] == pytest.approx(cheapest["input_cost_per_token"] * (1 + surcharge))


@pytest.mark.parametrize(
    "name", [*MODELS, *(name for name, row in CLAUDE.items() if "bedrock" not in row.get("retired", ()))]
)
def test_the_profiles_are_those_that_litellm_knows_but_for_what_the_cards_say(name: str) -> None:
    facts = on_bedrock(name)
    assert facts is not None and facts.bedrock is not None
    profiles = set(known_to_litellm(facts.bedrock)) - {""}
    if facts.bedrock_profiles is None:
        assert not profiles
    else:
        expected = profiles - NOT_ON_THE_CARDS.get(name, set()) | ONLY_ON_THE_CARDS.get(name, set())
        assert set(facts.bedrock_profiles) == expected


def test_every_id_is_there_once_and_well_formed() -> None:
    ids = [row["bedrock"] for row in [*TABLE["models"].values(), *CLAUDE.values()]]
    assert len(ids) == len(set(ids))
    names = [*TABLE["models"], *CLAUDE]
    assert len(names) == len(set(names))
    for id in ids:
        named = bedrock_name(id)
        assert named is not None and named.plain == id
        assert id in LITELLM or f"us.{id}" in LITELLM or id in TOO_NEW_OR_TOO_OLD


def test_the_data_file_holds_just_what_the_schema_has() -> None:
    assert TABLE["newest"] in TABLE["generations"]
    assert any("MIT" in line for line in TABLE["source"])
    used = {row["generation"] for row in TABLE["models"].values()}
    assert used | {"other"} == set(TABLE["generations"])
    for name, row in TABLE["models"].items():
        given = {**TABLE["shared"], **TABLE["generations"][row["generation"]], **row}
        held = json.loads(msgspec.json.encode(found(name)))
        assert {key: held[key] for key in given} == {
            key: {rate: value.get(rate) for rate in Prices.__struct_fields__} if key == "prices" else value
            for key, value in given.items()
        }


def test_a_fact_is_only_stated_where_it_differs() -> None:
    for generation, facts in TABLE["generations"].items():
        assert not [key for key, value in facts.items() if TABLE["shared"].get(key) == value], generation
    for name, row in TABLE["models"].items():
        shared = TABLE["shared"] | TABLE["generations"][row["generation"]]
        assert not [key for key, value in row.items() if shared.get(key) == value], name


def test_a_typo_in_the_data_file_is_an_error_with_its_path() -> None:
    table = json.loads(DATA.read_bytes())
    table["models"]["nova-pro"]["toools"] = False
    with pytest.raises(CatalogError, match=r"bedrock\.json: models\.nova-pro\.toools = False: .*use `tools`"):
        Catalog(bedrock=json.dumps(table).encode())


# What Converse takes


def those(fact: str, value: object) -> set[str]:
    return {name for name in MODELS if getattr(found(name), fact) == value}


LLAMAS_3 = {"llama-3-3-70b", "llama-3-1-70b", "llama-3-1-8b"}
LLAMAS = {"llama-4-maverick", "llama-4-scout", *LLAMAS_3}
INSTRUCT = {"mistral-7b", "mixtral-8x7b"}
MISTRALS_2 = {"mistral-large-2407", "mistral-large-2402", "pixtral-large-2502"}
PALMYRAS = {"palmyra-x5", "palmyra-x4"}
NOVAS = {"nova-2-pro", "nova-2-lite", "nova-pro", "nova-lite", "nova-micro"}


def test_tools() -> None:
    assert those("tools", False) == {"deepseek-r1", *INSTRUCT}
    assert those("streamed_tools", False) == {"deepseek-r1", *INSTRUCT, *LLAMAS, *MISTRALS_2, *PALMYRAS}
    assert those("forced_tools", False) == {"deepseek-r1", *INSTRUCT, *LLAMAS, *PALMYRAS}
    assert those("named_tool", False) == those("forced_tools", False) | MISTRALS_2 | {"deepseek-v3.1"}
    assert those("rich_results", True) == NOVAS


def test_prompts() -> None:
    assert those("system", False) == INSTRUCT
    assert those("prefill", True) == {"nova-pro", "nova-lite", "nova-micro"}
    assert those("pdf", False) == {"nova-micro"}
    assert those("mid_system", True) == set()
    assert those("cache_points", ("system", "messages")) == {*NOVAS, "glm-5.3"}
    assert those("cache_points", ()) == set(MODELS) - {*NOVAS, "glm-5.3"}


def test_sampling() -> None:
    assert those("sampling", "none") == {"kimi-k3"}
    assert those("top_k", "nova") == NOVAS
    assert those("top_k", "top_k") == {*INSTRUCT, *MISTRALS_2}
    assert {found(name).max_stops for name in NOVAS} == {4}


def test_reasoning() -> None:
    asked = {name: (found(name).reasoning, found(name).effort) for name in MODELS if found(name).reasoning != "none"}
    assert asked == {
        "nova-2-pro": ("nova", ("low", "medium", "high")),
        "nova-2-lite": ("nova", ("low", "medium", "high")),
        "kimi-k3": ("object", ("low", "high", "max")),
        "glm-5.3": ("effort", ("low", "high", "max")),
        "gpt-oss-120b": ("effort", ("low", "medium", "high")),
        "gpt-oss-20b": ("effort", ("low", "medium", "high")),
    }
    assert all(found(name).effort == () for name in set(MODELS) - set(asked))
    assert those("thinking_back", True) == set()
    assert those("thinking", "none") == set(MODELS)
    assert {"deepseek-r1", "minimax-m2.5", "kimi-k3", "magistral-small-2509"} <= those("thinking_off", "never")


# The list


def test_the_list_goes_from_vendor_to_vendor_the_newest_and_largest_first() -> None:
    listed = CATALOG.listed_bedrock()
    assert [facts.id for facts in listed] == [
        *("nova-2-lite", "nova-pro", "nova-lite", "nova-micro", "kimi-k3", "kimi-k2.5", "kimi-k2-thinking"),
        *("glm-5", "glm-4.7", "glm-4.7-flash", "deepseek-v3.2", "deepseek-v3.1", "deepseek-r1"),
        *("qwen3-coder-next", "qwen3-coder-480b", "qwen3-235b", "qwen3-vl-235b", "qwen3-next-80b"),
        *("qwen3-coder-30b", "qwen3-32b", "mistral-large-3", "devstral-2", "magistral-small-2509"),
        *("ministral-3-14b", "ministral-3-8b", "ministral-3-3b", "pixtral-large-2502", "mistral-large-2407"),
        *("mistral-large-2402", "mixtral-8x7b", "mistral-7b", "minimax-m2.5", "minimax-m2.1", "minimax-m2"),
        *("llama-4-maverick", "llama-4-scout", "llama-3-3-70b", "llama-3-1-70b", "llama-3-1-8b"),
        *("nemotron-super-3-120b", "nemotron-nano-3-30b", "nemotron-nano-12b-v2", "nemotron-nano-9b-v2"),
        *("gemma-3-27b", "gemma-3-12b", "gemma-3-4b", "palmyra-x5", "palmyra-x4"),
    ]
    owners = [facts.owner for facts in listed]
    assert len([one for one, following in pairwise(owners) if one != following]) == len(set(owners)) - 1
    assert "openai" not in owners


def test_what_is_listed_is_not_past_its_end() -> None:
    rows = {facts.id: LITELLM.get(str(facts.bedrock), {}) for facts in CATALOG.listed_bedrock()}
    ends = {id: row.get("deprecation_date", "") for id, row in rows.items()}
    assert [id for id, end in ends.items() if end and end < "2026-12"] == []
