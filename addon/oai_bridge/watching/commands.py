"""mitmproxy's commands for chats: flows in, texts and files out. What they say is made in `inspector/`.

mitmweb's command bar shows a result as one line of JSON in a small box, so that it stands in the event log as well.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from typing import Any, Protocol

from mitmproxy import addonmanager, ctx, exceptions, flow, http, types

from ..errors import BridgeError
from ..inspector.cache_text import finding_text
from ..inspector.compare import Side, compare
from ..inspector.curl import curl
from ..inspector.exported import NotExportable, as_json, as_jsonl, exported
from ..inspector.figures import counted
from ..inspector.prompts import read_prompt
from ..inspector.record import KEY
from ..inspector.replies import read_reply
from ..inspector.spoken import Api, api_of
from ..inspector.usage_page import usage_page
from ..money.books import Books
from ..settings.values import Config
from ..wire.inflate import inflate
from .inspection import Inspector

logger = logging.getLogger(__name__)

_NO_PATH = types.Path("")
_UNPACKED = 64 * 1024 * 1024  # bytes of a body
_LOGGED = 20_000  # characters of a result that are worth a place in the event log


class Host(Protocol):
    """What the commands ask of the bridge: the settings once they are read, the records, the sums, its address."""

    config: Config | None
    inspector: Inspector
    books: Books
    base_url: str


class Commands:
    """An addon beside `Bridge`."""

    def __init__(self, bridge: Host) -> None:
        self._bridge = bridge

    def load(self, loader: addonmanager.Loader) -> None:
        for name, made in (
            ("bridge.curl", self.curl),
            ("bridge.compare", self.compare),
            ("bridge.export", self.export),
            ("bridge.fixture", self.fixture),
            ("bridge.cache", self.cache),
            ("bridge.usage", self.usage),
        ):
            loader.add_command(name, made)

    def response(self, flow: http.HTTPFlow) -> None:
        """In mitmweb nothing else moves the focus, which would stay on the first flow for ever: here it goes to the
        newest chat."""
        if ctx.master.addons.get("webauth") and api_of(flow.request.path):
            view = ctx.master.addons.get("view")
            if view is not None and flow in view:
                view.focus.flow = flow

    def error(self, flow: http.HTTPFlow) -> None:
        self.response(flow)

    def curl(self, flow: flow.Flow, path: types.Path = _NO_PATH) -> str:
        """A curl line that sends a request again to this proxy, for a POSIX shell. The key is $PROXY_KEY. With a PATH
        it is written into that file."""
        request = _request(flow)
        url = f"{self._bridge.base_url}/{request.path.lstrip('/')}"  # of this proxy, wherever the flow comes from
        text = curl(request.method, url, list(request.headers.items(multi=True)), _content(request))
        return _shown(text) if not path else _written(path, f"{text}\n".encode(), "The curl line")

    def compare(
        self, first: Sequence[flow.Flow], second: Sequence[flow.Flow] = (), path: types.Path = _NO_PATH
    ) -> Sequence[str]:
        """What differs between two chats, message by message: two flows, or one specification of two, such as
        @marked. With a PATH (then both are needed) it is written into that file."""
        lines = compare(*(_side(one) for one in _two(first, second)))
        if path:
            return [_written(path, "".join(f"{line}\n" for line in lines).encode("utf-8", "replace"), "The comparison")]
        _shown("\n".join(lines))
        return lines

    def export(self, flows: Sequence[flow.Flow], path: types.Path) -> str:
        """Writes chats into a file, as JSON in OpenAI's format; if its name ends in .jsonl, in OpenAI's format for
        fine-tuning, a chat on each line."""
        chats = []
        for one in flows:
            if (api := _api(one)) is not None:
                request, answer = _bodies(one)
                try:
                    chats.append(exported(api, request, answer, _record(one)))
                except NotExportable as why:
                    if len(flows) == 1:
                        raise exceptions.CommandError(str(why)) from None
        if not chats:
            raise exceptions.CommandError(_NO_CHAT)
        text, count = as_jsonl(chats) if path.lower().endswith(".jsonl") else (as_json(chats), len(chats))
        if not count:
            raise exceptions.CommandError("None of these chats has a whole reply, which .jsonl is for; write .json.")
        left = len(flows) - count
        told = counted(count, "chat") + (f" ({left} left out: no chats, or without a whole reply)" if left else "")
        return _written(path, text, told)

    def fixture(self, flow: flow.Flow, path: types.Path) -> str:
        """Writes a chat as a golden test case, into a new folder such as tests/cases/vertex/my_case."""
        from ..inspector.fixture import Exchange, NoCase, golden_case
        from ..inspector.golden import KINDS  # every backend: what few need is not for every start

        config = self._bridge.config
        if config is None or _api(flow) != "openai":
            raise exceptions.CommandError("Only a chat in OpenAI's format (…/chat/completions) can become a case.")
        request, answer = _bodies(flow)
        betas = [name.strip() for name in _request(flow).headers.get("anthropic-beta", "").split(",")]
        try:
            case = golden_case(Exchange(request, answer, tuple(filter(None, betas)), _record(flow)), config)
        except NoCase as why:
            raise exceptions.CommandError(str(why)) from None
        folder = Path(path)
        if folder.resolve().parent.name in KINDS.keys() - {case.kind}:
            raise exceptions.CommandError(f"This is a case of {case.kind}: name a folder in tests/cases/{case.kind}.")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            raise exceptions.CommandError(f"{folder} is there already; name a new folder.") from None
        except (OSError, ValueError) as error:
            raise exceptions.CommandError(f"{str(folder)!r} can't be written: {_why(error)}.") from None
        try:
            for name, content in case.files.items():
                (folder / name).write_bytes(content)
        except OSError as error:
            rmtree(folder, ignore_errors=True)
            raise exceptions.CommandError(f"{folder} can't be written: {_why(error)}.") from None
        return _shown(
            f"{folder} has {counted(len(case.files), 'file')}, for tests/cases/{case.kind}. Read them before you share "
            "them: the chat's own words are in them."
        )

    def cache(self, flow: flow.Flow, path: types.Path = _NO_PATH) -> Sequence[str]:
        """What became of a chat's prompt cache, where its prompt differs from the one before, and why. With a PATH it
        is written into that file."""
        told = self._bridge.inspector.recall(flow)
        if told is None or not told.cache:
            raise exceptions.CommandError("Nothing is known of its cache: choose a chat that a cloud has answered.")
        return _page(finding_text(told.cache), path, "The cache's story")

    def usage(self, path: types.Path = _NO_PATH) -> Sequence[str]:
        """Requests, tokens and cost of today, of this month, and by day, model, client and cloud. With a PATH they are
        written into that file."""
        books = self._bridge.books
        return _page(usage_page(books.ledger, books.today), path, "The usage")


_NO_CHAT = "This is no chat; choose a request to …/chat/completions or …/messages."


# -- flows ------------------------------------------------------------------------------------------------------------


def _request(one: flow.Flow) -> http.Request:
    if not isinstance(one, http.HTTPFlow):
        raise exceptions.CommandError("This is no HTTP request.")
    return one.request


def _api(one: flow.Flow) -> Api | None:
    """Whose API a chat is held in."""
    return api_of(one.request.path) if isinstance(one, http.HTTPFlow) and one.request.method == "POST" else None


def _bodies(one: flow.Flow) -> tuple[bytes, bytes]:
    """What the client sent and got."""
    assert isinstance(one, http.HTTPFlow)
    return _content(one.request), _content(one.response) if one.response else b""


def _content(message: http.Message) -> bytes:
    """A body with its content-encoding undone; as it came where that can't be done, or gives too much."""
    raw = message.raw_content or b""
    try:
        return inflate(raw, message.headers.get("content-encoding"), _UNPACKED)
    except BridgeError:
        return raw


