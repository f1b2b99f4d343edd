"""All clouds at once behind one proxy, and the ways through it: a door of a cloud each.

with AllClouds(folder) as clouds:
    answer = clouds.proxy(WAYS["converse"]).chat(model=WAYS["converse"].model)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import anthropic
import openai
import pytest

from tests.support.fake_azure import FakeAzure
from tests.support.fake_bedrock import FakeBedrock
from tests.support.fake_cloud import FakeCloud
from tests.support.fake_foundry import FakeFoundry
from tests.support.fake_vertex import FakeVertex
from tests.support.native_client import sdk
from tests.support.proxy import ONCE, Proxy
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


def ways(*ids: str) -> pytest.MarkDecorator:
    """The test runs for each of these ways, or for all."""
    chosen = ids or tuple(WAYS)
    return pytest.mark.parametrize("way", [WAYS[id] for id in chosen], ids=chosen)


class AllClouds:
    """A context manager. A proxy is started when it is first asked for, one for each `bedrock.api`; until then
    `environment` and `settings` may be added to, and `options` are others of `Proxy`. At the end no cloud may have seen
    anything wrong."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self._folder = folder
        self._options = options
        self._made: dict[tuple[str, str], Any] = {}
        self.bedrock, self.azure = FakeBedrock(), FakeAzure()
        self.foundry, self.vertex = FakeFoundry(), FakeVertex()
        self.bedrock.default = self.foundry.default = self.vertex.default = agent(eager=True)
        self.environment: dict[str, str] = {}
        self.settings: dict[str, Any] = dict(ONCE)
        """As in config.yaml."""

    def __enter__(self) -> AllClouds:
        with ExitStack() as stack:
            for cloud in self.all:
                stack.enter_context(cloud)
            self.environment |= self.vertex.environment() | self.foundry.environment()
            self.environment |= self.bedrock.endpoint() | self.azure.identity_environment()
            self.settings |= self._accounts()
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
        return self._one("proxy", way, lambda: self._proxy(way.api))

    def openai(self, way: Way) -> openai.OpenAI:
        """OpenAI's SDK, which tries once."""
        return self._one("openai", way, lambda: self.proxy(way).sdk())

    def anthropic(self, way: Way) -> anthropic.Anthropic:
        """Anthropic's, likewise."""
        return self._one("anthropic", way, lambda: sdk(self.proxy(way), ""))

    def _one[T](self, kind: str, way: Way, make: Callable[[], AbstractContextManager[T]]) -> T:
        """Of each kind one for all ways with the same `bedrock.api`: they take their time to be made."""
        key = kind, way.api
        if key not in self._made:
            self._made[key] = self._stack.enter_context(make())
        made: T = self._made[key]
        return made

    def _proxy(self, api: str) -> Proxy:
        folder = self._folder / api
        folder.mkdir(exist_ok=True)
        settings = {**self.settings, "bedrock": self.settings["bedrock"] | {"api": api}}
        return Proxy(folder, environment=self.environment, config=json.dumps(settings), **self._options)

    def _accounts(self) -> dict[str, Any]:
        """An access key at Bedrock. At Azure a key, a login of Entra ID, and a version that there never was."""
        key, at = self.bedrock.keys.access_key(), {"endpoint": self.azure.origin}
        keyed = {**at, "api_key": self.azure.key()}
        aws = {"access_key_id": key.id, "secret_access_key": key.secret, "region": self.bedrock.region}
        azure = [
            {**keyed, "deployments": ["gpt-4o", "text-embedding-3-small", "gone"]},
            {**at, "deployments": ["my-mini"]},
            {**keyed, "api_version": "2024-13-01", "deployments": ["gpt-35-turbo"]},
        ]
        return {"bedrock": {"accounts": [aws]}, "azure": {"accounts": azure}}
