"""The small changes that can be made to a source text: mutmut's, without those that say nothing about the tests.

Left out: texts for people (two spaces or more), the upper or lower case of other texts, the names of types, None
for False, and slots, which a class that exists can't get anew.
"""

from __future__ import annotations

import difflib
import random
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    line: int
    code: str  # of the whole file
    diff: str


def changes_of(code: str, sample: int | None = None, seed: int = 0) -> tuple[list[Change], int]:
    """All of them or a random sample, by lines, and how many there are."""
    # Only now: mutants.py puts them where Python finds them.
    import libcst  # type: ignore[import-not-found]  # only here
    from libcst.metadata import MetadataWrapper, PositionProvider  # type: ignore[import-not-found]  # only here
    from mutmut.mutation.file_mutation import MutationVisitor  # type: ignore[import-not-found]  # only here
    from mutmut.mutation.mutators import mutation_operators  # type: ignore[import-not-found]  # only here
    from mutmut.mutation.pragma_handling import IgnoredCode  # type: ignore[import-not-found]  # only here

    visitor = MutationVisitor(mutation_operators, IgnoredCode(set(), set(), set()))
    wrapper = MetadataWrapper(libcst.parse_module(code))
    module, positions = wrapper.visit(visitor), wrapper.resolve(PositionProvider)
    lines = code.splitlines()
    possible = [
        mutation
        for mutation in visitor.mutations
        if worth(mutation.original_node, mutation.mutated_node)
        and "__slots__" not in lines[positions[mutation.original_node].start.line - 1]
    ]
    drawn = possible if sample is None else random.Random(seed).sample(possible, min(sample, len(possible)))
    found: list[Change] = []
    for mutation in drawn:  # the text only of these: it takes longest
        changed = module.deep_replace(mutation.original_node, mutation.mutated_node).code
        found.append(Change(positions[mutation.original_node].start.line, changed, shown(code, changed)))
    return sorted(found, key=lambda change: change.line), len(possible)


def worth(old: Any, new: Any) -> bool:
    import libcst

    if isinstance(old, libcst.SimpleString):
        return old.value.count(" ") < 2 and "XX" in new.value
    if isinstance(old, libcst.Assign) and isinstance(target := old.targets[0].target, libcst.Name):
        kind = target.value[0].isupper() and not target.value.isupper()
        return not kind and not is_false(old)
    return not (isinstance(old, libcst.Assign | libcst.AnnAssign) and is_false(old))


def is_false(assignment: Any) -> bool:
    return getattr(assignment.value, "value", None) == "False"


def shown(old: str, new: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    return "\n".join(line for line in list(lines)[2:] if not line.startswith("@@"))
