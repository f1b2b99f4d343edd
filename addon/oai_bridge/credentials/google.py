"""Google's access tokens: minted by google-auth in a thread, once for all who wait, and ahead of their expiry."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

import google.auth
import google.auth.exceptions
import google.auth.transport.requests
import requests
from google.oauth2 import service_account

from ..errors import BridgeError, Unauthorized, UpstreamError
from ..plain.redaction import redact
from ..settings.values import AmbientLogin, CredentialFile, GoogleAccount, ServiceAccount
from .base import Access, ForModels, Outbound
from .minting import Minted

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_TIMEOUT = 20.0  # seconds for one call of the token endpoint
_UNKNOWN_LIFE = 1800.0  # seconds a token is used where its expiry isn't told


@dataclass(frozen=True, slots=True)
class GoogleAccess:
    """A project in one region, and the token that lets requests in."""

    project: str
    region: str
    token: str = field(repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.token,)

    def headers(self, outbound: Outbound) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.token}"}


class GoogleCredential(ForModels):
    """The token of one account. Belongs to one event loop; `session` makes the HTTP session for the token endpoint
    (proxy and CA are its business), `clock` gives Unix seconds."""

    def __init__(
        self, account: GoogleAccount, session: Callable[[], requests.Session], clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(account.models)
        self._account = account
        self._session = session
        self._clock = clock
        self._minted = Minted(self._mint, clock)

    def beside(self, account: GoogleAccount) -> GoogleCredential | None:
        """The credential for the same payer's `account` in another region, by the same token; `None` if it is somebody
        else's."""
        mine = self._account
        if (account.project, account.source) != (mine.project, mine.source):
            return None
        other = GoogleCredential(account, self._session, self._clock)
        other._minted = self._minted
        return other

    @property
    def label(self) -> str:
        return self._account.label

    @property
    def place(self) -> str:
        return f"Vertex AI in {self._account.region}"

    @property
    def rank(self) -> int:
        return self._account.rank

    async def access(self) -> GoogleAccess:
        project, token = await self._minted.get()
        return GoogleAccess(project, self._account.region, token)

    def refuse(self, access: Access) -> bool:
        assert isinstance(access, GoogleAccess)
        self._minted.refuse((access.project, access.token))
        return True

    def _mint(self) -> tuple[tuple[str, str], float]:
        """Blocking; the project and a token for it. The credential is read anew each time, so that a new login is
        noticed without a restart."""
        try:
            with self._session() as session:
                request = functools.partial(google.auth.transport.requests.Request(session), timeout=_TIMEOUT)
                credentials, named = _load(self._account, request)
                credentials.refresh(request)
        except (google.auth.exceptions.GoogleAuthError, ValueError, TypeError, OSError) as error:
            raise _explained(error, self._account) from None
        project = self._account.project or named
        if not project:
            raise Unauthorized(
                "The Google credential names no project; set ANTHROPIC_VERTEX_PROJECT_ID or `project` in config.yaml.",
                code="no_project",
            )
        expiry = credentials.expiry  # naive, in UTC
        lasts_until = expiry.replace(tzinfo=UTC).timestamp() if expiry else self._clock() + _UNKNOWN_LIFE
        return (project, credentials.token), lasts_until


def _load(account: GoogleAccount, request: Any) -> tuple[Any, str | None]:
    """google-auth's credentials (untyped there) and the project they name."""
    match account.source:
        case ServiceAccount(info=info):
            made = service_account.Credentials.from_service_account_info(info, scopes=_SCOPES)
            return made, info.get("project_id")
        case CredentialFile(path=path):
            made, project = google.auth.load_credentials_from_file(path, scopes=_SCOPES, request=request)
            return made, project
        case AmbientLogin():
            made, project = google.auth.default(scopes=_SCOPES, request=request)
            return made, project


def _explained(error: Exception, account: GoogleAccount) -> BridgeError:
    """What a failed mint means to the user. google-auth's texts name keys by their path at most; tokens are cut out."""
    said = redact(str(error.args[0] if error.args else error))[:300].rstrip(". ")
    login = "run `gcloud auth application-default login`"
    match error:
        case google.auth.exceptions.TransportError():
            return UpstreamError(
                "Google's token endpoint can't be reached; check the network, HTTPS_PROXY and network.ca_file. "
                f"({said})",
                status=503,
                code="token_endpoint_unreachable",
            )
        case google.auth.exceptions.DefaultCredentialsError():
            remedy = login if isinstance(account.source, AmbientLogin) else "check the file and its path"
            text = f"The Google credential can't be loaded; {remedy}. ({said})"
        case google.auth.exceptions.RefreshError() | TypeError() if _is_page(error, said):
            return UpstreamError(
                "A web page came where Google's token endpoint should be; check whether the network asks for a login, "
                "and HTTPS_PROXY.",
                status=503,
                code="token_endpoint_failed",
            )
        case google.auth.exceptions.RefreshError() if error.retryable:
            return UpstreamError(
                f"Google's token endpoint is in trouble; try again. ({said})", status=503, code="token_endpoint_failed"
            )
        case google.auth.exceptions.RefreshError():
            remedy = "check this machine's clock, or put a new key in its place"
            if isinstance(account.source, AmbientLogin):
                remedy = login
            text = f"Google does not accept the credential {account.label}; {remedy}. ({said})"
        case _:
            text = f"The Google credential {account.label} can't be used; check its file or create a new key. ({said})"
    return Unauthorized(text, code="credential_refused")


def _is_page(error: Exception, said: str) -> bool:
    """Whether something in between answered: google-auth tells a page's text, or trips over one with status 200."""
    return isinstance(error, TypeError) or said.lstrip().startswith("<")
