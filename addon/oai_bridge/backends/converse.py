"""Bedrock's Converse: one door for the chat models of all vendors, and an alternative one for Claude.

Paths as in AWS's API reference ("Converse", "ConverseStream").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..credentials.base import Access, Outbound
from ..dialects.aws_errors import error_from_aws
from ..dialects.bedrock_frames import ConverseDecoder
from ..dialects.claude_memory import TurnMemory
from ..dialects.converse_blocks import spoken
from ..dialects.converse_repair import repaired
from ..dialects.converse_reply import ConverseStream
from ..dialects.converse_request import converse_body
from ..dialects.reading import Reading, Translated
from ..errors import BridgeError
from ..models.catalog import Catalog
from ..models.facts import ModelFacts
from ..models.profiles import bedrock_id
from ..models.spellings import is_bedrock_id
from ..notes import Notes
from ..openai.chat import ChatRequest
from ..settings.values import Bedrock, Claude
from .base import Call, ChatBackend, Decoder, Dialect, json_headers
from .bedrock_host import SERVICE, model_path, refusal_hint, runtime_url


class Converse(ChatBackend[Access]):
    """Settings in, requests and events out; it remembers turns, and nothing else."""

    name = "bedrock"

    def __init__(self, bedrock: Bedrock, claude: Claude, catalog: Catalog) -> None:
        self._bedrock = bedrock
        self._claude = claude
        self._catalog = catalog
        self._memory = TurnMemory()

    def listed(self) -> Sequence[ModelFacts]:
        return self._catalog.listed_bedrock()

    def find(self, name: str) -> ModelFacts | None:
        return self._catalog.find_bedrock(name)

    def owns(self, name: str) -> bool:
        return is_bedrock_id(name)

    def chat(self, chat: ChatRequest, facts: ModelFacts, notes: Notes) -> Translated:
        return converse_body(chat, facts, self._claude, self._bedrock, notes, memory=self._memory)

    def outbound(
        self, body: dict[str, Any], facts: ModelFacts, call: Call, betas: Sequence[str], access: Access
    ) -> Outbound:
        model = bedrock_id(facts, access.region, self._bedrock.profiles)
        headers = dict(json_headers(streams=False))
        path = "converse"
        if call == "stream":
            path = "converse-stream"
            headers["accept"] = "application/vnd.amazon.eventstream"
        url = f"{runtime_url(self._bedrock, access.region)}{model_path(model)}/{path}"
        return Outbound.posted(url, headers, body, model, SERVICE)

    def decoder(self) -> Decoder:
        return ConverseDecoder()

    def dialect(self, reading: Reading) -> Dialect:
        return ConverseStream(reading)

    def error(
        self, status: int, headers: Mapping[str, str], body: bytes, model: str = "", region: str = ""
    ) -> BridgeError:
        return error_from_aws(status, headers, body, refusal_hint(self._bedrock, self.find, model, region))

    def repaired(
        self, body: dict[str, Any], error: BridgeError, done: frozenset[str]
    ) -> tuple[str, dict[str, Any]] | None:
        return repaired(body, error, done)

    def continued(self, body: dict[str, Any], said: Sequence[dict[str, Any]]) -> dict[str, Any]:
        messages = list(body["messages"])
        prefill = messages.pop()["content"] if messages[-1]["role"] == "assistant" else []
        content = [*prefill, *filter(None, map(spoken, said))]
        return body | {"messages": [*messages, {"role": "assistant", "content": content}]}

    def remember(self, facts: ModelFacts, translated: Translated, said: Sequence[dict[str, Any]]) -> None:
        self._memory.remember(facts.id, translated.prefix, said)


class ConverseClaude(Converse):
    """Claude by this door, where the settings choose it."""

    def listed(self) -> Sequence[ModelFacts]:
        return self._catalog.listed("bedrock")

    def find(self, name: str) -> ModelFacts | None:
        facts = self._catalog.find(name)
        return facts if facts and facts.bedrock else None

    def has(self, facts: ModelFacts) -> bool:
        return self._catalog.serves("bedrock", facts)
