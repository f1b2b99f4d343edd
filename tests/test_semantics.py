"""semantics.py: the words of OpenTelemetry's conventions for every cloud and every duty that there is."""

from __future__ import annotations

from typing import get_args

import pytest

from oai_bridge.backends import REGISTRY, Duty
from oai_bridge.models.catalog import Catalog
from oai_bridge.settings.values import Config
from oai_bridge.telemetry.semantics import LEFT, OURSELVES, error_of, operation_of, provider_of
from tests.support.entries import REFUSED, entry

CLOUDS = {registered.make(Config(), Catalog()).name for registered in REGISTRY}


@pytest.mark.parametrize("cloud", sorted(CLOUDS))
def test_every_cloud_has_a_provider(cloud: str) -> None:
    assert provider_of(entry(cloud=cloud)) in {"gcp.vertex_ai", "aws.bedrock", "azure.ai.openai", "azure.ai.inference"}


def test_what_no_cloud_was_asked_for_is_ours() -> None:
    assert provider_of(REFUSED) == provider_of(entry(cloud="answered here")) == OURSELVES


@pytest.mark.parametrize("duty", get_args(Duty))
def test_every_duty_has_an_operation(duty: Duty) -> None:
    assert operation_of(entry(operation=duty)) in {"chat", "embeddings", "generate_content", "count_tokens"}


def test_an_error_is_one_word() -> None:
    assert error_of(entry()) is None
    assert error_of(entry(left=True)) == LEFT
    assert error_of(entry(error="overloaded", left=True)) == "overloaded"
