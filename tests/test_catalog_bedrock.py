"""The catalogue on Bedrock: every spelling of every vendor's model, what passes as it is, and the user's overrides."""

from __future__ import annotations

import re
from typing import get_args

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oai_bridge.models.catalog import Catalog, CatalogError, Cloud, ModelFacts
from oai_bridge.models.profiles import bedrock_id
from tests.support.catalogue import CATALOG, known, on_bedrock

ACCOUNT = "arn:aws:bedrock:us-east-1:123456789012"
PROFILE = f"{ACCOUNT}:application-inference-profile/abc123def456"
URL_SAFE = re.compile(r"[a-z0-9][a-z0-9._:-]*")


def found(name: str, catalog: Catalog = CATALOG) -> ModelFacts:
    facts = on_bedrock(name, catalog)
    assert facts is not None, name
    return facts


@pytest.mark.parametrize(
    ("name", "id", "bedrock"),
    [
        ("nova-pro", "nova-pro", "amazon.nova-pro-v1:0"),
        (" Nova-Pro\n", "nova-pro", "amazon.nova-pro-v1:0"),
        ("amazon/nova-pro", "nova-pro", "amazon.nova-pro-v1:0"),
        ("amazon.nova-pro-v1:0", "nova-pro", "amazon.nova-pro-v1:0"),
        ("amazon.nova-pro-v1", "nova-pro", "amazon.nova-pro-v1:0"),
        ("amazon.nova-pro", "nova-pro", "amazon.nova-pro-v1:0"),
        ("us.amazon.nova-pro-v1:0", "nova-pro", "us.amazon.nova-pro-v1:0"),
        ("us.amazon.nova-pro-v1", "nova-pro", "us.amazon.nova-pro-v1:0"),
        ("amazon.nova-pro-v1:0:300k", "nova-pro", "amazon.nova-pro-v1:0:300k"),
        ("amazon.nova-pro-v2:0", "nova-pro", "amazon.nova-pro-v2:0"),
        ("llama-3-3-70b", "llama-3-3-70b", "meta.llama3-3-70b-instruct-v1:0"),
        ("llama-3.3-70b", "llama-3-3-70b", "meta.llama3-3-70b-instruct-v1:0"),
        ("llama3-3-70b-instruct", "llama-3-3-70b", "meta.llama3-3-70b-instruct-v1:0"),
        ("meta/llama-3.3-70b-instruct", "llama-3-3-70b", "meta.llama3-3-70b-instruct-v1:0"),
        ("deepseek-r1", "deepseek-r1", "deepseek.r1-v1:0"),
        ("deepseek-v3-2", "deepseek-v3.2", "deepseek.v3.2"),
        ("deepseek.v3.2", "deepseek-v3.2", "deepseek.v3.2"),
        ("deepseek.v3-v1:0", "deepseek-v3.1", "deepseek.v3-v1:0"),
        ("glm-5.3", "glm-5.3", "zai.glm-5.3"),
        ("zai.glm-5", "glm-5", "zai.glm-5"),
        ("qwen3-235b", "qwen3-235b", "qwen.qwen3-235b-a22b-2507-v1:0"),
        ("mistral-large-2407", "mistral-large-2407", "mistral.mistral-large-2407-v1:0"),
        ("mistral.mistral-7b-instruct-v0:2", "mistral-7b", "mistral.mistral-7b-instruct-v0:2"),
        # What Mantle calls them, and so what some programs send.
        ("openai.gpt-oss-120b", "gpt-oss-120b", "openai.gpt-oss-120b-1:0"),
        ("moonshotai.kimi-k2-thinking", "kimi-k2-thinking", "moonshot.kimi-k2-thinking"),
        ("qwen.qwen3-coder-30b-a3b-instruct", "qwen3-coder-30b", "qwen.qwen3-coder-30b-a3b-v1:0"),
        ("arn:aws:bedrock:eu-west-1::foundation-model/zai.glm-5", "glm-5", None),
        (f"{ACCOUNT}:inference-profile/us.amazon.nova-pro-v1:0", "nova-pro", None),
        (f"{ACCOUNT}:custom-model/amazon.nova-pro-v1:0/abc123def456", "nova-pro", None),
    ],
)
def test_every_spelling_leads_to_bedrock(name: str, id: str, bedrock: str | None) -> None:
    facts = CATALOG.find_bedrock(name)
    assert facts is not None
    assert (facts.id, facts.bedrock) == (id, bedrock or name)
    same = {"bedrock": facts.bedrock, "bedrock_profiles": facts.bedrock_profiles}
    assert facts == msgspec.structs.replace(found(id), **same)
    assert on_bedrock(name) == facts
    assert CATALOG.find(name) is None


