"""LiteLLM's proxy and Portkey's gateway, brought from their registries into folders beside `.venv-dev`.

Both are told to speak Anthropic's own API to the fake cloud, which spares them Google's tokens.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benching import talk
from benching.programs import ROOT, Ports, Program, free_port

LITELLM, PORTKEY = "LiteLLM", "Portkey"
KEY = "sk-" + "7Xq2mZv9LbT4wRc8" * 3
"""Without a key for its clients LiteLLM does not start."""
_LITELLM_HOME, _PORTKEY_HOME = ROOT / ".venv-bench-litellm", ROOT / ".venv-bench-portkey"
_GATEWAY = _PORTKEY_HOME / "node_modules" / "@portkey-ai" / "gateway"


def bring() -> dict[str, str]:
    """What is here now: name -> version. What can't be had is told and left out."""
    found = {}
    for name, one in ((LITELLM, bring_litellm), (PORTKEY, bring_portkey)):
        try:
            found[name] = one()
        except (OSError, subprocess.SubprocessError) as error:
            said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
            print(f"{name} can't be had here: {said[-1] if said else error}", file=sys.stderr)
    return found


def bring_litellm() -> str:
    python, uv = _LITELLM_HOME / "bin" / "python", [sys.executable, "-m", "uv"]
    if not python.exists():
        run([*uv, "venv", "--quiet", "--python", sys.executable, str(_LITELLM_HOME)])
    if not (_LITELLM_HOME / "bin" / "litellm").exists():
        run([*uv, "pip", "install", "--quiet", "--python", str(python), "litellm[proxy]"])
    return run([str(python), "-c", "from importlib.metadata import version; print(version('litellm'))"])


def bring_portkey() -> str:
    if not _GATEWAY.exists():
        _PORTKEY_HOME.mkdir(exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(_PORTKEY_HOME)]
        run([*command, "@portkey-ai/gateway"])
    return str(json.loads((_GATEWAY / "package.json").read_text("utf-8"))["version"])


def run(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout.strip()


def litellm(folder: Path, ports: Ports) -> Program:
    """One worker, as it is by default."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    to = {"model": f"anthropic/{talk.MODEL}", "api_base": f"http://127.0.0.1:{ports.plain}", "api_key": "k"}
    config = {"model_list": [{"model_name": talk.MODEL, "litellm_params": to}]}
    (folder / "config.yaml").write_text(json.dumps(config), "utf-8")
    command = [str(_LITELLM_HOME / "bin" / "litellm"), "--config", "config.yaml", "--host", "127.0.0.1"]
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": KEY}
    return Program([*command, "--port", str(port)], folder, environment, port)


def portkey(folder: Path) -> Program:
    folder.mkdir(exist_ok=True)
    port = free_port()
    server = _GATEWAY / "build" / "start-server.js"
    environment = {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}
    return Program(["node", str(server), f"--port={port}", "--headless"], folder, environment, port)


def portkey_headers(ports: Ports) -> Mapping[str, str]:
    """Where a request goes is told with each."""
    return {
        "x-portkey-provider": "anthropic",
        "authorization": "Bearer k",
        "x-portkey-custom-host": f"http://127.0.0.1:{ports.plain}/v1",
    }
