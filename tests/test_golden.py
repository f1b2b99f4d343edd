"""inspector/golden.py: the table of golden cases' backends is that of the tests, and settings lose their accounts."""

from __future__ import annotations

import pytest

from oai_bridge.inspector.golden import KINDS, RESOURCE, cleared, kind_of, settings_of
from oai_bridge.settings.values import Bedrock, Claude, Config, Foundry, Guardrail, Vertex
from tests.support import case_backends
from tests.test_fixture import ROUTES


def test_the_kinds_are_those_of_the_cases() -> None:
    assert KINDS.keys() == case_backends.KINDS.keys()
    for name, kind in KINDS.items():
        theirs = case_backends.KINDS[name]
        assert type(kind.make(cleared(Config(), kind))) is type(theirs.make({}, Claude()))
        assert kind.access.region == theirs.access.region
        assert (kind.frames or "sse") == theirs.framing
    assert RESOURCE.deployments == case_backends.RESOURCE.deployments


@pytest.mark.parametrize("name", KINDS)
def test_an_address_names_the_kind(name: str) -> None:
    route, url = ROUTES[name]
    model = "us.anthropic.claude" if name == "converse_claude" else "m"
    assert kind_of(route.partition("/")[0], url, model) is KINDS[name]


def test_other_addresses_have_none() -> None:
    assert kind_of("vertex", "https://x/model/m/invoke", "m") is None
    assert kind_of("", "", "") is None


def test_only_what_a_case_can_have_is_a_setting() -> None:
    config = Config(
        strict=True,
        claude=Claude(cache="auto"),
        vertex=Vertex(base_url="https://mine", anthropic_version="v"),
        bedrock=Bedrock(api="mantle", base_url="https://mine", guardrail=Guardrail("secret", "7")),
        foundry=Foundry(deployments={"claude-sonnet-4-5": "mine"}),
    )

    def told(name: str) -> object:
        return settings_of(cleared(config, KINDS[name]), KINDS[name])

    both = {"strict": True, "claude": {"cache": "auto"}}
    guardrail = {"guardrail": {"id": "gr1abc", "version": "7"}}
    assert told("vertex") == both | {"vertex": {"anthropic_version": "v"}}
    assert told("bedrock") == both | {"bedrock": guardrail}
    assert told("bedrock_messages") == both | {"bedrock": {"api": "mantle", **guardrail}}
    assert told("foundry") == both
    assert told("azure") == {"strict": True}
    assert settings_of(cleared(Config(), KINDS["converse"]), KINDS["converse"]) == {}
