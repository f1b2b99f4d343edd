"""The status for people: one page without scripts or anything from elsewhere, in English and Chinese."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape

from ..directory import Directory
from ..routing import Route, base_of
from ..settings import Config
from ..verdict import Rest
from .page import Page, Snapshot, make_page, short


def html_page(snapshot: Snapshot, config: Config, directory: Directory) -> Page:
    """The status for people: one page without scripts or anything from elsewhere."""
    title = escape(config.title)
    state = (
        '<p class="note"><b>Demo.</b> No credential is configured, so a built-in stand-in answers, at no cost. '
        "Set GCP_CREDENTIALS, AWS_CREDENTIALS or config.yaml to reach the real models.<br>"
        '<span lang="zh-Hans">演示模式：未配置任何云凭据，由内置模拟服务回答，不产生费用。</span></p>'
        if config.demo
        else ""
    )
    numbers = "".join(
        f'<div><dt>{label}<br><span lang="zh-Hans">{chinese}</span></dt><dd>{escape(value)}</dd></div>'
        for label, chinese, value in (
            ("Up for", "运行时间", _duration(snapshot.uptime)),
            ("Requests", "请求数", str(snapshot.requests)),
            ("In flight", "进行中", str(snapshot.in_flight)),
            ("Waiting", "排队中", str(sum(queued.waiting for queued in snapshot.queues.values()))),
            ("Tokens in", "输入 token", short(snapshot.prompt_tokens)),
            ("Tokens out", "输出 token", short(snapshot.completion_tokens)),
        )
    )
    clouds = {door.entry.path: door.entry.cloud for door in reversed(directory.doors)}
    bases = "".join(
        f'<p>{escape(cloud)}<code class="url">{escape(snapshot.base_url + base_of(config.prefix, path))}</code></p>'
        for path, cloud in reversed(clouds.items())
    )
    accounts = tuple(
        f"{label}{_rest(snapshot.rests.get(label, {}))}" for labels in snapshot.accounts.values() for label in labels
    )
    models = tuple(one.name for one in directory.listed(Route("models")))
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
{bases}
<p>In SillyTavern: API Connections, Chat Completion, Custom (OpenAI-compatible); paste it as the Custom Endpoint.<br>
<span lang="zh-Hans">酒馆：API 连接 → 聊天补全 → 自定义（兼容 OpenAI），把上面的地址粘贴到自定义端点。</span></p>
<p>Anthropic SDKs take it as it is, OpenAI SDKs with /v1 behind it.
<span lang="zh-Hans">Anthropic SDK 直接使用，OpenAI SDK 在末尾加 /v1。</span></p>
<h2>Numbers <span lang="zh-Hans">统计</span></h2>
<dl>{numbers}</dl>
{_list("Accounts", "账号", accounts)}
{_list("Models", "模型", models)}
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
    return make_page(200, "text/html; charset=utf-8", body.encode("utf-8", "replace"), headers)


_RESTS: Mapping[Rest, str] = {
    "cooling": "resting a moment after errors 出错后暂停片刻",
    "exhausted": "out of money or quota 余额或配额用尽",
    "denied": "not allowed to use it 无权使用",
    "broken": "not accepted by the cloud 凭据被云端拒绝",
}


def _rest(rests: Mapping[str | None, Rest]) -> str:
    """What stands behind an account that does not serve now."""
    told = (f"{model}: {_RESTS[state]}" if model else _RESTS[state] for model, state in rests.items())
    return "".join(f" – {words}" for words in told)


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


def _duration(seconds: int) -> str:
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds} s"
