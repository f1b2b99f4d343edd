"""Tests for exposure.py: which addresses may be served with which client keys."""

from __future__ import annotations

import secrets
import uuid

import pytest

from oai_bridge.settings.values import Config
from oai_bridge.start.exposure import KEY_BITS, exposure, key_bits
from tests.support.clients import unnamed

STRONG = "3f1f6a0c9d7e4b2a8c5d1e0f9a7b6c4d"


@pytest.mark.parametrize(
    ("keys", "listen", "allowed", "words"),
    [
        ((), ["127.0.0.1", "::1"], (), None),
        ((), ["localhost"], (), None),
        (("short",), ["127.0.0.1"], (), None),
        ((), ["0.0.0.0"], (), "no client key is set"),
        ((), ["127.0.0.1", "::"], (), "no client key is set"),
        ((), [""], (), "all addresses"),
        (("short",), ["0.0.0.0"], (), "easy to guess"),
        ((STRONG, "short"), ["0.0.0.0"], (), "easy to guess"),
        ((STRONG,), ["0.0.0.0", "::"], (), None),
        ((), ["127.0.0.1"], ("localhost",), None),
        ((), ["127.0.0.1"], ("host.docker.internal",), "host.docker.internal"),
        (("short",), ["127.0.0.1"], ("host.docker.internal",), "host.docker.internal"),
        ((STRONG,), ["127.0.0.1"], ("host.docker.internal",), None),
    ],
)
def test_exposure(keys: tuple[str, ...], listen: list[str], allowed: tuple[str, ...], words: str | None) -> None:
    reason = exposure(Config(clients=unnamed(*keys), allowed_hosts=allowed), listen)
    if words is None:
        assert reason is None
    else:
        assert reason is not None and words in reason and "\n" not in reason
        assert (
            "127.0.0.1" in reason and "PROXY_KEY" in reason and "128 bits" in reason and "token_urlsafe(24)" in reason
        )
        assert "short" not in reason.replace("is short or", "")


@pytest.mark.parametrize(
    ("key", "enough"),
    [
        (STRONG, True),
        (STRONG.upper(), True),
        (STRONG[:-1], False),
        ("a" * 64, False),
        ("ab" * 32, False),
        (STRONG[:16] * 2, False),
        ("abcdefg" * 10 + "a", False),  # few different characters
        ("12345678901234567890123456789012", False),
        ("31415926535897932384626433832795028841971", True),
        ("your-secret-key", False),
        ("Tr0ub4dor&3", False),
        ("wN3kZq8XhT2vJ5mR9pLdYc", True),
        ("wN3kZq8XhT2vJ5mR9pLd", False),
        ("", False),
    ],
)
def test_key_bits(key: str, enough: bool) -> None:
    assert (key_bits(key) >= 128) is enough


def test_suggested_and_usual_keys_are_strong_enough() -> None:
    for _ in range(200):
        for key in (secrets.token_urlsafe(24), secrets.token_hex(16), str(uuid.uuid4())):
            assert key_bits(key) >= KEY_BITS
