"""The clouds' doors. A new one is one file and one line of the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..settings import Config
from .base import ClaudeBackend
from .vertex import VertexClaude

REGISTRY: Mapping[str, Callable[[Config], ClaudeBackend]] = {
    "vertex": lambda config: VertexClaude(config.vertex, config.claude),
}
