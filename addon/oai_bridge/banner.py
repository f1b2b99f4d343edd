"""What the user reads when the proxy has started: where it is, how to use it, who pays."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence

from .routing import claude_base
from .settings import Config


def banner(config: Config, address: str, model: str, web_url: str | None, windows: bool) -> str:
    """The start-up lines. `address` is `http://host:port` as a program on this machine reaches it, `model` one to try,
    `web_url` mitmweb's page with its token. `windows`: the curl line is for its command prompt."""
    base = f"{address}{claude_base(config.prefix)}"
    headers = ["Content-Type: application/json"]
    if config.client_keys:
        headers.append("Authorization: Bearer YOUR_PROXY_KEY")
    body = f'{{"model": "{model}", "messages": [{{"role": "user", "content": "Say hello."}}]}}'
    words = [f"{base}/chat/completions", *(word for header in headers for word in ("-H", header)), "-d", body]
    curl = f"curl {subprocess.list2cmdline(words) if windows else shlex.join(words)}"
    lines = [
        f"{config.title} is ready.",
        f"  SillyTavern (Chat Completion, Custom (OpenAI-compatible)), base URL:  {base}",
        f"  OpenAI SDKs, base URL:  {base}/v1",
        f"  Anthropic SDKs, base URL:  {base}",
        f"  Try it:  {curl}",
    ]
    if web_url:
        lines.append(f"  Watch every prompt:  {web_url}")
    lines += _payers(config)
    lines += [f"  Note: {sentence}" for sentence in config.told]
    return "\n".join(lines)


def _payers(config: Config) -> Sequence[str]:
    if config.demo:
        return [
            "  DEMO: no Google credential is configured, so an embedded demo answers and nothing leaves this machine.",
            "  For real answers set GCP_CREDENTIALS or GOOGLE_APPLICATION_CREDENTIALS (see README.md) and start again.",
        ]
    return [f"  Claude on Vertex AI is paid by  {account.label}" for account in config.vertex.accounts]
