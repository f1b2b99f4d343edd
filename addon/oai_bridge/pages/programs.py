"""The answers for programs: errors, models, status, SillyTavern's test message."""

from __future__ import annotations

import difflib
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..errors import BridgeError, NotFound
from ..models.catalog import Catalog, ModelFacts
from ..routing import claude_base
from ..settings import Config
from .page import Page, Snapshot, json_page, make_page, short

_REASON_LIMIT = 300  # characters
_TEST_MESSAGES = [{"role": "user", "content": "Hi"}]
_TEST_REPLY = (
    "The proxy works. This test message did not go to the API, so it cost nothing; "
    "send a real message to try the model itself. 代理已连通：测试消息没有发送到 API，不产生费用。"
)


def error_page(error: BridgeError, request_id: str) -> Page:
    """OpenAI's error object, with the headers that tell an SDK whether to try again. `request_id` is ours; the
    cloud's own, where it gave one, stands in `x-bridge-upstream-request-id`."""
    told = {key: encodable(value) if isinstance(value, str) else value for key, value in error.to_object().items()}
    headers = {"x-request-id": request_id, **error.headers()}
    if error.request_id and error.request_id.isascii() and error.request_id.isprintable():
        headers["x-bridge-upstream-request-id"] = error.request_id
    # Without streaming, SillyTavern shows its user the words beside the status and nothing else.
    reason = "".join(letter if " " <= letter <= "~" else "?" for letter in error.message[:_REASON_LIMIT])
    return replace(json_page({"error": told}, error.status, headers), reason=reason)


def models_page(config: Config, catalog: Catalog) -> Page:
    """OpenAI's list of models: those of the configuration or else of the catalogue, and the aliases."""
    return json_page(
        {"object": "list", "data": [_model(name, config, catalog) for name in listed_names(config, catalog)]}
    )


def model_page(name: str, config: Config, catalog: Catalog) -> Page:
    """One model of the list, under any spelling of its name; raises `NotFound` with the names that come close."""
    names = listed_names(config, catalog)
    facts = catalog.find(name)
    listed = {found.id for found in map(catalog.find, names) if found}
    if name not in names and (facts is None or facts.id not in listed):
        raise unknown_model(name, config, catalog)
    return json_page(_model(name, config, catalog))


def unknown_model(name: str, config: Config, catalog: Catalog) -> NotFound:
    """The error for a model that nobody serves here, with the names that come close."""
    names = listed_names(config, catalog)
    close = ", ".join(difflib.get_close_matches(name[:100], names)) or ", ".join(names[:3])
    message = f"There is no model of this name here. Close to it: {close}."
    return NotFound(message, param="model", code="model_not_found")


def is_test_message(body: object) -> bool:
    """Whether the decoded body of a chat request is what SillyTavern's button "Test Message" sends."""
    return (
        isinstance(body, dict)
        and body.get("messages") == _TEST_MESSAGES
        and not any(body.get(key) for key in ("stream", "tools", "functions"))
    )


def reply_to_test_message(model: object, now: float) -> Page:
    """A chat completion that says that it is none. `model` is the request's own word, `now` seconds since 1970."""
    message = {"role": "assistant", "content": _TEST_REPLY, "refusal": None}
    return json_page(
        {
            "id": "chatcmpl-test",
            "object": "chat.completion",
            "created": int(now),
            "model": encodable(model) if isinstance(model, str) else "",
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        }
    )


def health_page() -> Page:
    """The proxy is up. Says nothing of any account."""
    return json_page({"status": "ok"})


def favicon_page() -> Page:
    """There is no icon; browsers ask for one whatever the page says."""
    return make_page(404, "text/plain; charset=utf-8", b"", {})


def status_page(snapshot: Snapshot, config: Config, catalog: Catalog) -> Page:
    """The status for programs, with the names and types of oai-reverse-proxy's `/status`, and `version`, `demo` and
    `models` (how many are listed) beside them."""
    names = listed_names(config, catalog)
    active = len(snapshot.accounts)

    def keys_for(family: str) -> int:
        return active if any(family in name for name in names) else 0

    return json_page(
        {
            "uptime": snapshot.uptime,
            "endpoints": {"gcp": snapshot.base_url + claude_base(config.prefix)},
            "proompts": snapshot.requests,
            "tookens": short(snapshot.tokens),
            "proomptersNow": snapshot.in_flight,
            "gcpKeys": len(snapshot.accounts),
            "gcp-claude": {
                "usage": f"{short(snapshot.tokens)} tokens",
                "activeKeys": active,
                "revokedKeys": 0,  # none is ever given up: a refused token is minted anew
                "sonnetKeys": keys_for("sonnet"),
                "sonnet35Keys": keys_for("3-5-sonnet"),
                "haikuKeys": keys_for("haiku"),
                # Nobody ever waits: a request goes out as it comes.
                "proomptersInQueue": 0,
                "estimatedQueueTime": "no wait",
            },
            "version": snapshot.version,
            "demo": config.demo,
            "models": len(names),
        }
    )


def listed_names(config: Config, catalog: Catalog) -> tuple[str, ...]:
    """The names that are listed, each once, in the order of the configuration or of the catalogue."""
    regions = dict.fromkeys(account.region for account in config.vertex.accounts) or ("global",)
    names = config.models or [facts.id for region in regions for facts in catalog.listed(region)]
    return tuple(dict.fromkeys([*names, *config.aliases]))


def _model(name: str, config: Config, catalog: Catalog) -> dict[str, Any]:
    facts = catalog.find(config.aliases.get(name, name))
    return {"id": name, "object": "model", "created": _released(facts), "owned_by": "anthropic"}


def _released(facts: ModelFacts | None) -> int:
    """Seconds since 1970 at the date that a model's id in Vertex bears, 0 where it bears none."""
    try:
        day = datetime.strptime(f"{facts.vertex.partition('@')[2] if facts else ''}+0000", "%Y%m%d%z")
    except ValueError:
        return 0
    return int(day.timestamp())


def encodable(text: str) -> str:
    """The text without half surrogates: it may quote what a client sent, and UTF-8 can't hold those."""
    return text.encode("utf-8", "replace").decode()
