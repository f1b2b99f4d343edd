"""What was saved can be read again: all views of mitmproxy's own files, Prompt and Reply of a HAR."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import kitchen
from tests.support.fake_vertex import FakeVertex
from tests.support.proxy import CHAT, Proxy, Web

VIEWS = {
    "request": {
        "auto": "Nothing is thrown away: peels make stock.",
        "prompt": "[image · image/png",
        "upstream": ":streamRawPredict",
        "changes": "This model has no seed.",
        "cache": "The cache was used.",
    },
    "response": {"auto": "没有坚果", "reply": "[thinking]", "raw upstream reply": "event: message_start"},
}


@pytest.fixture(scope="module")
def saved(cloud: FakeVertex, folder: Path) -> Path:
    """A folder with `chats.flow` and `chats.har`."""
    cloud.default = kitchen.answers()
    arguments = ["-w", str(folder / "chats.flow"), "--set", f"hardump={folder / 'chats.har'}"]
    with Proxy(folder, environment=cloud.environment(), arguments=arguments) as proxy:
        for round in (0, 1):
            assert proxy.post(CHAT, kitchen.request(round)).status == 200
    return folder


@contextmanager
def opened(file: Path, folder: Path) -> Iterator[Web]:
    """mitmweb, started elsewhere with the file."""
    web = Web()
    with Proxy(folder, program="mitmweb", arguments=[*web.arguments, "-r", str(file)]):
        yield web


@pytest.fixture(scope="module")
def flows(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with opened(saved / "chats.flow", tmp_path_factory.mktemp("flows")) as web:
        yield web


@pytest.fixture(scope="module")
def har(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with opened(saved / "chats.har", tmp_path_factory.mktemp("har")) as web:
        yield web


def shown(web: Web, message: str, view: str) -> str:
    """What the page shows of the second chat of a file."""
    flow = web.chats()[1]
    path = f"/flows/{flow['id']}/{message}/content/{view.replace(' ', '%20')}.json"
    return str(json.loads(web.ask("GET", path))["text"])


@pytest.mark.parametrize(("message", "view"), [(message, view) for message in VIEWS for view in VIEWS[message]])
def test_a_saved_chat_has_all_its_views(flows: Web, message: str, view: str) -> None:
    assert VIEWS[message][view] in shown(flows, message, view)


def test_a_saved_chat_tells_its_story(flows: Web) -> None:
    assert "cached) → " in flows.chats()[1]["comment"]


@pytest.mark.parametrize(
    ("message", "view"), [("request", "auto"), ("request", "prompt"), ("response", "auto"), ("response", "reply")]
)
def test_a_har_has_prompt_and_reply(har: Web, message: str, view: str) -> None:
    assert VIEWS[message][view] in shown(har, message, view)


@pytest.mark.parametrize("view", ["upstream", "changes", "raw upstream reply", "cache"])
def test_what_a_har_does_not_keep_is_said(har: Web, view: str) -> None:
    assert "There is no record of this exchange" in shown(har, "request", view)
