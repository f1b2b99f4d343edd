"""Where Bedrock's models answer, as in botocore's endpoints and the `anthropic` package's `lib/bedrock`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import quote

from ..models.facts import Profile
from ..models.profiles import profile_hint
from ..notes import Notes
from ..settings.values import Bedrock

SERVICE, MANTLE_SERVICE = "bedrock", "bedrock-mantle"
"""What a signature is made for."""

_GUARDRAIL = "amazon-bedrock-guardrailConfig"  # a field of bodies for `invoke` and of OpenAI's
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


def guardrail_headers(bedrock: Bedrock) -> Mapping[str, str]:
    """The headers for the settings' guardrail; Converse has a field for it instead."""
    if (guardrail := bedrock.guardrail) is None:
        return {}
    return {
        "x-amzn-bedrock-guardrailidentifier": guardrail.id,
        "x-amzn-bedrock-guardrailversion": guardrail.version,
    }


def guarded(body: dict[str, Any], bedrock: Bedrock, notes: Notes) -> dict[str, Any]:
    """A client's body without its own word on guardrails where the settings have one: it can say which of the texts a
    guardrail is to look at."""
    if bedrock.guardrail is None or _GUARDRAIL not in body:
        return body
    notes.dropped(_GUARDRAIL, "The settings of this proxy say which guardrail there is.")
    return {field: value for field, value in body.items() if field != _GUARDRAIL}


class _Known(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def bedrock_profiles(self) -> tuple[Profile, ...] | None: ...


def refusal_hint(bedrock: Bedrock, find: Callable[[str], _Known | None], model: str, region: str) -> str | None:
    """What to do, if anything is known, after AWS has refused the id `model` in `region`. `find` is the door's own. An
    id that was called as it is has no profiles to choose from; its model, by the listed name, has."""
    called = find(model)
    facts = find(called.id) if called else None
    return profile_hint(model, facts.bedrock_profiles if facts else None, region, bedrock.profiles)


def model_path(model_id: str) -> str:
    """`/model/{id}`: an ARN's slashes are part of the id. botocore signs the path as it is sent, encoded once more."""
    return f"/model/{quote(model_id, safe=':')}"
