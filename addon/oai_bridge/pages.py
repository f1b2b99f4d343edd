"""The answers made here, without a call to any cloud: errors, models, status, health, the test message, the page."""

from __future__ import annotations

import base64
import difflib
import hashlib
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from . import jsontext
from .errors import BridgeError, NotFound
from .models.catalog import Catalog, ModelFacts
from .routing import Route, claude_base
from .settings import Config

_TEST_MESSAGES = [{"role": "user", "content": "Hi"}]
_TEST_REPLY = (
    "The proxy works. This test message did not go to the API, so it cost nothing; "
    "send a real message to try the model itself. 代理已连通：测试消息没有发送到 API，不产生费用。"
)


@dataclass(frozen=True, slots=True)
class Page:
    """A whole answer. `headers` have lower-case names and count the body, which an answer to HEAD leaves out."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the proxy has done since it started. Times are seconds of one clock, counts are since the start.

    `base_url` is the scheme and authority under which the client sees the proxy, such as `http://127.0.0.1:7860`;
    `accounts` are the labels of the credentials in use, which hold no secret, and `resting` says how many of them the
    cloud refuses at present.
    """

    version: str
    base_url: str
    started_at: float
    now: float
    accounts: tuple[str, ...] = ()
    resting: int = 0
    requests: int = 0
    in_flight: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def uptime(self) -> int:
        """Whole seconds."""
        return max(0, int(self.now - self.started_at))

    @property
    def tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens


def error_page(error: BridgeError, request_id: str) -> Page:
    """OpenAI's error object, with the headers that tell an SDK whether to try again. `request_id` is ours; the
    cloud's own, where it gave one, stands in `x-bridge-upstream-request-id`."""
    told = {key: _encodable(value) if isinstance(value, str) else value for key, value in error.to_object().items()}
    headers = {"x-request-id": request_id, **error.headers()}
    if error.request_id and error.request_id.isascii() and error.request_id.isprintable():
        headers["x-bridge-upstream-request-id"] = error.request_id
    return _json_page({"error": told}, error.status, headers)


def models_page(config: Config, catalog: Catalog) -> Page:
    """OpenAI's list of models: those of the configuration or else of the catalogue, and the aliases."""
    return _json_page({"object": "list", "data": [_model(name, config, catalog) for name in _names(config, catalog)]})


def model_page(name: str, config: Config, catalog: Catalog) -> Page:
    """One model of the list, under any spelling of its name; raises `NotFound` with the names that come close."""
    names = _names(config, catalog)
    facts = catalog.find(name)
    listed = {found.id for found in map(catalog.find, names) if found}
    if name not in names and (facts is None or facts.id not in listed):
        raise unknown_model(name, config, catalog)
    return _json_page(_model(name, config, catalog))


def unknown_model(name: str, config: Config, catalog: Catalog) -> NotFound:
    """The error for a model that nobody serves here, with the names that come close."""
    names = _names(config, catalog)
    close = ", ".join(difflib.get_close_matches(name[:100], names)) or ", ".join(names[:3])
    message = f"There is no model of this name here. Close to it: {close}."
    return NotFound(message, param="model", code="model_not_found")


def page_for(route: Route, accept: str | None, snapshot: Snapshot, config: Config, catalog: Catalog) -> Page:
    """The page that a route names, for all routes that need no cloud; raises `NotFound` for an unknown model."""
    match route.kind:
        case "models":
            return models_page(config, catalog)
        case "model":
            return model_page(route.model or "", config, catalog)
        case "health":
            return health_page()
        case "favicon":
            return favicon_page()
        case "root" if wants_html(accept):
            return html_page(snapshot, config, catalog)
        case _:
            return status_page(snapshot, config, catalog)


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
    return _json_page(
        {
            "id": "chatcmpl-test",
            "object": "chat.completion",
            "created": int(now),
            "model": _encodable(model) if isinstance(model, str) else "",
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        }
    )


def health_page() -> Page:
    """The proxy is up. Says nothing of any account."""
    return _json_page({"status": "ok"})


def favicon_page() -> Page:
    """There is no icon; browsers ask for one whatever the page says."""
    return _page(404, "text/plain; charset=utf-8", b"", {})


