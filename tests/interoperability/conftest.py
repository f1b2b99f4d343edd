"""The newest of what npm has, and one aimock behind one proxy for each file of tests."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interoperability.aimock import Aimock
from tests.support.fake_vertex import FakeVertex
from tests.support.proxy import Proxy

PACKAGES = ("@copilotkit/aimock@latest", "ai@latest", "@ai-sdk/openai-compatible@latest", "zod@4")


@pytest.fixture(scope="session")
def npm(request: pytest.FixtureRequest) -> Path:
    """The folder with `node_modules`, brought up to date once a day. Without a network what an earlier run has brought
    has to do."""
    assert request.config.cache is not None
    home = request.config.cache.mkdir("interop-npm")
    if not brought_today(home):
        bring(home)
    for name in ("@copilotkit/aimock", "ai", "@ai-sdk/openai-compatible"):
        print(name, json.loads((home / "node_modules" / name / "package.json").read_text("utf-8"))["version"])
    return home


def brought_today(home: Path) -> bool:
    stamp = home / "brought"
    return stamp.exists() and time.time() - stamp.stat().st_mtime < 86_400


def bring(home: Path) -> None:
    command = ["npm", "install", "--no-audit", "--no-fund", "--fetch-retries=0", "--ignore-scripts", *PACKAGES]
    try:
        subprocess.run(command, cwd=home, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        if not (home / "brought").exists():
            pytest.skip(f"npm can't bring the programs here: {error}")
    else:
        (home / "brought").touch()


@pytest.fixture(scope="session")
def aimock(npm: Path) -> Iterator[Aimock]:
    with Aimock(npm) as aimock:
        yield aimock


@pytest.fixture(scope="session")
def proxy(aimock: Aimock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with FakeVertex() as google:
        settings = json.dumps(aimock.settings())
        folder = tmp_path_factory.mktemp("interop")
        with Proxy(folder, environment=aimock.environment(google), config=settings) as proxy:
            yield proxy
