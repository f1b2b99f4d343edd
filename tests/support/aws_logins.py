"""AWS's logins without AWS: a home folder of its own, and SSO, STS and the instance's metadata on a local server."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs

import botocore.credentials
import botocore.tokens
import pytest

CANARY = "canaryCANARYcanaryCANARYcanaryCANARY1234"
"""As long as a secret key of AWS; no error may show it."""

Reply = tuple[int, str, str]
"""Status, content type, body."""


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def role_of_sso(name: str, life: float = 3600, *, secret: str = CANARY, token: str | None = None) -> Reply:
    """What SSO's portal gives for a role."""
    ends = int((datetime.now(UTC) + timedelta(seconds=life)).timestamp() * 1000)
    keys = {"accessKeyId": name, "secretAccessKey": secret, "sessionToken": token or f"token-{name}"}
    return 200, "application/json", json.dumps({"roleCredentials": keys | {"expiration": ends}})


def role_of_sts(name: str, action: str = "AssumeRole", life: float = 3600) -> Reply:
    """What STS gives for a role."""
    keys = f"<AccessKeyId>{name}</AccessKeyId><SecretAccessKey>{CANARY}</SecretAccessKey>"
    keys += f"<SessionToken>token-{name}</SessionToken><Expiration>{in_seconds(life)}</Expiration>"
    body = f"<{action}Result><Credentials>{keys}</Credentials></{action}Result>"
    start = f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
    return 200, "text/xml", f"{start}{body}</{action}Response>"


def refusal_of_sts(code: str, message: str, status: int = 403) -> Reply:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    start = '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
    return status, "text/xml", f"{start}{error}<RequestId>r</RequestId></ErrorResponse>"


def sign_in(cache: Path, cached_as: str, life: float, **more: object) -> None:
    """What `aws sso login` leaves; it is cached by the name of the session, or by the start URL."""
    token = {"accessToken": f"sso-{CANARY}", "expiresAt": in_seconds(life), "region": "us-east-1", **more}
    file = hashlib.sha1(cached_as.encode()).hexdigest()
    (cache / f"{file}.json").write_text(json.dumps(token))


class LoginServer:
    """Answers every request as `reply(path, form)` says; `form` has the fields of a body, each once."""

    def __init__(self, reply: Callable[[str, dict[str, str]], Reply]) -> None:
        self.reply = reply
        self.paths: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                outer.paths.append(self.path)
                outer.forms.append(form)
                outer.headers.append({name.lower(): value for name, value in self.headers.items()})
                status, kind, text = outer.reply(self.path, form)
                self.send_response(status)
                self.send_header("content-type", kind)
                if status == 302:
                    self.send_header("location", "/elsewhere")
                self.send_header("content-length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            do_POST = do_PUT = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.01), daemon=True)

    def __enter__(self) -> LoginServer:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class AwsHome:
    """A home folder without any login, and an environment without AWS's variables and proxies."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._patch = patch
        for name in tuple(os.environ):
            if name.startswith("AWS_") or name.lower().endswith("_proxy"):
                patch.delenv(name)
        self.sso_cache = folder / "sso"
        self.sso_cache.mkdir()
        for owner in (botocore.credentials.SSOProvider, botocore.tokens.SSOTokenProvider):
            patch.setattr(owner, "_SSO_TOKEN_CACHE_DIR", str(self.sso_cache))
        self.environment(
            HOME=folder,
            AWS_CONFIG_FILE=folder / "config",
            AWS_SHARED_CREDENTIALS_FILE=folder / "credentials",
            AWS_LOGIN_CACHE_DIRECTORY=folder / "login",
            AWS_EC2_METADATA_DISABLED="true",
            BOTO_CONFIG=folder / "boto",
        )

    def environment(self, **variables: object) -> None:
        for name, value in variables.items():
            self._patch.setenv(name, str(value))

    def config(self, text: str) -> None:
        (self.folder / "config").write_text(text)

    def sign_in(self, cached_as: str, life: float, **more: object) -> None:
        sign_in(self.sso_cache, cached_as, life, **more)