@pytest.mark.parametrize("facts", CATALOG.listed_bedrock(), ids=lambda facts: facts.id)
def test_a_model_is_found_by_each_of_its_ids(facts: ModelFacts) -> None:
    assert facts.bedrock is not None
    for name in (facts.id, *facts.aliases, facts.bedrock, f"eu.{facts.bedrock}", f"{facts.owner}/{facts.id}"):
        assert found(name).id == facts.id
    assert found(facts.id) == facts


def test_only_a_short_name_leaves_the_choice_of_a_profile() -> None:
    assert found("nova-pro").bedrock_profiles == ("us", "eu", "apac")
    assert found("amazon.nova-pro-v1:0").bedrock_profiles == ()
    # No account can call this one by its plain id.
    assert found("amazon.nova-2-lite-v1:0").bedrock_profiles == found("nova-2-lite").bedrock_profiles


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("acme.brain-v1:0", "acme"),
        ("us.acme.brain-v1:0", "acme"),
        ("amazon.nova-3-pro-v1:0", "amazon"),
        ("arn:aws:bedrock:us-east-1::foundation-model/acme.brain-v1:0", "acme"),
        (PROFILE, "aws"),
        *[
            (f"{ACCOUNT}:{kind}/abc123def456", "aws")
            for kind in ("provisioned-model", "imported-model", "custom-model-deployment", "prompt-router")
        ],
        ("arn:aws:sagemaker:us-east-1:123456789012:endpoint/my-llama", "aws"),
    ],
)
def test_what_nobody_has_told_us_of_passes_as_it_is(name: str, owner: str) -> None:
    facts = found(name)
    assert (facts.id, facts.bedrock, facts.owner, facts.vertex) == (name, name, owner, None)
    assert bedrock_id(facts, "eu-west-1", "geo") == name
    # Nothing that the client asks for is left out, and nothing that it doesn't ask for is added.
    assert (facts.system, facts.tools, facts.streamed_tools, facts.vision, facts.pdf) == (True,) * 5
    assert (facts.forced_tools, facts.rich_results, facts.prefill, facts.cache_points) == (False, False, False, ())
    assert (facts.reasoning, facts.effort, facts.prices) == ("none", (), None)


@pytest.mark.parametrize(
    "name",
    [
        *["", "gpt-4.1", "nova", "meta/nova-pro", "anthropic/nova-pro", "my-model", "a/b/c"],
        *["team.gpt4o", "acme.brain", "my.sonnet"],  # a deployment can be called so, too
    ],
)
def test_what_is_not_of_bedrocks_form_is_not_found(name: str) -> None:
    assert CATALOG.find_bedrock(name) is None
    assert on_bedrock(name) is None


# Claude on Bedrock


