"""AWS's own logins by botocore: environment, profiles, SSO, roles, processes, containers, the instance itself."""

from __future__ import annotations

import functools
import math
import os
import re
import shlex
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import requests

from ..errors import BridgeError, Unauthorized, UpstreamError
from ..plain.redaction import redact
from ..settings.values import AwsKeys, AwsLogin

if TYPE_CHECKING:
    from botocore.session import Session

_TIMEOUT = 20.0  # seconds for one call of SSO or STS
_LONG = re.compile(r"[\w+/=-]{40,}")  # as long as a secret key, or longer, as tokens are


def load(login: AwsLogin, region: str | None, session: Callable[[], requests.Session]) -> tuple[AwsKeys, str, float]:
    """Blocking. The login's keys, the region, and until when they last in Unix seconds. Raises `BridgeError`.

    All is read anew each time: botocore's files and caches, so that a new login is noticed without a restart.
    """
    from botocore.exceptions import NoCredentialsError
    from botocore.session import Session
    from botocore.utils import validate_region_name

    aws = Session(profile=login.profile)
    try:
        # AWS_REGION is what all of AWS's tools read but botocore, which knows AWS_DEFAULT_REGION and the profile's.
        region = region or os.environ.get("AWS_REGION") or aws.get_config_variable("region")
        if region is None:
            raise no_region(login.label)
        validate_region_name(region)
        aws.set_config_variable("region", region)  # where a role is asked for
        aws.register("before-send", functools.partial(_send, session))
        chain = aws.get_component("credential_provider")
        if login.profile is not None:
            chain.remove("iam-role")  # who names a profile doesn't mean the machine's own role
        # botocore has no other way to say that nobody is there to type an MFA code.
        chain.get_provider("assume-role")._prompter = _no_code
        found = chain.load_credentials()
        if found is None:
            raise NoCredentialsError()
        keys = found.get_frozen_credentials()
    except Exception as error:  # botocore trips over odd files and answers with any exception that Python has
        raise _explained(error, login, aws) from None
    ends = getattr(found, "_expiry_time", None)  # as AWS's own command line reads it: nothing public tells it
    return AwsKeys(keys.access_key, keys.secret_key, keys.token or None), region, ends.timestamp() if ends else math.inf


def no_region(who: str) -> Unauthorized:
    return Unauthorized(
        f"The region of Bedrock is not known for {who}; set AWS_REGION, or `region` in config.yaml.", code="no_region"
    )


def _send(session: Callable[[], requests.Session], request: Any, **event: Any) -> Any:
    """Answers botocore's `before-send`: our session makes its calls of SSO and STS, so that proxies and CA are those
    of the rest of this program."""
    from botocore.awsrequest import AWSResponse

    with session() as http:
        answer = http.request(
            request.method,
            request.url,
            headers=dict(request.headers.items()),
            data=request.body,
            timeout=_TIMEOUT,
            allow_redirects=False,
        )
    if answer.headers.get("content-type", "").startswith("text/html"):
        raise UpstreamError(
            "A web page came where AWS's login service should be; check whether the network asks for a login, "
            "and HTTPS_PROXY.",
            status=503,
            code="token_endpoint_failed",
        )
    body = SimpleNamespace(stream=lambda: [answer.content])
    return AWSResponse(request.url, answer.status_code, answer.headers, body)


def _no_code(prompt: str) -> str:
    from botocore.exceptions import RefreshWithMFAUnsupportedError

    raise RefreshWithMFAUnsupportedError()


def _explained(error: Exception, login: AwsLogin, aws: Session) -> BridgeError:
    """What a failed login means to the user."""
    from botocore import exceptions as told
    from botocore.parsers import ResponseParserError

    who, said = login.label, _said(error)
    match error:
        case BridgeError():
            return error
        case told.ProfileNotFound():
            text = (
                f"There is no AWS profile {aws.profile}; correct its name in config.yaml or AWS_PROFILE: "
                "`aws configure list-profiles` shows those that there are."
            )
        case told.NoCredentialsError():
            option = _option(aws.profile)
            text = f"No AWS credentials are found ({who}); run `aws configure{option}` or `aws configure sso{option}`."
        case told.SSOError() | told.TokenRetrievalError():
            text = f"The AWS login for {who} is missing or has expired; run `aws sso login{_option(_source(aws))}`."
        case told.LoginError():
            text = f"The AWS login for {who} is missing or has ended; run `aws login{_option(_source(aws))}`."
        case told.MissingDependencyException():
            text = "A login by `aws login` needs one more package; run `pip install 'botocore[crt]'` and start again."
        case told.RefreshWithMFAUnsupportedError():
            text = (
                f"An MFA code is asked for {who}, and nobody can type it here; use a profile without mfa_serial, "
                f"or temporary keys from `aws configure export-credentials{_option(aws.profile)}`."
            )
        case told.CredentialRetrievalError(kwargs={"provider": "custom-process"}):
            # Its words are what the process wrote to its standard error: whatever that may be.
            text = (
                f"The AWS credentials for {who} can't be fetched; run the profile's `credential_process` in a terminal "
                "to see why."
            )
        case told.CredentialRetrievalError() | told.MetadataRetrievalError():
            text = f"The AWS credentials for {who} can't be fetched; check the program that gives them. ({said})"
        case told.ClientError() | ResponseParserError() if _may_pass(error):
            return UpstreamError(
                f"AWS's login service is in trouble; try again. ({said})", status=503, code="token_endpoint_failed"
            )
        case told.ClientError():
            text = f"AWS refuses the login for {who}; check its role, its keys and this machine's clock. ({said})"
        case told.HTTPClientError() | told.ConnectionError() | requests.RequestException():
            return UpstreamError(
                f"AWS's login service can't be reached; check the network, HTTPS_PROXY and network.ca_file. ({said})",
                status=503,
                code="token_endpoint_unreachable",
            )
        case _:  # PartialCredentialsError, InvalidConfigError, InfiniteLoopConfigError, ConfigParseError …
            text = f"The AWS credentials for {who} can't be used; check ~/.aws/config and what it names. ({said})"
    return Unauthorized(text, code="credential_refused")


def _said(error: Exception) -> str:
    """Its own words, without what may be a secret: they may quote a program, or the token that a signature was for."""
    text = redact(next(iter(str(error).splitlines()), ""))
    if not isinstance(error, OSError):  # whose words are names of files and hosts
        text = _LONG.sub("***", text)
    return text[:300].rstrip(". ")


def _may_pass(error: Exception) -> bool:
    """Whether AWS's answer is about its own state, an error of its own or too many requests, or can't be read."""
    response = getattr(error, "response", None)
    if response is None:
        return True
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status == 429 or status >= 500 or "Throttl" in response.get("Error", {}).get("Code", "")


def _source(aws: Session) -> str | None:
    """The profile that a user signs in with: a role's is the one at the end of its `source_profile`s."""
    profiles = aws.full_config["profiles"]
    name: str | None = aws.profile
    passed = set()
    while name not in passed and (source := profiles.get(name or "default", {}).get("source_profile")):
        passed.add(name)
        name = source
    return name


def _option(profile: str | None) -> str:
    return f" --profile {shlex.quote(profile)}" if profile else ""
