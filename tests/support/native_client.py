"""Anthropic's own SDK as a client of the proxy's native route, and the requests that its tests have in common."""

from __future__ import annotations

import base64
from typing import Any

import anthropic

from tests.support import sites
from tests.support.claude_rules import VERTEX_VERSION, message_of
from tests.support.fake_vertex import recorded
from tests.support.proxy import NO_TLS, Proxy

OLD, NEW, BOUND = "claude-haiku-4-5", "claude-opus-4-8", "claude-opus-5-5"
HELLO = {"role": "user", "content": "Say hello."}
ASK: dict[str, Any] = {"model": OLD, "max_tokens": 100, "messages": [HELLO]}
SAID = message_of(recorded("basic_response.txt"))
BASES = ["/proxy/gcp/claude", "/proxy/gcp/claude/", ""]
TOOLS = [
    {"name": name, "description": "Asks.", "input_schema": {"type": "object", "properties": {"city": {}}}}
    for name in ("get_weather", "get_time")
]
PNG = base64.b64encode(sites.PNG).decode()


def options(proxy: Proxy, base: str) -> dict[str, Any]:
    return {"base_url": f"http://127.0.0.1:{proxy.port}{base}", "api_key": "any", "max_retries": 0}


def sdk(proxy: Proxy, base: str = "/proxy/gcp/claude", **more: Any) -> anthropic.Anthropic:
    """It tries once unless told otherwise."""
    http_client = anthropic.DefaultHttpxClient(trust_env=False, verify=NO_TLS)
    return anthropic.Anthropic(**options(proxy, base) | {"http_client": http_client} | more)


def async_sdk(proxy: Proxy, base: str = "/proxy/gcp/claude", **more: Any) -> anthropic.AsyncAnthropic:
    http_client = anthropic.DefaultAsyncHttpxClient(trust_env=False, verify=NO_TLS)
    return anthropic.AsyncAnthropic(**options(proxy, base) | {"http_client": http_client} | more)


def given(value: Any) -> Any:
    """JSON without what is null: the SDK adds such fields to a stream's message."""
    if isinstance(value, list):
        return [given(item) for item in value]
    if isinstance(value, dict):
        return {key: given(item) for key, item in value.items() if item is not None}
    return value


def plain(message: anthropic.types.Message) -> Any:
    """What the SDK read, as the cloud would write it."""
    return given(message.model_dump(mode="json", exclude_unset=True, warnings=False))


def ask(client: Any, how: str, request: dict[str, Any], vertex: bool = False) -> None:
    """`vertex`: as that client's user writes it, with the version that the cloud has known longest."""
    request = ASK | request
    extra = request.pop("extra_body", {})
    if vertex:
        extra = {"anthropic_version": VERTEX_VERSION, **extra}
        request["model"] = {OLD: f"{OLD}@20251001"}.get(request["model"], request["model"])
    match how:
        case "whole":
            client.create(**request, extra_body=extra)
        case "streamed":
            with client.stream(**request, extra_body=extra) as stream:
                stream.until_done()
        case "counted":
            unknown = ("max_tokens", "stop_sequences", "metadata")
            extra = {key: value for key, value in extra.items() if key == "anthropic_version"}
            request = {key: value for key, value in request.items() if key not in unknown}
            client.count_tokens(**request, extra_body=extra)
