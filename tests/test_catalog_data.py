"""The catalogue's data: what each model takes and costs, which are listed, and how strictly the file is read."""

from __future__ import annotations

import json
from dataclasses import dataclass

import msgspec
import pytest

from oai_bridge.models.catalog import Catalog, CatalogError, ModelFacts, Prices
from tests.support.catalogue import CATALOG, DATA, known

FIVE = ("low", "medium", "high", "xhigh", "max")
LOW_TO_HIGH = FIVE[:3]
NO_XHIGH = (*LOW_TO_HIGH, "max")
MILLION = (1_000_000, 128_000)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the capability table, for the models that share it."""

    models: tuple[str, ...]
    sampling: str
    prefill: bool
    thinking: str
    thinking_off: str
    thinking_default: str
    thinking_display: str
    forced_tools: bool
    mid_system: bool
    effort: tuple[str, ...]
    on_vertex_json: bool
    thinking_bound: bool
    interim_thinking: bool
    limits: tuple[int, int]  # context, max_output


# fmt: off
COLUMNS = [
    Column(("claude-3-opus", "claude-3-sonnet", "claude-3-haiku"),
           "one", True, "none", "disabled", "off", "summarized", True, False, (), False, False, False,
           (200_000, 4096)),
    Column(("claude-3-5-sonnet", "claude-3-5-sonnet-v2", "claude-3-5-haiku"),
           "one", True, "none", "disabled", "off", "summarized", True, False, (), False, False, False,
           (200_000, 8192)),
    Column(("claude-3-7-sonnet",),
           "one", True, "manual", "disabled", "off", "summarized", True, False, (), False, False, False,
           (200_000, 8192)),
    Column(("claude-opus-4",),
           "one", True, "manual", "disabled", "off", "summarized", True, False, (), False, False, False,
           (200_000, 32_000)),
    Column(("claude-sonnet-4",),
           "one", True, "manual", "disabled", "off", "summarized", True, False, (), False, False, False,
           (200_000, 64_000)),
    Column(("claude-opus-4-1",),
           "one", True, "manual", "disabled", "off", "summarized", True, False, (), False, False, False,
           (200_000, 32_000)),
    Column(("claude-sonnet-4-5", "claude-haiku-4-5"),
           "one", True, "manual", "disabled", "off", "summarized", True, False, (), False, False, False,
           (200_000, 64_000)),
    Column(("claude-opus-4-5",),
           "one", True, "manual", "disabled", "off", "summarized", True, False, LOW_TO_HIGH, False, False, False,
           (200_000, 64_000)),
    Column(("claude-opus-4-6",),
           "one", False, "both", "disabled", "off", "summarized", True, False, NO_XHIGH, True, False, False, MILLION),
    Column(("claude-sonnet-4-6",),
           "one", False, "both", "disabled", "off", "summarized", True, False, NO_XHIGH, True, False, False,
           (1_000_000, 64_000)),
    Column(("claude-opus-4-7",),
           "none", False, "adaptive", "disabled", "off", "omitted", True, False, FIVE, True, False, False, MILLION),
    Column(("claude-opus-4-8", "claude-sonnet-5"),
           "none", False, "adaptive", "disabled", "unknown", "omitted", True, True, FIVE, True, False, False, MILLION),
    Column(("claude-opus-5",),
           "none", False, "adaptive", "disabled", "on", "omitted", True, True, FIVE, True, False, False, MILLION),
    Column(("claude-haiku-5-5",),
           "none", False, "adaptive", "disabled", "unknown", "omitted", True, True, FIVE, True, True, False, MILLION),
    Column(("claude-sonnet-5-5",),
           "none", False, "adaptive", "between_tools", "on", "omitted", False, True, FIVE, True, True, True, MILLION),
    Column(("claude-fable-5", "claude-mythos-5"),
           "none", False, "adaptive", "never", "on", "omitted", True, True, FIVE, True, True, True, MILLION),
    Column(("claude-opus-5-5", "claude-fable-5-1", "claude-fable-5-2", "claude-mythos-5-1", "claude-mythos-5-2"),
           "none", False, "adaptive", "never", "on", "omitted", False, True, FIVE, True, True, True, MILLION),
    Column(("claude-mythos-preview",),
           "none", False, "both", "never", "on", "omitted", True, False, FIVE, True, False, False, MILLION),
]
# fmt: on


@pytest.mark.parametrize(("name", "column"), [(name, column) for column in COLUMNS for name in column.models])
def test_the_capability_table(name: str, column: Column) -> None:
    facts = known(name)
    assert (
        Column(
            column.models,
            facts.sampling,
            facts.prefill,
            facts.thinking,
            facts.thinking_off,
            facts.thinking_default,
            facts.thinking_display,
            facts.forced_tools,
            facts.mid_system,
            facts.effort,
            "vertex" in facts.structured_output,
            facts.thinking_bound,
            facts.interim_thinking,
            (facts.context, facts.max_output),
        )
        == column
    )


def test_the_capability_table_has_every_model() -> None:
    assert sorted(name for column in COLUMNS for name in column.models) == sorted(
        json.loads(DATA.read_bytes())["models"]
    )


@pytest.mark.parametrize(
    ("name", "fact", "value"),
    [
        ("claude-opus-5-5", "default_effort", "medium"),
        ("claude-sonnet-4-6", "foundry_max_output", 128_000),
        ("claude-sonnet-4-5", "foundry_max_output", None),
        ("claude-opus-5", "thinking_off_max_effort", "high"),
        ("claude-opus-4-5", "effort_beta", "effort-2025-11-24"),
        ("claude-sonnet-5-5", "bedrock_effort_ceiling", "xhigh"),
        ("claude-opus-4-6", "bedrock_effort_ceiling", None),
        ("claude-haiku-4-5", "structured_output", ("bedrock",)),
        ("claude-opus-4-7", "structured_output", ("vertex", "foundry")),
        ("claude-sonnet-5-5", "structured_output", ("vertex", "bedrock", "foundry")),
        ("claude-haiku-4-5", "prompt_cache_min_tokens", 4096),
        ("claude-opus-4-7", "prompt_cache_min_tokens", 2048),
        ("claude-opus-4-8", "prompt_cache_min_tokens", 1024),
        ("claude-sonnet-5-5", "prompt_cache_min_tokens", 512),
        ("claude-3-opus", "pdf", False),
        ("claude-3-5-sonnet", "pdf", True),
        ("claude-3-5-haiku", "vision", False),
        ("claude-sonnet-4-5", "vertex_regional_surcharge", 0.1),
        ("claude-opus-4-1", "vertex_regional_surcharge", 0),
        ("claude-opus-4-6", "bedrock", "anthropic.claude-opus-4-6-v1"),
        ("claude-sonnet-4-6", "bedrock", "anthropic.claude-sonnet-4-6"),
        ("claude-sonnet-4-5", "bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("claude-opus-4-5", "foundry", "claude-opus-4-5"),
        ("claude-opus-5", "owner", "anthropic"),
        ("claude-opus-5", "bedrock_profiles", ("us", "us-gov", "eu", "jp", "au", "in", "global")),
        ("claude-opus-4-1", "bedrock_profiles", ("us",)),
        ("claude-fable-5-2", "bedrock_profiles", None),
        ("claude-opus-5-5", "bedrock_on_demand", False),
        ("claude-sonnet-4-5", "bedrock_cache_1h", True),
        ("claude-opus-4-1", "bedrock_cache_1h", False),
        ("claude-sonnet-4-5", "bedrock_regional_surcharge", 0.1),
        ("claude-opus-4-1", "bedrock_regional_surcharge", 0),
    ],
)
def test_what_differs_by_model(name: str, fact: str, value: object) -> None:
    assert getattr(known(name), fact) == value


def test_the_list_begins_with_the_newest_and_leaves_out_the_retired_and_the_restricted() -> None:
    names = [facts.id for facts in CATALOG.listed("vertex")]
    assert names == [
        "claude-sonnet-5-5",
        "claude-opus-5-5",
        "claude-haiku-5-5",
        "claude-fable-5-2",
        "claude-fable-5-1",
        "claude-sonnet-5",
        "claude-opus-5",
        "claude-fable-5",
        "claude-opus-4-8",
        "claude-opus-4-7",
        "claude-sonnet-4-6",
        "claude-opus-4-6",
        "claude-sonnet-4-5",
        "claude-opus-4-5",
        "claude-haiku-4-5",
    ]
    assert [facts.id for facts in CATALOG.listed("bedrock")] == [*names, "claude-opus-4-1"]
    assert [facts.id for facts in CATALOG.listed("foundry")] == [name for name in names if name != "claude-fable-5-2"]


@pytest.mark.parametrize("facts", CATALOG.listed("vertex"), ids=lambda facts: facts.id)
def test_every_listed_model_has_all_prices(facts: ModelFacts) -> None:
    prices = facts.prices
    assert prices is not None
    assert prices.cache_write_5m == pytest.approx(prices.input * 1.25)
    assert prices.cache_write_1h == pytest.approx(prices.input * 2)
    assert prices.cache_read is not None
    assert 0 < prices.cache_read < prices.input < prices.output


@pytest.mark.parametrize(
    ("name", "per_token"),  # input, output, cache write, cache read: USD per token, as litellm's map has them
    [
        ("claude-sonnet-5-5", (2e-06, 1e-05, 2.5e-06, 1e-07)),
        ("claude-opus-5-5", (4e-06, 2e-05, 5e-06, 2e-07)),
        ("claude-haiku-5-5", (1e-07, 5e-07, 1.25e-07, 1e-08)),
        ("claude-fable-5-1", (1e-05, 5e-05, 1.25e-05, 2.5e-07)),
        ("claude-fable-5", (1e-05, 5e-05, 1.25e-05, 1e-06)),
        ("claude-sonnet-5", (2e-06, 1e-05, 2.5e-06, 2e-07)),
        ("claude-opus-4-8", (5e-06, 2.5e-05, 6.25e-06, 5e-07)),
        ("claude-sonnet-4-6", (3e-06, 1.5e-05, 3.75e-06, 3e-07)),
        ("claude-haiku-4-5", (1e-06, 5e-06, 1.25e-06, 1e-07)),
        ("claude-opus-4-1", (1.5e-05, 7.5e-05, 1.875e-05, 1.5e-06)),
        ("claude-3-5-haiku", (1e-06, 5e-06, None, None)),
    ],
)
def test_prices_are_per_million(name: str, per_token: tuple[float | None, ...]) -> None:
    prices = known(name).prices
    assert prices is not None
    held = (prices.input, prices.output, prices.cache_write_5m, prices.cache_read)
    for per_million, price in zip(held, per_token, strict=True):
        assert per_million == (None if price is None else pytest.approx(price * 1_000_000))


def test_the_long_context_tier() -> None:
    prices = known("claude-haiku-5-5").prices
    assert prices is not None
    assert prices.long_context is not None
    assert (prices.long_context.over, prices.long_context.input, prices.long_context.output) == (100_000, 0.5, 2.5)


def test_the_data_file_holds_just_what_the_schema_has() -> None:
    data = json.loads(DATA.read_bytes())
    assert data["newest"] in data["generations"]
    assert any("MIT" in line for line in data["source"])
    stated = {key for row in data["generations"].values() for key in row}
    for name, row in data["models"].items():
        facts = known(name)
        given = {**data["generations"][row["generation"]], **row}
        assert msgspec.convert(msgspec.to_builtins(facts), ModelFacts) == facts
        held = json.loads(msgspec.json.encode(facts))
        assert {key: held[key] for key in given} == {
            key: {rate: value.get(rate) for rate in Prices.__struct_fields__} if key == "prices" else value
            for key, value in given.items()
        }
    required = {field.name for field in msgspec.structs.fields(ModelFacts) if field.required}
    assert required - {"id", "vertex", "generation"} <= stated


@pytest.mark.parametrize("place", ["generations", "models"])
def test_a_typo_in_the_data_file_is_an_error_with_its_path(place: str) -> None:
    data = json.loads(DATA.read_bytes())
    row = data[place]["5.5" if place == "generations" else "claude-opus-5"]
    row["forced_tool"] = False
    with pytest.raises(CatalogError, match=r"claude\.json: .*forced_tool = False: .*use `forced_tools`"):
        Catalog(data=json.dumps(data).encode())


def test_a_fact_missing_from_a_generation_is_an_error() -> None:
    data = json.loads(DATA.read_bytes())
    del data["generations"]["4.7"]["prefill"]
    with pytest.raises(CatalogError, match=r"claude-opus-4-7 = .*`prefill`"):
        Catalog(data=json.dumps(data).encode())


def test_facts_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        known("claude-opus-5").prefill = True  # type: ignore[misc]  # that it is refused is the point
