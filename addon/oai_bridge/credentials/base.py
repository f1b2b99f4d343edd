"""What the exchange needs of a credential, whichever cloud it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Protocol, Self

from ..plain.jsontext import write


@dataclass(frozen=True, slots=True)
class Outbound:
    """One request to the cloud, without what lets it in. `model` is the model's name there, for the record; `service`
    is the one that a signature of AWS is made for; `value` is what `body` says, for who would have to read it again."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    model: str = ""
    service: str = ""
    value: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def posted(
        cls, url: str, headers: Mapping[str, str], value: Mapping[str, Any], model: str, service: str = ""
    ) -> Self:
        """With `value` as its body, in JSON."""
        return cls("POST", url, headers, write(value), model, service, value)


class Access(Protocol):
    """What lets requests in for a while, and says where they go and who pays.

    `region` is the cloud's region, or whatever else tells people where a request went. `secrets` are all that must
    never be shown: they go on the wire and nowhere else.
    """

    @property
    def region(self) -> str: ...

    @property
    def secrets(self) -> tuple[str, ...]: ...

    def headers(self, outbound: Outbound) -> Mapping[str, str]:
        """The headers that let `outbound` in, names in lower case; they are for exactly these bytes and this URL."""


class Credential(Protocol):
    """One account at a cloud. `label` may be shown; it holds no secret. All credentials with the same `place` reach the
    same servers. One with a higher `rank` is for when those before it won't do."""

    @property
    def label(self) -> str: ...

    @property
    def place(self) -> str: ...

    @property
    def rank(self) -> int: ...

    def serves(self, model: str) -> bool:
        """Whether the account has the model of this id (`Facts.id`), as far as its settings tell."""

    def lists(self, model: str) -> bool:
        """Whether its settings name this very model, rather than none at all."""

    async def access(self) -> Access:
        """Access that is valid now; raises `BridgeError`."""

    def refuse(self, access: Access) -> bool:
        """The cloud did not accept it: whether the next call may get another. A key stays what it is."""


class ForModels:
    """The models of an account: `patterns` such as `claude-*` for their ids; without any it has all."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = patterns

    def serves(self, model: str) -> bool:
        return not self._patterns or self.lists(model)

    def lists(self, model: str) -> bool:
        return any(fnmatchcase(model, pattern) for pattern in self._patterns)
