"""What lets requests in at Azure: a resource's key, or a token of Entra ID by azure-identity, an optional package."""

from __future__ import annotations

import glob
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from ..errors import BridgeError, Unauthorized, UpstreamError
from ..plain.redaction import redact
from ..settings.values import AzureAccount, AzureKey, FoundryAccount
from .base import Access, ForModels, Outbound
from .minting import Minted

_OLDER_SCOPE = "https://cognitiveservices.azure.com/.default"  # for paths with a deployment in them
_SCOPE = "https://ai.azure.com/.default"  # for /openai/v1 and Foundry
# Of the clouds that are apart, by the end of a resource's host, as Microsoft's SDKs have them: `AzureOpenAIAudience`.
_SCOPES_APART = {
    ".azure.us": "https://cognitiveservices.azure.us/.default",
    ".azure.cn": "https://cognitiveservices.azure.cn/.default",
}
_TIMEOUT = 20.0  # seconds for one call of Entra ID, or for `az`
_UNREACHED = re.compile(r"ConnectionPool\(|Connection aborted")  # requests' words: azure-identity keeps nothing else
_REFUSED = re.compile(r"AADSTS\d+: [^.\r\n]{1,200}|(?<=Authentication failed: )[^\r\n]{1,200}")


@dataclass(frozen=True, slots=True)
class AzureAccess:
    """The account, for the addresses of its models, and what lets requests in: its key, or a token."""

    account: AzureAccount | FoundryAccount
    secret: str = field(repr=False)

    @property
    def region(self) -> str:
        """The resource's name, since nothing tells where it is; of an IP address all."""
        host = urlsplit(self.base_url).hostname or ""
        return host if host[-1:].isdigit() else host.partition(".")[0]

    @property
    def base_url(self) -> str:
        """The resource's own address, without a trailing slash; Foundry's has `/anthropic` in it."""
        return self.account.endpoint if isinstance(self.account, AzureAccount) else self.account.base_url

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.secret,)

    def headers(self, outbound: Outbound) -> Mapping[str, str]:
        match self.account:
            case AzureAccount(source=AzureKey()):
                return {"api-key": self.secret}
            case FoundryAccount(source=AzureKey()):
                return {"x-api-key": self.secret, "api-key": self.secret}  # one is Anthropic's, the other Azure's
            case _:
                return {"authorization": f"Bearer {self.secret}"}


class AzureCredential(ForModels):
    """One resource. Belongs to one event loop; `session` makes the HTTP session for Entra ID (proxy and CA are its
    business), `clock` gives Unix seconds."""

    def __init__(
        self,
        account: AzureAccount | FoundryAccount,
        session: Callable[[], requests.Session],
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(_patterns(account))
        self._account = account
        self._session = session
        self._scope = _scope(account)
        self._minted = Minted(self._load, clock)

    @property
    def label(self) -> str:
        return self._account.label

    @property
    def place(self) -> str:
        account = self._account
        return account.endpoint if isinstance(account, AzureAccount) else account.base_url

    @property
    def rank(self) -> int:
        return 0

    async def access(self) -> AzureAccess:
        return await self._minted.get()

    def refuse(self, access: Access) -> bool:
        self._minted.refuse(access)
        return not isinstance(self._account.source, AzureKey)

    def _load(self) -> tuple[AzureAccess, float]:
        """Blocking. The access, and until when it lasts in Unix seconds."""
        source = self._account.source
        if isinstance(source, AzureKey):
            return AzureAccess(self._account, source.key), math.inf
        token, expiry = _token(self._scope, self._session, self._account.label)
        return AzureAccess(self._account, token), expiry


def _patterns(account: AzureAccount | FoundryAccount) -> tuple[str, ...]:
    if isinstance(account, FoundryAccount):
        return account.models
    return tuple(glob.escape(name) for name in account.deployments)  # names as they are


def _scope(account: AzureAccount | FoundryAccount) -> str:
    """What a token is asked for."""
    host = urlsplit(account.endpoint if isinstance(account, AzureAccount) else account.base_url).hostname or ""
    for end, scope in _SCOPES_APART.items():
        if host.endswith(end):
            return scope
    older = isinstance(account, AzureAccount) and account.api_version is not None
    return _OLDER_SCOPE if older else _SCOPE


def _token(scope: str, session: Callable[[], requests.Session], who: str) -> tuple[str, float]:
    """A new token and its expiry in Unix seconds. azure-identity keeps its tokens in the credential, so there is a new
    one each time: a refused token is gone, and a new login is noticed without a restart."""
    try:
        from azure.core.exceptions import AzureError
        from azure.core.pipeline.transport import RequestsTransport
        from azure.identity import DefaultAzureCredential
    except ImportError:
        raise Unauthorized(
            "Entra ID needs one more package; run `pip install azure-identity` and start again.",
            code="credential_refused",
        ) from None
    with session() as http:
        transport = RequestsTransport(
            session=http, session_owner=False, connection_timeout=_TIMEOUT, read_timeout=_TIMEOUT
        )
        try:
            login = DefaultAzureCredential(
                transport=transport, process_timeout=int(_TIMEOUT), retry_connect=1, retry_read=1
            )
            token = login.get_token(scope)
        except (AzureError, ValueError, OSError) as error:
            raise _explained(error, who) from None
    return token.token, float(token.expires_on)


def _explained(error: Exception, who: str) -> BridgeError:
    """What a failed login means to the user. DefaultAzureCredential makes one text of all that it tried; of that only
    Entra ID's own sentence is shown."""
    said = str(error)
    if _UNREACHED.search(said):
        return UpstreamError(
            "Entra ID can't be reached; check the network, HTTPS_PROXY and network.ca_file.",
            status=503,
            code="token_endpoint_unreachable",
        )
    refused = _REFUSED.search(said)
    if refused is not None:
        text = (
            f"Entra ID does not accept the login for {who}; run `az login`, or check AZURE_TENANT_ID, "
            f"AZURE_CLIENT_ID and AZURE_CLIENT_SECRET. ({redact(refused[0])})"
        )
    elif isinstance(error, ValueError):  # a variable of azure-identity's has an impossible value
        text = f"The settings of Entra ID in the environment can't be used; correct them. ({redact(said)[:300]})"
    else:
        text = (
            f"There is no login of Entra ID for {who}; run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and "
            "AZURE_CLIENT_SECRET."
        )
    return Unauthorized(text, code="credential_refused")
