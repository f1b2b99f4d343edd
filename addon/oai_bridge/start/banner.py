"""What the user reads when the proxy has started: where it is, how to use it, who pays."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence

from ..directory import Door
from ..routing import base_of
from ..settings.values import Config


def banner(config: Config, doors: Sequence[Door], address: str, model: str, mitmweb: str, *, windows: bool) -> str:
    """The start-up lines. `doors` are those that the settings open, `address` is `http://host:port` as a program on
    this machine reaches it, `model` one to try at the first door, `mitmweb` its page with its token, if it runs.
    `windows`: the curl line is for its command prompt."""
    entries = {door.entry.path: door.entry for door in reversed(doors)}  # of doors with one path, the first
    paths = [entry for path, entry in reversed(entries.items())]
    bases = [f"{address}{base_of(config.prefix, entry.path)}" for entry in paths]
    headers = ["Content-Type: application/json"]
    if config.client_keys:
        headers.append("Authorization: Bearer YOUR_PROXY_KEY")
    body = f'{{"model": "{model}", "messages": [{{"role": "user", "content": "Say hello."}}]}}'
    words = [f"{bases[0]}/chat/completions", *(word for header in headers for word in ("-H", header)), "-d", body]
    curl = f"curl {subprocess.list2cmdline(words) if windows else shlex.join(words)}"
    lines = [
        f"{config.title} is ready.",
        f"  SillyTavern (Chat Completion, Custom (OpenAI-compatible)), base URL:  {bases[0]}",
        f"  OpenAI SDKs, base URL:  {bases[0]}/v1",
    ]
    if any("messages" in door.entry.duties for door in doors if door.entry.path == paths[0].path):
        lines.append(f"  Anthropic SDKs, base URL:  {bases[0]}")
    lines += [f"  {entry.cloud}, base URL:  {base}" for entry, base in zip(paths[1:], bases[1:], strict=True)]
    lines += [f"  Try it:  {curl}", f"  Status page:  {address}/"]
    if mitmweb:
        lines.append(f"  Watch every prompt:  {mitmweb}")
    lines += _payers(config)
    lines += [f"  Note: {sentence}" for sentence in config.told]
    return "\n".join(lines)


def _payers(config: Config) -> Sequence[str]:
    if config.demo:
        return [
            "  DEMO: no cloud credential is configured, so an embedded demo answers and nothing leaves this machine.",
            "  For real answers set GCP_CREDENTIALS, AWS_CREDENTIALS or AZURE_CREDENTIALS in .env: see README.md.",
        ]
    clouds = (
        ("Models on Vertex AI are", config.vertex.accounts),
        ("Models on AWS Bedrock are", config.bedrock.accounts),
        ("OpenAI's models on Azure are", config.azure.accounts),
        ("Claude on Azure AI Foundry is", config.foundry.accounts),
    )
    return [f"  {models} paid by  {account.label}" for models, accounts in clouds for account in accounts]
