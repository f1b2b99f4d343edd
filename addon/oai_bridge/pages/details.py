"""The data of the page for people: accounts, queue, usage, caps and recent requests, as values in and JSON out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from itertools import islice
from typing import Any

from ..backends import REGISTRY
from ..directory import Directory
from ..doctor.findings import Finding
from ..money.entry import Entry
from ..plain import jsontext
from ..routing import Route
from ..settings.clients import Caps, Client
from ..settings.values import Config
from ..waiting.verdict import Trouble
from .page import Page, Snapshot, make_page

DAYS = 30
"""How many days the chart has, today among them."""
_NAME = 120  # characters of a client's own words
_WORD = 400  # of what a cloud has said
_PERIODS = ("day", "month")
_SUMS = 50  # models or clients, those that cost most


@dataclass(frozen=True, slots=True)
class Used:
    """The sum of some requests. `usd` is what is known of their cost; of the `unpriced` requests not all, or nothing,
    is known. `cached` is a part of `prompt`. Caps count the last two, with estimates of what isn't known."""

    requests: int = 0
    prompt: int = 0
    cached: int = 0
    output: int = 0
    usd: float = 0.0
    unpriced: int = 0
    counted_usd: float = 0.0
    counted_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used by calendar days such as `2026-11-28`, `today` being the last, and by model and client, this month,
    and by client today."""

    today: str
    days: Mapping[str, Used] = field(default_factory=dict)
    month: Used = Used()
    models: Mapping[str, Used] = field(default_factory=dict)
    clients: Mapping[str, Used] = field(default_factory=dict)
    clients_today: Mapping[str, Used] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recent:
    """A request that has ended; `flow` is its id in mitmweb, empty where it isn't there any more."""

    entry: Entry
    flow: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What the doctor has found so far, if he was asked."""

    findings: tuple[Finding, ...] = ()
    running: bool = False


@dataclass(frozen=True, slots=True)
class Details:
    """What the page tells. `recent` begins with the last one; `web` is mitmweb's address without its token, empty where
    it doesn't run."""

    snapshot: Snapshot
    usage: Usage
    recent: Sequence[Recent] = ()
    web: str = ""
    checked: Checked = Checked()


def details_page(
    details: Details, config: Config, directory: Directory, known: str | None, client: Client | None = None
) -> Page:
    """The data for the page's script, with the models that the client may use. `known` is the If-None-Match header: who
    has all but the time already gets it not again, since it is asked for every other second."""
    data = _document(details, config, directory, client)
    tag = f'"{hashlib.sha256(jsontext.write(data)).hexdigest()[:32]}"'
    if known == tag:
        return make_page(304, "application/json", b"", {"etag": tag})
    return make_page(200, "application/json", jsontext.write({"now": details.snapshot.now, **data}), {"etag": tag})


def _document(details: Details, config: Config, directory: Directory, client: Client | None) -> dict[str, Any]:
    snapshot, usage = details.snapshot, details.usage
    return {
        "version": snapshot.version,
        "demo": config.demo,
        "started_at": snapshot.started_at,
        "in_flight": snapshot.in_flight,
        "waiting": sum(queued.waiting for queued in snapshot.queues.values()),
        "wait": max((queued.seconds for queued in snapshot.queues.values() if queued.waiting), default=0.0),
        "accounts": _accounts(snapshot),
        "today": asdict(usage.days.get(usage.today, Used())),
        "month": asdict(usage.month),
        "days": _days(usage),
        "by_model": _named(usage.models),
        "by_client": _named(usage.clients) if config.client_keys else [],
        "caps": _caps(usage, config),
        "recent": [_recent(one) for one in details.recent],
        "web": details.web,
        "check": _check(details.checked),
        "models": [_plain(one.name) for one in directory.listed(Route("models"), client)],
        "told": [_plain(sentence, _WORD) for sentence in config.told],
    }


def _accounts(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Each with its cloud and what of it rests."""
    clouds: dict[str, str] = {entry.account: entry.cloud for entry in reversed(REGISTRY)}
    return [
        {
            "cloud": clouds.get(kind, kind),
            "label": _plain(label),
            "rests": [_rest(model, trouble) for model, trouble in snapshot.rests.get(label, {}).items()],
        }
        for kind, labels in snapshot.accounts.items()
        for label in labels
    ]


def _rest(model: str | None, trouble: Trouble) -> dict[str, Any]:
    return {
        "model": model and _plain(model),
        "state": trouble.state,
        "until": round(trouble.until),  # two clocks tell it, so that its fractions are others each time
        "said": _plain(trouble.message, _WORD),
    }


def _days(usage: Usage) -> list[dict[str, Any]]:
    """The last days, those without a request too."""
    last = date.fromisoformat(usage.today)
    days = [(last - timedelta(back)).isoformat() for back in reversed(range(DAYS))]
    return [{"day": day, **_cost(usage.days.get(day, Used()))} for day in days]


def _cost(used: Used) -> dict[str, Any]:
    return {"usd": used.usd, "unpriced": used.unpriced}


def _named(sums: Mapping[str, Used]) -> list[dict[str, Any]]:
    return [{"name": _plain(name), **asdict(used)} for name, used in islice(sums.items(), _SUMS)]


def _caps(usage: Usage, config: Config) -> list[dict[str, Any]]:
    """Each cap that is set, and what was used of it; the client is empty for all together."""
    today = usage.days.get(usage.today, Used())
    told = _capped("", config.spending.caps, today, usage.month)
    for client in config.clients:
        name = client.name
        told += _capped(name, client.caps, usage.clients_today.get(name, Used()), usage.clients.get(name, Used()))
    return told


def _capped(client: str, caps: Caps, today: Used, month: Used) -> list[dict[str, Any]]:
    told = []
    for period, used in zip(_PERIODS, (today, month), strict=True):
        for unit, spent in {"usd": used.counted_usd, "tokens": used.counted_tokens}.items():
            if (cap := getattr(caps, f"{unit}_per_{period}")) is not None:
                shown = {"unit": unit, "period": period, "spent": spent, "cap": cap}
                told.append({"client": _plain(client), **shown})
    return told


def _check(checked: Checked) -> dict[str, Any]:
    """The cost is that of all calls whose price is known; nothing where there was none."""
    costs = [finding.cost for finding in checked.findings if finding.cost is not None]
    findings = [asdict(finding) for finding in checked.findings]
    return {"running": checked.running, "findings": findings, "usd": sum(costs) if costs else None}


def _recent(one: Recent) -> dict[str, Any]:
    """A request without a word of its prompt."""
    entry = one.entry
    return {
        "id": entry.id,
        "flow": one.flow,
        "began": entry.began,
        "seconds": entry.seconds,
        "client": _plain(entry.client),
        "model": _plain(entry.model or entry.requested),
        "cloud": " · ".join(filter(None, (entry.cloud, entry.region))),
        "operation": entry.operation,
        "prompt": entry.usage.prompt,
        "cached": entry.usage.cache_read,
        "output": entry.usage.output,
        "usd": entry.cost.total if entry.cost else None,
        "unpriced": int(entry.unpriced),
        "status": entry.status,
        "error": entry.error,
        "left": entry.left,
        "finish": entry.finish_reason,
    }


def _plain(text: str, most: int = _NAME) -> str:
    """Others' words, which may be long and hold what UTF-8 can't."""
    return jsontext.encodable(text if len(text) <= most else text[: most - 1] + "…")
