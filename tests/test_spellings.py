"""Spellings: whose word a name is, and Bedrock's ids and ARNs taken apart."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oai_bridge.models.spellings import BedrockName, bedrock_name, is_bedrock_id, is_vertex_id

ACCOUNT = "arn:aws:bedrock:us-east-1:123456789012"


@pytest.mark.parametrize(
    ("name", "profile", "vendor", "plain", "stem"),
    [
        ("amazon.nova-pro-v1:0", None, "amazon", "amazon.nova-pro-v1:0", "amazon.nova-pro"),
        ("amazon.nova-pro-v1:0:300k", None, "amazon", "amazon.nova-pro-v1:0:300k", "amazon.nova-pro"),
        ("amazon.nova-pro", None, "amazon", "amazon.nova-pro", "amazon.nova-pro"),
        (" US.Amazon.Nova-Pro-v1:0\n", "us", "amazon", "amazon.nova-pro-v1:0", "amazon.nova-pro"),
        ("us-gov.anthropic.claude-opus-5", "us-gov", "anthropic", "anthropic.claude-opus-5", "anthropic.claude-opus-5"),
        ("in.moonshotai.kimi-k3", "in", "moonshotai", "moonshotai.kimi-k3", "moonshotai.kimi-k3"),
        ("us.acme.brain-1", "us", "acme", "acme.brain-1", "acme.brain-1"),
        # A part of the world that gets profiles tomorrow.
        ("kr.anthropic.claude-opus-5", "kr", "anthropic", "anthropic.claude-opus-5", "anthropic.claude-opus-5"),
        ("deepseek.v3.2", None, "deepseek", "deepseek.v3.2", "deepseek.v3.2"),
        ("deepseek.v3-v1:0", None, "deepseek", "deepseek.v3-v1:0", "deepseek.v3"),
        ("zai.glm-5", None, "zai", "zai.glm-5", "zai.glm-5"),
        ("openai.gpt-oss-120b-1:0", None, "openai", "openai.gpt-oss-120b-1:0", "openai.gpt-oss-120b"),
        (
            "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "eu",
            "anthropic",
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
            "anthropic.claude-sonnet-4-5",
        ),
        ("mistral.mistral-7b-instruct-v0:2", None, "mistral", "mistral.mistral-7b-instruct-v0:2", None),
    ],
)
def test_an_id_is_taken_apart(name: str, profile: str | None, vendor: str, plain: str, stem: str | None) -> None:
    found = bedrock_name(name)
    assert found == BedrockName(name.strip().lower(), profile, vendor, plain)
    assert found.stem == (stem or "mistral.mistral-7b-instruct")
    assert not found.is_arn
    assert is_bedrock_id(name)


@pytest.mark.parametrize(
    ("rest", "profile", "plain"),
    [
        (":inference-profile/us.anthropic.claude-opus-5", "us", "anthropic.claude-opus-5"),
        (":custom-model/amazon.nova-pro-v1:0/abc123def456", None, "amazon.nova-pro-v1:0"),
        (":application-inference-profile/abc123", None, None),
        (":provisioned-model/abc123def456", None, None),
        (":imported-model/abc123def456", None, None),
        (":custom-model-deployment/abc123def456", None, None),
        (":prompt-router/anthropic.claude:1", None, None),
        (":default-prompt-router/anthropic.claude:1", None, None),
        (":prompt/ABCDEFGHIJ:1", None, None),
    ],
)
def test_an_arn_is_kept_to_the_letter(rest: str, profile: str | None, plain: str | None) -> None:
    vendor = plain.partition(".")[0] if plain else None
    assert bedrock_name(f" {ACCOUNT}{rest} ") == BedrockName(f"{ACCOUNT}{rest}", profile, vendor, plain)
    assert is_bedrock_id(ACCOUNT + rest)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0",
        "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-pro-v1:0",
    ],
)
def test_an_arn_of_aws_itself_tells_its_model(arn: str) -> None:
    assert bedrock_name(arn) == BedrockName(arn, None, "amazon", "amazon.nova-pro-v1:0")


def test_an_endpoint_of_sagemaker_is_an_arn_too() -> None:
    assert is_bedrock_id("arn:aws:sagemaker:us-east-1:123456789012:endpoint/my-llama")


@pytest.mark.parametrize(
    "name",
    [
        *("", "gpt-4.1", "gemini-2.5-pro", "claude-sonnet-4.5", "llama-3.3-70b", "claude-opus-5", "nova-pro"),
        *(
            "anthropic/claude-opus-5",
            "google/gemini-3.5-flash",
            "claude-sonnet-4-5@20250929",
            "us.",
            ".nova",
            "us.us.x",
        ),
        *("amazon.nova..pro", "amazon.nova/../x", "amazon.nova?x", "amazon.nova%2f", "amazon.növa", "amazon."),
        *("arn:aws:s3:::bucket/key", "arn:aws:bedrock:us-east-1::foundation-model/../x", "arn:aws:bedrock:x"),
        *("arn:aws:bedrock:us-east-1:12345678901²:inference-profile/us.amazon.nova-pro-v1:0", "a.b" * 1000),
    ],
)
def test_what_has_another_form_is_no_id_of_bedrock(name: str) -> None:
    assert bedrock_name(name) is None
    assert not is_bedrock_id(name)


@pytest.mark.parametrize("name", ["my.sonnet", "prod.gpt-5", "o3.x"])
def test_a_dot_alone_does_not_make_it_bedrocks_own(name: str) -> None:
    assert bedrock_name(name) is not None
    assert not is_bedrock_id(name)


@pytest.mark.parametrize("name", ["acme.brain-v1:0", "us.acme.brain", "acme.brain:256k"])
def test_a_version_or_a_profile_does(name: str) -> None:
    assert is_bedrock_id(name)


@pytest.mark.parametrize(
    ("name", "known", "spelled"),
    [
        ("amazon.nova-pro", "amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        ("us.amazon.nova-pro-v1", "amazon.nova-pro-v1:0", "us.amazon.nova-pro-v1:0"),
        ("amazon.nova-pro-v2:0", "amazon.nova-pro-v1:0", "amazon.nova-pro-v2:0"),
        ("us.amazon.nova-pro-v1:0:24k", "amazon.nova-pro-v1:0", "us.amazon.nova-pro-v1:0:24k"),
        ("openai.gpt-oss-120b", "openai.gpt-oss-120b-1:0", "openai.gpt-oss-120b-1:0"),
        # Another name of the model: the known id is the one that works.
        ("moonshotai.kimi-k2-thinking", "moonshot.kimi-k2-thinking", "moonshot.kimi-k2-thinking"),
        # The user has given an ARN: it is for the short name, not for this one.
        ("us.amazon.nova-pro-v1:0", f"{ACCOUNT}:application-inference-profile/abc", "us.amazon.nova-pro-v1:0"),
        (f"{ACCOUNT}:inference-profile/us.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0", None),
    ],
)
def test_the_id_to_call_for_a_spelling(name: str, known: str, spelled: str | None) -> None:
    found = bedrock_name(name)
    assert found is not None
    assert found.spelled(known) == (spelled or name)


@pytest.mark.parametrize(
    ("name", "vertexs"),
    [
        *((name, True) for name in ("claude-sonnet-4-5@20250929", "anthropic/claude-x@default", "gemini-x@001")),
        *(
            (name, True)
            for name in (" publishers/google/models/gemini-x", "projects/p/locations/l/publishers/a/models/m")
        ),
        *((name, False) for name in ("claude-sonnet-4-5", "google/gemini-2.5-pro", "me@home", "x@", "@20250929", "")),
        *((name, False) for name in ("a/b/c@20250929", "publishers/", "projects/a b", "x@٢٠٢٥٠٩٢٩")),
    ],
)
def test_vertexs_own_spelling(name: str, vertexs: bool) -> None:
    assert is_vertex_id(name) == vertexs


PIECES = st.lists(
    st.sampled_from(
        [
            *[
                "us.",
                "eu.",
                "anthropic.",
                "amazon.",
                "nova-pro",
                "-v1",
                ":0",
                ":",
                ".",
                "..",
                "/",
                "-",
                "@20250929",
                "İ",
            ],
            *["arn:aws:bedrock:us-east-1:123456789012:", "inference-profile/", "foundation-model/", "K", "\n", "%2e"],
        ]
    ),
    max_size=8,
).map("".join)


@given(st.text() | PIECES)
@example("a:" * 1024)
@example("a" * 2048 + ".b")
def test_any_string_is_an_id_fit_for_a_url_or_none(name: str) -> None:
    found = bedrock_name(name)
    is_vertex_id(name)
    if found is None:
        return
    assert not set(found.full) & set("?#% \n")
    assert ".." not in found.full
    assert found.is_arn or "/" not in found.full
    assert found.is_arn or found.full == ".".join(filter(None, [found.profile, found.plain]))
    assert bedrock_name(found.full) == found
    if found.plain:
        assert found.plain.startswith(f"{found.vendor}.")
        assert found.stem
        assert found.plain.startswith(found.stem)
