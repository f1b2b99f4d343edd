"""Fuzz targets for the clouds' errors: any body becomes one error, in OpenAI's and in Anthropic's words."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

from oai_bridge.backends.base import Backend
from oai_bridge.errors import BridgeError
from oai_bridge.pages import anthropic_error_page, error_page
from oai_bridge.settings.values import Claude
from tests.support.case_backends import KINDS
from tests.support.cases import ALL
from tests.support.fuzz_targets import TRANSLATOR, Target

_HEADER = re.compile(r"[ -~]*")


def check(backend: Backend[Any, Any], data: bytes) -> None:
    status, headers, body = parted(data)
    error = backend.error(status, headers, body, "claude-opus-4-8", "us-east-1")
    assert isinstance(error, BridgeError)
    assert 400 <= error.status <= 599 and error.message.strip()
    for make in (error_page, anthropic_error_page):
        page = make(error, "req_test")
        assert 400 <= page.status <= 599
        for name, value in page.headers:
            assert _HEADER.fullmatch(name) and _HEADER.fullmatch(value), (name, value)
        told = json.loads(page.body)["error"]
        assert told["message"] and told["type"] and _HEADER.fullmatch(told["type"])


def parted(data: bytes) -> tuple[int, dict[str, str], bytes]:
    """The answer that a case's `cloud_error.json` describes; any other input is a body alone."""
    try:
        given = json.loads(data)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict) or "body" not in given:
        return 400 + len(data) % 200, {}, data
    status, headers, body = given.get("status"), given.get("headers"), given["body"]
    return (
        status if type(status) is int and 400 <= status <= 599 else 500,
        {name: value for name, value in headers.items() if isinstance(value, str)} if isinstance(headers, dict) else {},
        (body if isinstance(body, str) else json.dumps(body)).encode("utf-8", "surrogatepass"),
    )


def _errors(kind: str) -> list[bytes]:
    files = [case.folder / "cloud_error.json" for case in ALL if case.folder.parent.name == kind]
    return [file.read_bytes() for file in files if file.exists()]


def _target(kind: str) -> Target:
    return Target(
        f"error_{kind}", "json", lambda: _errors(kind), partial(check, KINDS[kind].make({}, Claude())), TRANSLATOR
    )


TARGETS = tuple(map(_target, ("vertex", "bedrock", "converse", "foundry", "azure", "gemini", "bedrock_openai")))
