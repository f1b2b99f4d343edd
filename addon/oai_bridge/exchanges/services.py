"""What all exchanges share, and what each of them answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..backends.base import ClaudeBackend
from ..credentials.base import Credential
from ..fetch import Fetcher
from ..models.catalog import Catalog
from ..pool import Pool
from ..routing import Route
from ..settings import Config
from ..upstream import UpstreamClient


@dataclass(frozen=True, slots=True)
class Door:
    """A backend and those who pay for it."""

    backend: ClaudeBackend
    pool: Pool[Credential]


@dataclass(frozen=True, slots=True)
class Services:
    """What all exchanges share. `clock` gives Unix seconds."""

    config: Config
    catalog: Catalog
    doors: Mapping[str, Door]
    upstream: UpstreamClient
    fetcher: Fetcher
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Incoming:
    """The client's request: `body` as it came, `encoding` its Content-Encoding, `betas` what its anthropic-beta
    headers list."""

    route: Route
    body: bytes
    encoding: str | None = None
    betas: tuple[str, ...] = ()
