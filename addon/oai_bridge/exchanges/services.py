"""What all exchanges share, and what each of them answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..directory import Directory
from ..fetch import Fetcher
from ..routing import Route
from ..settings import Config
from ..upstream import UpstreamClient
from .sending import Pools


@dataclass(frozen=True, slots=True)
class Services:
    """What all exchanges share. `clock` gives Unix seconds."""

    config: Config
    directory: Directory
    pools: Pools
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
