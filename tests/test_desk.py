"""desk.py: what was done is counted, and each page is made of it."""

from __future__ import annotations

import json
from typing import Any

from oai_bridge.desk import Desk
from oai_bridge.entry import Entry
from oai_bridge.events import Usage
from oai_bridge.ledger import Ledger
from oai_bridge.metrics import Metrics
from oai_bridge.models.catalog import Catalog
from oai_bridge.routing import route
from oai_bridge.settings import Config
from tests.support.directories import ALL, directory


def desk() -> Desk:
    return Desk(
        Config(),
        Catalog(),
        directory(ALL),
        files=(),
        base_url="http://127.0.0.1:7860",
        metrics=Metrics(),
        ledger=Ledger(),
        held=lambda flow: True,
    )


def page(asked: Desk, path: str, **headers: str) -> Any:
    found = asked.page(route("GET", path, "/proxy"), headers, "local", services=None, running=3, web="")
    assert found.status == 200
    return json.loads(found.body)


def entry(**given: Any) -> Entry:
    return Entry("req_1", began=0.0, seconds=1.0, client="local", **given)


def test_what_was_done_is_counted() -> None:
    asked = desk()
    for number in range(2):
        asked.ended(f"flow {number}", entry(family="gcp-claude", usage=Usage(input=700, output=50)))
    asked.ended("refused", entry(attempts=0, asked=False))
    told = page(asked, "/status")
    assert (told["proompts"], told["tookens"], told["proomptersNow"]) == (2, "1.5k", 3)
    assert told["gcp-claude"]["usage"] == "1.5k tokens"


def test_the_status_page_is_told_of_the_last_requests() -> None:
    asked = desk()
    asked.ended("flow 1", entry(model="claude-x"))
    (recent,) = page(asked, "/status/details")["recent"]
    assert recent["model"] == "claude-x"
