"""One cloud and one proxy for each file of tests; a file that needs others makes its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import anthropic
import httpx2
import pytest

from tests.support.all_clouds import AllClouds
from tests.support.fake_bedrock import FakeBedrock
from tests.support.fake_vertex import FakeVertex
from tests.support.proxy import ONCE, Proxy


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeVertex]:
    with FakeVertex() as cloud:
        yield cloud
        assert cloud.wrong == []


@pytest.fixture(scope="module")
def bedrock() -> Iterator[FakeBedrock]:
    with FakeBedrock() as cloud:
        yield cloud
        assert cloud.wrong == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    return tmp_path_factory.mktemp(re.sub(r"\W", "_", request.module.__name__))


@pytest.fixture(scope="module")
def proxy(cloud: FakeVertex, folder: Path) -> Iterator[Proxy]:
    with Proxy(folder, environment=cloud.environment(), config=json.dumps(ONCE)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def clouds(folder: Path) -> Iterator[AllClouds]:
    with AllClouds(folder) as clouds:
        yield clouds


@pytest.fixture(scope="module")
def vertex(cloud: FakeVertex, proxy: Proxy) -> Iterator[anthropic.AnthropicVertex]:
    """Anthropic's client for the cloud itself, with a token that the proxy has had minted."""
    assert proxy.chat().status == 200
    with anthropic.AnthropicVertex(
        region=cloud.region,
        project_id=cloud.project,
        access_token=cloud.tokens[-1],
        base_url=cloud.base_url,
        http_client=httpx2.Client(trust_env=False),
        max_retries=0,
    ) as client:
        yield client


@pytest.fixture(autouse=True)
def nothing_is_left_open(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test the cloud has no exchange that somebody forgot."""
    yield
    for name in {"cloud", "clouds"} & {*request.fixturenames}:
        request.getfixturevalue(name).wait_idle()
