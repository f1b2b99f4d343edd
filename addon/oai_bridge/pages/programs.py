"""The answers for programs: models, status, SillyTavern's test message."""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime
from typing import Any

from ..errors import NotFound
from ..jsontext import encodable
from ..models.catalog import Catalog, ModelFacts
from ..routing import claude_base
from ..settings import Config
from .page import Page, Snapshot, json_page, make_page, short

_TEST_MESSAGES = [{"role": "user", "content": "Hi"}]
_TEST_REPLY = (
    "The proxy works. This test message did not go to the API, so it cost nothing; "
    "send a real message to try the model itself. 代理已连通：测试消息没有发送到 API，不产生费用。"
)


def models_page(config: Config, catalog: Catalog) -> Page:
    """The list of models in OpenAI's and Anthropic's form at once: those of the configuration or else of the catalogue,
    and the aliases."""
    names = listed_names(config, catalog)
    pages = {"has_more": False, "first_id": names[0] if names else None, "last_id": names[-1] if names else None}
    return json_page({"object": "list", "data": [_model(name, config, catalog) for name in names], **pages})


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
    """A model in OpenAI's keys, then in Anthropic's: their names differ, so that both can be told."""
    facts = catalog.find(config.aliases.get(name, name))
    released = _released(facts)
    openai = {"id": name, "object": "model", "created": int(released.timestamp()), "owned_by": "anthropic"}
    anthropic = {
        "type": "model",
        "display_name": name if facts is None or name in config.aliases else _title(facts.id),
        "created_at": f"{released:%Y-%m-%dT%H:%M:%SZ}",
        "lifecycle": "active",
        "max_input_tokens": facts.context if facts else None,
        "max_tokens": facts.max_output if facts else None,
    }
    return openai | anthropic


def _released(facts: ModelFacts | None) -> datetime:
    """The date that a model's id in Vertex bears, or else the epoch, as both APIs write what isn't known."""
    try:
        return datetime.strptime(f"{facts.vertex.partition('@')[2] if facts else ''}+0000", "%Y%m%d%z")
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def _title(id: str) -> str:
    """`claude-sonnet-4-5` as people write it: Claude Sonnet 4.5."""
    return re.sub(r"(?<=\d)-(?=\d{1,2}\b)", ".", id).replace("-", " ").title()
