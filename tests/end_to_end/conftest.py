"""One cloud and one proxy for each file of tests; a file that needs others makes its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_vertex import FakeVertex
from tests.support.proxy import Proxy


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeVertex]:
    with FakeVertex() as cloud:
        yield cloud
        assert cloud.wrong == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    return tmp_path_factory.mktemp(re.sub(r"\W", "_", request.module.__name__))


@pytest.fixture(scope="module")
def proxy(cloud: FakeVertex, folder: Path) -> Iterator[Proxy]:
    with Proxy(folder, environment=cloud.environment()) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def nothing_is_left_open(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test the cloud has no exchange that somebody forgot."""
    yield
    if "cloud" in request.fixturenames:
        request.getfixturevalue("cloud").wait_idle()
