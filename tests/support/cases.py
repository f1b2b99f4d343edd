"""Golden cases as folders: what goes in and what must come out, in files that a person can read and review.

In: `client.json` (the request, byte for byte), `settings.json` (what differs from the default settings: `strict`,
`claude`, `vertex`) and the cloud's answer, which is one of `cloud.sse`, `cloud_reply.json` and `recorded.txt` (the name
of a file in tests/vectors). Out: `cloud.json`, `betas.txt` and `notes.txt` (codes, one per line), or `refused.json`; then
`client.sse` and `client_with_usage.sse`, or `client_reply.json`. `why.md` is for people.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oai_bridge.backends.vertex import VertexClaude
from oai_bridge.dialects.reading import Reading
from oai_bridge.errors import BridgeError
from oai_bridge.models.catalog import Catalog, ModelFacts
from oai_bridge.notes import Notes
from oai_bridge.openai.reply import ChunkWriter, Completion, ReplyTo
from oai_bridge.openai.request import parse_chat, read_body
from oai_bridge.settings import Claude, Vertex
from oai_bridge.transcript import Transcript

TESTS = Path(__file__).parent.parent
IN = {"client.json", "settings.json", "cloud.sse", "cloud_reply.json", "recorded.txt", "why.md"}
OUT = {"cloud.json", "betas.txt", "notes.txt", "refused.json", "client.sse", "client_with_usage.sse", "client_reply.json"}
CATALOG = Catalog()


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
        facts = CATALOG.find(self._model())
        assert facts is not None, "the case names a model that is not Claude"
        return facts

    def cloud_stream(self) -> bytes | None:
        """The cloud's answer as a stream, if it is one."""
        name = self._read("recorded.txt")
        file = self.folder / "cloud.sse" if name is None else TESTS / "vectors" / name.strip()
        return file.read_bytes() if file.exists() else None

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

    def _outcome(self) -> Iterator[tuple[str, Any]]:
        settings = Claude(**self.settings.get("claude", {}))
        backend, reading, legacy = VertexClaude(self.vertex, settings), Reading(), False
        if (self.folder / "client.json").exists():
            notes = Notes(strict=self.settings.get("strict", False))
            chat = parse_chat(read_body((self.folder / "client.json").read_bytes()), notes, settings)
            translated = backend.chat(chat, self.facts, notes)
            reading, legacy = translated.reading, chat.legacy_functions
            yield "cloud.json", translated.body
            if translated.betas:
                yield "betas.txt", "".join(f"{beta}\n" for beta in translated.betas)
            if codes := [note.code for note in notes]:
                yield "notes.txt", "".join(f"{code}\n" for code in codes)
        if (stream := self.cloud_stream()) is not None:
            for name, include_usage in (("client.sse", False), ("client_with_usage.sse", True)):
                writer = ChunkWriter(self._to(settings, include_usage, legacy))
                transcript = Transcript(backend.decoder(), backend.dialect(reading), writer)
                yield name, (transcript.feed(stream) + transcript.end()).decode()
        if (self.folder / "cloud_reply.json").exists():
            completion = Completion(self._to(settings, False, legacy))
            for event in backend.dialect(reading).whole((self.folder / "cloud_reply.json").read_bytes()):
                if body := completion.add(event):
                    yield "client_reply.json", json.loads(body)

    def _to(self, settings: Claude, include_usage: bool, legacy: bool) -> ReplyTo:
        return ReplyTo(
            self._model(),
            1_700_000_000,
            "req_test",
            include_usage=include_usage,
            legacy_functions=legacy,
            thinking_blocks=settings.thinking_blocks,
            reasoning_field=settings.reasoning_field,
        )

    def _model(self) -> str:
        return self._read("client.json")["model"] if (self.folder / "client.json").exists() else "claude-opus-4-8"

    def _read(self, name: str) -> Any:
        file = self.folder / name
        if not file.exists():
            return None
        text = file.read_bytes().decode()
        return json.loads(text) if name.endswith(".json") else text


CASES = [Case(folder) for folder in sorted((TESTS / "cases" / "vertex").iterdir()) if folder.is_dir()]


def name(case: Case) -> str:
    """For pytest's ids."""
    return case.folder.name


def streams() -> dict[str, bytes]:
    """The cloud's streams of all cases, by the case's name."""
    return {name(case): stream for case in CASES if (stream := case.cloud_stream()) is not None}
