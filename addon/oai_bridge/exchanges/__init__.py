"""One request's life as an async generator: read, translate, send, translate back, and the last word."""

from __future__ import annotations

from collections.abc import Mapping

from ..inspector.record import Record
from ..routing import Kind
from .base import Exchange
from .chat import ChatExchange
from .embeddings import EmbeddingsExchange
from .messages import CountExchange, MessagesExchange
from .pictures import PicturesExchange
from .services import Credentials, Incoming, Services

__all__ = ["EXCHANGES", "Credentials", "Exchange", "Incoming", "Services", "exchange"]

EXCHANGES: Mapping[Kind, type[Exchange]] = {
    "chat": ChatExchange,
    "messages": MessagesExchange,
    "count_tokens": CountExchange,
    "embeddings": EmbeddingsExchange,
    "images": PicturesExchange,
}
"""The routes that need a cloud; all others are answered by `pages`."""


def exchange(services: Services, incoming: Incoming, record: Record) -> Exchange:
    """The exchange for a route in `EXCHANGES`."""
    return EXCHANGES[incoming.route.kind](services, incoming, record)
