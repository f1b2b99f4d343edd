"""The answers for programs: models, status, SillyTavern's test message."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..backends import Account
from ..directory import Directory, Listed
from ..models.facts import Facts, ModelFacts
from ..plain.jsontext import encodable
from ..routing import Path, Route, base_of
from ..settings.clients import Client
from ..settings.values import Config
from .page import Page, Queued, Snapshot, json_page, make_page, short

_TEST_MESSAGES = [{"role": "user", "content": "Hi"}]
_TEST_REPLY = (
    "The proxy works. This test message did not go to the API, so it cost nothing; "
    "send a real message to try the model itself. 代理已连通：测试消息没有发送到 API，不产生费用。"
)


def models_page(route: Route, directory: Directory, client: Client | None = None) -> Page:
    """The list of models that the client may use, in OpenAI's and Anthropic's form at once; raises `NotFound` where the
    route's cloud is not configured."""
    listed = directory.listed(route, client)
    names = [one.name for one in listed]
    pages = {"has_more": False, "first_id": names[0] if names else None, "last_id": names[-1] if names else None}
    return json_page({"object": "list", "data": [_model(one) for one in listed], **pages})


def model_page(route: Route, directory: Directory, client: Client | None = None) -> Page:
    """One model, under any spelling of its name that is served; raises `NotFound` with the names that come close."""
    name = route.model or ""
    listed = {one.name: one for one in directory.listed(route, client)}
    if name in listed:
        return json_page(_model(listed[name]))
    facts = directory.look_up(route, name)
    if facts is None or not any(one.facts and one.facts.id == facts.id for one in listed.values()):
        raise directory.unknown(route, name, client)
    return json_page(_model(Listed(name, facts)))


def is_test_message(body: object) -> bool:
    """Whether the decoded body of a chat request is what SillyTavern's button "Test Message" sends."""
    return (
        isinstance(body, dict)
        and body.get("messages") == _TEST_MESSAGES
        and body.get("stream") is False
        and not any(body.get(key) for key in ("tools", "functions", "response_format"))
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


def accepted_page() -> Page:
    """What was asked for has begun; the status page's data tell what becomes of it."""
    return json_page({"status": "running"}, 202)


def favicon_page() -> Page:
    """There is no icon; browsers ask for one whatever the page says."""
    return make_page(404, "text/plain; charset=utf-8", b"", {})


def status_page(snapshot: Snapshot, config: Config, directory: Directory) -> Page:
    """The status for programs, with the names and types of oai-reverse-proxy's `/status`, and `version`, `demo` and
    `models` (how many are listed) beside them."""
    paths = {door.entry.path: door.account for door in directory.doors}
    endpoints: dict[str, str] = {}
    for cloud, name in paths:  # of a cloud with several, the first is what oai-reverse-proxy's users know
        endpoints.setdefault(cloud, snapshot.base_url + base_of(config.prefix, (cloud, name)))
    keys = {cloud: len({*_labels(snapshot, paths, cloud)}) for cloud in endpoints}
    return json_page(
        {
            "uptime": snapshot.uptime,
            "endpoints": endpoints,
            "proompts": snapshot.requests,
            "tookens": short(snapshot.tokens),
            "proomptersNow": snapshot.in_flight,
            **{f"{cloud}Keys": count for cloud, count in keys.items()},
            **{"-".join(path): _family(snapshot, directory, path, account) for path, account in paths.items()},
            "version": snapshot.version,
            "demo": config.demo,
            "models": len(directory.listed(Route("models"))),
        }
    )


def _labels(snapshot: Snapshot, paths: Mapping[Path, Account], cloud: str) -> list[str]:
    """Of all accounts of a cloud."""
    kinds = {account for path, account in paths.items() if path[0] == cloud}
    return [label for kind in kinds for label in snapshot.accounts.get(kind, ())]


def _family(snapshot: Snapshot, directory: Directory, path: Path, account: Account) -> dict[str, Any]:
    """What oai-reverse-proxy tells of a family of models."""
    labels = snapshot.accounts.get(account, ())
    whole = [snapshot.rests.get(label, {}).get(None) for label in labels]
    revoked = sum(trouble is not None and trouble.state == "broken" for trouble in whole)
    active, queued = len(labels) - revoked, snapshot.queues.get("-".join(path), Queued())
    names = [one.name for one in directory.listed(Route("models", path=path))]
    numbers: dict[str, Any] = {
        "usage": f"{short(snapshot.family_tokens.get('-'.join(path), 0))} tokens",
        "activeKeys": active,
        "revokedKeys": revoked,  # until they are tried again: none is ever given up
    }
    if path[1] == "claude":
        for key, word in (("sonnetKeys", "sonnet"), ("sonnet35Keys", "3-5-sonnet"), ("haikuKeys", "haiku")):
            numbers[key] = active if any(word in name for name in names) else 0
    wait = f"{math.ceil(queued.seconds)}sec" if queued.waiting else "no wait"
    return numbers | {"proomptersInQueue": queued.waiting, "estimatedQueueTime": wait}


def _model(listed: Listed) -> dict[str, Any]:
    """A model in OpenAI's keys, then in Anthropic's: their names differ, so that both can be told."""
    facts = listed.facts
    released = _released(facts)
    titled = isinstance(facts, ModelFacts) and not listed.alias
    openai = {
        "id": listed.name,
        "object": "model",
        "created": int(released.timestamp()),
        "owned_by": facts.owner if facts else "unknown",
    }
    anthropic = {
        "type": "model",
        "display_name": _title(facts.id) if facts and titled else listed.name,
        "created_at": f"{released:%Y-%m-%dT%H:%M:%SZ}",
        "lifecycle": "active",
        "max_input_tokens": facts.context if facts else None,
        "max_tokens": facts.max_output if facts else None,
    }
    return openai | anthropic


def _released(facts: Facts | None) -> datetime:
    """The date that a model's id in Vertex bears, or else the epoch, as both APIs write what isn't known."""
    vertex = facts.vertex if isinstance(facts, ModelFacts) else None
    try:
        return datetime.strptime(f"{(vertex or '').partition('@')[2]}+0000", "%Y%m%d%z")
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def _title(id: str) -> str:
    """`claude-sonnet-4-5` as people write it: Claude Sonnet 4.5."""
    return re.sub(r"(?<=\d)-(?=\d{1,2}\b)", ".", id).replace("-", " ").title()
