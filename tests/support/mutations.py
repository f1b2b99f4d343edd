"""Quick ways to damage streams by the thousand, the same in every run; `splits.damaged` finds less obvious ones."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

from tests.support.splits import TROUBLE

_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**70, 1.5, 1e308, "", "x", "stop", "\ud83d", [], {}, [None], [[]], [{}], {"a": 1}),
    *({"message": "No."}, {"error": {"message": "No."}}, {"google": {"thought": True}}),
)


def bytes_damaged(stream: bytes, times: int) -> Iterator[bytes]:
    """Pieces cut out, repeated, moved or replaced by trouble."""
    dice = random.Random(len(stream))
    for _ in range(times):
        hurt = stream
        for _ in range(dice.randint(1, 3)):
            start, end = sorted(dice.choices(range(len(hurt) + 1), k=2))
            piece = dice.choice((*TROUBLE, hurt[start:end], hurt[start:end] * 2))
            hurt = hurt[:start] + piece + hurt[dice.choice((start, end)) :]
        yield hurt


def json_damaged(messages: list[Any], times: int) -> Iterator[list[bytes]]:
    """The messages as JSON, with values in them replaced, removed or put under another key."""
    dice = random.Random(len(messages))
    for _ in range(times):
        hurt = copy.deepcopy(messages)
        for _ in range(dice.randint(1, 4)):
            _hurt(hurt, dice)
        yield [json.dumps(message).encode() for message in hurt]


def _hurt(value: Any, dice: random.Random) -> None:
    while True:
        keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = dice.choice(keys)
        if isinstance(value[key], dict | list) and value[key] and dice.random() < 0.8:
            value = value[key]
            continue
        match dice.randint(0, 3):
            case 0:
                del value[key]
            case 1 if isinstance(value, dict):
                value[dice.choice(("choices", "delta", "message", "error", "usage", "content"))] = value.pop(key)
            case _:
                value[key] = copy.deepcopy(dice.choice(_ODD))
        return
