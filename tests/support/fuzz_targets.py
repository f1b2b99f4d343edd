"""What is fuzzed, by the tests and by scripts/fuzz.py: golden inputs and checks that hold for any input."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.mutator import Form, Mutator

CORPUS = Path(__file__).parent.parent / "corpus"
DECODER, TRANSLATOR = 5000, 1000
"""How many examples of each there are in every run of the tests."""
_LONGEST = 4000  # bytes of a golden input: long ones take time and have nothing that the short ones have not
_MOST = 120  # golden inputs of a target


@dataclass(frozen=True, slots=True)
class Target:
    """`check` raises for a defect; whatever else an input is, valid or not, is none. `inputs` are golden ones."""

    name: str
    form: Form
    inputs: Callable[[], Sequence[bytes]]
    check: Callable[[bytes], None]
    times: int = DECODER

    def seeds(self) -> list[bytes]:
        """Golden inputs of a fit size, each once, the same in every run."""
        fit = dict.fromkeys(one for one in self.inputs() if len(one) <= _LONGEST)
        return sorted(fit, key=zlib.crc32)[:_MOST]

    def mutator(self) -> Mutator:
        return Mutator(self.seeds(), self.form)

    def corpus(self) -> list[Path]:
        """The inputs that the fuzzer found worth keeping."""
        return sorted((CORPUS / self.name).glob("*"))


@cache
def targets() -> dict[str, Target]:
    """All targets, by name."""
    from tests.support import fuzz_answers, fuzz_config, fuzz_errors, fuzz_requests, fuzz_streams, fuzz_wire

    modules = (fuzz_wire, fuzz_streams, fuzz_answers, fuzz_errors, fuzz_requests, fuzz_config)
    return {target.name: target for module in modules for target in module.TARGETS}


def picked[T](data: bytes, choices: Sequence[T], salt: int = 0) -> T:
    """One of the choices, always the same for the same input."""
    return choices[zlib.crc32(data, salt) % len(choices)]


def cut(data: bytes) -> list[bytes]:
    """The input in three pieces, always the same ones."""
    first, second = sorted(zlib.crc32(data, salt) % (len(data) + 1) for salt in (1, 2))
    return [data[:first], data[first:second], data[second:]]
