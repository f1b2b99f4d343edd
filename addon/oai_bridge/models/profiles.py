"""Which of a model's ids to call from a region of AWS: with the prefix of an inference profile, or plain.

Most models can't be called by their plain id, only through a profile that may send a request to several regions: within
a part of the world, or anywhere. As in AWS's user guide, "Supported Regions and models for inference profiles" and the
availability tables of its model cards; `in.` and `ca.` are India's and Canada's own, `us-gov.` GovCloud's.
"""

from __future__ import annotations

from typing import Literal, Protocol

from .facts import Profile
from .spellings import bedrock_name

# The profiles that a region may call, the nearest first: the first row whose word the region begins with. China, the
# secret regions and the European sovereign cloud have none that we know of.
_REGIONS: tuple[tuple[str, tuple[Profile, ...]], ...] = (
    ("us-gov-", ("us-gov",)),
    ("us-iso", ()),
    ("eu-iso", ()),
    ("us-", ("us", "global")),
    ("ca-", ("ca", "us", "global")),
    ("eu-", ("eu", "global")),
    ("ap-northeast-1", ("jp", "apac", "global")),
    ("ap-northeast-3", ("jp", "apac", "global")),
    ("ap-southeast-2", ("au", "apac", "global")),
    ("ap-southeast-4", ("au", "apac", "global")),
    ("ap-south-", ("in", "apac", "global")),
    ("ap-", ("apac", "global")),
    *((place, ("global",)) for place in ("sa-", "me-", "af-", "il-", "mx-")),
)
# What every newer Claude has, and so most likely one that nobody has told us of. Asia's is of the older models.
_USUAL: tuple[Profile, ...] = ("us", "us-gov", "eu", "jp", "au", "global")


class OnBedrock(Protocol):
    """A model's id there, and the profiles that it has; `None` where they aren't known."""

    @property
    def bedrock(self) -> str | None: ...

    @property
    def bedrock_profiles(self) -> tuple[Profile, ...] | None: ...


def bedrock_id(facts: OnBedrock, region: str, profiles: Literal["geo", "global"]) -> str:
    """The id to call from `region`, which is such as `eu-west-1`.

    An ARN or an id that has a profile already is kept. Else the profile of the region's own part of the world goes in
    front, or else the global one, whichever of them the model has; `profiles` "global" turns the two round. With
    neither, it is the plain id, which works where the model is served in the region itself.
    """
    id = facts.bedrock or ""  # a backend finds only what Bedrock has
    named = bedrock_name(id)
    if named is None or named.is_arn or named.profile:
        return id
    known = _USUAL if facts.bedrock_profiles is None else facts.bedrock_profiles
    nearest = _nearest(region, known)
    if profiles == "global" and "global" in nearest:
        nearest = ("global",)
    return f"{nearest[0]}.{id}" if nearest else id


def profile_hint(model: OnBedrock | str, region: str) -> str | None:
    """The id to suggest after AWS has said of a model, or of its id, that on-demand throughput isn't supported. `None`
    where there is no better one."""
    id, known = (model, None) if isinstance(model, str) else (model.bedrock or "", model.bedrock_profiles)
    named = bedrock_name(id)
    if named is None or named.plain is None:
        return None
    usual = _USUAL if named.vendor == "anthropic" else (*_USUAL, "apac")
    nearest = _nearest(region, known or usual)
    hint = f"{nearest[0]}.{named.plain}" if nearest else None
    return None if hint == named.full else hint


def plain_id(id: str) -> str:
    """The id without a profile, as CountTokens wants it. An ARN that doesn't tell its model is kept."""
    named = bedrock_name(id)
    return named.plain if named and named.plain else id


def mantle_id(id: str) -> str:
    """What Mantle, Bedrock's newer engine, calls the model of that id on the runtime: without profile, date and
    version. An ARN that doesn't tell its model is kept."""
    named = bedrock_name(id)
    return named.stem if named and named.plain else id


def _nearest(region: str, known: tuple[Profile, ...]) -> tuple[Profile, ...]:
    """Those out of `known` that the region may call, the nearest first."""
    reachable = next((row for place, row in _REGIONS if region.startswith(place)), ())
    return tuple(profile for profile in reachable if profile in known)
