"""One account: does its login give access, and does a model answer by each door that it opens?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from ..backends import Account
from ..credentials.base import Access, Credential
from ..directory import Door
from ..errors import BridgeError
from ..exchanges import Services
from ..inspector.record import Record
from ..settings.values import (
    AwsAccount,
    AwsApiKey,
    AwsKeys,
    AwsLogin,
    AzureAccount,
    AzureKey,
    Config,
    EntraLogin,
    FoundryAccount,
    GoogleAccount,
)
from .diagnosis import Place, explain, is_of_account, not_here
from .findings import Finding, State
from .routes import Trial, ask, trials
from .sentences import dollars


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays: the `index`th account of its kind in the settings, and its credential."""

    kind: Account
    index: int
    account: GoogleAccount | AwsAccount | AzureAccount | FoundryAccount
    credential: Credential

    @property
    def label(self) -> str:
        return self.credential.label

    def shares_login(self, other: Payer) -> bool:
        """Whether one token serves both: Google's, for all regions of a project."""
        mine, others = self.account, other.account
        if not isinstance(mine, GoogleAccount) or not isinstance(others, GoogleAccount):
            return False
        return (mine.project, mine.source) == (others.project, others.source)

    def place(self, skew: float | None, access: Access | None = None, model: str = "") -> Place:
        """For the sentences about it."""
        account, source = self.account, self.account.source
        named = source.label
        if isinstance(account, AzureAccount | FoundryAccount):
            named = account.label if isinstance(source, EntraLogin) else f"the {named} of {_host(account)}"
        return Place(
            self.kind,
            named,
            region=access.region if access else getattr(account, "region", None) or "",
            project=getattr(access or account, "project", None) or "",
            model=model,
            login=source.profile if isinstance(source, AwsLogin) else None,
            skew=skew,
        )


async def mint(payer: Payer, skew: float | None, limit: float) -> tuple[Finding, Access | None]:
    """What its login gives; `skew` is by how many seconds our clock is fast."""
    begun = time.monotonic()
    try:
        async with asyncio.timeout(limit):
            access = await payer.credential.access()
    except BridgeError as error:
        told = explain(error, payer.place(skew))
        return Finding("credential", payer.label, told.state, told.message, told.remedy), None
    except TimeoutError:
        remedy = "Check the network and HTTPS_PROXY, and whether the login waits for somebody to type."
        return Finding("credential", payer.label, "failed", f"No access came within {limit:g} s.", remedy), None
    message = f"It gives access, in {time.monotonic() - begun:.1f} s."
    if isinstance(payer.account.source, AwsKeys | AwsApiKey | AzureKey):
        message = "It is a key; whether it is accepted shows with a call."
    return Finding("credential", payer.label, "ok", message), access


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls to an account's models. `services` are for it alone, `config` is the user's own; `free`: whoever
    answers takes no money; unless `paid`, only calls that are free are made."""

    payer: Payer
    access: Access
    services: Services
    config: Config
    skew: float | None
    free: bool
    paid: bool

    async def findings(self) -> AsyncGenerator[Finding, None]:
        """A finding for each door. That one door has no model for the account is no failure where another has."""
        served = refused = False
        for door, tried in trials(self.config, self.services.directory, self.payer.credential):
            if self.free and not door.entry.demo:
                continue
            if not tried:
                remedy = "Name what it has: `deployments` of the account, or `models.list`, in config.yaml."
                yield self._told(door.entry.cloud, "skipped", "The settings tell of no model to call.", remedy)
                continue
            if refused:
                yield self._told(tried[0].facts.id, "skipped", "The account is refused, see above.")
                continue
            finding, error = await self._door(door, tried)
            refused = error is not None and is_of_account(error, self.payer.kind)
            if served and finding.state == "failed" and not_here(error):
                finding = replace(finding, state="warning")
            yield finding
            served = served or (error is None and finding.state != "skipped")

    async def _door(self, door: Door, tried: list[Trial]) -> tuple[Finding, BridgeError | None]:
        """The finding, and what went wrong. Who has not got the first model may have the next; who may not count
        tokens, may chat."""
        missing: list[tuple[Trial, BridgeError]] = []
        for trial in [*tried, *(Trial("chat", trial.facts) for trial in tried[:1] if trial.is_free)]:
            if not (trial.is_free or self.paid):
                break
            record = await ask(self.services, door, trial, free=self.free)
            if record.error is None:
                return self._answered(trial, record, missing), None
            if not not_here(record.error) or is_of_account(record.error, self.payer.kind):
                return self._failed(trial, record.error, unsure=record.worked), record.error
            missing.append((trial, record.error))
        if missing:
            return self._failed(*missing[0], others=len({trial.facts.id for trial, _ in missing}) - 1), missing[0][1]
        message = "A call of it costs money, and none of these is to be made."
        return self._told(tried[0].facts.id, "skipped", message), None

    def _answered(self, trial: Trial, record: Record, missing: list[tuple[Trial, BridgeError]]) -> Finding:
        id = trial.facts.id
        absent = list(dict.fromkeys(one.facts.id for one, _ in missing if one.facts.id != id))
        more = f" Not to be had: {', '.join(absent)}." if absent else ""
        if trial.is_free or self.free:
            what = "Its tokens are counted" if trial.is_free else "It answers"
            return self._told(id, "ok", f"{what}, which is free.{more}", cost=0.0)
        cost = record.cost.total if record.cost else None
        told = f"It answers; that cost {dollars(cost)}." if cost is not None else "It answers; its price isn't known."
        uncounted = next((error for one, error in missing if one.is_free and one.facts.id == id), None)
        if uncounted is None:
            return self._told(id, "ok", told + more, cost=cost)
        why = explain(uncounted, self.payer.place(self.skew, self.access, id))
        return self._told(id, "warning", f"{told} But its tokens can't be counted: {why.message}", why.remedy, cost)

    def _failed(self, trial: Trial, error: BridgeError, *, others: int = 0, unsure: bool = False) -> Finding:
        told = explain(error, self.payer.place(self.skew, self.access, trial.facts.id))
        more = f" The same with {others} other model{'' if others == 1 else 's'}." if others else ""
        more += " The call may have cost something." if unsure else ""
        return self._told(trial.facts.id, told.state, told.message + more, told.remedy)

    def _told(self, what: str, state: State, message: str, remedy: str = "", cost: float | None = None) -> Finding:
        return Finding("model", f"{what} by {self.payer.label}", state, message, remedy, cost)


def _host(account: AzureAccount | FoundryAccount) -> str:
    return account.label.partition(" (")[0]
