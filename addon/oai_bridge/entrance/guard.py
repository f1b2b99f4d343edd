"""May this caller spend money? Host, Origin, Fetch Metadata, client key, and the outer form of the body."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..errors import (
    Forbidden,
    InvalidRequest,
    MethodNotAllowed,
    Misdirected,
    TooLarge,
    Unauthorized,
    UnsupportedMedia,
    WrongKey,
)
from ..pages import wants_html
from ..settings.clients import LOCAL
from ..settings.values import Config
from .authority import authority_of, entry_of, is_address, is_local, is_same_origin
from .strangers import address_of, hints_of, is_from_afar

_METHODS = ("GET", "HEAD", "POST")
_OPEN_PATHS = frozenset({"/health", "/health/readiness", "/status/page.js", "/status/page.css"})
"""A container's probe can't carry a key, nor can a browser that opens a page; they learn nothing here."""
_OPEN_PAGE = "/"  # for browsers, whose page asks for the key; what programs get there is kept from strangers
_ENCODINGS = frozenset({"identity", "gzip", "deflate"})
_KEYS = 2  # of one request, as some clients send theirs in both headers; more would be as many guesses at once
_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"}
)


@dataclass(frozen=True, slots=True)
class Caller:
    """What a request tells about who sends it; `None` where a header is absent.

    A header that came several times stands here with its values joined by a comma, so that it can't pass for one.
    `content_length` is in bytes, `None` also where it is malformed. `keys` are the client keys that were shown.
    `peer` is the address that it came from, `forwarded` are those that a proxy before this one tells of, `hints` those
    in headers of another name. `preflight`: a browser asks for leave before it sends the request itself.
    """

    method: str
    path: str
    host: str | None
    origin: str | None
    sec_fetch_site: str | None
    sec_fetch_mode: str | None
    sec_fetch_dest: str | None
    accept: str | None
    content_type: str | None
    content_encoding: str | None
    content_length: int | None
    keys: tuple[str, ...] = field(repr=False)
    peer: str
    forwarded: tuple[str, ...]
    hints: tuple[str, ...]
    preflight: bool


@dataclass(frozen=True, slots=True)
class Admission:
    """Leave to go on, for the client of that name; or only to be told that it may, where a browser has asked first."""

    client: str = LOCAL
    preflight: bool = False


def caller_from(
    method: str, path: str, headers: Iterable[tuple[str, str]], authority: str = "", peer: str = ""
) -> Caller:
    """Reads a request's headers. `authority` is the host that an absolute request target or HTTP/2's `:authority`
    names: where it differs from the Host header, neither is believed."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(value.strip(" \t"))
    if authority and authority.lower() not in [host.lower() for host in values.get("host", [])]:
        values.setdefault("host", []).append(authority)

    def one(name: str) -> str | None:
        return ", ".join(values[name]) if name in values else None

    length = one("content-length")
    shown = [_bearer(value) for value in values.get("authorization", [])] + values.get("x-api-key", [])
    return Caller(
        method=method,
        path=path,
        host=one("host"),
        origin=one("origin"),
        sec_fetch_site=one("sec-fetch-site"),
        sec_fetch_mode=one("sec-fetch-mode"),
        sec_fetch_dest=one("sec-fetch-dest"),
        accept=one("accept"),
        content_type=one("content-type"),
        content_encoding=one("content-encoding"),
        # Cut to 20 digits: Python refuses to read thousands, and any number that long is over the limit.
        content_length=int(length.lstrip("0")[:20] or "0") if length and re.fullmatch("[0-9]+", length) else None,
        keys=tuple(key for key in shown if key)[:_KEYS],
        peer=peer,
        forwarded=tuple(part for part in ",".join(values.get("x-forwarded-for", [])).split(",") if part.strip()),
        hints=hints_of(values),
        preflight=method == "OPTIONS" and "access-control-request-method" in values,
    )