def _record(one: flow.Flow) -> dict[str, Any]:
    record = one.metadata.get(KEY)
    return record if isinstance(record, dict) else {}


def _two(first: Sequence[flow.Flow], second: Sequence[flow.Flow]) -> tuple[flow.Flow, flow.Flow]:
    if len(first) == len(second) == 1:
        return first[0], second[0]
    if len(first) == 2 and (not second or list(second) == list(first)):
        return first[0], first[1]
    raise exceptions.CommandError(
        f"Two chats can be compared, but {counted(len(first), 'flow')} and {counted(len(second), 'flow')} were named: "
        "mark two and use @marked, or name one and another."
    )


def _side(one: flow.Flow) -> Side:
    api = _api(one)
    if api is None:
        raise exceptions.CommandError(_NO_CHAT)
    request, answer = _bodies(one)
    try:
        began = f"{datetime.fromtimestamp(one.timestamp_created):%Y-%m-%d %H:%M:%S}"
    except (OSError, OverflowError, ValueError):  # a file may hold anything
        began = "?"
    title = f"{began} · {_request(one).path.partition('?')[0]}"
    return Side(title, read_prompt(request, api), read_reply(answer, api))


# -- what comes out ---------------------------------------------------------------------------------------------------


def _shown(text: str) -> str:
    """The text, which in mitmweb can be read in the event log."""
    if ctx.master.addons.get("webauth"):
        long = "It is long; name a file behind the command to have it there."
        logger.info("The result:\n%s", text if len(text) <= _LOGGED else long)
    return text


def _page(text: str, path: types.Path, what: str) -> list[str]:
    """The lines of a page, or where it was written to."""
    if path:
        return [_written(path, f"{text}\n".encode("utf-8", "replace"), what)]
    return _shown(text).splitlines()


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or "this is no name of a file"


def _written(path: str, content: bytes, what: str) -> str:
    """Makes a new file; what was there stays."""
    try:
        with Path(path).open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise exceptions.CommandError(f"{path} is there already; name a new file.") from None
    except (OSError, ValueError) as error:
        raise exceptions.CommandError(f"{path!r} can't be written: {_why(error)}.") from None
    return _shown(f"{what}: written to {path}.")
