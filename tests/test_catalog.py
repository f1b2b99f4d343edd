"""The catalogue: every spelling of a model's name, and the user's overrides."""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oai_bridge.models.catalog import Catalog, CatalogError, Cloud
from tests.support.catalogue import CATALOG, DATA, known

CLOUDS: tuple[Cloud, ...] = ("vertex", "bedrock", "foundry")
URL_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]*")


@pytest.mark.parametrize(
    ("spelling", "vertex"),
    [
        ("claude-sonnet-4-5", "claude-sonnet-4-5@20250929"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5@20250929"),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5@20250929"),
        ("claude-sonnet-4-5-latest", "claude-sonnet-4-5@20250929"),
        ("claude-sonnet-4-5@default", "claude-sonnet-4-5@20250929"),
        ("claude-sonnet-4-5@latest", "claude-sonnet-4-5@20250929"),
        ("claude-sonnet-4.5", "claude-sonnet-4-5@20250929"),
        ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5@20250929"),
        ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5@20250929"),
        ("publishers/anthropic/models/claude-sonnet-4-5", "claude-sonnet-4-5@20250929"),
        ("projects/p/locations/global/publishers/anthropic/models/claude-opus-5", "claude-opus-5"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5@20250929"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5@20250929"),
        ("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5@20250929"),
        ("global.anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("eu.anthropic.claude-sonnet-5-5", "claude-sonnet-5-5"),
        ("  Claude-Sonnet-4-5 \n", "claude-sonnet-4-5@20250929"),
        # A date of the client's own is kept where Vertex's ids have dates, or where the client writes as Vertex does.
        ("claude-sonnet-4-5@20251231", "claude-sonnet-4-5@20251231"),
        ("claude-sonnet-4-5-20251231", "claude-sonnet-4-5@20251231"),
        ("claude-opus-4-6-20260205", "claude-opus-4-6"),
        ("claude-opus-4-6@20260205", "claude-opus-4-6@20260205"),
        ("claude-opus-4-8@default", "claude-opus-4-8"),
        # Names that SillyTavern's users have saved.
        ("claude-3-5-sonnet-20240620", "claude-3-5-sonnet@20240620"),
        ("claude-3-5-sonnet-20241022", "claude-3-5-sonnet-v2@20241022"),
        ("claude-3-5-sonnet@20241022", "claude-3-5-sonnet-v2@20241022"),
        ("claude-3-5-sonnet-v2@20241022", "claude-3-5-sonnet-v2@20241022"),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet-v2@20241022"),
        ("claude-3-5-sonnet-latest", "claude-3-5-sonnet-v2@20241022"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku@20241022"),
        ("claude-3-opus-20240229", "claude-3-opus@20240229"),
        ("claude-3-haiku-20240307", "claude-3-haiku@20240307"),
        ("claude-3-sonnet-20240229", "claude-3-sonnet@20240229"),
        ("claude-3-7-sonnet-20250219", "claude-3-7-sonnet@20250219"),
        ("claude-sonnet-4-0", "claude-sonnet-4@20250514"),
        ("claude-opus-4-0", "claude-opus-4@20250514"),
        ("claude-opus-4-1-20250805", "claude-opus-4-1@20250805"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5@20251001"),
        ("claude-opus-4-5-20251101", "claude-opus-4-5@20251101"),
    ],
)
def test_every_spelling_leads_to_vertex(spelling: str, vertex: str) -> None:
    facts = known(spelling)
    assert facts.vertex == vertex
    same = {"vertex": vertex, "bedrock": facts.bedrock, "bedrock_profiles": facts.bedrock_profiles}
    assert facts == msgspec.structs.replace(known(facts.id), **same)  # the family's facts, whatever the date


@pytest.mark.parametrize("name", sorted(json.loads(DATA.read_bytes())["models"]))
def test_a_model_is_found_by_each_of_its_ids(name: str) -> None:
    facts = known(name)
    assert facts.id == name
    for spelling in (facts.vertex, facts.foundry, *facts.aliases):
        assert spelling is None or known(spelling) == facts
    by_bedrock = known(str(facts.bedrock))
    assert (by_bedrock.id, by_bedrock.bedrock, by_bedrock.prices) == (name, facts.bedrock, facts.prices)


@pytest.mark.parametrize(
    "name",
    ["claude-opus-9", "claude-fable-6@20270101", "claude-2.1", "claude-instant-v1", "claude-sonnet-4-5@001"],
)
def test_an_unknown_claude_counts_as_the_newest_generation(name: str) -> None:
    facts = known(name)
    assert (facts.id, facts.vertex) == (name, name)
    assert (facts.sampling, facts.prefill, facts.mid_system, facts.forced_tools) == ("none", False, True, False)
    assert (facts.thinking, facts.thinking_off) == ("adaptive", "never")
    assert facts.effort == ("low", "medium", "high", "xhigh", "max")
    assert facts.prices is None
    newest = known("claude-fable-5-2")
    names = {field: getattr(facts, field) for field in ("id", "vertex", "bedrock", "foundry", "prices")}
    assert facts == msgspec.structs.replace(newest, **names)


@pytest.mark.parametrize(
    ("name", "vertex", "bedrock", "foundry"),
    [
        ("claude-opus-9", "claude-opus-9", "anthropic.claude-opus-9", "claude-opus-9"),
        ("claude-fable-6@20270101", "claude-fable-6@20270101", "anthropic.claude-fable-6", "claude-fable-6"),
        ("us.anthropic.claude-opus-9-v1:0", "claude-opus-9", "us.anthropic.claude-opus-9-v1:0", "claude-opus-9"),
        ("anthropic.claude-opus-9", "claude-opus-9", "anthropic.claude-opus-9", "claude-opus-9"),
    ],
)
def test_an_unknown_claude_has_the_likeliest_id_on_every_cloud(
    name: str, vertex: str, bedrock: str, foundry: str
) -> None:
    facts = known(name)
    assert (facts.vertex, facts.bedrock, facts.foundry) == (vertex, bedrock, foundry)
    assert (facts.bedrock_profiles, facts.bedrock_on_demand) == (None, False)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "claude",
        "claude-",
        "claude-@",
        "gpt-5",
        "gemini-3-pro",
        "count-tokens",
        "anthropic/",
        "anthropic/gpt-5",
        "openai/claude-opus-5",
        "not-claude-opus-5",
        "claude-opus-5/../x",
        "claude-opus..5",
        "../claude-opus-5",
        "claude-opus-5:streamRawPredict",
        "claude-opus-5?x",
        "claude-opus-5#x",
        "claude-opus-5%2f",
        "claude opus",
        "claude-opus-5\x00",
        "claude-öpus",
        "claude-" + "x" * 122,
        "anthropic.claude-opus-5/x",
        "publishers/google/models/claude-opus-5",
    ],
)
def test_what_is_not_claude_or_does_not_fit_in_a_url_is_not_found(name: str) -> None:
    assert CATALOG.find(name) is None


def test_the_longest_name() -> None:
    assert known("claude-" + "x" * 121).vertex == "claude-" + "x" * 121


PIECES = st.lists(
    st.sampled_from(
        [
            *["claude-", "sonnet-", "3-5-sonnet", "opus-4-5", "-", ".", "..", "@", "/", ":0", "-v1", "20250929"],
            *["@default", "-latest", "anthropic.", "us.", "anthropic/", "\n", " ", "%2e", "\ud800", "İ", "K"],
        ]
    ),
    max_size=8,
).map("".join)


@given(st.text() | PIECES)
@example("claude-sonnet-4-5@20250929\n")
@example("claude-" + "9" * 200)
def test_any_string_is_found_fit_for_a_url_or_not_at_all(name: str) -> None:
    facts = CATALOG.find(name)
    if facts is not None:
        assert facts.vertex is not None
        assert URL_SAFE.fullmatch(facts.vertex)
        assert ".." not in facts.vertex
        assert len(facts.vertex) <= 128
        again = known(facts.vertex)
        assert (again.id, again.vertex) == (facts.id, facts.vertex)


# Overrides


def test_an_override_changes_only_what_it_says() -> None:
    before = known("claude-opus-5-5")
    after = known("claude-opus-5-5", Catalog({"claude-opus-5-5": {"forced_tools": True, "max_output": 64_000}}))
    assert after == msgspec.structs.replace(before, forced_tools=True, max_output=64_000)


@pytest.mark.parametrize(
    ("facts", "limits"),
    [
        ({}, (64_000, 128_000)),
        ({"prefill": True}, (64_000, 128_000)),
        ({"max_output": 32_000}, (32_000, None)),
        ({"foundry_max_output": 100_000}, (64_000, 100_000)),
        ({"foundry_max_output": None}, (64_000, None)),
        ({"max_output": 32_000, "foundry_max_output": 100_000}, (32_000, 100_000)),
    ],
)
def test_a_limit_of_ones_own_is_for_every_cloud_unless_it_names_foundrys(facts: Any, limits: Any) -> None:
    found = known("claude-sonnet-4-6", Catalog({"claude-sonnet-4-6": facts}))
    assert (found.max_output, found.foundry_max_output) == limits


def test_one_price_is_overridden_alone() -> None:
    before = known("claude-opus-5-5").prices
    after = known("claude-opus-5-5", Catalog({"claude-opus-5-5": {"prices": {"input": 1}}})).prices
    assert before is not None
    assert after == msgspec.structs.replace(before, input=1.0)


def test_an_override_may_use_any_spelling_and_two_add_up() -> None:
    overrides = {"anthropic/Claude-Sonnet-4.5": {"prefill": False}, "claude-sonnet-4-5@20250929": {"vision": False}}
    facts = known("claude-sonnet-4-5", Catalog(overrides))
    assert (facts.id, facts.prefill, facts.vision) == ("claude-sonnet-4-5", False, False)


def test_an_override_may_move_a_model_to_another_generation() -> None:
    facts = known("claude-opus-9", Catalog({"claude-opus-9": {"generation": "4.5"}}))
    assert (facts.sampling, facts.prefill, facts.thinking) == ("one", True, "manual")


def test_next_months_model_is_data_only() -> None:
    row = {
        "vertex": "claude-saga-6@20270101",
        "bedrock": "anthropic.claude-saga-6-20270101-v1:0",
        "foundry": "claude-saga-6",
        "aliases": ["claude-saga-newest"],
        "forced_tools": True,
        "prices": {"input": 7, "output": 35, "cache_write_5m": 8.75, "cache_write_1h": 14, "cache_read": 0.7},
    }
    data = json.loads(DATA.read_bytes())
    data["models"] = {"claude-saga-6": row | {"generation": "5.5"}, **data["models"]}
    by_file, by_override = Catalog(data=json.dumps(data).encode()), Catalog({"claude-saga-6": row})
    assert CATALOG.listed("vertex")[0].id != "claude-saga-6"
    for catalog in (by_file, by_override):
        facts = catalog.listed("vertex")[0]
        assert (facts.id, facts.vertex) == ("claude-saga-6", "claude-saga-6@20270101")
        assert (facts.forced_tools, facts.thinking_off, facts.context) == (True, "never", 1_000_000)
        assert facts.prices is not None
        assert facts.prices.output == 35
        spellings = ["claude-saga-6-20270101", "claude-saga-6@default", "claude-saga-newest", "claude-saga-6-latest"]
        assert [catalog.find(spelling) for spelling in spellings] == [facts] * 4
    assert known("claude-saga-6", by_file) == known("claude-saga-6", by_override)


def test_a_new_generation_is_data_only() -> None:
    data = json.loads(DATA.read_bytes())
    data["generations"]["6"] = data["generations"]["5.5"] | {"sampling": "free", "context": 2_000_000}
    data["newest"] = "6"
    catalog = Catalog(data=json.dumps(data).encode())
    assert (known("claude-saga-7", catalog).sampling, known("claude-saga-7", catalog).context) == ("free", 2_000_000)
    assert known("claude-opus-5-5", catalog) == known("claude-opus-5-5")


def test_a_new_claude_needs_no_facts_at_all() -> None:
    catalog = Catalog({"claude-saga-6": {}})
    facts = known("claude-saga-6", catalog)
    assert facts == known("claude-saga-6")
    assert all(catalog.listed(cloud)[0] == facts for cloud in CLOUDS)


def test_an_own_name_for_a_model_on_vertex() -> None:
    catalog = Catalog({"my.sonnet": {"generation": "5.5", "vertex": "claude-sonnet-5-5"}})
    facts = known("MY.sonnet", catalog)
    assert (facts.id, facts.vertex) == ("my.sonnet", "claude-sonnet-5-5")
    assert facts in catalog.listed("vertex")
    assert facts not in catalog.listed("bedrock")


def test_read_only_mappings_will_do() -> None:
    override = MappingProxyType({"prices": MappingProxyType({"input": 1})})
    prices = known("claude-opus-5", Catalog(MappingProxyType({"claude-opus-5": override}))).prices
    assert prices is not None
    assert (prices.input, prices.output) == (1, 25)


def test_a_retired_or_restricted_model_can_be_listed() -> None:
    catalog = Catalog({"claude-3-opus": {"retired": []}, "claude-mythos-5-2": {"listed": True}})
    names = [facts.id for facts in catalog.listed("vertex")]
    assert {"claude-3-opus", "claude-mythos-5-2"} <= set(names)
    assert names[-1] == "claude-3-opus"


@pytest.mark.parametrize(
    ("override", "key", "value", "remedy"),
    [
        ({"preffil": True}, "preffil", True, "`prefill`"),
        ({"max_outputs": 1}, "max_outputs", 1, "`max_output`"),
        ({3: 1}, "3", 1, "one of generation, owner, vertex, bedrock"),
        ({"prices": {"input": 1, "output": 2, "cache_reed": 3}}, "prices.cache_reed", 3, "`cache_read`"),
        ({"prefill": "yes"}, "prefill", "yes", "expected `bool`"),
        ({"sampling": "all"}, "sampling", "all", "free, one, none"),
        ({"effort": ["low", "hi"]}, "effort", ["low", "hi"], "low, medium, high, xhigh, max"),
        ({"effort": "high"}, "effort", "high", "expected `array`"),
        ({"default_effort": "hi"}, "default_effort", "hi", "low, medium, high, xhigh, max"),
        ({"structured_output": ["vertx"]}, "structured_output", ["vertx"], "vertex, bedrock, foundry"),
        ({"context": 0}, "context", 0, ">= 1"),
        ({"prices": {"input": -1}}, "prices.input", -1, ">= 0"),
        ({"prices": {"input": "1"}}, "prices.input", "1", "expected `float`"),
        ({"prices": {"input": 1}}, "prices", {"input": 1}, "`output`"),
        ({"vertex": "a/../b"}, "vertex", "a/../b", "only letters"),
        ({"vertex": "a\n"}, "vertex", "a\n", "only letters"),
        ({"foundry": "a/../b"}, "foundry", "a/../b", "only letters"),
        ({"bedrock": "a/../b"}, "bedrock", "a/../b", "ARN"),
        ({"bedrock": "arn:aws:bedrock:us-east-1::x/%2e"}, "bedrock", "arn:aws:bedrock:us-east-1::x/%2e", "ARN"),
        ({"bedrock_profiles": ["us", "moon"]}, "bedrock_profiles", ["us", "moon"], "us, us-gov, ca, eu"),
        ({"generation": 4.6}, "generation", 4.6, '"4.6"'),
        ({"generation": "nova"}, "generation", "nova", '"5.5"'),
        ({"generation": ["5.5"]}, "generation", ["5.5"], '"5.5"'),
        ({"id": "claude-y"}, "id", "claude-y", "aliases"),
    ],
)
def test_a_wrong_override_is_refused_with_path_value_and_remedy(
    override: dict[Any, Any], key: str, value: object, remedy: str
) -> None:
    with pytest.raises(CatalogError) as caught:
        Catalog({"claude-x": override})
    error = caught.value
    assert (error.path, error.value) == (f"models.overrides.claude-x.{key}", value)
    assert remedy in error.remedy
    assert str(error) == f"{error.path} = {value!r}: {error.remedy}"


@pytest.mark.parametrize("override", [None, "prefill", ["prefill"], True])
def test_an_override_that_is_no_mapping_is_refused(override: Any) -> None:
    with pytest.raises(CatalogError, match=r"models\.overrides\.claude-x = .*`key: value`"):
        Catalog({"claude-x": override})


@pytest.mark.parametrize("name", ["", "a/b", "a..b", "-x", "x" * 129])
def test_a_name_that_cannot_stand_in_a_url_is_refused(name: str) -> None:
    with pytest.raises(CatalogError):
        Catalog({name: {}})


@pytest.mark.parametrize(
    ("name", "override"),
    [
        ("gpt-4o", {"context": 200_000}),
        ("gemini-3.5-flash", {"max_output": 1}),
        ("acme.brain-v1:0", {}),
        ("my.sonnet", {"vertex": "claude-sonnet-5-5", "generation": None}),
        ("not-claude-x", {}),
    ],
)
def test_what_is_neither_claude_nor_on_converse_has_no_facts_to_change(name: str, override: dict[str, Any]) -> None:
    with pytest.raises(CatalogError) as caught:
        Catalog({name: override})
    assert (caught.value.path, caught.value.value) == (f"models.overrides.{name}", override)
    for part in ("Claude", "Converse", "`generation`"):
        assert part in caught.value.remedy


def test_a_generation_that_no_table_has_is_refused_with_those_of_both() -> None:
    with pytest.raises(CatalogError) as caught:
        Catalog({"my-model": {"generation": "nova-3"}})
    assert caught.value.path == "models.overrides.my-model.generation"
    assert '"5.5"' in caught.value.remedy
    assert '"nova-2"' in caught.value.remedy


def test_a_name_that_another_model_has_is_refused() -> None:
    with pytest.raises(CatalogError, match=r"claude-x\.aliases = 'Claude-Opus\.5': claude-opus-5 has that name"):
        Catalog({"claude-x": {"aliases": ["Claude-Opus.5"]}})
