"""Clients of whom nothing is known but their keys."""

from __future__ import annotations

from oai_bridge.settings.clients import Client


def unnamed(*keys: str) -> tuple[Client, ...]:
    """As the settings make them of bare keys."""
    return tuple(Client(f"key {place}", key) for place, key in enumerate(keys, 1))
