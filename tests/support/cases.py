"""Golden cases as folders: what goes in and what must come out, in files that a person can read and review.

In: `client.json` (the request, byte for byte), `settings.json` (what differs from the default settings: `strict`,
`claude`, `vertex`; `betas` are those of the client's `anthropic-beta` header), `fetched.json` (URL → `content_type` and
`base64` of what is found there), `earlier.json` and `earlier_reply.json` (a request and the cloud's answer that went
before), and the cloud's answer, which is one of `cloud.sse`, `cloud_reply.json`, `cloud_error.json` (`status`,
`headers`, `body`) and `recorded.txt` (the name of a file in tests/vectors), or only its `cloud_headers.json`.
`cloud_2.sse` or `cloud_2_reply.json` is the rest of an answer that paused.

Out: `cloud.json`, `betas.txt` and `notes.txt` (codes, one per line), or `refused.json`; then `client.sse` and
`client_with_usage.sse`, `client_reply.json`, `client_error.json` or `client_headers.json`. `cloud_2.json` is what the
cloud is asked next, after a pause or instead of what it refused. `why.md` is for people.
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

from oai_bridge.backends.vertex import VertexClaude
from oai_bridge.dialects.reading import Translated
from oai_bridge.errors import BridgeError
from oai_bridge.events import Event, Pause, Said, Stop
from oai_bridge.exchanges.limits import limit_headers
from oai_bridge.fetch import Fetcher
from oai_bridge.models.catalog import Catalog, ModelFacts
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import ChatRequest
from oai_bridge.openai.reply import ChunkWriter, Completion, ReplyTo
from oai_bridge.openai.request import parse_chat, read_body
from oai_bridge.pages import error_page
from oai_bridge.settings import Claude, Images, Network, Vertex
from oai_bridge.transcript import Transcript

TESTS = Path(__file__).parent.parent
IN = {
    *("client.json", "settings.json", "fetched.json", "earlier.json", "earlier_reply.json", "why.md"),
    *("cloud.sse", "cloud_reply.json", "cloud_error.json", "cloud_headers.json", "recorded.txt"),
    *("cloud_2.sse", "cloud_2_reply.json"),
}
OUT = {
    *("cloud.json", "betas.txt", "notes.txt", "refused.json", "cloud_2.json"),
    *("client.sse", "client_with_usage.sse", "client_reply.json", "client_error.json", "client_headers.json"),
}
CATALOG = Catalog()
MODEL = "claude-opus-4-8"  # where no request names one
NOW = 1_700_000_000


@dataclass(frozen=True, slots=True)
class Case:
    folder: Path

    @property
    def settings(self) -> dict[str, Any]:
        return self._read("settings.json") or {}

    @property
    def vertex(self) -> Vertex:
        return Vertex(**self.settings.get("vertex", {}))

    @property
    def facts(self) -> ModelFacts:
        return _facts(self._model())

    def cloud_stream(self) -> bytes | None:
        """The cloud's answer as a stream, if it is one."""
        name = self._read("recorded.txt")
        return self._bytes("cloud.sse") if name is None else (TESTS / "vectors" / name.strip()).read_bytes()

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
        backend, sent = VertexClaude(self.vertex, settings), Translated({})
        to = ReplyTo(
            MODEL,
            NOW,
            "req_test",
            thinking_blocks=settings.thinking_blocks,
            reasoning_field=settings.reasoning_field,
        )
        if (reply := self._bytes("earlier_reply.json")) is not None:
            self._remember(backend, settings, reply)
        if (self.folder / "client.json").exists():
            notes = Notes(strict=self.settings.get("strict", False))
            chat = self._chat("client.json", notes, settings)
            sent = backend.chat(chat, self.facts, notes)
            to = replace(to, model=chat.model, legacy_functions=chat.legacy_functions)
            yield "cloud.json", sent.body
            if sent.betas:
                yield "betas.txt", "".join(f"{beta}\n" for beta in sent.betas)
            if codes := [note.code for note in notes]:
                yield "notes.txt", "".join(f"{code}\n" for code in codes)
        yield from self._streamed(backend, sent, to)
        yield from self._whole(backend, sent, to)
        yield from self._error(backend, sent)
        if (headers := self._read("cloud_headers.json")) is not None:
            yield "client_headers.json", limit_headers(headers, NOW)

    def _chat(self, file: str, notes: Notes, settings: Claude) -> ChatRequest:
        """A request of the client's, with its files fetched."""
        chat = parse_chat(read_body((self.folder / file).read_bytes()), notes, settings)
        chat = replace(chat, betas=(*chat.betas, *self.settings.get("betas", ())))
        files = self._read("fetched.json")
        return chat if files is None else asyncio.run(_Files.put_into(chat, files))

    def _remember(self, backend: VertexClaude, settings: Claude, reply: bytes) -> None:
        chat = self._chat("earlier.json", Notes(), settings)
        facts = _facts(chat.model)
        sent = backend.chat(chat, facts, Notes())
        for event in backend.dialect(sent.reading).whole(reply):
            if isinstance(event, Said):
                backend.remember(facts, sent, event.content)

    def _streamed(self, backend: VertexClaude, sent: Translated, to: ReplyTo) -> Iterator[tuple[str, Any]]:
        if (stream := self.cloud_stream()) is None:
            return
        for name, include_usage in (("client.sse", False), ("client_with_usage.sse", True)):
            events: list[Event] = []
            writer = ChunkWriter(replace(to, include_usage=include_usage))
            transcript = Transcript(backend.decoder(), backend.dialect(sent.reading), writer, events.append)
            text = transcript.feed(stream) + transcript.end()
            if transcript.paused:
                said = next(event.content for event in events if isinstance(event, Said))
                yield "cloud_2.json", backend.continued(sent.body, said)
                if (rest := self._bytes("cloud_2.sse")) is None:
                    text += transcript.stop_paused()
                else:
                    transcript.resume(backend.decoder())
                    text += transcript.feed(rest) + transcript.end()
            yield name, text.decode()

    def _whole(self, backend: VertexClaude, sent: Translated, to: ReplyTo) -> Iterator[tuple[str, Any]]:
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
                    yield "cloud_2.json", backend.continued(sent.body, said)
                    dialect.resume()
        if said and (body := completion.add(Stop("length"))):
            yield "client_reply.json", json.loads(body)

    def _error(self, backend: VertexClaude, sent: Translated) -> Iterator[tuple[str, Any]]:
        if (answer := self._read("cloud_error.json")) is None:
            return
        body = answer["body"] if isinstance(answer["body"], str) else json.dumps(answer["body"])
        error = backend.error(answer["status"], answer["headers"], body.encode())
        strict = self.settings.get("strict", False)
        if sent.body and not strict and (repair := backend.repaired(sent.body, error, frozenset())):
            yield "cloud_2.json", repair[1]
            return
        page = error_page(error, "req_test")
        told = ("retry-after", "x-should-retry", "x-bridge-upstream-status", "x-bridge-upstream-request-id")
        headers = {name: value for name, value in page.headers if name in told}
        yield "client_error.json", {"status": page.status, "headers": headers, **json.loads(page.body)}

    # -- files --------------------------------------------------------------------------------------------------------

    def _model(self) -> str:
        return self._read("client.json")["model"] if (self.folder / "client.json").exists() else MODEL

    def _bytes(self, name: str) -> bytes | None:
        file = self.folder / name
        return file.read_bytes() if file.exists() else None

    def _read(self, name: str) -> Any:
        raw = self._bytes(name)
        return None if raw is None else json.loads(raw) if name.endswith(".json") else raw.decode()


def _facts(model: str) -> ModelFacts:
    facts = CATALOG.find(model)
    assert facts is not None, "the case names a model that is not Claude"
    return facts


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


CASES = [Case(folder) for folder in sorted((TESTS / "cases" / "vertex").iterdir()) if folder.is_dir()]


def name(case: Case) -> str:
    """For pytest's ids."""
    return case.folder.name


def streams() -> dict[str, bytes]:
    """The cloud's streams of all cases, by the case's name."""
    return {name(case): stream for case in CASES if (stream := case.cloud_stream()) is not None}
