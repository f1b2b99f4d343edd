"""The catalogue as it ships, for the tests that look into it."""

from __future__ import annotations

from pathlib import Path

from oai_bridge.models import catalog
from oai_bridge.models.catalog import Catalog, ModelFacts

DATA = Path(catalog.__file__).with_name("claude.json")
CATALOG = Catalog()


def on_bedrock(name: str, catalog: Catalog = CATALOG) -> ModelFacts | None:
    """The model on Bedrock of that name, whoever made it."""
    if facts := catalog.find(name):
        return facts if facts.bedrock else None
    return catalog.find_bedrock(name)


def known(name: str, catalog: Catalog = CATALOG) -> ModelFacts:
    facts = catalog.find(name)
    assert facts is not None, name
    return facts
