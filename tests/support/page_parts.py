"""What the tests of pages have in common: a snapshot, settings, the directory for them, and a reader."""

from __future__ import annotations

import json
from typing import Any

from oai_bridge.directory import Directory
from oai_bridge.models.catalog import Catalog
from oai_bridge.pages import Page, Snapshot
from oai_bridge.settings.values import AmbientLogin, Config, GoogleAccount, Vertex

CATALOG = Catalog()
SNAPSHOT = Snapshot(
    version="0.1.0",
    base_url="http://127.0.0.1:7860",
    started_at=1000.25,
    now=9000.0,
    accounts={"google": ("us-east5 · my-project (sa@my-project)", "global · other (sa@other)")},
    requests=17,
    in_flight=2,
    prompt_tokens=12_000,
    completion_tokens=345,
    family_tokens={"gcp-claude": 12_345},
)


def configured(*regions: str, **changes: Any) -> Config:
    accounts = tuple(GoogleAccount("my-project", region, AmbientLogin()) for region in regions)
    return Config(vertex=Vertex(accounts=accounts), **changes)


def served(config: Config) -> Directory:
    return Directory(config, CATALOG)


def read(page: Page) -> Any:
    assert dict(page.headers)["content-type"] == "application/json"
    return json.loads(page.body)
