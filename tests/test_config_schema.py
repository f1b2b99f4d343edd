"""Tests for config_schema.py: what stands in config.yaml has its place in `Config`, and nothing is forgotten."""

from __future__ import annotations

from dataclasses import fields

import msgspec
import pytest

from oai_bridge.settings.config_schema import LEVELS, SECTIONS, Document, Section, setting_names
from oai_bridge.settings.traffic import Failover, Limits, Queueing, Timeouts
from oai_bridge.settings.values import Azure, Bedrock, Claude, Config, Foundry, Guardrail, Images, OpenAI, Vertex


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        *(("vertex", Vertex), ("bedrock", Bedrock), ("azure", Azure), ("foundry", Foundry), ("claude", Claude)),
        *(("openai", OpenAI), ("bedrock.guardrail", Guardrail)),
        *(("failover", Failover), ("queue", Queueing), ("limits", Limits), ("timeouts", Timeouts)),
    ],
)
def test_settings_of_a_section_are_those_of_its_values(place: str, kind: type) -> None:
    assert sorted(setting_names(LEVELS[place])) == sorted(field.name for field in fields(kind))


def test_sizes_are_written_in_megabytes() -> None:
    names = {"max_mb": "max_size", "total_mb": "total_size"}
    written = {names.get(name, name) for name in setting_names(LEVELS["images"])}
    assert written == {field.name for field in fields(Images)}


def test_every_section_is_a_part_of_the_settings() -> None:
    assert set(SECTIONS) - {"server", "models"} <= {field.name for field in fields(Config)}
    assert list(SECTIONS) == list(Document.__struct_fields__)


def test_every_mapping_below_a_section_has_its_level() -> None:
    below = {
        f"{name}.{info.encode_name}{'[n]' if 'list' in str(info.type) else ''}"
        for name, section in SECTIONS.items()
        for info in msgspec.structs.fields(section)
        if "Entry" in str(info.type) or info.name == "accounts"
    }
    assert below == set(LEVELS) - set(SECTIONS)


@pytest.mark.parametrize("section", LEVELS.values())
def test_nothing_has_a_default_here(section: type[Section]) -> None:
    assert all(getattr(section(), name) is None for name in section.__struct_fields__)