@pytest.mark.parametrize(
    ("name", "id", "bedrock"),
    [
        ("claude-opus-5", "claude-opus-5", "anthropic.claude-opus-5"),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("claude-haiku-4-5-latest", "claude-haiku-4-5", "anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("anthropic.claude-haiku-4-5", "claude-haiku-4-5", "anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("us.anthropic.claude-haiku-4-5", "claude-haiku-4-5", "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("us.anthropic.claude-opus-4-6-v1", "claude-opus-4-6", "us.anthropic.claude-opus-4-6-v1"),
        ("us.anthropic.claude-opus-4-6", "claude-opus-4-6", "us.anthropic.claude-opus-4-6-v1"),
        (
            "eu.anthropic.claude-sonnet-4-5-20251231-v1:0",
            "claude-sonnet-4-5",
            "eu.anthropic.claude-sonnet-4-5-20251231-v1:0",
        ),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", "claude-3-5-sonnet", "anthropic.claude-3-5-sonnet-20240620-v1:0"),
        ("kr.anthropic.claude-opus-5", "claude-opus-5", "kr.anthropic.claude-opus-5"),
        ("claude-opus-9", "claude-opus-9", "anthropic.claude-opus-9"),
        (f"{ACCOUNT}:inference-profile/us.anthropic.claude-opus-5", "claude-opus-5", None),
        ("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-4-6-v1", "claude-opus-4-6", None),
        (f"{ACCOUNT}:inference-profile/us.anthropic.claude-opus-9", "claude-opus-9", None),
    ],
)
def test_a_claude_in_every_spelling(name: str, id: str, bedrock: str | None) -> None:
    facts = known(name)
    assert (facts.id, facts.owner, facts.bedrock) == (id, "anthropic", bedrock or name)
    assert facts.prices == known(id).prices
    assert on_bedrock(name) == facts
    assert CATALOG.find_bedrock(name) is None


def test_a_claude_that_is_not_on_bedrock_is_not_found_there() -> None:
    catalog = Catalog(
        {"my.sonnet": {"generation": "5.5", "vertex": "claude-sonnet-5-5"}, "claude-saga-6": {"bedrock": None}}
    )
    assert known("my.sonnet", catalog).bedrock is None
    assert on_bedrock("my.sonnet", catalog) is None
    assert on_bedrock("claude-saga-6", catalog) is None
    assert "claude-saga-6" not in [facts.id for facts in catalog.listed("bedrock")]


# Overrides


def test_an_override_changes_a_model_under_any_of_its_names() -> None:
    before = found("nova-pro")
    for spelling in ("nova-pro", "us.amazon.nova-pro-v1:0", "amazon/nova-pro"):
        catalog = Catalog({spelling: {"vision": False, "prices": {"input": 1}}})
        after = found("nova-pro", catalog)
        assert before.prices is not None
        prices = msgspec.structs.replace(before.prices, input=1.0)
        assert after == msgspec.structs.replace(before, vision=False, prices=prices)
        assert found("amazon.nova-pro-v1:0", catalog).vision is False


def test_next_months_model_is_data_only() -> None:
    row = {"generation": "nova-2", "bedrock": "amazon.nova-3-pro-v1:0", "aliases": ["nova-3"], "max_output": 128_000}
    catalog = Catalog({"nova-3-pro": row})
    facts = catalog.listed_bedrock()[0]
    assert (facts.id, facts.owner, facts.reasoning, facts.max_output) == ("nova-3-pro", "amazon", "nova", 128_000)
    for name in ("nova-3-pro", "nova-3", "amazon.nova-3-pro"):
        assert found(name, catalog).id == "nova-3-pro"
    assert found("eu.amazon.nova-3-pro-v1:0", catalog).bedrock == "eu.amazon.nova-3-pro-v1:0"


def test_an_id_of_bedrock_may_be_the_name_itself() -> None:
    catalog = Catalog({"acme.brain-v1:0": {"generation": "other", "tools": False}})
    facts = found("acme.brain-v1:0", catalog)
    assert (facts.id, facts.bedrock, facts.tools) == ("acme.brain-v1:0", "acme.brain-v1:0", False)
    assert found("us.acme.brain-v1:0", catalog).tools is False


@pytest.mark.parametrize("row", [{}, {"bedrock": None}, {"bedrock": "nova"}, {"bedrock": "arn:aws:s3:::x"}])
def test_a_new_model_without_an_id_is_refused(row: dict[str, str | None]) -> None:
    with pytest.raises(CatalogError, match=r"models\.overrides\.my-nova\.bedrock = .*AWS's console"):
        Catalog({"my-nova": {"generation": "nova", **row}})


@pytest.mark.parametrize(
    ("name", "override"),
    [
        ("claude-opus-5", {"bedrock": PROFILE}),
        ("claude-x", {"bedrock": PROFILE}),
        ("team-sonnet", {"generation": "5.5", "bedrock": PROFILE}),
    ],
)
def test_an_own_profile_for_a_claude(name: str, override: dict[str, object]) -> None:
    catalog = Catalog({name: override})
    facts = found(name, catalog)
    assert (facts.id, facts.owner, facts.bedrock) == (name, "anthropic", PROFILE)
    assert bedrock_id(facts, "eu-west-1", "global") == PROFILE
    assert catalog.find(PROFILE) == facts
    assert catalog.find_bedrock(PROFILE) is None
    assert facts in catalog.listed("bedrock")


def test_the_models_own_id_still_goes_before_the_users_profile() -> None:
    catalog = Catalog({"claude-opus-5": {"bedrock": PROFILE}, "nova-pro": {"bedrock": PROFILE.replace("abc", "xyz")}})
    assert found("eu.anthropic.claude-opus-5", catalog).bedrock == "eu.anthropic.claude-opus-5"
    assert found("claude-opus-5", catalog).bedrock == PROFILE


def test_an_own_profile_for_another_model() -> None:
    catalog = Catalog({"team-nova": {"generation": "nova", "bedrock": PROFILE}})
    for name in ("team-nova", PROFILE):
        facts = found(name, catalog)
        assert (facts.id, facts.owner, facts.bedrock) == ("team-nova", "amazon", PROFILE)
    assert catalog.find(PROFILE) is None


def test_a_name_that_another_model_has_is_refused() -> None:
    row = {"generation": "nova", "bedrock": "amazon.x-v1:0", "aliases": ["Nova.Lite"]}
    with pytest.raises(CatalogError, match=r"my-nova\.aliases = 'Nova\.Lite': nova-lite has that name"):
        Catalog({"my-nova": row})


# Known to be there


@pytest.mark.parametrize(
    ("name", "clouds"),
    [
        ("claude-opus-4-8", {"vertex", "bedrock", "foundry"}),
        ("us.anthropic.claude-opus-4-8", {"vertex", "bedrock", "foundry"}),
        ("claude-opus-4-8@20990101", {"vertex", "bedrock", "foundry"}),
        ("claude-opus-4-1", {"bedrock"}),  # retired elsewhere
        ("claude-3-haiku", set()),
        ("claude-prod", set()),  # made up
        ("anthropic.claude-zeta-9", set()),
        ("nova-pro", {"bedrock"}),
        ("eu.amazon.nova-pro-v1:0", {"bedrock"}),
        ("acme.brain-v1:0", set()),
        (PROFILE, set()),
    ],
)
def test_where_a_model_is_known_to_be(name: str, clouds: set[Cloud]) -> None:
    assert {cloud for cloud in get_args(Cloud) if CATALOG.serves(cloud, found(name))} == clouds


def test_what_the_user_has_written_is_known_to_be_there() -> None:
    rows: dict[str, dict[str, object]] = {"claude-zeta-9": {"foundry": None}, "claude-opus-4-8": {"vertex": None}}
    catalog = Catalog({**rows, "acme.brain-v1:0": {"generation": "other"}})
    found_at = {
        name: {cloud for cloud in get_args(Cloud) if catalog.serves(cloud, found(name, catalog))}
        for name in ("claude-zeta-9", "claude-opus-4-8", "acme.brain-v1:0")
    }
    assert found_at == {
        "claude-zeta-9": {"vertex", "bedrock"},
        "claude-opus-4-8": {"bedrock", "foundry"},
        "acme.brain-v1:0": {"bedrock"},
    }


# Any name at all

PIECES = st.lists(
    st.sampled_from(
        [
            *[
                "us.",
                "global.",
                "anthropic.",
                "amazon.",
                "amazon/",
                "nova-pro",
                "claude-opus-5",
                "-v1",
                ":0",
                "deepseek",
            ],
            *[
                "arn:aws:bedrock:us-east-1:123456789012:",
                "inference-profile/",
                "custom-model/",
                "r1",
                ".",
                "..",
                "/",
                "-",
            ],
            *["@20250929", "%2e", "?", "#", "\n", "\ud800", "İ", "K", "20250929"],
        ]
    ),
    max_size=8,
).map("".join)


@given(st.text() | PIECES)
@example("amazon." + "a" * 2000)
@example("claude-opus.4-v0")
@example("claude-v0.v0")
@example(f"{ACCOUNT}:inference-profile/{'/..' * 3}")
def test_any_string_is_found_fit_for_a_url_or_not_at_all(name: str) -> None:
    facts = on_bedrock(name)
    if facts is None:
        return
    for region in ("us-east-1", "eu-west-1", "ap-south-1", "cn-north-1"):
        id = bedrock_id(facts, region, "geo")
        assert ".." not in id
        assert not set(id) & set("?#% \n")
        assert id.startswith("arn:") or URL_SAFE.fullmatch(id)
    assert facts.bedrock is not None
    again = found(facts.bedrock)
    assert (again.bedrock, again.owner) == (facts.bedrock, facts.owner)
