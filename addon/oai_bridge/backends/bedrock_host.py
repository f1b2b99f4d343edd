"""Where Bedrock's models answer, as in botocore's endpoints and the `anthropic` package's `lib/bedrock`."""

from __future__ import annotations

from urllib.parse import quote

from ..settings import Bedrock

SERVICE, MANTLE_SERVICE = "bedrock", "bedrock-mantle"
"""What a signature is made for."""


def runtime_url(bedrock: Bedrock, region: str) -> str:
    """The address of a region's runtime, without a slash at its end."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return bedrock.base_url or f"https://bedrock-runtime.{region}.{suffix}"


def mantle_url(bedrock: Bedrock, region: str) -> str:
    """Likewise for Mantle, the newer engine with doors of its own."""
    return bedrock.base_url or f"https://bedrock-mantle.{region}.api.aws"


def model_path(model_id: str) -> str:
    """`/model/{id}`: an ARN's slashes are part of the id. botocore signs the path as it is sent, encoded once more."""
    return f"/model/{quote(model_id, safe=':')}"
