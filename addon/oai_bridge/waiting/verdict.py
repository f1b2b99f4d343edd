"""What an error says of the credential that it came with: whether it rests, and whether another may do better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ..errors import BridgeError, CloudError, StreamBroken, Unauthorized, UpstreamError

Rest = Literal["cooling", "exhausted", "denied", "broken"]
"""Asked too often or in trouble; without money or quota; without this model; not accepted."""

RESTS: Final[Mapping[Rest, tuple[float, float]]] = {
    "cooling": (1.0, 30.0),
    "exhausted": (600.0, 3600.0),
    "denied": (300.0, 3600.0),
    "broken": (30.0, 600.0),
}
"""Seconds of the first rest, which doubles with each failure, and of the longest."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something rests, until when, in seconds of the clock of who tells it, and what the cloud has said."""

    state: Rest
    until: float
    message: str


Scope = Literal["model", "credential", "place"]
"""One model of a credential, all of them, or everything in the same region."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`state` is how what is in `scope` is now, `None` where nothing is known of it; `strike`: only if it happens
    again and again, since any request may have that bad luck. `again`: the request may be sent with another credential,
    or with this one later; `unsure`: the cloud may have worked on it already, and be paid for it."""

    state: Rest | Literal["answered"] | None = None
    error: BridgeError | None = None
    scope: Scope = "model"
    strike: bool = False
    again: bool = False
    unsure: bool = False


ANSWERED: Final = Verdict("answered")

_OVERLOADED = 503  # what Anthropic's 529 is here, too
_SLOW = (408, 504)  # the model may have been at it all the time
_STATES: Mapping[int, tuple[Rest, Scope]] = {
    401: ("broken", "credential"),
    402: ("exhausted", "credential"),
    429: ("cooling", "model"),
    _OVERLOADED: ("cooling", "model"),
}
_NOT_HERE = (403, 404)  # the model, or something else that the request names
_NO_WAY = frozenset(
    {"connect_failed", "connect_timeout", "dns_failed", "tls_failed", "proxy_unreachable", "proxy_refused"}
)
_NO_TOKEN = frozenset({"token_endpoint_unreachable", "token_endpoint_failed"})
_NO_ANSWER = frozenset({"upstream_closed", "first_byte_timeout"})
"""The codes of our own errors: a cloud that can't be reached, one that gives no token, one that does not answer."""


def verdict(error: BridgeError) -> Verdict:
    """The verdict on the credential of a request that ended with this error."""
    match error:
        case CloudError(code="quota_exceeded"):
            return Verdict("exhausted", error, again=True)
        case CloudError(code="insufficient_quota"):
            return Verdict("exhausted", error, "credential", again=True)
        case CloudError() if error.status in _STATES:
            state, scope = _STATES[error.status]
            return Verdict(state, error, scope, again=True)
        case CloudError() if error.status in _NOT_HERE:
            return Verdict("denied", error, strike=True, again=True)
        case CloudError() if error.status in _SLOW:
            return Verdict("cooling", error, strike=True, again=True, unsure=True)
        case CloudError() if error.status >= 500:
            return Verdict("cooling", error, strike=True, again=True)
        case Unauthorized():  # no token is to be had for it
            return Verdict("broken", error, "credential", again=True)
        case StreamBroken():
            return Verdict("cooling", error, strike=True, again=True, unsure=True)
        case UpstreamError() if error.code in _NO_WAY:
            return Verdict("cooling", error, "place", again=True)
        case UpstreamError() if error.code in _NO_TOKEN:
            return Verdict("cooling", error, "credential", again=True)
        case UpstreamError() if error.code in _NO_ANSWER:
            return Verdict("cooling", error, strike=True, again=True, unsure=error.unsure)
    return Verdict()