def masked(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers that hold a secret, by their names as sent, each with the value to show in its place."""
    shown = {}
    for name, value in headers:
        if name.strip().lower() in _SECRET_HEADERS:  # "name :" is refused, but shown
            token = _bearer(value)
            if token:
                shown[name] = "Bearer ***"
            elif token is None and value.strip():
                shown[name] = "***"
    return shown


class Guard:
    """The rules for one configuration and the addresses that are listened on (`listen_hosts`: names or addresses
    without port; an empty one means all interfaces)."""

    def __init__(self, config: Config, listen_hosts: Sequence[str]) -> None:
        listened = [entry_of(host) for host in listen_hosts]
        self._names = frozenset(name for name in [*listened, *map(entry_of, config.allowed_hosts)] if name)
        # No web page can make a browser believe that an IP address is its own, so any is fine where any may be ours.
        self._any_address = any(name is None or not is_local(name) for name in listened)
        self._clients = tuple((_digest(client.key), client.name) for client in config.clients)
        self._origins = frozenset(config.allowed_origins)
        self._trusted = config.trusted_proxies
        self._max_body = config.max_body

    def listed_origin(self, caller: Caller) -> str | None:
        """The origin of a web page that the settings let in, as it is to be told in the answer; else `None`."""
        return caller.origin if (caller.origin or "").lower() in self._origins else None

    def address(self, caller: Caller) -> str:
        """Where the request really comes from."""
        return address_of(caller.peer, caller.forwarded, self._trusted)

    def check(self, caller: Caller) -> Admission:
        """Returns if the request may go on; otherwise raises the `BridgeError` that says why not."""
        name, port = self._check_host(caller)
        if self.listed_origin(caller) is None:
            _check_browser(caller, name, port)
        elif caller.preflight:
            return Admission(preflight=True)
        if caller.method not in _METHODS:
            raise MethodNotAllowed(_METHODS)
        client = self._check_key(caller)
        if caller.method == "POST":
            _check_body_form(caller)
        if caller.content_length is not None and caller.content_length > self._max_body:
            raise TooLarge(self._max_body)
        return Admission(client)

    def _check_host(self, caller: Caller) -> tuple[str, int | None]:
        authority = authority_of(caller.host) if caller.host else None
        if authority is None:
            raise InvalidRequest(
                "The request needs one Host header with a plain host name or address; correct the base URL.",
                code="invalid_host",
            )
        name, _ = authority
        if not (is_local(name) or name in self._names or (self._any_address and is_address(name))):
            raise Misdirected(
                f"The host name {name} is not one of this proxy's. "
                "If you reach it by that name, add it to server.allowed_hosts in config.yaml; if you have set it as a "
                "client's HTTP proxy, set it as the base URL instead."
            )
        return authority

    def _check_key(self, caller: Caller) -> str:
        if _path(caller) in _OPEN_PATHS:
            return LOCAL
        if not self._clients:
            if is_from_afar((*caller.forwarded, *caller.hints)):
                raise Forbidden(
                    "This request came from another machine through a proxy or tunnel, and without a client key "
                    "anybody there could spend your money. Set a PROXY_KEY, and put it into the client's API key "
                    "field.",
                    code="forwarded_without_key",
                )
            return LOCAL
        if _path(caller) == _OPEN_PAGE and wants_html(caller.accept):
            return LOCAL
        right = None
        for shown in map(_digest, caller.keys):
            for key, name in self._clients:  # all, so that time tells nothing about which one came near
                right = name if hmac.compare_digest(shown, key) else right
        if right is None:
            what = "The client key is wrong" if caller.keys else "This proxy asks for a client key"
            raise (WrongKey if caller.keys else Unauthorized)(
                f"{what}. Put a key from server.client_keys (or PROXY_KEY) into the client's API key field, "
                f"in SillyTavern 'Custom API Key'."
            )
        return right


def _check_browser(caller: Caller, name: str, port: int | None) -> None:
    """Refuses what a web page of another origin sends; programs send neither header."""
    if caller.origin is not None and not is_same_origin(caller.origin, name, port):
        raise Forbidden(
            "A web page of another origin may not use this proxy, since it could spend your money. Use a program, or a "
            "client that connects from its server as SillyTavern does; list a web client of yours in "
            "server.allowed_origins in config.yaml.",
            code="foreign_origin",
        )
    # Anything unknown counts as foreign: only these two values say that no other site had a part in the request.
    if caller.sec_fetch_site is None or caller.sec_fetch_site.lower() in {"same-origin", "none"}:
        return
    opened_from_link = (
        caller.method == "GET"
        and _path(caller) == "/"
        and (caller.sec_fetch_mode or "").lower() == "navigate"
        and (caller.sec_fetch_dest or "").lower() == "document"
        and caller.origin is None
    )
    if not opened_from_link:
        raise Forbidden(
            "A web page of another site may not use this proxy, since it could spend your money. "
            "Type the address into the browser yourself, or use a program.",
            code="cross_site",
        )


def _check_body_form(caller: Caller) -> None:
    if (caller.content_type or "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMedia("The body must be JSON. Send it with the header 'Content-Type: application/json'.")
    if caller.content_encoding and caller.content_encoding.lower() not in _ENCODINGS:
        raise UnsupportedMedia("This Content-Encoding is not understood. Send the body plain, or as gzip or deflate.")


def _path(caller: Caller) -> str:
    return caller.path.partition("?")[0]


def _bearer(value: str) -> str | None:
    """The token of a Bearer credential, empty if there is none; `None` if it is not of the Bearer scheme."""
    scheme, _, token = value.strip().replace("\t", " ").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _digest(key: str) -> bytes:
    # Digests have one length, which compare_digest needs to be silent about it. Header text may hold half surrogates.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
