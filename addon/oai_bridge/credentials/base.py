"""What the exchange needs of a credential, whichever cloud it is for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Access:
    """What lets one request in and says who pays. `token` is the secret: it goes on the wire and nowhere else."""

    project: str
    region: str
    token: str = field(repr=False)


class Credential(Protocol):
    """One account at a cloud. `label` may be shown; it holds no secret."""

    @property
    def label(self) -> str: ...

    @property
    def region(self) -> str: ...

    async def access(self) -> Access:
        """Access that is valid now; raises `BridgeError`."""

    def refuse(self, access: Access) -> None:
        """The cloud did not accept it: the next call mints another."""
