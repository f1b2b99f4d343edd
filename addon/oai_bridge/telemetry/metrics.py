"""What the requests since the start add up to, for `/metrics`: plain numbers, which cost little while nobody asks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Literal

from ..money.entry import Entry
from ..plain.jsontext import encodable
from ..plain.redaction import redact
from .semantics import error_of, operation_of, provider_of

Outcome = Literal["ok", "error", "refused", "left", "local"]
OUTCOMES: tuple[Outcome, ...] = ("ok", "error", "refused", "left", "local")
"""A whole answer; a cloud's error; turned away before a cloud was asked; the client hung up; answered without one."""
OTHER = "other"
"""What stands for all names that come after the first `_NAMES`."""

_NAMES = 200  # different values of a label that clients or clouds can make up
_LENGTH = 100  # characters of one
_SERIES = 2000  # combinations of labels of one counter
_CURVES = 250  # and of a histogram, each of which is some 17 lines of the page

# The boundaries that the conventions ask for.
_TOKENS = tuple(4.0**power for power in range(14))
_SECONDS = tuple(0.01 * 2**power for power in range(14))
_FIRST = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

_REQUEST = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "gen_ai_response_model")
_PAYER = ("provider", "model", "client")


class Names:
    """Values of a label: the first ones as they are, without what looks like a secret; all later ones are `OTHER`."""

    def __init__(self, most: int = _NAMES) -> None:
        self._most = most
        self._known: dict[str, str] = {}

    def of(self, name: str) -> str:
        name = name[:_LENGTH]
        if name not in self._known:
            if len(self._known) >= self._most:
                return OTHER
            self._known[name] = encodable(redact(name))
        return self._known[name]


class Counter:
    """One sum for each combination of labels. `name` is without the `_total` that it is shown with."""

    def __init__(self, name: str, help: str, *labels: str) -> None:
        self.name, self.help, self.labels = name, help, labels
        self.values: dict[tuple[str, ...], float] = {}

    def add(self, *labels: str, by: float = 1.0) -> None:
        labels = _within(self.values, labels, _SERIES)
        self.values[labels] = self.values.get(labels, 0.0) + by


class Histogram:
    """How many values there were up to each of `bounds`, for each combination of labels."""

    def __init__(self, name: str, help: str, bounds: tuple[float, ...], *labels: str) -> None:
        self.name, self.help, self.bounds, self.labels = name, help, bounds, labels
        self.values: dict[tuple[str, ...], list[int]] = {}
        self.sums: dict[tuple[str, ...], float] = {}

    def add(self, *labels: str, value: float) -> None:
        labels = _within(self.values, labels, _CURVES)
        counts = self.values.setdefault(labels, [0] * (len(self.bounds) + 1))
        counts[bisect_left(self.bounds, value)] += 1
        self.sums[labels] = self.sums.get(labels, 0.0) + value


def _within[T](values: dict[tuple[str, ...], T], labels: tuple[str, ...], most: int) -> tuple[str, ...]:
    """The labels, or those of the rest where there are too many."""
    return labels if labels in values or len(values) < most else (OTHER,) * len(labels)


class Metrics:
    """One for the whole program."""

    def __init__(self) -> None:
        self._requested, self._models, self._clients, self._errors, self._codes = (Names() for _ in range(5))
        self.requests = Counter("oai_vertex_requests", "Requests for a model, by how they ended.", "outcome")
        for outcome in OUTCOMES:
            self.requests.add(outcome, by=0.0)
        self.refused = Counter("oai_vertex_refused", "Requests that the guard or the paths turned away.", "code")
        self.tokens = Counter(
            "oai_vertex_tokens",
            "Tokens; cached ones are no part of input, thoughts are one of output.",
            *_PAYER,
            "type",
        )
        self.cost = Counter("oai_vertex_cost_usd", "What is known to have been spent, in USD.", *_PAYER)
        self.unpriced = Counter("oai_vertex_unpriced_requests", "Requests that cost more than is known.", *_PAYER)
        self.attempts = Counter("oai_vertex_attempts", "Attempts to get answers, the first ones included.", "provider")
        self.retries = Counter("oai_vertex_retries", "Attempts after a first one that failed.", "provider")
        self.queued = Histogram("oai_vertex_queue_seconds", "Seconds that requests waited for their turn.", _SECONDS)
        self.usage = Histogram(
            "gen_ai_client_token_usage", "Tokens of a request.", _TOKENS, *_REQUEST, "gen_ai_token_type"
        )
        self.duration = Histogram(
            "gen_ai_client_operation_duration_seconds",
            "Seconds from a request to the end of its answer.",
            _SECONDS,
            *_REQUEST,
            "error_type",
        )
        self.first_token = Histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "Seconds from a request to the first token of its answer.",
            _FIRST,
            *_REQUEST,
        )

    def __iter__(self) -> Iterator[Counter | Histogram]:
        return (found for found in vars(self).values() if isinstance(found, Counter | Histogram))

    def turned_away(self, code: str) -> None:
        """A request that did not come as far as to be one for a model."""
        self.refused.add(self._codes.of(code))

    def add(self, entry: Entry) -> None:
        """A request that has ended."""
        self.requests.add(outcome_of(entry))
        self.queued.add(value=max(entry.queued, 0.0))
        if not entry.asked:
            return
        provider = provider_of(entry)
        model, client = self._models.of(entry.model), self._clients.of(entry.client)
        asked = (operation_of(entry), provider, self._requested.of(entry.requested), model)
        error = error_of(entry)
        self.attempts.add(provider, by=entry.attempts)
        self.retries.add(provider, by=max(entry.attempts - 1, 0))
        self.duration.add(*asked, self._errors.of(error) if error else "", value=max(entry.seconds, 0.0))
        if entry.first_token is not None and error is None:
            self.first_token.add(*asked, value=max(entry.first_token, 0.0))
        usage = entry.usage
        if usage.prompt + usage.output:
            self.usage.add(*asked, "input", value=usage.prompt)
            self.usage.add(*asked, "output", value=usage.output)
            kinds = {
                "input": usage.input,
                "cache_read": usage.cache_read,
                "cache_write": usage.cache_write,
                "output": usage.output,
            }
            for kind, count in kinds.items():
                self.tokens.add(provider, model, client, kind, by=count)
        if entry.cost is not None:
            self.cost.add(provider, model, client, by=entry.cost.total)
        if entry.unpriced:
            self.unpriced.add(provider, model, client)


def outcome_of(entry: Entry) -> Outcome:
    if entry.left:
        return "left"
    if entry.error is not None:
        return "error" if entry.asked else "refused"
    return "ok" if entry.asked else "local"
