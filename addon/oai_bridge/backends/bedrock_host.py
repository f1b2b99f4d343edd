"""Where Bedrock's models answer, as in botocore's endpoints and the `anthropic` package's `lib/bedrock`."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from ..settings import Bedrock

SERVICE, MANTLE_SERVICE = "bedrock", "bedrock-mantle"
"""What a signature is made for."""

_SUFFIXES = {  # of regions that are clouds of their own, by what their names begin with
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
}


def runtime_url(bedrock: Bedrock, region: str) -> str:
    """The address of a region's runtime, without a slash at its end."""
    suffix = next((suffix for place, suffix in _SUFFIXES.items() if region.startswith(place)), "amazonaws.com")
    return bedrock.base_url or f"https://bedrock-runtime.{region}.{suffix}"


def mantle_url(bedrock: Bedrock, region: str) -> str:
    """Likewise for Mantle, the newer engine with doors of its own."""
    return bedrock.mantle_url or f"https://bedrock-mantle.{region}.api.aws"


def wish_headers(bedrock: Bedrock, tier: str | None = None) -> Mapping[str, str]:
    """The headers for what the settings want of each answer, the `tier` that the client wants excepted; Converse has
    fields for it instead."""
    headers: dict[str, str] = {}
    if tier := tier or bedrock.service_tier:
        headers["x-amzn-bedrock-service-tier"] = tier
    if guardrail := bedrock.guardrail:
        headers["x-amzn-bedrock-guardrailidentifier"] = guardrail.id
        headers["x-amzn-bedrock-guardrailversion"] = guardrail.version
    return headers


def model_path(model_id: str) -> str:
    """`/model/{id}`: an ARN's slashes are part of the id. botocore signs the path as it is sent, encoded once more."""
    return f"/model/{quote(model_id, safe=':')}"
