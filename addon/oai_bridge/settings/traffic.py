"""The settings of traffic: how often a request is tried, who waits, how long anything may take, and how much is let in.

Times are in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failover:
    """What is done for a request that fails before its first byte. `attempts` are all of them, the first one too; none
    begins later than `within` after the first. `resend`: one that the cloud may have worked on already is sent again,
    once, although it may be paid for twice. `rest`: a credential that failed is left alone for a while."""

    attempts: int = 3
    within: float = 120.0
    resend: bool = True
    rest: bool = True


@dataclass(frozen=True, slots=True)
class Queueing:
    """How many requests may wait, and for how long each."""

    length: int = 100
    timeout: float = 120.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What is let in; `None`: everything. `concurrent` counts the requests that are at a cloud at the same time, those
    per minute are counted for each client."""

    concurrent: int | None = None
    requests_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Timeouts:
    """`connect` is for one connection, `first_byte` from sending a request to the first event of its answer, `idle`
    between two pieces of it, `total` for all of a client's request, its waiting too. Every `heartbeat` a streaming
    client that hears nothing gets a comment; 0: never. `shutdown` is what running answers get when the proxy is
    stopped."""

    connect: float = 30.0
    first_byte: float = 600.0
    idle: float = 600.0
    total: float = 3600.0
    heartbeat: float = 10.0
    shutdown: float = 8.0
