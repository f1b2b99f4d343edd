"""Inference profiles: the id to call from every region, what to suggest after AWS's refusal, and Mantle's own ids."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.models.catalog import ModelFacts
from oai_bridge.models.facts import Profile
from oai_bridge.models.passed import find_on_bedrock
from oai_bridge.models.profiles import Choice, bedrock_id, mantle_id, profile_hint
from tests.support.catalogue import on_bedrock

# Region: the profiles of opus 5 (all but apac.), of nova lite (no global.) and of glm 5.3 (us. and global. alone).
TABLE = {
    "us-east-1": ("us", "us", "us"),
    "us-east-2": ("us", "us", "us"),
    "us-west-1": ("us", "us", "us"),
    "us-west-2": ("us", "us", "us"),
    "us-gov-east-1": ("us-gov", "", ""),
    "us-gov-west-1": ("us-gov", "", ""),
    "ca-central-1": ("us", "ca", "us"),
    "ca-west-1": ("us", "ca", "us"),
    "eu-central-1": ("eu", "eu", "global"),
    "eu-central-2": ("eu", "eu", "global"),
    "eu-north-1": ("eu", "eu", "global"),
    "eu-south-1": ("eu", "eu", "global"),
    "eu-south-2": ("eu", "eu", "global"),
    "eu-west-1": ("eu", "eu", "global"),
    "eu-west-2": ("eu", "eu", "global"),
    "eu-west-3": ("eu", "eu", "global"),
    "ap-northeast-1": ("jp", "apac", "global"),
    "ap-northeast-2": ("global", "apac", "global"),
    "ap-northeast-3": ("jp", "apac", "global"),
    "ap-south-1": ("in", "apac", "global"),
    "ap-south-2": ("in", "apac", "global"),
    "ap-southeast-1": ("global", "apac", "global"),
    "ap-southeast-2": ("au", "apac", "global"),
    "ap-southeast-3": ("global", "apac", "global"),
    "ap-southeast-4": ("au", "apac", "global"),
    "ap-southeast-5": ("global", "apac", "global"),
    "ap-southeast-6": ("global", "apac", "global"),
    "ap-southeast-7": ("global", "apac", "global"),
    "ap-east-2": ("global", "apac", "global"),
    "sa-east-1": ("global", "", "global"),
    "me-central-1": ("global", "", "global"),
    "me-south-1": ("global", "", "global"),
    "af-south-1": ("global", "", "global"),
    "il-central-1": ("global", "", "global"),
    "mx-central-1": ("global", "", "global"),
    # No profile of these is known.
    "us-iso-east-1": ("", "", ""),
    "us-isob-east-1": ("", "", ""),
    "us-isof-east-1": ("", "", ""),
    "us-isof-south-1": ("", "", ""),
    "eu-isoe-west-1": ("", "", ""),
    "eusc-de-east-1": ("", "", ""),
    "cn-north-1": ("", "", ""),
}
MODELS = ("claude-opus-5", "nova-lite", "glm-5.3")


class Model:
    def __init__(self, bedrock: str | None, bedrock_profiles: tuple[Profile, ...] | None) -> None:
        self.bedrock = bedrock
        self.bedrock_profiles = bedrock_profiles


def found(name: str) -> ModelFacts:
    facts = on_bedrock(name)
    assert facts is not None, name
    return facts


@pytest.mark.parametrize("region", TABLE)
def test_the_profile_of_the_regions_own_part_of_the_world(region: str) -> None:
    for model, profile in zip(MODELS, TABLE[region], strict=True):
        plain = found(model).bedrock
        assert bedrock_id(found(model), region, "geo") == (f"{profile}.{plain}" if profile else plain)


def test_the_table_has_every_region_that_botocore_knows_of() -> None:
    endpoints = json.loads(files("botocore").joinpath("data/endpoints.json").read_bytes())
    served = {
        endpoint.removeprefix("bedrock-runtime-")
        for partition in endpoints["partitions"]
        for endpoint in partition["services"].get("bedrock", {}).get("endpoints", {})
        if "fips" not in endpoint and not endpoint.removeprefix("bedrock-runtime-").startswith("bedrock-")
    }
    assert len(served) > 30
    assert served <= set(TABLE)


@pytest.mark.parametrize("region", TABLE)
def test_global_goes_before_where_there_is_one(region: str) -> None:
    for model, profile in zip(MODELS, TABLE[region], strict=True):
        facts = found(model)
        anywhere = "global" in (facts.bedrock_profiles or ()) and profile not in ("", "us-gov")
        expected = "global" if anywhere else profile
        assert bedrock_id(facts, region, "global") == (f"{expected}.{facts.bedrock}" if expected else facts.bedrock)


@pytest.mark.parametrize("region", TABLE)
def test_geo_only_never_leaves_the_regions_part_of_the_world(region: str) -> None:
    for model, profile in zip(MODELS, TABLE[region], strict=True):
        plain = found(model).bedrock
        leaves = profile == "global" or (profile == "us" and region.startswith("ca-"))
        expected = plain if leaves or not profile else f"{profile}.{plain}"
        assert bedrock_id(found(model), region, "geo_only") == expected


@pytest.mark.parametrize(
    ("region", "known", "profile"),
    [
        ("ca-central-1", ("us", "ca", "global"), "ca"),
        ("ca-central-1", ("us", "global"), None),
        ("ap-northeast-1", ("apac", "global"), "apac"),
        ("ap-southeast-2", ("jp", "apac"), "apac"),
        ("ap-south-1", ("jp", "au", "global"), None),
        ("eu-west-1", ("us", "global"), None),
        ("sa-east-1", ("us", "global"), None),
        ("us-gov-west-1", ("us", "us-gov"), "us-gov"),
        ("us-gov-west-1", ("us",), None),
        ("eu-west-1", None, "eu"),
        ("ap-southeast-1", None, None),
    ],
)
def test_what_geo_only_allows(region: str, known: tuple[Profile, ...] | None, profile: str | None) -> None:
    chosen = bedrock_id(Model("acme.brain-v1:0", known), region, "geo_only")
    assert chosen == (f"{profile}.acme.brain-v1:0" if profile else "acme.brain-v1:0")


def test_with_global_first_the_nearest_is_still_the_second_choice() -> None:
    model = Model("acme.brain-v1:0", ("us", "ca"))
    assert bedrock_id(model, "ca-central-1", "global") == "ca.acme.brain-v1:0"


def test_a_model_that_has_the_profile_of_its_country_uses_it() -> None:
    facts = found("claude-haiku-4-5")
    regions = {"ap-northeast-1": "jp", "ap-southeast-4": "au", "ap-south-1": "in", "ca-central-1": "us"}
    for region, profile in regions.items():
        assert bedrock_id(facts, region, "geo").partition(".")[0] == profile


@pytest.mark.parametrize("profiles", get_args(Choice))
@pytest.mark.parametrize(
    "name",
    [
        "eu.anthropic.claude-opus-5",
        "global.amazon.nova-2-lite-v1:0",
        "kr.anthropic.claude-opus-5",
        "amazon.nova-pro-v1:0",  # it can be called as it is
        "acme.brain-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-5",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
        "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc123",
    ],
)
def test_what_was_given_in_full_is_kept(name: str, profiles: Choice) -> None:
    for region in TABLE:
        assert bedrock_id(found(name), region, profiles) == name


@pytest.mark.parametrize("name", ["anthropic.claude-opus-5", "amazon.nova-2-lite-v1:0", "deepseek.r1-v1:0"])
def test_a_plain_id_that_nobody_can_call_gets_its_profile(name: str) -> None:
    assert bedrock_id(found(name), "us-east-1", "geo") == f"us.{name}"


@pytest.mark.parametrize(
    ("region", "profile"),
    [
        *[("us-east-1", "us."), ("ca-central-1", "us."), ("eu-west-3", "eu."), ("us-gov-west-1", "us-gov.")],
        *[("ap-northeast-1", "jp."), ("ap-southeast-2", "au."), ("ap-south-1", "global."), ("sa-east-1", "global.")],
        ("cn-north-1", ""),
    ],
)
def test_a_new_claude_has_the_profiles_that_they_all_have(region: str, profile: str) -> None:
    assert bedrock_id(found("claude-opus-9"), region, "geo") == f"{profile}anthropic.claude-opus-9"
    assert bedrock_id(found("claude-fable-5-2"), region, "geo") == f"{profile}anthropic.claude-fable-5-2"


def test_a_model_that_is_passed_on_has_profiles_too() -> None:
    sol, oss = find_on_bedrock("gpt-6.1-sol"), find_on_bedrock("gpt-oss-120b")
    assert sol is not None and oss is not None
    assert bedrock_id(sol, "us-west-2", "geo") == "us.openai.gpt-6.1-sol"
    assert bedrock_id(sol, "eu-west-1", "geo") == "global.openai.gpt-6.1-sol"
    assert bedrock_id(oss, "eu-west-1", "geo") == "openai.gpt-oss-120b-1:0"
    assert bedrock_id(oss, "us-gov-west-1", "global") == "us-gov.openai.gpt-oss-120b-1:0"


NOVA: tuple[Profile, ...] = ("us", "eu", "apac")
OPUS = "anthropic.claude-opus-5"


@pytest.mark.parametrize(
    ("id", "known", "region", "better"),
    [
        (OPUS, None, "us-east-1", f"us.{OPUS}"),
        (OPUS, None, "ap-southeast-1", f"global.{OPUS}"),
        (OPUS, ("eu",), "eu-west-1", f"eu.{OPUS}"),
        (OPUS, (), "eu-west-1", f"eu.{OPUS}"),  # AWS says that it needs one
        ("amazon.nova-pro-v1:0", NOVA, "eu-central-1", "eu.amazon.nova-pro-v1:0"),
        ("amazon.nova-pro-v1:0", NOVA, "ap-south-1", "apac.amazon.nova-pro-v1:0"),
        ("us.amazon.nova-pro-v1:0", NOVA, "eu-central-1", "eu.amazon.nova-pro-v1:0"),
        ("eu.amazon.nova-pro-v1:0", NOVA, "eu-central-1", None),
        ("amazon.nova-pro-v1:0", NOVA, "sa-east-1", None),
        ("meta.llama4-scout-17b-instruct-v1:0", ("us",), "eu-west-1", None),
        ("zai.glm-5.3", ("us", "global"), "eu-west-1", "global.zai.glm-5.3"),
        ("zai.glm-5", (), "eu-west-1", None),
        ("acme.brain-v1:0", None, "us-east-1", None),
        (f"arn:aws:bedrock:eu-west-1::foundation-model/{OPUS}", None, "eu-west-1", f"eu.{OPUS}"),
        ("arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc123", ("us",), "us-east-1", None),
        (OPUS, None, "cn-north-1", None),
        ("claude-opus-5", None, "us-east-1", None),
        ("", None, "", None),
    ],
)
def test_what_to_do_about_a_refused_id(
    id: str, known: tuple[Profile, ...] | None, region: str, better: str | None
) -> None:
    hint = profile_hint(id, known, region, "geo")
    assert hint == (better and f"Use the inference profile `{better}`.")


def test_the_hint_is_for_what_would_be_called() -> None:
    assert profile_hint(OPUS, ("eu", "global"), "eu-west-1", "global") == f"Use the inference profile `global.{OPUS}`."
    assert profile_hint(OPUS, ("eu", "global"), "eu-west-1", "geo_only") == f"Use the inference profile `eu.{OPUS}`."


@pytest.mark.parametrize(
    ("id", "known", "region", "leaving"),
    [
        ("zai.glm-5.3", ("us", "global"), "eu-west-1", "global."),
        ("zai.glm-5.3", ("us", "global"), "ca-central-1", "us."),
        (OPUS, ("eu", "global"), "sa-east-1", "global."),
        (OPUS, None, "sa-east-1", None),  # nobody knows what it has
        ("meta.llama4-scout-17b-instruct-v1:0", ("us",), "eu-west-1", None),
        ("zai.glm-5", (), "eu-west-1", None),
    ],
)
def test_what_geo_only_rules_out_is_told(
    id: str, known: tuple[Profile, ...] | None, region: str, leaving: str | None
) -> None:
    hint = profile_hint(id, known, region, "geo_only")
    if leaving is None:
        assert hint is None
    else:
        assert hint is not None and "`geo_only`" in hint and f"`{leaving}`" in hint


@pytest.mark.parametrize(
    ("id", "mantle"),
    [
        ("anthropic.claude-opus-5", "anthropic.claude-opus-5"),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-haiku-4-5"),
        ("anthropic.claude-opus-4-6-v1", "anthropic.claude-opus-4-6"),
        ("openai.gpt-oss-120b-1:0", "openai.gpt-oss-120b"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-5",
            "anthropic.claude-opus-5",
        ),
        ("arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc", None),
    ],
)
def test_what_mantle_calls_a_model(id: str, mantle: str | None) -> None:
    assert mantle_id(id) == (mantle or id)


@given(st.text() | st.sampled_from([*TABLE, "us-", "ap"]), st.text() | st.just("amazon.nova-pro-v1:0"), st.booleans())
def test_no_region_and_no_id_is_too_strange(region: str, id: str, known: bool) -> None:
    model = Model(id, ("us", "global") if known else None)
    for profiles in get_args(Choice):
        assert bedrock_id(model, region, profiles).endswith(id)
        profile_hint(id, model.bedrock_profiles, region, profiles)
    mantle_id(id)


def test_a_model_without_an_id_has_none() -> None:
    assert bedrock_id(Model(None, ()), "us-east-1", "geo") == ""
