"""Golden cases as folders: what goes in and what must come out, in files that a person can read and review.

A folder of `tests/cases` is a backend of `tests.support.case_backends`; a case is a folder in it.

In: `client.json` (the request, byte for byte), `settings.json` (what differs from the default settings: `strict`,
`claude`, and the cloud's own section; `betas` are those of the client's `anthropic-beta` header), `fetched.json` (URL →
`content_type` and `base64` of what is found there), `earlier.json` and `earlier_reply.json` (a request and the cloud's
answer that went before), and the cloud's answer, which is one of `cloud.sse`, `cloud_frames.jsonl` (the messages that
AWS's event stream is made of), `cloud_reply.json`, `cloud_error.json` (`status`, `headers`, `body`) and `recorded.txt`
(the name of a file in tests/vectors), or only its `cloud_headers.json`. `cloud_2.sse` or `cloud_2_reply.json` is the
rest of an answer that paused. `count.json` is a request in Anthropic's own words, whose tokens are to be counted.

Out: `cloud.json` (the body on the wire), `betas.txt` and `notes.txt` (codes, one per line), `headers.txt` (those on the
wire that say how to answer), or `refused.json`; then `client.sse` and `client_with_usage.sse`, `client_reply.json`,
`client_error.json` or `client_headers.json`. `cloud_2.json` is what the cloud is asked next, after a pause or instead
of what it refused; `cloud_count.json` is how it is asked to count. `why.md` is for people.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from oai_bridge.backends.base import Backend, Call, ChatBackend, NativeBackend, PassingBackend
from oai_bridge.credentials.base import Outbound
from oai_bridge.dialects.reading import Translated
from oai_bridge.errors import BridgeError
from oai_bridge.events import Event, Pause, Said, Stop
from oai_bridge.exchanges.limits import limit_headers
from oai_bridge.inspector.cache_prompt import read_prompt
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import ChatRequest
from oai_bridge.openai.passed import pass_completion
from oai_bridge.openai.reply import Completion, ReplyTo
from oai_bridge.openai.request import asks_for_usage, model_of, parse_chat, read_body
from oai_bridge.outward.fetch import Fetcher
from oai_bridge.pages import error_page
from oai_bridge.settings.values import Claude, Images, Network
from tests.support.aws_frames import converse_frame, exception_frame, invoke_frame
from tests.support.case_backends import KINDS, Kind, transcript

TESTS = Path(__file__).parent.parent
IN = {
    *("client.json", "settings.json", "fetched.json", "earlier.json", "earlier_reply.json", "why.md"),
    *("cloud.sse", "cloud_frames.jsonl", "cloud_reply.json", "cloud_error.json", "cloud_headers.json", "recorded.txt"),
    *("cloud_2.sse", "cloud_2_reply.json", "count.json"),
}
OUT = {
    *("cloud.json", "betas.txt", "notes.txt", "headers.txt", "refused.json", "cloud_2.json", "cloud_count.json"),
    *("client.sse", "client_with_usage.sse", "client_reply.json", "client_error.json", "client_headers.json"),
}
USUAL_HEADERS = {"content-type", "accept", "accept-encoding", "anthropic-version", "x-amzn-bedrock-accept"}
NOW = 1_700_000_000


@dataclass(frozen=True, slots=True)
class Case:
    folder: Path

    @property
    def settings(self) -> dict[str, Any]:
        return self._read("settings.json") or {}

    @property
    def kind(self) -> Kind:
        return KINDS[self.folder.parent.name]

    @property
    def client(self) -> dict[str, Any]:
        """The client's request, empty where there is none."""
        return self._read("client.json") or {}

    @property
    def facts(self) -> Any:
        return self._facts(self._backend(Claude()), self._model())

    def cloud_stream(self) -> bytes | None:
        """The cloud's answer as a stream, if it is one."""
        if (name := self._read("recorded.txt")) is not None:
            return (TESTS / "vectors" / name.strip()).read_bytes()
        if (lines := self._read("cloud_frames.jsonl")) is not None:
            return b"".join(self._frame(json.loads(line)) for line in lines.split("\n") if line)  # U+2028 ends no line
        return self._bytes("cloud.sse")

    def expected(self) -> dict[str, Any]:
        """The files of the folder that say what must come out."""
        return {name: self._read(name) for name in sorted(OUT) if (self.folder / name).exists()}

    def outcome(self) -> dict[str, Any]:
        """What comes out, under the names of `expected`."""
        try:
            return dict(self._outcome())
        except BridgeError as error:
            return {"refused.json": {"status": error.status, "error": error.to_object()}}

    def update(self) -> None:
        """Writes the outcome as what is expected."""
        outcome = self.outcome()
        for name in OUT:
            (self.folder / name).unlink(missing_ok=True)
        for name, value in outcome.items():
            text = json.dumps(value, indent=1, ensure_ascii=False) + "\n" if name.endswith(".json") else value
            (self.folder / name).write_text(text, "utf-8", newline="")

    # -- what comes out -----------------------------------------------------------------------------------------------

    def _outcome(self) -> Iterator[tuple[str, Any]]:
        settings = Claude(**self.settings.get("claude", {}))
        backend = self._backend(settings)
        to = ReplyTo(
            self.kind.model,
            NOW,
            "req_test",
            thinking_blocks=settings.thinking_blocks,
            reasoning_field=settings.reasoning_field,
        )
        if isinstance(backend, PassingBackend):
            yield from self._passed(backend, to)
            return
        assert isinstance(backend, ChatBackend)
        sent = Translated({})
        if (reply := self._bytes("earlier_reply.json")) is not None:
            self._remember(backend, settings, reply)
        if (self.folder / "client.json").exists():
            notes = Notes(strict=self.settings.get("strict", False))
            chat = self._chat("client.json", notes, settings)
            sent = backend.chat(chat, self._facts(backend, chat.model), notes)
            to = replace(to, model=chat.model, legacy_functions=chat.legacy_functions)
            yield "cloud.json", self._wire(backend, sent.body, sent.betas)
            if sent.betas:
                yield "betas.txt", "".join(f"{beta}\n" for beta in sent.betas)
            yield from self._said_beside(backend, sent.body)
            yield from _told(notes)
        if (native := self._read("count.json")) is not None:
            yield from self._counted(backend, native)
        yield from self._streamed(backend, sent, to)
        yield from self._whole(backend, sent, to)
        yield from self._error(backend, sent)
        yield from self._limits()

    def _passed(self, backend: PassingBackend[Any], to: ReplyTo) -> Iterator[tuple[str, Any]]:
        """Of a cloud that speaks OpenAI's own language."""
        if body := self.client:
            notes = Notes(strict=self.settings.get("strict", False))
            model = model_of(body)
            sent = backend.passed(body, self._facts(backend, model), _call(body), notes)
            to = replace(to, model=model, include_usage=asks_for_usage(body))
            yield "cloud.json", self._wire(backend, sent, ())
            yield from self._said_beside(backend, sent)
            yield from _told(notes)
        if (stream := self.cloud_stream()) is not None:
            for name, include_usage in (("client.sse", False), ("client_with_usage.sse", True)):
                through = transcript(backend, replace(to, include_usage=include_usage))
                yield name, (through.feed(stream) + through.end()).decode()
        if (reply := self._bytes("cloud_reply.json")) is not None:
            yield "client_reply.json", json.loads(pass_completion(reply, to, backend.cloud, lambda event: None))
        if (answer := self._read("cloud_error.json")) is not None:
            yield "client_error.json", _error_page(self._told_by(backend, answer))
        yield from self._limits()

    def _limits(self) -> Iterator[tuple[str, Any]]:
        if (headers := self._read("cloud_headers.json")) is not None:
            yield "client_headers.json", limit_headers(headers, NOW)

    def _chat(self, file: str, notes: Notes, settings: Claude) -> ChatRequest:
        """A request of the client's, with its files fetched."""
        chat = parse_chat(read_body((self.folder / file).read_bytes()), notes, settings)
        chat = replace(chat, betas=(*chat.betas, *self.settings.get("betas", ())))
        files = self._read("fetched.json")
        return chat if files is None else asyncio.run(_Files.put_into(chat, files))

    def _remember(self, backend: ChatBackend[Any], settings: Claude, reply: bytes) -> None:
        chat = self._chat("earlier.json", Notes(), settings)
        facts = self._facts(backend, chat.model)
        sent = backend.chat(chat, facts, Notes())
        for event in backend.dialect(sent.reading).whole(reply):
            if isinstance(event, Said):
                backend.remember(facts, sent, event.content)

    def _streamed(self, backend: ChatBackend[Any], sent: Translated, to: ReplyTo) -> Iterator[tuple[str, Any]]:
        if (stream := self.cloud_stream()) is None:
            return
        for name, include_usage in (("client.sse", False), ("client_with_usage.sse", True)):
            events: list[Event] = []
            through = transcript(backend, replace(to, include_usage=include_usage), sent.reading, events.append)
            text = through.feed(stream) + through.end()
            if through.paused:
                said = next(event.content for event in events if isinstance(event, Said))
                yield "cloud_2.json", self._wire(backend, backend.continued(sent.body, said), sent.betas)
                if (rest := self._bytes("cloud_2.sse")) is None:
                    text += through.stop_paused()
                else:
                    through.resume(backend.decoder())
                    text += through.feed(rest) + through.end()
            yield name, text.decode()

    def _whole(self, backend: ChatBackend[Any], sent: Translated, to: ReplyTo) -> Iterator[tuple[str, Any]]:
        dialect, completion = backend.dialect(sent.reading), Completion(to)
        said: tuple[dict[str, Any], ...] = ()
        for reply in filter(None, map(self._bytes, ("cloud_reply.json", "cloud_2_reply.json"))):
            for event in dialect.whole(reply):
                if isinstance(event, Said):
                    said = event.content
                if body := completion.add(event):
                    yield "client_reply.json", json.loads(body)
                    return
                if isinstance(event, Pause):
                    yield "cloud_2.json", self._wire(backend, backend.continued(sent.body, said), sent.betas)
                    dialect.resume()
        if said and (body := completion.add(Stop("length"))):
            yield "client_reply.json", json.loads(body)

    def _error(self, backend: ChatBackend[Any], sent: Translated) -> Iterator[tuple[str, Any]]:
        if (answer := self._read("cloud_error.json")) is None:
            return
        error = self._told_by(backend, answer)
        strict = self.settings.get("strict", False)
        if sent.body and not strict and (repair := backend.repaired(sent.body, error, frozenset())):
            yield "cloud_2.json", self._wire(backend, repair[1], sent.betas)
            return
        yield "client_error.json", _error_page(error)

    def _told_by(self, backend: Backend[Any, Any], answer: dict[str, Any]) -> BridgeError:
        """The error that an answer tells."""
        body = answer["body"] if isinstance(answer["body"], str) else json.dumps(answer["body"])
        model, region = self._outbound(backend, {}, ()).model, self.kind.access.region
        return backend.error(answer["status"], answer["headers"], body.encode(), model, region)

    def _counted(self, backend: Backend[Any, Any], native: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """How the cloud is asked to count. Bedrock wants the request in base64, which nobody could review."""
        assert isinstance(backend, NativeBackend)
        notes = Notes(strict=self.settings.get("strict", False))
        facts = self._facts(backend, native["model"])
        sent = backend.count(native, facts, self.settings.get("betas", ()), notes)
        body = json.loads(backend.outbound(sent.body, facts, "count", sent.betas, self.kind.access).body)
        match body:
            case {"input": {"invokeModel": {"body": str(blob)} as inner}}:
                inner["body"] = json.loads(base64.b64decode(blob, validate=True))
        yield "cloud_count.json", body
        if sent.betas:
            yield "betas.txt", "".join(f"{beta}\n" for beta in sent.betas)
        yield from _told(notes)

    def _said_beside(self, backend: Backend[Any, Any], body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        headers = self._outbound(backend, body, ()).headers
        if lines := [f"{name}: {value}\n" for name, value in headers.items() if name not in USUAL_HEADERS]:
            yield "headers.txt", "".join(lines)

    def _wire(self, backend: Backend[Any, Any], body: dict[str, Any], betas: tuple[str, ...]) -> Any:
        """The body as it goes out, which the cache coach does not read again."""
        outbound = self._outbound(backend, body, betas)
        wire = json.loads(outbound.body)
        assert read_prompt(outbound.value) == read_prompt(wire)
        return wire

    def _outbound(self, backend: Backend[Any, Any], body: dict[str, Any], betas: tuple[str, ...]) -> Outbound:
        call = _call(self.client)
        return backend.outbound(body, self._facts(backend, self._model()), call, betas, self.kind.access)

    def _frame(self, line: dict[str, Any]) -> bytes:
        """A line of `cloud_frames.jsonl` as a frame: one of Claude's events, `{"<event type>": {…}}` of Converse, or
        `{"exception": <name>, "message": …}`."""
        if "exception" in line:
            return exception_frame(line["exception"], line["message"])
        if self.kind.framing == "invoke":
            return invoke_frame(line)
        ((name, payload),) = line.items()
        return converse_frame(name, payload)

    def _backend(self, settings: Claude) -> Backend[Any, Any]:
        return self.kind.make(self.settings, settings)

    def _facts(self, backend: Backend[Any, Any], model: str) -> Any:
        facts = backend.find(model)
        assert facts is not None, f"{self.folder} names a model that is not there"
        return facts

    # -- files --------------------------------------------------------------------------------------------------------

    def _model(self) -> str:
        request = self.client or self._read("count.json") or {}
        return str(request.get("model", self.kind.model))

    def _bytes(self, name: str) -> bytes | None:
        file = self.folder / name
        return file.read_bytes() if file.exists() else None

    def _read(self, name: str) -> Any:
        raw = self._bytes(name)
        return None if raw is None else json.loads(raw) if name.endswith(".json") else raw.decode()


def _call(body: dict[str, Any]) -> Call:
    return "stream" if body.get("stream") else "whole"


def _told(notes: Notes) -> Iterator[tuple[str, Any]]:
    for note in notes:
        assert str(note.detail).endswith(".") and " None " not in note.detail, f"{note} has no sentence for people"
    if codes := [note.code for note in notes]:
        yield "notes.txt", "".join(f"{code}\n" for code in codes)


def _error_page(error: BridgeError) -> dict[str, Any]:
    page = error_page(error, "req_test")
    told = ("retry-after", "x-should-retry", "x-bridge-upstream-status", "x-bridge-upstream-request-id")
    headers = {name: value for name, value in page.headers if name in told}
    return {"status": page.status, "headers": headers, **json.loads(page.body)}


class _Files(Fetcher):
    """Has what it would find on the web."""

    def __init__(self, files: dict[str, Any]) -> None:
        super().__init__(Images(), Network(), ssl.create_default_context)
        self._found = files

    @classmethod
    async def put_into(cls, chat: ChatRequest, files: dict[str, Any]) -> ChatRequest:
        return await cls(files).resolved(chat)

    async def _download(self, url: str, take: object) -> tuple[bytes, str | None]:
        file = self._found[url]
        return base64.b64decode(file["base64"]), file["content_type"]


ALL = [Case(folder) for kind in KINDS for folder in sorted((TESTS / "cases" / kind).iterdir()) if folder.is_dir()]
CASES = [case for case in ALL if case.folder.parent.name == "vertex"]
"""Those that show all of Claude's rules; the others show what differs there."""


def name(case: Case) -> str:
    """For pytest's ids."""
    kind = case.folder.parent.name
    return case.folder.name if kind == "vertex" else f"{kind}/{case.folder.name}"


def streams(kind: str = "vertex") -> dict[str, bytes]:
    """The cloud's streams of all cases of a kind, by the case's name."""
    cases = [case for case in ALL if case.folder.parent.name == kind]
    return {name(case): stream for case in cases if (stream := case.cloud_stream()) is not None}
