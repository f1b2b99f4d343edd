"""Answers made here, without a cloud: which page a route names."""

from __future__ import annotations

from collections.abc import Mapping

from ..directory import Directory
from ..routing import Route
from ..settings.clients import Client
from ..settings.values import Config
from .details import Checked, Details, Recent, Usage, Used, details_page
from .errors import anthropic_error_page, error_event_for, error_page, error_page_for
from .metrics import metrics_page
from .page import Page, Queued, Snapshot
from .people import html_page, static_page
from .programs import (
    accepted_page,
    favicon_page,
    health_page,
    is_test_message,
    model_page,
    models_page,
    reply_to_test_message,
    status_page,
)

__all__ = [
    "Checked",
    "Details",
    "Page",
    "Queued",
    "Recent",
    "Snapshot",
    "Usage",
    "Used",
    "accepted_page",
    "anthropic_error_page",
    "details_page",
    "error_event_for",
    "error_page",
    "error_page_for",
    "favicon_page",
    "health_page",
    "html_page",
    "is_test_message",
    "metrics_page",
    "model_page",
    "models_page",
    "page_for",
    "reply_to_test_message",
    "static_page",
    "status_page",
    "wants_html",
]


def page_for(
    route: Route,
    headers: Mapping[str, str],
    snapshot: Snapshot,
    config: Config,
    directory: Directory,
    *,
    client: Client | None = None,
) -> Page:
    """The page that a route names, for all routes that need no cloud and no more than the snapshot, as the client may
    see it; raises `NotFound` for an unknown model. `headers` are the request's, by names in lower case."""
    match route.kind:
        case "models":
            return models_page(route, directory, client)
        case "model":
            return model_page(route, directory, client)
        case "health":
            return health_page()
        case "favicon":
            return favicon_page()
        case "script" | "style" as kind:
            return static_page(kind)
        case "root" if wants_html(headers.get("accept")):
            return html_page(snapshot.base_url, config, directory, headers.get("accept-language"))
        case _:
            return status_page(snapshot, config, directory)


def wants_html(accept: str | None) -> bool:
    """Whether an Accept header comes from a browser that shows a page; programs say `*/*` or `application/json`."""
    return any(part.partition(";")[0].strip().lower() == "text/html" for part in (accept or "").split(","))
