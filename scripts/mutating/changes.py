"""The small changes that can be made to a source text: mutmut's, without those that say nothing about the tests.

Left out: texts for people (two spaces or more), the upper or lower case of other texts, the names of types, None
for False.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    line: int
    code: str  # of the whole file
    diff: str


def changes_of(code: str) -> list[Change]:
    # Only now: mutants.py puts them where Python finds them.
    import libcst  # type: ignore[import-not-found]  # only here
    from libcst.metadata import MetadataWrapper, PositionProvider  # type: ignore[import-not-found]
    from mutmut.mutation.file_mutation import MutationVisitor  # type: ignore[import-not-found]
    from mutmut.mutation.mutators import mutation_operators  # type: ignore[import-not-found]
    from mutmut.mutation.pragma_handling import IgnoredCode  # type: ignore[import-not-found]

    visitor = MutationVisitor(mutation_operators, IgnoredCode(set(), set(), set()))
    wrapper = MetadataWrapper(libcst.parse_module(code))
    module, positions = wrapper.visit(visitor), wrapper.resolve(PositionProvider)
    found: dict[str, Change] = {}
    for mutation in visitor.mutations:
        if worth(mutation.original_node, mutation.mutated_node):
            changed = module.deep_replace(mutation.original_node, mutation.mutated_node).code
            line = positions[mutation.original_node].start.line
            found.setdefault(changed, Change(line, changed, shown(code, changed)))
    found.pop(code, None)
    return sorted(found.values(), key=lambda change: change.line)


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
