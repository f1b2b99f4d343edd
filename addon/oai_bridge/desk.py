"""What the proxy tells of itself: it counts what was done, and answers what needs no cloud."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from . import __version__
from .directory import Directory
from .doctor.checkup import Checkup
from .exchanges import Services
from .exchanges.services import queues_of, rests_of
from .models.catalog import Catalog
from .money.entry import Entry
from .money.ledger import Ledger
from .pages import Page, Snapshot, accepted_page, details_page, metrics_page, page_for
from .pages.overview import Overview
from .routing import Route
from .settings.values import Config
from .telemetry.metrics import Metrics


class Desk:
    """One for the whole program, from its start on. `files` are those that the settings stand in, `base_url` is the
    proxy's own address, `metrics` and `ledger` know what was used, and `held` tells of a flow whether mitmweb still has
    it."""

    def __init__(
        self,
        config: Config,
        catalog: Catalog,
        directory: Directory,
        *,
        files: Sequence[Path],
        base_url: str,
        metrics: Metrics,
        ledger: Ledger,
        held: Callable[[str], bool],
    ) -> None:
        self._config = config
        self._catalog = catalog
        self._directory = directory
        self._files = files
        self._metrics = metrics
        self._ledger = ledger
        self._held = held
        self._overview = Overview()
        self._checkup = Checkup()
        self._snapshot = Snapshot(
            version=__version__,
            base_url=base_url,
            started_at=time.time(),
            now=time.time(),
            accounts={kind: tuple(one.label for one in given) for kind, given in config.accounts.items()},
        )

    def ended(self, flow: str, entry: Entry) -> None:
        """A request has ended; `flow` is its id in mitmproxy."""
        self._overview.ended(flow, entry)
        families, tokens = dict(self._snapshot.family_tokens), entry.usage.prompt + entry.usage.output
        if entry.family:
            families[entry.family] = families.get(entry.family, 0) + tokens
        self._snapshot = replace(
            self._snapshot,
            family_tokens=families,
            requests=self._snapshot.requests + bool(entry.attempts),
            prompt_tokens=self._snapshot.prompt_tokens + entry.usage.prompt,
            completion_tokens=self._snapshot.completion_tokens + entry.usage.output,
        )

    def page(
        self,
        route: Route,
        headers: Mapping[str, str],
        client: str,
        *,
        services: Services | None,
        running: int,
        web: str,
    ) -> Page:
        """The page that a route names, as the client of that name may see it; raises `NotFound` for an unknown model.
        `services` are `None` until they have started; so many requests are `running`; `web` is mitmweb's address, empty
        where it doesn't run."""
        snapshot = replace(self._snapshot, now=time.time(), in_flight=running)
        if services is not None:
            snapshot = replace(snapshot, queues=queues_of(services), rests=rests_of(services))
        seen_by = self._config.client(client)
        match route.kind:
            case "metrics":
                return metrics_page(self._metrics, snapshot, headers.get("accept"))
            case "check":
                self._examine(paid=seen_by is None or not seen_by.is_limited)
                return accepted_page()
            case "details":
                details = self._overview.details(snapshot, self._ledger, self._checkup.seen(), web, self._held)
                return details_page(details, self._config, self._directory, headers.get("if-none-match"), seen_by)
        return page_for(route, headers, snapshot, self._config, self._directory, client=seen_by)

    def _examine(self, *, paid: bool) -> None:
        """Its calls count for nobody, so that who is limited gets none that cost."""
        from .doctor.examine import examine  # which few need

        if not self._checkup.running:
            self._checkup.begin(examine(self._config, self._catalog, files=self._files, paid=paid))

    async def close(self) -> None:
        await self._checkup.close()
