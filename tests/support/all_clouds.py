"""All clouds at once behind one proxy, and the ways through it: a door of a cloud each.

with AllClouds(folder) as clouds:
    answer = clouds.proxy(WAYS["converse"]).chat(model=WAYS["converse"].model)
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.support.fake_azure import FakeAzure
from tests.support.fake_bedrock import FakeBedrock
from tests.support.fake_cloud import FakeCloud
from tests.support.fake_foundry import FakeFoundry
from tests.support.fake_vertex import FakeVertex
from tests.support.proxy import Proxy
from tests.support.scripted_claude import agent

Place = Literal["bedrock", "azure", "foundry", "vertex"]


@dataclass(frozen=True, slots=True)
class Way:
    """`model` leads to this door by any path that is not one cloud's own. `native`: it takes Anthropic's API, too.
    `api` is `bedrock.api` in the settings; `frames`: its streams are AWS's binary ones."""

    id: str
    place: Place
    model: str
    native: bool = False
    api: str = "invoke"
    frames: bool = False


WAYS = {
    way.id: way
    for way in (
        Way("invoke", "bedrock", "bedrock/claude-sonnet-4-6", native=True, frames=True),
        Way("converse", "bedrock", "bedrock/nova-pro", frames=True),
        Way("messages", "bedrock", "bedrock/claude-opus-4-8", native=True, api="messages"),
        Way("gpt_oss", "bedrock", "bedrock/gpt-oss-120b"),
        Way("azure", "azure", "azure/gpt-4o"),
        Way("entra", "azure", "azure/my-mini"),
        Way("foundry", "foundry", "foundry/claude-sonnet-4-6", native=True),
        Way("gemini", "vertex", "vertex/gemini-3.5-flash"),
    )
}


class AllClouds:
    """A context manager. A proxy is started when it is first asked for, one for each `bedrock.api`; `options` are those
    of `Proxy`. At the end no cloud may have seen anything wrong."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self._folder = folder
        self._options = options
        self._proxies: dict[str, Proxy] = {}
        self.bedrock, self.azure = FakeBedrock(), FakeAzure()
        self.foundry, self.vertex = FakeFoundry(), FakeVertex()
        self.bedrock.default = self.foundry.default = self.vertex.default = agent(eager=True)

    def __enter__(self) -> AllClouds:
        with ExitStack() as stack:
            for cloud in self.all:
                stack.enter_context(cloud)
            self.bedrock_key, self.azure_key = self.bedrock.keys.access_key(), self.azure.key()
            self.foundry_environment = self.foundry.environment()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        with self._stack:
            if kind is None:
                self.wait_idle()
                assert [cloud.wrong for cloud in self.all] == [[]] * 4

    @property
    def all(self) -> tuple[FakeCloud, ...]:
        return self.bedrock, self.azure, self.foundry, self.vertex

    def wait_idle(self) -> None:
        """Waits until no exchange with a model is open."""
        for cloud in self.all:
            cloud.wait_idle()

    def cloud(self, way: Way) -> FakeCloud:
        found: FakeCloud = getattr(self, way.place)
        return found

    def proxy(self, way: Way) -> Proxy:
        return self.proxy_with(way.api)

    def proxy_with(self, api: str) -> Proxy:
        """The one with this `bedrock.api`."""
        if api not in self._proxies:
            folder = self._folder / api
            folder.mkdir()
            options = {"environment": self._environment(), "config": self._config(api), **self._options}
            self._proxies[api] = self._stack.enter_context(Proxy(folder, **options))
        return self._proxies[api]

    def _environment(self) -> dict[str, str]:
        return {
            **self.vertex.environment(),
            **self.foundry_environment,
            **self.bedrock.endpoint(),
            **self.azure.identity_environment(),
        }

    def _config(self, api: str) -> str:
        """Three accounts at Azure: a key, a login of Entra ID, and one with a version that there never was."""
        key, at = self.bedrock_key, {"endpoint": self.azure.origin}
        keyed = {**at, "api_key": self.azure_key}
        aws = {"access_key_id": key.id, "secret_access_key": key.secret, "region": self.bedrock.region}
        azure = [
            {**keyed, "deployments": ["gpt-4o", "text-embedding-3-small", "gone"]},
            {**at, "deployments": ["my-mini"]},
            {**keyed, "api_version": "2024-13-01", "deployments": ["gpt-35-turbo"]},
        ]
        return json.dumps({"bedrock": {"api": api, "accounts": [aws]}, "azure": {"accounts": azure}})
