"""What lets requests in at AWS: a signature (by botocore) over exactly these bytes, or a Bedrock API key.

botocore is imported when the first credential that needs it is used, in a thread: it takes a good part of a second.
"""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import requests

from ..settings.values import AwsAccount, AwsApiKey, AwsKeys, AwsLogin
from . import aws_login
from .base import Access, ForModels, Outbound
from .minting import Minted

_SERVICE = "bedrock"
_REWRITTEN = "accept-encoding"  # by companies' proxies on the way: signed, it would spoil each signature


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """Signs with the keys, which may be a login's for an hour, or sends the API key. `clock` gives Unix seconds."""

    region: str
    keys: AwsKeys | AwsApiKey
    clock: Callable[[], float] = field(default=time.time, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        keys = self.keys
        if isinstance(keys, AwsApiKey):
            return (keys.key,)
        return (keys.secret,) if keys.session_token is None else (keys.secret, keys.session_token)

    def headers(self, outbound: Outbound) -> Mapping[str, str]:
        match self.keys:
            case AwsApiKey(key=key):
                return {"authorization": f"Bearer {key}"}
            case AwsKeys():
                return _signed(outbound, self.keys, self.region, self.clock())


class AwsCredential(ForModels):
    """One account on Bedrock. Belongs to one event loop; `session` makes the HTTP session for AWS's login services
    (proxy and CA are its business), `clock` gives Unix seconds."""

    def __init__(
        self, account: AwsAccount, session: Callable[[], requests.Session], clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(account.models)
        self._account = account
        self._session = session
        self._clock = clock
        self._minted = Minted(self._load, clock)

    @property
    def label(self) -> str:
        return self._account.label

    @property
    def place(self) -> str:
        return f"Bedrock in {self._account.region or self._account.label}"

    @property
    def rank(self) -> int:
        return self._account.rank

    async def access(self) -> AwsAccess:
        return await self._minted.get()

    def refuse(self, access: Access) -> bool:
        self._minted.refuse(access)
        return isinstance(self._account.source, AwsLogin)

    def _load(self) -> tuple[AwsAccess, float]:
        """Blocking. The access, and until when it lasts in Unix seconds."""
        region = self._account.region
        match self._account.source:
            case AwsLogin() as login:
                keys, region, expiry = aws_login.load(login, region, self._session)
                return AwsAccess(region, keys, self._clock), expiry
            case AwsKeys() | AwsApiKey() as given:
                if region is None:
                    raise aws_login.no_region(given.label)
                if isinstance(given, AwsKeys):
                    for module in ("botocore.auth", "botocore.credentials"):
                        importlib.import_module(module)  # in this thread, not when the first request is signed
                return AwsAccess(region, given, self._clock), math.inf


def _signed(outbound: Outbound, keys: AwsKeys, region: str, now: float) -> dict[str, str]:
    """The headers of Signature Version 4. By the steps of botocore's `SigV4Auth` instead of its `add_auth`, which
    takes the time from the machine and logs what it signs, the session token with it.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import ReadOnlyCredentials

    added = {"x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))}
    if keys.session_token is not None:
        added["x-amz-security-token"] = keys.session_token
    covered = {name: value for name, value in outbound.headers.items() if name.lower() != _REWRITTEN}
    request = AWSRequest(outbound.method, outbound.url, {**covered, **added}, outbound.body)
    request.context["timestamp"] = added["x-amz-date"]
    signer = SigV4Auth(
        ReadOnlyCredentials(keys.key_id, keys.secret, keys.session_token), outbound.service or _SERVICE, region
    )
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signed = signer.signed_headers(signer.headers_to_sign(request))
    signature = signer.signature(text, request)
    added["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={signed}, Signature={signature}"
    )
    return added
