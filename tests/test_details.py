"""pages/details.py: what the status page is told, as JSON; what isn't known is no 0, and no prompt is in it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from oai_bridge.doctor.findings import Finding
from oai_bridge.events import Usage as Tokens
from oai_bridge.money.cost import Cost
from oai_bridge.money.entry import Entry
from oai_bridge.pages import Checked, Details, Queued, Recent, Usage, Used, details_page
from oai_bridge.settings.clients import Caps, Client, Spending
from oai_bridge.settings.values import Config
from oai_bridge.waiting.verdict import Trouble
from tests.support.page_parts import SNAPSHOT, configured, served

CONFIG = configured("us-east5", models=("claude-sonnet-4-5",), told=("A note.",))
TODAY = Used(3, 1000, 400, 50, 0.5, 1, 0.75, 1060)
MONTH = Used(9, 9000, 400, 500, 2.5, 1)
DETAILS = Details(SNAPSHOT, Usage("2026-03-02", {"2026-03-02": TODAY, "2026-02-01": MONTH}, MONTH))


def told(details: Details = DETAILS, config: Config = CONFIG) -> dict[str, Any]:
    page = details_page(details, config, served(config), None)
    assert page.status == 200 and dict(page.headers)["cache-control"] == "no-store"
    found = json.loads(page.body)
    assert isinstance(found, dict)
    return found


def test_what_runs() -> None:
    found = told()
    assert (found["version"], found["demo"], found["now"], found["started_at"]) == ("0.1.0", False, 9000.0, 1000.25)
    assert (found["in_flight"], found["waiting"], found["wait"]) == (2, 0, 0.0)
    assert found["models"] == ["claude-sonnet-4-5"] and found["told"] == ["A note."]
    assert told(config=Config())["demo"] is True


def test_a_client_is_shown_the_models_that_it_may_use() -> None:
    config = replace(CONFIG, models=("claude-sonnet-4-5", "claude-haiku-4-5"))
    client = Client("tavern", "k" * 30, models=("claude-haiku-*",))
    page = details_page(DETAILS, config, served(config), None, client)
    assert json.loads(page.body)["models"] == ["claude-haiku-4-5"]


def test_who_waits() -> None:
    queues = {"gcp-claude": Queued(3, 11.5), "aws-claude": Queued(1, 4.0), "gcp-gemini": Queued(0, 99.0)}
    found = told(replace(DETAILS, snapshot=replace(SNAPSHOT, queues=queues)))
    assert (found["waiting"], found["wait"]) == (4, 11.5)


def test_accounts_by_cloud_with_what_of_them_rests() -> None:
    first, second = SNAPSHOT.accounts["google"]
    rests = {first: {None: Trouble("broken", 9060.0001, "No.")}, second: {"m": Trouble("cooling", 9001.5, "x" * 999)}}
    snapshot = replace(SNAPSHOT, rests=rests, accounts={**SNAPSHOT.accounts, "aws": ("us-east-1 · profile work",)})
    found = told(replace(DETAILS, snapshot=snapshot))["accounts"]
    assert [(one["cloud"], one["label"]) for one in found] == [
        ("Google Cloud", first),
        ("Google Cloud", second),
        ("AWS Bedrock", "us-east-1 · profile work"),
    ]
    assert found[0]["rests"] == [{"model": None, "state": "broken", "until": 9060, "said": "No."}]
    assert found[1]["rests"][0]["model"] == "m" and len(found[1]["rests"][0]["said"]) == 400
    assert found[2]["rests"] == []


def test_the_chart_has_every_day_up_to_today() -> None:
    days = told()["days"]
    assert len(days) == 30
    assert (days[0]["day"], days[1]["day"], days[-1]["day"]) == ("2026-02-01", "2026-02-02", "2026-03-02")
    assert days[0] == {"day": "2026-02-01", "usd": 2.5, "unpriced": 1}
    assert days[1] == {"day": "2026-02-02", "usd": 0.0, "unpriced": 0}
    assert days[-1] == {"day": "2026-03-02", "usd": 0.5, "unpriced": 1}


def test_sums() -> None:
    usage = replace(DETAILS.usage, models={"m\udc00": MONTH}, clients={"tavern": TODAY})
    found = told(replace(DETAILS, usage=usage))
    both = {"requests": 3, "prompt": 1000, "cached": 400, "output": 50, "usd": 0.5, "unpriced": 1}
    both |= {"counted_usd": TODAY.counted_usd, "counted_tokens": TODAY.counted_tokens}
    assert found["today"] == both and found["month"]["usd"] == 2.5
    assert found["by_model"][0]["name"] == "m?" and found["by_model"][0]["requests"] == 9
    many = replace(usage, models={f"m{number}": TODAY for number in range(10_000)})  # clients invent their names
    assert len(told(replace(DETAILS, usage=many))["by_model"]) == 50
    assert found["by_client"] == []  # there is but one
    keyed = replace(CONFIG, clients=(Client("tavern", "k" * 30),))
    assert told(replace(DETAILS, usage=usage), keyed)["by_client"] == [{"name": "tavern", **both}]


def test_caps_with_what_they_count() -> None:
    clients = (Client("tavern", "k" * 30, caps=Caps(usd_per_month=9.0)), Client("idle", "l" * 30))
    spending = Spending(Caps(usd_per_day=1.0, tokens_per_day=0))
    usage = replace(DETAILS.usage, clients={"tavern": Used(usd=3.0, counted_usd=3.5)})
    found = told(replace(DETAILS, usage=usage), replace(CONFIG, clients=clients, spending=spending))["caps"]
    day = {"client": "", "period": "day"}
    assert found == [
        {**day, "unit": "usd", "spent": 0.75, "cap": 1.0},
        {**day, "unit": "tokens", "spent": 1060, "cap": 0},
        {"client": "tavern", "period": "month", "unit": "usd", "spent": 3.5, "cap": 9.0},
    ]
    assert told()["caps"] == []


def test_recent_requests() -> None:
    entry = Entry(
        "req_1",
        8000.5,
        1.25,
        "tavern",
        cloud="vertex",
        region="us-east5",
        model="claude-sonnet-4-5@20250929",
        requested="sonnet",
        status=200,
        finish_reason="stop",
        usage=Tokens(input=60, cache_read=40, output=7),
        cost=Cost(output=0.25),
    )
    failed = Entry("req_2", 8001.0, 0.0, "tavern", requested="x" * 500, status=404, error="model_not_found")
    first, second = told(replace(DETAILS, recent=[Recent(entry, "flow-1"), Recent(failed)], web="http://h:1"))["recent"]
    assert first == {
        "id": "req_1",
        "flow": "flow-1",
        "began": 8000.5,
        "seconds": 1.25,
        "client": "tavern",
        "model": "claude-sonnet-4-5@20250929",
        "cloud": "vertex · us-east5",
        "operation": "chat",
        "prompt": 100,
        "cached": 40,
        "output": 7,
        "usd": 0.25,
        "unpriced": 0,
        "status": 200,
        "error": None,
        "left": False,
        "finish": "stop",
    }
    assert (second["usd"], second["cloud"], second["flow"], len(second["model"])) == (None, "", "", 120)


def test_what_the_doctor_has_found() -> None:
    assert told()["check"] == {"running": False, "findings": [], "usd": None}
    free, paid = Finding("files", ".env", "ok", "Fine."), Finding("model", "m", "failed", "No.", "Ask.", 0.25)
    found = told(replace(DETAILS, checked=Checked((free, paid), running=True)))["check"]
    assert (found["running"], found["usd"]) == (True, 0.25)
    assert found["findings"][1] == {
        "check": "model",
        "subject": "m",
        "state": "failed",
        "message": "No.",
        "remedy": "Ask.",
        "cost": 0.25,
    }
    assert told(replace(DETAILS, checked=Checked((replace(paid, cost=0.0),))))["check"]["usd"] == 0.0


def test_who_knows_it_already_gets_it_not_again() -> None:
    tag = dict(details_page(DETAILS, CONFIG, served(CONFIG), None).headers)["etag"]
    later = replace(DETAILS, snapshot=replace(SNAPSHOT, now=9002.0))
    same = details_page(later, CONFIG, served(CONFIG), tag)
    assert (same.status, same.body, dict(same.headers)["etag"]) == (304, b"", tag)
    other = replace(later, snapshot=replace(SNAPSHOT, in_flight=3))
    assert details_page(other, CONFIG, served(CONFIG), tag).status == 200
