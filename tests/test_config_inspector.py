"""Tests for `build_config`: the section `inspector` of config.yaml."""

from __future__ import annotations

import pytest

from oai_bridge.settings.config import build_config
from oai_bridge.settings.values import Config, ConfigError, Inspector


def built(section: object) -> Config:
    return build_config({"inspector": section}, {}, {})


def test_everything_said() -> None:
    assert built({"max_flows": 50, "max_mb": 8}) == Config(inspector=Inspector(50, 8 * 2**20))


def test_what_is_not_said_stays_as_it_is() -> None:
    assert built(None) == built({"max_flows": None}) == Config()
    assert built({"max_mb": 1}) == Config(inspector=Inspector(Inspector().max_flows, 2**20))


def test_zero_is_no_bound() -> None:
    assert built({"max_flows": 0, "max_mb": 0}).inspector == Inspector(0, 0)


@pytest.mark.parametrize("wrong", [-1, 1_000_001])
def test_what_is_wrong_is_told(wrong: int) -> None:
    with pytest.raises(ConfigError) as caught:
        built({"max_flows": wrong, "max_mb": wrong})
    assert str(caught.value).splitlines() == [
        f"inspector.{name} must be a whole number from 0 to 1000000, not {wrong}." for name in ("max_flows", "max_mb")
    ]
