"""Google's access tokens: minted by google-auth in a thread, once for all who wait, and ahead of their expiry."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from datetime import UTC
from typing import Any

import google.auth
import google.auth.exceptions
import google.auth.transport.requests
import requests
from google.oauth2 import service_account

from ..errors import BridgeError, Unauthorized, UpstreamError
from ..redaction import redact
from ..settings import AmbientLogin, CredentialFile, GoogleAccount, ServiceAccount
from ..threads import in_thread
from .base import Access

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_REFRESH_AHEAD = 300.0  # seconds before the expiry: tokens live an hour
_TIMEOUT = 20.0  # seconds for one call of the token endpoint
_UNKNOWN_LIFE = 1800.0  # seconds a token is used where its expiry isn't told


class GoogleCredential:
    """The token of one account. Belongs to one event loop; `session` makes the HTTP session for the token endpoint
    (proxy and CA are its business), `clock` gives Unix seconds."""

    def __init__(
        self, account: GoogleAccount, session: Callable[[], requests.Session], clock: Callable[[], float] = time.time
    ) -> None:
        self._account = account
        self._session = session
        self._clock = clock
        self._named_project: str | None = None  # by the credential itself, known when it is loaded
        self._token: str | None = None
        self._expiry = 0.0
        self._minting: asyncio.Task[str] | None = None

    @property
    def label(self) -> str:
        return self._account.label

    @property
    def region(self) -> str:
        return self._account.region

    async def access(self) -> Access:
        token = await self._fresh_token()
        project = self._account.project or self._named_project
        if project:
            return Access(project, self.region, token)
        raise Unauthorized(
            "The Google credential names no project; set ANTHROPIC_VERTEX_PROJECT_ID or `project` in config.yaml.",
            code="no_project",
        )

    def refuse(self, access: Access) -> None:
        if access.token == self._token:
            self._token = None

    async def _fresh_token(self) -> str:
        left = self._expiry - self._clock()
        if self._token is None or left <= 0:
            # Shielded: when one of those who wait hangs up, the others still get their token.
            return await asyncio.shield(self._mint())
        if left < _REFRESH_AHEAD:
            self._mint()
        return self._token

    def _mint(self) -> asyncio.Task[str]:
        if self._minting is None:
            self._minting = asyncio.create_task(self._refresh())
            self._minting.add_done_callback(self._minted)
        return self._minting

    def _minted(self, task: asyncio.Task[str]) -> None:
        self._minting = None
        if not task.cancelled():
            task.exception()  # seen: who waits gets it; a refresh ahead of time simply comes again

    async def _refresh(self) -> str:
        self._named_project, token, self._expiry = await in_thread(self._ask)
        self._token = token
        return token

    def _ask(self) -> tuple[str | None, str, float]:
        """Blocking. The credential is read anew each time, so that a new login is noticed without a restart."""
        try:
            with self._session() as session:
                request = functools.partial(google.auth.transport.requests.Request(session), timeout=_TIMEOUT)
                credentials, project = _load(self._account, request)
                credentials.refresh(request)
        except (google.auth.exceptions.GoogleAuthError, ValueError, TypeError, OSError) as error:
            raise _explained(error, self._account) from None
        expiry = credentials.expiry  # naive, in UTC
        lasts_until = expiry.replace(tzinfo=UTC).timestamp() if expiry else self._clock() + _UNKNOWN_LIFE
        return project, credentials.token, lasts_until


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
