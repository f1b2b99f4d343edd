"""commands.py: flows by their specification in, texts and new files out, and a plain sentence where that can't be."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mitmproxy import exceptions, http
from mitmproxy.addons.view import View
from mitmproxy.test import taddons, tflow

from oai_bridge.inspector.record import KEY
from oai_bridge.money.books import Books
from oai_bridge.money.ledger import Key, Line
from oai_bridge.settings.values import Config
from oai_bridge.watching.commands import Commands
from oai_bridge.watching.inspection import Inspector
from tests.test_fixture import PLAIN, exchange

ANSWER = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}]}


def chat(text: str = "Hi", answer: Any = ANSWER, path: str = "/v1/chat/completions?x=1") -> http.HTTPFlow:
    flow = tflow.tflow(resp=True)
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
    flow.request = http.Request.make("POST", f"http://127.0.0.1:7860{path}", body, {"authorization": "Bearer ***"})
    flow.response = http.Response.make(200, json.dumps(answer).encode())
    flow.metadata[KEY] = {"route": "vertex/r", "cost": {"input": 0.25, "total": 0.25}}
    return flow


class Bar:
    """A command bar over a list of flows."""

    def __init__(self, context: taddons.context, view: View, commands: Commands, books: Books) -> None:
        self.view = view
        self.commands = commands
        self.books = books
        self._master = context.master

    def run(self, command: str, *flows: Any) -> Any:
        self.view.clear()
        self.view.add(flows)
        return self._master.commands.execute(command)

    def refused(self, command: str, *flows: Any) -> str:
        with pytest.raises(exceptions.CommandError) as told:
            self.run(command, *flows)
        return str(told.value)


@pytest.fixture
def bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bar]:
    """In a folder of its own."""
    monkeypatch.chdir(tmp_path)
    books = Books(Config(), lambda: 1_795_860_000.0)
    bridge = SimpleNamespace(config=Config(), inspector=Inspector(), books=books, base_url="http://127.0.0.1:7860")
    view, commands = View(), Commands(bridge)
    with taddons.context(view, commands, loadcore=False) as context:
        yield Bar(context, view, commands, books)


def test_the_commands_explain_themselves(bar: Bar) -> None:
    for name in ("curl", "compare", "export", "fixture", "cache", "usage"):
        made = bar._master.commands.commands[f"bridge.{name}"]
        assert made.help and "path" in made.signature_help()


# -- curl -------------------------------------------------------------------------------------------------------------


def test_curl(bar: Bar) -> None:
    body = '{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}'
    text = (
        "curl 'http://127.0.0.1:7860/v1/chat/completions?x=1' \\\n"
        f"""  -H "Authorization: Bearer $PROXY_KEY" \\\n  --data-raw '{body}'"""
    )
    assert bar.run("bridge.curl @focus", chat()) == text
    assert bar.run("bridge.curl @focus line.sh", chat()) == "The curl line: written to line.sh."
    assert Path("line.sh").read_text() == f"{text}\n"
    assert bar.refused("bridge.curl @focus line.sh", chat()) == "line.sh is there already; name a new file."
    assert "can't be written" in bar.refused("bridge.curl @focus no/line.sh", chat())


def test_curl_undoes_the_contents_encoding_and_keeps_what_can_not_be_undone(bar: Bar) -> None:
    packed = chat()
    packed.request.encode("gzip")
    assert '--data-raw \'{"model"' in bar.run("bridge.curl @focus", packed)
    packed.request.raw_content = b"no gzip"
    assert bar.run("bridge.curl @focus", packed).endswith("--data-raw 'no gzip'")


# -- compare ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", ["bridge.compare '~bq tea' '~bq cake'", "bridge.compare @all", "bridge.compare @all @all"]
)
def test_two_chats_are_compared(bar: Bar, command: str) -> None:
    lines = bar.run(command, chat("I like tea"), chat("I like cake"))
    assert f"    {'I like [-tea-]':<46} │ I like {{+cake+}}" in lines
    assert lines[0].startswith("- ") and " · /v1/chat/completions · 1 message, 10 characters" in lines[0]


def test_a_comparison_can_be_a_file(bar: Bar) -> None:
    assert bar.run("bridge.compare @all @all a.diff", chat("a"), chat("b")) == ["The comparison: written to a.diff."]
    assert f"    {'[-a-]':<46} │ {{+b+}}\n" in Path("a.diff").read_text("utf-8")


@pytest.mark.parametrize(
    ("command", "count", "told"),
    [
        ("bridge.compare @all", 3, "3 flows and 0 flows were named"),
        ("bridge.compare @all @focus", 2, "2 flows and 1 flow were named"),
        ("bridge.compare @marked", 1, "0 flows and 0 flows were named"),
    ],
)
def test_what_are_not_two_is_refused(bar: Bar, command: str, count: int, told: str) -> None:
    assert told in bar.refused(command, *(chat(str(place)) for place in range(count)))


def test_only_chats_are_compared(bar: Bar) -> None:
    assert "This is no chat" in bar.refused("bridge.compare @all", chat(), chat(path="/v1/models"))


def test_a_curl_line_is_for_this_proxy_wherever_the_flow_comes_from(bar: Bar) -> None:
    foreign = chat()
    foreign.request.host, foreign.request.port, foreign.request.scheme = "evil.example", 443, "-Kx"
    assert "'http://127.0.0.1:7860/v1/chat/completions?x=1'" in bar.run("bridge.curl @focus", foreign)


def test_odd_names_and_times_are_no_crash(bar: Bar) -> None:
    assert "can't be written" in bar.refused("bridge.curl @focus 'a\0b'", chat())
    old = chat()
    old.timestamp_created = 1e300
    assert bar.run("bridge.compare @all", old, chat())[0].startswith("- ? · /v1/chat")
    bomb = chat()
    bomb.request.headers["content-encoding"] = "gzip"
    bomb.request.raw_content = gzip.compress(bytes(80_000_000))
    assert bar.run("bridge.curl @focus", bomb).startswith("printf '%b'"), "as it came"


# -- export -----------------------------------------------------------------------------------------------------------


def test_one_chat_and_several_are_exported(bar: Bar) -> None:
    assert bar.run("bridge.export @focus one.json", chat()) == "1 chat: written to one.json."
    one = json.loads(Path("one.json").read_bytes())
    assert (one["messages"], one["reply"], one["cost"]) == (
        [{"role": "user", "content": "Hi"}],
        {"role": "assistant", "content": "Hello."},
        {"input": 0.25, "total": 0.25},
    )
    told = bar.run("bridge.export @all all.json", chat(), chat("Bye"), chat(path="/v1/models"), tflow.ttcpflow())
    assert told == "2 chats (2 left out: no chats, or without a whole reply): written to all.json."
    assert len(json.loads(Path("all.json").read_bytes())) == 2


def test_lines_have_whole_replies_only(bar: Bar) -> None:
    flows = chat(), chat("Bye", {"error": {"message": "No."}})
    told = bar.run("bridge.export @all all.JSONL", *flows)
    assert told == "1 chat (1 left out: no chats, or without a whole reply): written to all.JSONL."
    (line,) = Path("all.JSONL").read_text().splitlines()
    assert json.loads(line)["messages"][-1] == {"role": "assistant", "content": "Hello."}
    assert "None of these chats has a whole reply" in bar.refused("bridge.export @all b.jsonl", flows[1])


def test_what_is_no_chat_is_not_exported(bar: Bar) -> None:
    broken = chat()
    broken.request.content = b"{"
    assert "not valid JSON" in bar.refused("bridge.export @all a.json", broken)
    assert "This is no chat" in bar.refused("bridge.export @all a.json", tflow.ttcpflow())
    assert list(Path().iterdir()) == []


# -- fixture ----------------------------------------------------------------------------------------------------------


def recorded() -> http.HTTPFlow:
    given = exchange(PLAIN)
    flow = chat()
    flow.request.content, flow.metadata[KEY] = given.request, dict(given.record)
    flow.request.headers["anthropic-beta"] = "context-1m-2025-08-07, "
    assert flow.response is not None
    flow.response.content = given.answer
    return flow


def test_a_case_is_a_new_folder(bar: Bar) -> None:
    told = bar.run("bridge.fixture @focus cases/vertex/mine", recorded())
    folder = Path("cases/vertex/mine")
    assert (folder / "client.json").read_bytes() == (PLAIN.folder / "client.json").read_bytes()
    assert json.loads((folder / "settings.json").read_bytes()) == {"betas": ["context-1m-2025-08-07"]}
    assert told.startswith(f"{folder} has {len(list(folder.iterdir()))} files, for tests/cases/vertex.")
    assert "is there already" in bar.refused("bridge.fixture @focus cases/vertex/mine", recorded())


@pytest.mark.parametrize(
    ("flow", "path", "told"),
    [
        (recorded(), "converse/mine", "This is a case of vertex"),
        (chat(), "vertex/mine", "No cloud has answered"),
        (chat(path="/v1/messages"), "vertex/mine", "Only a chat in OpenAI's format"),
        (tflow.ttcpflow(), "vertex/mine", "Only a chat in OpenAI's format"),
    ],
)
def test_what_can_not_become_a_case_leaves_no_folder(bar: Bar, flow: Any, path: str, told: str) -> None:
    assert told in bar.refused(f"bridge.fixture @focus {path}", flow)
    assert list(Path().iterdir()) == []


def test_before_the_settings_are_read_there_is_no_case(tmp_path: Path) -> None:
    commands = Commands(SimpleNamespace(config=None, inspector=Inspector(), base_url=""))
    with taddons.context(commands, loadcore=False), pytest.raises(exceptions.CommandError):
        commands.fixture(recorded(), str(tmp_path / "mine"))


# -- the focus --------------------------------------------------------------------------------------------------------


class WebAuth:
    """Which addon's presence tells mitmweb."""


