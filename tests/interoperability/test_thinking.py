"""The newest langchain-openai and the newest AI SDK of Vercel's in a loop of tools, while Claude thinks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.test_agents import MODELS, PROMPT, quoted, thoughts, told
from tests.interoperability.test_frameworks import AGENTS
from tests.support.fake_vertex import FakeVertex, agent
from tests.support.proxy import Proxy


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeVertex]:
    with FakeVertex() as cloud:
        cloud.default = agent()
        yield cloud
        assert cloud.wrong == []


@pytest.fixture(scope="module")
def served(cloud: FakeVertex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with Proxy(tmp_path_factory.mktemp("thinking"), environment=cloud.environment()) as proxy:
        yield proxy


@pytest.fixture(scope="module", params=["langchain", "vercel"])
def program(request: pytest.FixtureRequest, npm: Path) -> Iterator[subprocess.Popen[str]]:
    """Runs an agent's loop for each line that it is given: it starts once, for most of its time goes into that."""
    if request.param == "langchain":
        pytest.importorskip("langchain_openai")
        command = [sys.executable, str(AGENTS / "langchain_loop.py")]
    else:
        shutil.copy(AGENTS / "vercel_loop.mjs", npm)  # its imports are looked for beside it
        command = ["node", str(npm / "vercel_loop.mjs")]
    environment = {"PATH": os.environ["PATH"], "HOME": str(npm), "NO_PROXY": "*"}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "encoding": "utf-8"}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        yield process
        process.communicate(timeout=60)
        assert process.returncode == 0


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("model", MODELS)
def test_a_loop_of_tools(
    served: Proxy, cloud: FakeVertex, program: subprocess.Popen[str], model: str, how: str
) -> None:
    assert program.stdin is not None and program.stdout is not None
    print(json.dumps([f"http://127.0.0.1:{served.port}/v1", model, how, PROMPT]), file=program.stdin, flush=True)
    limit = threading.Timer(60, program.kill)
    limit.start()
    line = program.stdout.readline()
    limit.cancel()
    ran = json.loads(line)
    assert isinstance(ran, list), ran
    text, rounds, *_ = ran
    assert quoted(text) == told()
    assert rounds == [2, 1, 3, 0]
    assert [kinds[0] for kinds in thoughts(cloud)] == ["thinking"] * 3
