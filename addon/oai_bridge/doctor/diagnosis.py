"""From an error to its cause and the one thing to do about it, in the words of the cloud that it came from."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..backends import Account
from ..errors import BridgeError, CloudError
from .causes import CASES, LOGINS, Case
from .clock import is_too_much, told
from .findings import State

_QUOTED = 300  # characters of a cloud's own words
_LATE = ("first_byte_timeout", "idle_timeout", "total_timeout")  # by the doctor's own limit, which no setting raises
_TROUBLE = (500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Place:
    """What was asked: whose account, where, for which model. `payer` is what people know the credential by, `login`
    the profile of AWS, if it is one; `skew` is by how many seconds our clock is fast, as far as is known."""

    account: Account
    payer: str
    region: str = ""
    project: str = ""
    model: str = ""
    login: str | None = None
    skew: float | None = None


class Diagnosis(NamedTuple):
    message: str
    remedy: str
    state: State = "failed"


def explain(error: BridgeError, place: Place) -> Diagnosis:
    """The cause of a failed login or call, and the remedy; `skipped` where the clock, told already, is the cause."""
    if place.skew is not None and is_too_much(place.skew) and _is_credential(error):
        message = f"It is not accepted while this machine's clock is {told(place.skew)}. ({_clipped(error.message)})"
        return Diagnosis(message, "Set the clock first.", "skipped")
    if not isinstance(error, CloudError):
        if place.account == "google" and (case := _case(LOGINS, error.status, error.message)):
            return _diagnosis(case, error.message.rpartition(" (")[2].rstrip(".)"), place)
        found = own(error)
        if error.code in _LATE:
            return Diagnosis(found.message, "Try again; that model or that region may be slow now.")
        return found
    said = error.message.removesuffix(error.hint).strip()
    if error.code == "upstream_error":
        return Diagnosis(_clipped(said), "See whether a proxy or the network wants a login; else try again later.")
    if error.status in _TROUBLE:
        return Diagnosis(
            f"The cloud has trouble of its own: {_clipped(said)}", "Nothing is wrong here; try later.", "warning"
        )
    if case := _case(CASES[place.account], error.status, said):
        return _diagnosis(case, said, place)
    return Diagnosis(_clipped(said), error.hint or "Look at the cloud's words; the model's own page may say more.")


def unreached(error: BridgeError, host: str, region: str, *, others: bool, today: str) -> Diagnosis:
    """Why nobody answers at a host; `region` is what the host is named after, and `others` have been reached."""
    found = own(error)
    if error.code == "dns_failed" and region:
        if others:
            remedy = f"Correct {region}: other hosts are found, so that this seems to be no region or resource."
            return Diagnosis(f"There is no host {host}.", remedy)
        remedy = f"Check the network, whether you need HTTPS_PROXY, and whether {region} exists."
        return Diagnosis(found.message, remedy)
    if error.code == "tls_failed":
        return Diagnosis(found.message, f"{found.remedy} See, too, that this machine's date is right: it is {today}.")
    if error.code in _LATE:
        return Diagnosis(
            found.message, "See what stands between this machine and the cloud: a firewall, a VPN, a proxy."
        )
    if error.code == "proxy_refused" and region and "407" not in found.message:
        return Diagnosis(found.message, f"{found.remedy} It may block {host}, or not find it: check {region}.")
    return found


def own(error: BridgeError) -> Diagnosis:
    """An error of ours is a sentence of two halves: what is wrong; what to do. What others said stands behind it."""
    message, found, remedy = error.message.partition("; ")
    if not found:
        return Diagnosis(error.message, "")
    sentence, said, quoted = remedy.partition(" (")
    quoted = quoted.rstrip(").")
    message = f"{message} ({quoted})." if said else f"{message}."
    return Diagnosis(message, f"{sentence[:1].upper()}{sentence[1:].rstrip('.')}.")


def not_here(error: BridgeError | None) -> bool:
    """Whether this says something of one model only, so that another may be had."""
    return isinstance(error, CloudError) and error.status in (400, 403, 404)


def is_of_account(error: BridgeError, account: Account) -> bool:
    """Whether this says something of all that the account may do; Google's permissions are a project's."""
    return isinstance(error, CloudError) and (error.status in (401, 402) or (error.status, account) == (403, "google"))


def _is_credential(error: BridgeError) -> bool:
    return error.code == "credential_refused" or (isinstance(error, CloudError) and error.status == 401)


def _case(cases: Sequence[Case], status: int, said: str) -> Case | None:
    fits = (case for case in cases if status in case.statuses)
    return next((case for case in fits if re.search(case.words, said, re.IGNORECASE)), None)


def _diagnosis(case: Case, said: str, place: Place) -> Diagnosis:
    fields = {
        "payer": place.payer,
        "region": place.region or "this region",
        "project": place.project or "the account's project",
        "model": place.model or "the model",
        "or_global": "" if place.region == "global" else ", or use the region `global`",
        "option": f" --profile {shlex.quote(place.login)}" if place.login else "",
    }
    return Diagnosis(f"{case.cause.format(**fields)}. ({_clipped(said)})", case.remedy.format(**fields))


def _clipped(said: str) -> str:
    said = said.strip()
    return said if len(said) <= _QUOTED else f"{said[:_QUOTED]}…"
