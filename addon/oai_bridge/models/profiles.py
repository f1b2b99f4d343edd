"""Which of a model's ids to call from a region of AWS: with the prefix of an inference profile, or plain.

Most models can't be called by their plain id, only through a profile that may send a request to several regions: within
a part of the world, or anywhere. As in AWS's user guide, "Supported Regions and models for inference profiles" and the
availability tables of its model cards; `in.` and `ca.` are India's and Canada's own, `us-gov.` GovCloud's.
"""

from __future__ import annotations

from typing import Literal, Protocol

from .facts import Profile
from .spellings import bedrock_name

Choice = Literal["geo", "geo_only", "global"]
"""Where requests may go: the region's own part of the world before others, that part alone, or anywhere."""

# The profiles that a region may call, the nearest first, those of its own part of the world apart from those that leave
# it: the first row whose word the region begins with. China, the secret regions and the European sovereign cloud have
# none that we know of.
_REGIONS: tuple[tuple[str, tuple[Profile, ...], tuple[Profile, ...]], ...] = (
    ("us-gov-", ("us-gov",), ()),
    ("us-iso", (), ()),
    ("eu-iso", (), ()),
    ("us-", ("us",), ("global",)),
    ("ca-", ("ca",), ("us", "global")),
    ("eu-", ("eu",), ("global",)),
    ("ap-northeast-1", ("jp", "apac"), ("global",)),
    ("ap-northeast-3", ("jp", "apac"), ("global",)),
    ("ap-southeast-2", ("au", "apac"), ("global",)),
    ("ap-southeast-4", ("au", "apac"), ("global",)),
    ("ap-south-", ("in", "apac"), ("global",)),
    ("ap-", ("apac",), ("global",)),
    *((place, (), ("global",)) for place in ("sa-", "me-", "af-", "il-", "mx-")),
)
# What every newer Claude has, and so most likely one that nobody has told us of. Asia's is of the older models.
_USUAL: tuple[Profile, ...] = ("us", "us-gov", "eu", "jp", "au", "global")


class OnBedrock(Protocol):
    """A model's id there, and the profiles that it has; `None` where they aren't known."""

    @property
    def bedrock(self) -> str | None: ...

    @property
    def bedrock_profiles(self) -> tuple[Profile, ...] | None: ...


def bedrock_id(facts: OnBedrock, region: str, profiles: Choice) -> str:
    """The id to call from `region`, which is such as `eu-west-1`.

    An ARN or an id that has a profile already is kept. Else the profile of the region's own part of the world goes in
    front, or else the global one (in Canada the one of the US before it), whichever of them the model has; `profiles`
    "global" turns the two round, "geo_only" takes none but the first. With neither, it is the plain id, which works
    where the model is served in the region itself.
    """
    id = facts.bedrock or ""  # a backend finds only what Bedrock has
    named = bedrock_name(id)
    if named is None or named.is_arn or named.profile:
        return id
    profile = _chosen(region, _USUAL if facts.bedrock_profiles is None else facts.bedrock_profiles, profiles)
    return f"{profile}.{id}" if profile else id


def profile_hint(id: str, known: tuple[Profile, ...] | None, region: str, profiles: Choice) -> str | None:
    """What to do after AWS has said in `region` that `id` needs an inference profile, as a sentence; `None` where
    nothing better is known. `known` are those that the model has. Where none is known of a Claude, AWS knows better,
    and it is the usual one; of others nobody can tell."""
    named = bedrock_name(id)
    if named is None or named.plain is None:
        return None
    likely = known or (_USUAL if named.vendor == "anthropic" else ())
    if profile := _chosen(region, likely, profiles):
        better = f"{profile}.{named.plain}"
        return None if better == named.full else f"Use the inference profile `{better}`."
    if known and (leaving := _chosen(region, known, "geo")):
        return (
            "The model has no inference profile that stays in this region's part of the world, as `geo_only` demands: "
            f"use another region or model, or set `bedrock: {{profiles: geo}}`, which calls `{leaving}.`."
        )
    return None


def plain_id(id: str) -> str:
    """The id without a profile, as CountTokens wants it. An ARN that doesn't tell its model is kept."""
    named = bedrock_name(id)
    return named.plain if named and named.plain else id


def mantle_id(id: str) -> str:
    """What Mantle, Bedrock's newer engine, calls the model of that id on the runtime: without profile, date and
    version. An ARN that doesn't tell its model is kept."""
    named = bedrock_name(id)
    return named.stem if named and named.plain else id


def _chosen(region: str, known: tuple[Profile, ...], profiles: Choice) -> Profile | None:
    """The one out of `known` to call from the region, if there is any that may be."""
    own, leaving = next(((own, leaving) for place, own, leaving in _REGIONS if region.startswith(place)), ((), ()))
    if profiles == "global" and "global" in leaving:
        own = ("global", *own)
    order = own if profiles == "geo_only" else (*own, *leaving)
    return next((profile for profile in order if profile in known), None)
