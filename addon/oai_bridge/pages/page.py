"""What every answer made here is: status, headers and body; and the numbers that they tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..plain import jsontext
from ..waiting.verdict import Trouble


@dataclass(frozen=True, slots=True)
class Queued:
    """How many wait, and how many seconds one who comes now is likely to wait."""

    waiting: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Page:
    """A whole answer. `headers` have lower-case names and count the body, which an answer to HEAD leaves out. `reason`
    stands beside the status; empty: the usual words."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the proxy has done since it started. Times are seconds of one clock, counts are since the start.

    `base_url` is the scheme and authority under which the client sees the proxy, such as `http://127.0.0.1:7860`;
    `accounts` are the labels, which hold no secret, of the credentials in use by the account's kind; `family_tokens`
    are prompt and completion together by what stands for a cloud in paths, such as `gcp-claude`, so are the `queues`;
    `rests` are the credentials that don't serve now, by label, and for which model (`None`: for none), with
    times of the same clock.
    """

    version: str
    base_url: str
    started_at: float
    now: float
    accounts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    requests: int = 0
    in_flight: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    family_tokens: Mapping[str, int] = field(default_factory=dict)
    queues: Mapping[str, Queued] = field(default_factory=dict)
    rests: Mapping[str, Mapping[str | None, Trouble]] = field(default_factory=dict)

    @property
    def uptime(self) -> int:
        """Whole seconds."""
        return max(0, int(self.now - self.started_at))

    @property
    def tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens


def short(count: int) -> str:
    """`999`, `12.3k`, `4.5m`, `1.2b`, as oai-reverse-proxy writes counts."""
    if count < 1000:
        return str(count)
    value, unit = count / 1000, "k"
    for larger in "mb":
        if value >= 999.95:  # would be rounded to 1000.0
            value, unit = value / 1000, larger
    return f"{value:.1f}{unit}"


def json_page(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Page:
    return make_page(status, "application/json", jsontext.write(value), headers or {})


def make_page(status: int, content_type: str, body: bytes, headers: dict[str, str]) -> Page:
    common = {
        "content-type": content_type,
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return Page(status, tuple({**common, **headers}.items()), body)
