"""Makes mutations of golden inputs, at the level of bytes and of JSON, by the thousand and the same in every run."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any, Literal

from tests.support.splits import TROUBLE

Form = Literal["bytes", "text", "json", "lines", "sse"]
"""What inputs are made of: bytes; text, which is cut at its words' ends, too; one JSON document; JSON documents a line
each; server-sent events of JSON."""

_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**53, 2**70, -(2**70), 0.5, 1e308, "", " ", "\n", "x", "auto", "none"),
    *("\ud83d", "\u2028", "\0", "é" * 70, "1", "-1", "https://example.com/a.png", "data:image/png;base64,iVBOR"),
    *([], {}, [None], [[]], [{}], ["x"], [1], {"": ""}, {"type": "text"}, {"type": "text", "text": "x"}, {"type": "x"}),
    *({"type": "object"}, {"message": "No."}, {"error": {"message": "No."}}, {"a": {"b": [1]}}, [0, "x", None]),
)
_PIECES = (*TROUBLE, b" ", b":", b"#", b"'", b"`", b",", b"/", b"=", b"\t", b"\r\n", b"\0\0\0\x10", b"99999999999")
_NEAR = 24  # bytes: what is cut out of bytes is seldom longer, so that much stays as it was


class Mutator:
    """Mutations of `seeds`, made of pieces of all of them. What `one` gives depends on its `dice` alone."""

    def __init__(self, seeds: list[bytes], form: Form) -> None:
        self._seeds = seeds
        self._form = form
        self._under: dict[str, list[Any]] = {}  # what stands under a key anywhere
        for seed in seeds if form not in ("bytes", "text") else ():
            for document in _documents(seed, form):
                self._collect(json.loads(document))
        self._keys = list(self._under)

    def many(self, times: int, seed: int = 1) -> Iterator[bytes]:
        """The seeds as they are, then mutations, `times` in all."""
        dice = random.Random(seed)
        yield from self._seeds[:times]
        for _ in range(times - len(self._seeds)):
            yield self.one(dice)

    def one(self, dice: random.Random) -> bytes:
        return self.hurt(dice.choice(self._seeds), dice)

    def hurt(self, seed: bytes, dice: random.Random) -> bytes:
        """A mutation of `seed`, which need not be one of the seeds."""
        if self._form in ("bytes", "text") or dice.random() < (0.5 if self._form == "sse" else 0.05):
            return self._bytes(seed, dice)
        documents = _documents(seed, self._form)
        if not documents:
            return self._bytes(seed, dice)
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            at = dice.randrange(len(documents))
            if len(documents) > 1 and dice.random() < 0.2:
                _shuffle(documents, at, dice)
                continue
            value = [json.loads(documents[at])]  # in a list, so that all of it can be replaced
            self._json(value, dice)
            documents[at] = json.dumps(value[0] if value else None).encode()
        if self._form == "json":
            return documents[0]
        return b"\n".join(documents) if self._form == "lines" else b"".join(b"data: %s\n\n" % one for one in documents)

    def _bytes(self, seed: bytes, dice: random.Random) -> bytes:
        for _ in range(dice.choice((1, 1, 2, 3))):
            start = dice.randint(0, len(seed))
            end = min(len(seed), start + dice.choice((0, 1, 2, dice.randint(0, _NEAR), dice.randint(0, len(seed)))))
            other = dice.choice(self._seeds)
            at = dice.randint(0, len(other))
            piece = dice.choice(
                (
                    dice.choice(_PIECES),
                    seed[start:end] * 2,
                    bytes([dice.randrange(256)]),
                    other[at : at + dice.randint(1, _NEAR)],
                    b"",
                )
            )
            seed = seed[:start] + piece + seed[end:]
        return seed

    def _json(self, value: list[Any], dice: random.Random) -> None:
        """Changes one place in what `value` holds."""
        inside: Any = value[0] if isinstance(value[0], dict | list) and value[0] and dice.random() < 0.98 else value
        while True:
            keys: list[Any] = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
            key = dice.choice(keys)
            if isinstance(inside[key], dict | list) and inside[key] and dice.random() < 0.75:
                inside = inside[key]
                continue
            break
        match dice.randrange(7):
            case 0:
                del inside[key]
            case 1 if isinstance(inside, dict) and self._keys:
                inside[dice.choice(self._keys)] = inside.pop(key)
            case 1 if isinstance(inside, list):
                inside.insert(key, json.loads(json.dumps(dice.choice(inside))))
            case 2 if isinstance(inside, dict) and self._keys:
                new = dice.choice(self._keys)
                inside[new] = _fresh(dice.choice(self._under[new]))
            case 3 if isinstance(key, str) and key in self._under:
                inside[key] = _fresh(dice.choice(self._under[key]))
            case 4 if isinstance(inside[key], str):
                inside[key] = _text(inside[key], dice)
            case _:
                inside[key] = _fresh(dice.choice(_ODD))

    def _collect(self, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                known = self._under.setdefault(key, [])
                if len(known) < 40 and inner not in known:
                    known.append(inner)
                self._collect(inner)
        elif isinstance(value, list):
            for inner in value:
                self._collect(inner)


def _documents(seed: bytes, form: Form) -> list[bytes]:
    """The JSON documents in an input, without what is none."""
    found = [seed] if form == "json" else seed.splitlines()
    if form == "sse":
        found = [line.removeprefix(b"data:").strip() for line in found if line.startswith(b"data:")]
    return [one for one in found if _is_json(one)]


def _is_json(document: bytes) -> bool:
    try:
        json.loads(document)
    except (ValueError, RecursionError):
        return False
    return True


def _fresh(value: Any) -> Any:
    return json.loads(json.dumps(value)) if isinstance(value, dict | list) else value


def _shuffle(documents: list[bytes], at: int, dice: random.Random) -> None:
    """A document is lost, comes twice, or in another place."""
    moved = documents[at] if dice.random() < 0.4 else documents.pop(at)
    if dice.random() < 0.7:
        documents.insert(dice.randint(0, len(documents)), moved)


def _text(text: str, dice: random.Random) -> str:
    at = dice.randint(0, len(text))
    piece = dice.choice(("", "\ud83d", "\u2028", "😀", " ", "\n", "\0", '"', "<", ".", ":", "x" * 300, text))
    return text[:at] + piece + text[at + dice.choice((0, 0, 1, len(text))) :]
