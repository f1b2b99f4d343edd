"""Makes a change in the running process: objects that others have imported get the code of the changed ones."""

from __future__ import annotations
import __future__

import ast
import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from mutating.changes import Change

OWN = ("oai_bridge", "tests")
ATOMS = (int, float, str, bytes, type(None))
FROM_DATACLASS = {"__dict__", "__weakref__", "__doc__", "__slots__", "__annotations__", "__module__"}


def graft(file: Path, change: Change) -> None:
    """Runs the statement of the module that was changed, and those after it that are made of what it names."""
    module = next(module for module in list(sys.modules.values()) if getattr(module, "__file__", None) == str(file))
    old, new = ast.parse(file.read_text("utf-8")).body, ast.parse(change.code).body
    first = next(place for place, pair in enumerate(zip(old, new, strict=True)) if differ(*pair))
    names = run(module, new[first])
    for statement in new[first + 1 :]:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and mentions(statement, names):
            names |= run(module, statement)


def differ(old: ast.stmt, new: ast.stmt) -> bool:
    return ast.dump(old) != ast.dump(new)


def mentions(tree: ast.AST, names: set[str]) -> bool:
    return any(isinstance(node, ast.Name) and node.id in names for node in ast.walk(tree))


def run(module: ModuleType, statement: ast.stmt) -> set[str]:
    """The names that the statement gives."""
    made: dict[str, Any] = {}
    flags = __future__.annotations.compiler_flag
    code = compile(ast.Module([statement], []), str(module.__file__), "exec", flags=flags, dont_inherit=True)
    exec(code, vars(module), made)
    for name, new in made.items():
        if name in vars(module):
            old = vars(module)[name]
            if not put(old, new):
                replace_everywhere(module, name, old, new)
    return set(made)


def put(old: Any, new: Any) -> bool:
    """Whether it is something that can be changed as it is."""
    if isinstance(old, FunctionType) and isinstance(new, FunctionType):
        old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__
        if wrapped := vars(old).get("__wrapped__"):
            put(wrapped, vars(new)["__wrapped__"])
    elif hasattr(old, "cache_clear") and hasattr(new, "__wrapped__"):
        old.cache_clear()
        put(old.__wrapped__, new.__wrapped__)
    elif isinstance(old, type) and isinstance(new, type):
        for name, value in vars(new).items():
            put_attribute(old, name, value)
    else:
        return False
    return True


def put_attribute(owner: type, name: str, new: Any) -> None:
    old = vars(owner).get(name)
    if isinstance(old, staticmethod | classmethod):
        put(old.__func__, new.__func__)
    elif isinstance(old, property):
        put(old.fget, new.fget)
    elif isinstance(old, FunctionType):
        put(old, new)
    elif name not in FROM_DATACLASS and not hasattr(old, "__objclass__") and old != new:
        setattr(owner, name, new)


def replace_everywhere(home: ModuleType, given: str, old: Any, new: Any) -> None:
    """In all our modules that have imported it, and as a default of their functions. Python keeps one object for all 5s
    and all empty tuples: such a one is what was imported only if it has the same name."""
    common = isinstance(old, ATOMS) or old == ()
    for module in list(sys.modules.values()):
        if module is not home and not module.__name__.startswith(OWN):
            continue
        names = [name for name, value in vars(module).items() if value is old and (name == given or not common)]
        for function in [one for value in vars(module).values() for one in functions_in(value)] if names else []:
            if function.__defaults__ and function.__module__ == module.__name__:
                function.__defaults__ = tuple(new if one is old else one for one in function.__defaults__)
        for name in names:
            setattr(module, name, new)


def functions_in(value: Any) -> list[FunctionType]:
    found = [value, *vars(value).values()] if isinstance(value, type) else [value]
    return [one for one in found if isinstance(one, FunctionType)]