def test_in_mitmweb_the_focus_is_the_newest_chat(bar: Bar) -> None:
    first, second, page = chat("a"), chat("b"), chat(path="/v1/models")
    bar.view.add([first, second, page])
    for flow in (first, second, page):
        bar.commands.response(flow)
    assert bar.view.focus.flow is first  # in the console it is the user's
    bar._master.addons.add(WebAuth())
    for flow in (first, second, page):
        bar.commands.response(flow)
    assert bar.view.focus.flow is second
    bar.commands.error(first)
    assert bar.view.focus.flow is first
    bar.commands.response(chat())  # is filtered out
    assert bar.view.focus.flow is first


def test_in_mitmweb_a_result_can_be_read_in_the_event_log(bar: Bar, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    bar.run("bridge.compare @all", chat("a"), chat("b"))
    assert caplog.text == ""
    bar._master.addons.add(WebAuth())
    lines = bar.run("bridge.compare @all", chat("a"), chat("b"))
    assert "\n".join(lines) in caplog.text
    bar.run("bridge.curl @focus", chat("long" * 10_000))
    assert "longlong" not in caplog.text and "name a file" in caplog.text


# -- cache and usage --------------------------------------------------------------------------------------------------


def test_the_caches_story(bar: Bar, tmp_path: Path) -> None:
    flow = chat()
    flow.metadata[KEY]["cache"] = {"verdict": "used"}
    assert bar.run("bridge.cache @focus", flow)[0] == "The cache was used."
    assert bar.run("bridge.cache @focus story.txt", flow) == ["The cache's story: written to story.txt."]
    assert (tmp_path / "story.txt").read_text("utf-8").startswith("The cache was used.\n")
    assert bar.refused("bridge.cache @focus", chat()).startswith("Nothing is known of its cache")


def test_the_usage(bar: Bar) -> None:
    assert bar.run("bridge.usage") == ["No cloud was asked yet."]
    bar.books.ledger.add(Key(bar.books.today, "sonnet", "key 1"), Line(1, 0, 1200, 0, 34, 0.5))
    lines = bar.run("bridge.usage")
    assert lines[1].split() == ["today", "1", "0", "1.2k", "0", "34", "$0.50"]
    assert any(line.split() == ["sonnet", "1", "0", "1.2k", "0", "34", "$0.50"] for line in lines)
