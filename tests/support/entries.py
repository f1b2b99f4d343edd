"""Entries of requests as they end: a good one, to be changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from oai_bridge.events import Usage
from oai_bridge.money.cost import Cost
from oai_bridge.money.entry import Entry

GOOD = Entry(
    id="req_1",
    began=1000.0,
    seconds=2.5,
    client="work",
    cloud="vertex",
    region="us-east5",
    family="gcp-claude",
    model="claude-sonnet-4-5@20250929",
    requested="claude-sonnet-4-5",
    status=200,
    queued=0.25,
    first_token=0.5,
    finish_reason="stop",
    usage=Usage(input=10, output=6, cache_read=100, cache_write=20),
    cost=Cost(input=0.1, cache_write=0.2, cache_read=0.3, output=0.4),
)
REFUSED = replace(
    GOOD, cloud="", region="", model="", status=404, error="model_not_found", asked=False, attempts=0, queued=0.0,
    first_token=None, finish_reason=None, usage=Usage(), cost=None,
)  # fmt: skip


def entry(**changes: Any) -> Entry:
    return replace(GOOD, **changes)
