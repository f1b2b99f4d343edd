"""What all doors share that speak OpenAI's own language: the dialect, the errors, the doors behind a base URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..dialects.openai_errors import error_from_openai
from ..dialects.openai_request import passed_chat, passed_embeddings, passed_images
from ..errors import BridgeError
from ..models.passed import PassedFacts
from ..notes import Notes
from ..settings.values import OpenAI
from .base import Call, PassingBackend

PATHS: Mapping[Call, str] = {
    "whole": "/chat/completions",
    "stream": "/chat/completions",
    "embed": "/embeddings",
    "image": "/images/generations",
}
"""What stands behind a base URL of OpenAI's API for each call."""


class OpenAiBackend[A](PassingBackend[A]):
    """Settings in, requests out. `stream_usage`: a stream can be asked for its usage."""

    def __init__(self, openai: OpenAI, *, stream_usage: bool = True) -> None:
        self._openai = openai
        self._stream_usage = stream_usage

    def passed(self, body: dict[str, Any], facts: PassedFacts, call: Call, notes: Notes) -> dict[str, Any]:
        match call:
            case "embed":
                return passed_embeddings(body, facts, notes=notes)
            case "image":
                return passed_images(body, facts, notes=notes)
        return passed_chat(body, facts, self._openai, cloud=self.cloud, notes=notes, stream_usage=self._stream_usage)

    def error(
        self, status: int, headers: Mapping[str, str], body: bytes, model: str = "", region: str = ""
    ) -> BridgeError:
        return error_from_openai(status, headers, body, self.cloud)
