"""exchanges/limits.py: the cloud's rate limits in OpenAI's headers."""

from __future__ import annotations

import pytest

from oai_bridge.exchanges.limits import anthropic_limits, limit_headers

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z


def test_all_of_them() -> None:
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-requests-reset": "2027-01-15T08:00:12Z",
        "anthropic-ratelimit-tokens-limit": "40000",
        "anthropic-ratelimit-tokens-remaining": "0",
        "anthropic-ratelimit-tokens-reset": "2027-01-15T09:00:01.5+01:00",
        "anthropic-ratelimit-input-tokens-limit": "7",
        "retry-after": "3",
    }
    assert limit_headers(headers, NOW) == {
        "x-ratelimit-limit-requests": "50",
        "x-ratelimit-remaining-requests": "49",
        "x-ratelimit-reset-requests": "12s",
        "x-ratelimit-limit-tokens": "40000",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "1.5s",
    }


def test_those_of_openais_names_pass() -> None:
    told = {"x-ratelimit-remaining-requests": "9", "x-ratelimit-reset-tokens": "6m0s"}
    odd = {"x-ratelimit-limit-images": "1", "x-ratelimit-limit-tokens": "a b"}
    assert limit_headers(told | odd, NOW) == told


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("anthropic-ratelimit-requests-limit", "many"),
        ("anthropic-ratelimit-requests-limit", "-1"),
        ("anthropic-ratelimit-requests-limit", "٣"),
        ("anthropic-ratelimit-requests-limit", ""),
        ("anthropic-ratelimit-requests-reset", "soon"),
        ("anthropic-ratelimit-requests-reset", "2027-01-15T08:00:12"),
    ],
)
def test_what_is_no_limit_is_left_out(header: str, value: str) -> None:
    assert limit_headers({header: value}, NOW) == {}


def test_a_far_time_is_written_in_digits() -> None:
    assert limit_headers({"anthropic-ratelimit-tokens-reset": "2037-01-15T08:00:00Z"}, NOW) == {
        "x-ratelimit-reset-tokens": "315619200s"
    }


def test_a_time_that_has_passed_is_now() -> None:
    assert limit_headers({"anthropic-ratelimit-tokens-reset": "2020-01-01T00:00:00Z"}, NOW) == {
        "x-ratelimit-reset-tokens": "0s"
    }


def test_anthropics_clients_get_them_as_they_are() -> None:
    limits = {"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-tokens-reset": "2027-01-15T08:00:12Z"}
    other = {"anthropic-organization-id": "org", "set-cookie": "a=b", "anthropic-ratelimit-tokens-limit": "a b"}
    assert anthropic_limits(limits | other) == limits
