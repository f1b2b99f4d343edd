"""Tests for `build_config`: the settings of traffic and the models that stand in, from config.yaml and environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from oai_bridge.settings.config import build_config, load_config
from oai_bridge.settings.traffic import Failover, Limits, Queueing, Timeouts
from oai_bridge.settings.values import Config, ConfigError

EVERYTHING = """
failover: {attempts: 5, within: 30.5, resend: false}
queue: {length: 0, timeout: 0}
limits: {concurrent: 7, requests_per_minute: 60}
timeouts: {connect: 1, first_byte: 2, idle: 3.5, total: 4, heartbeat: 0, shutdown: 0}
models:
  fallbacks:
    claude-sonnet-4-6: [bedrock/claude-sonnet-4-6, claude-haiku-4-5]
    gpt-4o: gpt-4o-mini
"""


def test_everything_said(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(EVERYTHING, encoding="utf-8")
    assert load_config(None, {}, [tmp_path]) == Config(
        fallbacks={
            "claude-sonnet-4-6": ("bedrock/claude-sonnet-4-6", "claude-haiku-4-5"),
            "gpt-4o": ("gpt-4o-mini",),
        },
        failover=Failover(5, 30.5, False),
        queue=Queueing(0, 0),
        limits=Limits(7, 60),
        timeouts=Timeouts(1, 2, 3.5, 4, 0, 0),
    )


def test_what_is_not_said_stays_as_it_is() -> None:
    config = build_config({"failover": {"resend": False}, "timeouts": {"idle": 5}, "queue": {}, "limits": None}, {}, {})
    assert config == Config(
        failover=replace(Config().failover, resend=False), timeouts=replace(Config().timeouts, idle=5)
    )


@pytest.mark.parametrize(
    ("document", "environment", "dotenv", "limit"),
    [
        ({}, {"TEXT_MODEL_RATE_LIMIT": "4"}, {}, 4),
        ({}, {}, {"TEXT_MODEL_RATE_LIMIT": "4"}, 4),
        ({}, {"TEXT_MODEL_RATE_LIMIT": "4"}, {"TEXT_MODEL_RATE_LIMIT": "5"}, 4),
        ({}, {"TEXT_MODEL_RATE_LIMIT": " '4' "}, {}, 4),
        ({}, {"TEXT_MODEL_RATE_LIMIT": "0"}, {}, None),
        ({}, {"TEXT_MODEL_RATE_LIMIT": ""}, {}, None),
        ({"requests_per_minute": 9}, {}, {}, 9),
        ({"requests_per_minute": 0}, {}, {}, None),
        ({"requests_per_minute": 9}, {"TEXT_MODEL_RATE_LIMIT": "4"}, {}, 4),
        ({"requests_per_minute": 9}, {"TEXT_MODEL_RATE_LIMIT": "0"}, {}, None),
        ({"requests_per_minute": 9}, {"TEXT_MODEL_RATE_LIMIT": ""}, {}, 9),
    ],
)
def test_rate_limit_of_oai_reverse_proxy(
    document: object, environment: Mapping[str, str], dotenv: Mapping[str, str], limit: int | None
) -> None:
    config = build_config({"limits": document}, environment, dotenv)
    assert config == Config(limits=Limits(requests_per_minute=limit))  # so nothing is told of it, either


@pytest.mark.parametrize("text", ["many", "-1", "1.5", "1e3", "1000001", "9" * 5000, "\u0661", "nan", "4 # why"])
def test_wrong_rate_limit_in_the_environment_is_told(text: str) -> None:
    for names, place in (((text, ""), "the environment"), (("", text), ".env")):
        with pytest.raises(ConfigError) as caught:
            build_config(None, *({"TEXT_MODEL_RATE_LIMIT": value} for value in names))
        start = f"TEXT_MODEL_RATE_LIMIT in {place} must be a whole number from 0 to 1000000, not "
        assert str(caught.value).startswith(start) and "\n" not in str(caught.value)


WRONG = """
failover: {attempts: 0, within: 0, resend: 1}
queue: {length: 1.5, timeout: -1}
limits: {concurrent: 0, requests_per_minute: true}
timeouts: {connect: .nan, first_byte: .inf, idle: -.inf, total: 0, heartbeat: 86401, shutdown: soon, read: 1}
models: {fallbacks: {m: [m]}}
"""


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(WRONG, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(None, {}, [tmp_path])
    positive, day = (
        "must be a number of seconds above 0, at most 86400, not",
        "must be a number of seconds from 0 to 86400",
    )
    assert sorted(str(caught.value).splitlines()) == [
        "failover.attempts must be a whole number from 1 to 20, not 0.",
        "failover.resend must be true or false, not 1.",
        f"failover.within {positive} 0.0.",
        "limits.concurrent must be a whole number from 1 to 100000, not 0.",
        "limits.requests_per_minute must be a whole number, not True.",
        "models.fallbacks ('m') names itself: name another model to stand in for it.",
        "queue.length must be a whole number, not 1.5.",
        f"queue.timeout {day}, not -1.0.",
        f"timeouts.connect {positive} nan.",
        f"timeouts.first_byte {positive} inf.",
        f"timeouts.heartbeat {day}, not 86401.0.",
        f"timeouts.idle {positive} -inf.",
        "timeouts.read is not a setting: remove it, config.example.yaml shows all there are.",
        "timeouts.shutdown must be a number, not 'soon'.",
        f"timeouts.total {positive} 0.0.",
    ]
