"""desk.py: what was done is counted, and each page is made of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from oai_bridge.desk import Desk
from oai_bridge.events import Usage
from oai_bridge.models.catalog import Catalog
from oai_bridge.money.entry import Entry
from oai_bridge.money.ledger import Ledger
from oai_bridge.routing import route
from oai_bridge.settings.clients import Caps, Client
from oai_bridge.settings.values import Config
from oai_bridge.telemetry.metrics import Metrics
from tests.support.directories import ALL, directory


def desk(*clients: Client) -> Desk:
    return Desk(
        Config(clients=clients),
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


def test_who_is_limited_can_not_have_the_doctor_spend(monkeypatch: pytest.MonkeyPatch) -> None:
    def examined(config: Config, catalog: Catalog, *, files: Sequence[Path], paid: bool) -> str:
        asked_for.append(paid)
        return ""

    asked_for: list[bool] = []
    monkeypatch.setattr("oai_bridge.doctor.examine.examine", examined)
    limits: list[dict[str, Any]] = [{}, {"models": ("m",)}, {"requests_per_minute": 9}, {"caps": Caps(usd_per_day=1)}]
    asked = desk(*(Client(str(number), f"k{number}", **limit) for number, limit in enumerate(limits)))
    monkeypatch.setattr(asked._checkup, "begin", lambda findings: None)
    for client in ("local", *"0123"):
        page = asked.page(route("POST", "/status/check", "/proxy"), {}, client, services=None, running=0, web="")
        assert page.status == 202
    assert asked_for == [True, True, False, False, False]
