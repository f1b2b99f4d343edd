"""`@copilotkit/aimock`, a fake of many clouds that nobody here wrote, as what stands behind the proxy.

It has no door for Claude on Vertex AI, and what it calls Bedrock's `invoke-with-response-stream` lacks AWS's envelope
(`bytes`, in base64), without which AWS's own clients read nothing: these two are left out.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_vertex import FakeVertex
from tests.support.proxy import ONCE, free_port

ANSWERS = Path(__file__).parent / "answers.json"


@dataclass(frozen=True, slots=True)
class Door:
    """`path` is what aimock sees. `claude`: it also takes Anthropic's API; `thinks`: aimock lets this model do so."""

    id: str
    model: str
    path: str
    streams: bool = True
    claude: bool = False
    thinks: bool = True


DOORS = [
    Door("invoke", "bedrock/claude-sonnet-4-6", "/model/us.anthropic.claude-sonnet-4-6/invoke", False, claude=True),
    Door("converse", "bedrock/nova-pro", "/model/us.amazon.nova-pro-v1:0/converse"),
    Door("gpt_oss", "bedrock/gpt-oss-120b", "/openai/v1/chat/completions"),
    Door("azure", "azure/gpt-4o", "/openai/v1/chat/completions", thinks=False),
    Door("dated", "azure/gpt-4o-mini", "/openai/deployments/gpt-4o-mini/chat/completions", thinks=False),
    Door("foundry", "foundry/claude-sonnet-4-6", "/v1/messages", claude=True),
    Door("gemini", "vertex/gemini-3.5-flash", "/google/v1/projects/", thinks=False),
]


def doors(**wanted: bool) -> pytest.MarkDecorator:
    """The test runs for each door that has these qualities."""
    chosen = [door for door in DOORS if all(getattr(door, name) == value for name, value in wanted.items())]
    return pytest.mark.parametrize("door", chosen, ids=[door.id for door in chosen])


class Aimock:
    """The process; a context manager. It refuses what no answer is written for."""

    def __init__(self, home: Path) -> None:
        self.port = free_port()
        program = home / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
        self._command = ["node", str(program), "--port", str(self.port), "--fixtures", str(ANSWERS)]
        self._command += ["--strict", "--validate-on-load", "--log-level", "warn", "--chunk-size", "7"]

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Aimock:
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.ask("GET", "/health")
                return self
            except OSError:
                assert self._process.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def ask(self, method: str, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def asked(self) -> list[dict[str, Any]]:
        """The requests that it got, oldest first."""
        found: list[dict[str, Any]] = self.ask("GET", "/__aimock/journal")
        return found

    def settings(self) -> dict[str, Any]:
        """Accounts of every cloud, as in config.yaml, that lead here."""
        key = {
            "access_key_id": "AKIAIOSFODNN7ABCDEFG",
            "secret_access_key": "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",
            "region": "us-east-1",
        }
        azure = [
            {"endpoint": self.origin, "api_key": "a" * 32, "deployments": ["gpt-4o"]},
            {"endpoint": self.origin, "api_key": "b" * 32, "deployments": ["gpt-4o-mini"], "api_version": "2024-10-21"},
        ]
        return {
            **ONCE,
            "bedrock": {"base_url": self.origin, "accounts": [key]},
            "azure": {"accounts": azure},
            "foundry": {"accounts": [{"base_url": self.origin, "api_key": "c" * 32}]},
        }

    def environment(self, google: FakeVertex) -> dict[str, str]:
        """Vertex AI: aimock mints no tokens, so these come from our own fake."""
        return google.environment() | {"ANTHROPIC_VERTEX_BASE_URL": f"{self.origin}/google"}
