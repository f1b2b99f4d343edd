"""What an account of config.yaml may have several of: regions, in the order of preference, and patterns for models."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .values import ConfigError, shown

_NAME_LENGTH = 200  # characters


def is_name(text: str) -> bool:
    """Whether this can be the name of a model, or a pattern for such names."""
    return bool(text.strip()) and text.isprintable() and len(text) <= _NAME_LENGTH


def regions_named(
    where: str, region: str | None, regions: Sequence[str] | None, named: Callable[[str, str], str]
) -> tuple[str | None, ...]:
    """The regions of the account at `where`, the best first, each checked by `named`; one None where it names none."""
    if regions is None:
        return (named(f"{where}.region ({shown(region)})", region) if region else None,)
    if region:
        raise ConfigError(f"{where} has region and regions: keep one of them.")
    if not regions:
        raise ConfigError(f"{where}.regions is empty: name a region there, or remove it.")
    places = enumerate(regions)
    return tuple(dict.fromkeys(named(f"{where}.regions[{index}] ({shown(text)})", text) for index, text in places))


def models_named(where: str, patterns: Sequence[str] | None) -> tuple[str, ...]:
    """The patterns for the ids of the models that the account at `where` has; empty: all."""
    for index, text in enumerate(patterns or ()):
        if not is_name(text):
            raise ConfigError(
                f"{where}.models[{index}] ({shown(text)}) is empty, unreadable or too long: use the id of a model or a "
                "pattern such as claude-*."
            )
    return tuple(dict.fromkeys(patterns or ()))