def status_page(snapshot: Snapshot, config: Config, catalog: Catalog) -> Page:
    """The status for programs, with the names and types of oai-reverse-proxy's `/status`, and `version`, `demo` and
    `models` (how many are listed) beside them."""
    names = _names(config, catalog)
    active = max(0, len(snapshot.accounts) - snapshot.resting)

    def keys_for(family: str) -> int:
        return active if any(family in name for name in names) else 0

    return _json_page(
        {
            "uptime": snapshot.uptime,
            "endpoints": {"gcp": snapshot.base_url + claude_base(config.prefix)},
            "proompts": snapshot.requests,
            "tookens": _short(snapshot.tokens),
            "proomptersNow": snapshot.in_flight,
            "gcpKeys": len(snapshot.accounts),
            "gcp-claude": {
                "usage": f"{_short(snapshot.tokens)} tokens",
                "activeKeys": active,
                "revokedKeys": snapshot.resting,
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


def wants_html(accept: str | None) -> bool:
    """Whether an Accept header comes from a browser that shows a page; programs say `*/*` or `application/json`."""
    return any(part.partition(";")[0].strip().lower() == "text/html" for part in (accept or "").split(","))


def html_page(snapshot: Snapshot, config: Config, catalog: Catalog) -> Page:
    """The status for people: one page without scripts or anything from elsewhere."""
    title = escape(config.title)
    state = (
        '<p class="note"><b>Demo.</b> No Google credential is configured, so a built-in stand-in answers, at no cost. '
        'Set GCP_CREDENTIALS or config.yaml to reach the real models.<br><span lang="zh-Hans">演示模式：未配置 Google '
        "凭据，由内置模拟服务回答，不产生费用。</span></p>"
        if config.demo
        else ""
    )
    numbers = "".join(
        f'<div><dt>{label}<br><span lang="zh-Hans">{chinese}</span></dt><dd>{escape(value)}</dd></div>'
        for label, chinese, value in (
            ("Up for", "运行时间", _duration(snapshot.uptime)),
            ("Requests", "请求数", str(snapshot.requests)),
            ("In flight", "进行中", str(snapshot.in_flight)),
            ("Tokens in", "输入 token", _short(snapshot.prompt_tokens)),
            ("Tokens out", "输出 token", _short(snapshot.completion_tokens)),
        )
    )
    body = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p class="up">Running, version {escape(snapshot.version)} <span lang="zh-Hans">正在运行</span></p>
{state}
<h2>Base URL <span lang="zh-Hans">接口地址</span></h2>
<p><code class="url">{escape(snapshot.base_url + claude_base(config.prefix))}</code></p>
<p>In SillyTavern: API Connections, Chat Completion, Custom (OpenAI-compatible); paste it as the Custom Endpoint.<br>
<span lang="zh-Hans">酒馆：API 连接 → 聊天补全 → 自定义（兼容 OpenAI），把上面的地址粘贴到自定义端点。</span></p>
<h2>Numbers <span lang="zh-Hans">统计</span></h2>
<dl>{numbers}</dl>
{_list("Accounts", "账号", snapshot.accounts)}
{_list("Models", "模型", _names(config, catalog))}
<p class="foot">For programs <span lang="zh-Hans">供程序使用</span>: <a href="/status">/status</a>,
<a href="/v1/models">/v1/models</a>, <a href="/health">/health</a></p>
</main>
</body>
</html>
"""
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {"content-security-policy": policy, "referrer-policy": "no-referrer"}
    return _page(200, "text/html; charset=utf-8", body.encode("utf-8", "replace"), headers)


_STYLE = """
:root { color-scheme: light dark; --ink: #1c1e26; --soft: #5a6072; --paper: #f5f6fa; --card: #fff; --line: #dcdfe8;
  --go: #1a7f45; --note: #fff4d6; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaf2; --soft: #a2a9bd; --paper: #14161c; --card: #1e212a; --line: #343948; --go: #5fd391;
    --note: #3a3118; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 1.5rem 1rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
main { max-width: 42rem; margin: 0 auto; padding: 1.5rem 1.75rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 12px; }
h1 { margin: 0; font-size: 1.6rem; overflow-wrap: anywhere; }
h2 { margin: 1.75rem 0 .5rem; font-size: 1.05rem; }
p { margin: .5rem 0; }
[lang="zh-Hans"], .foot { color: var(--soft); font-weight: normal; font-size: .9em; }
.up { color: var(--go); font-weight: 600; }
.note { padding: .75rem 1rem; background: var(--note); border-radius: 8px; }
code { font: .95em ui-monospace, Consolas, Menlo, monospace; overflow-wrap: anywhere; }
.url { display: block; padding: .65rem .9rem; border: 1px solid var(--line); border-radius: 8px;
  background: var(--paper); user-select: all; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(6.5rem, 1fr)); gap: .75rem; margin: 0; }
dt { color: var(--soft); font-size: .85rem; line-height: 1.35; }
dd { margin: .15rem 0 0; font-size: 1.1rem; font-weight: 600; white-space: nowrap; }
ul { margin: 0; padding-left: 1.2rem; }
a { color: inherit; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def _list(label: str, chinese: str, items: tuple[str, ...]) -> str:
    if not items:
        return ""
    lines = "".join(f"<li><code>{escape(item)}</code></li>" for item in items)
    return f'<h2>{label} <span lang="zh-Hans">{chinese}</span></h2>\n<ul>{lines}</ul>'


def _names(config: Config, catalog: Catalog) -> tuple[str, ...]:
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


def _encodable(text: str) -> str:
    """The text without half surrogates: it may quote what a client sent, and UTF-8 can't hold those."""
    return text.encode("utf-8", "replace").decode()


def _short(count: int) -> str:
    """`999`, `12.3k`, `4.5m`, `1.2b`, as oai-reverse-proxy writes counts."""
    if count < 1000:
        return str(count)
    value, unit = count / 1000, "k"
    for larger in "mb":
        if value >= 999.95:  # would be rounded to 1000.0
            value, unit = value / 1000, larger
    return f"{value:.1f}{unit}"


def _duration(seconds: int) -> str:
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def _json_page(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Page:
    return _page(status, "application/json", jsontext.write(value), headers or {})


def _page(status: int, content_type: str, body: bytes, headers: dict[str, str]) -> Page:
    common = {
        "content-type": content_type,
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return Page(status, tuple({**common, **headers}.items()), body)
