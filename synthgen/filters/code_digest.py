"""A digest of code, for cached results that are valid only as long as the same code would produce them.

It covers the given modules and every module of this package that they import, directly or not: at the top, inside a
function, or by the `"package.module:attribute"` of a table. There is no list to maintain, so a new or renamed module
cannot be forgotten. Imports for type checking do not count. The caller adds the versions of other packages.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import regex

from synthgen.records import digest

__all__ = ["code_digest", "imported_modules"]

_ROOT = Path(__file__).parent.parent.parent
_PACKAGE = "synthgen"
_TARGET = regex.compile(rf"({_PACKAGE}(?:\.\w+)+)(?::[\w.]+)?")


@cache
def code_digest(*modules: str) -> str:
    """Return a digest of the source of `modules` and of what they import.

    Raises ModuleNotFoundError for a module that does not exist.
    """
    sources = {name: hashlib.sha256(_file(name).read_bytes()).hexdigest() for name in imported_modules(modules)}
    foreign = {name: _foreign_source(name) for name in modules if not _is_ours(name)}
    return digest([sorted(sources.items()), sorted(foreign.items())])


def imported_modules(modules: Iterable[str]) -> set[str]:
    """`modules` and all that they import, as far as they are of this package."""
    found: set[str] = set()
    waiting = [name for name in modules if _is_ours(name)]
    while waiting:
        if (name := waiting.pop()) not in found:
            found.add(name)
            waiting += _imports(_file(name))
    return found


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == _PACKAGE


def _file(name: str) -> Path:
    path = _ROOT.joinpath(*name.split("."))
    found = next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)
    if found is None:
        raise ModuleNotFoundError(f"There is no module {name!r}, so a digest of its code would never change.", name=name)
    return found


def _foreign_source(name: str) -> str:
    """The digest of a module of another package, without what it imports; "" where it has no file, as in a notebook."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""


@cache
def _imports(file: Path) -> tuple[str, ...]:
    """The modules of this package that the code of a file names."""
    names = dict.fromkeys(name for name in _names(ast.parse(file.read_bytes())) if _is_ours(name))
    return tuple(name for name in names if _exists(name))


def _exists(name: str) -> bool:
    """Whether the name is that of a module, and not of something inside one."""
    path = _ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def _names(tree: ast.AST) -> Iterator[str]:
    """What may be the name of a module, in `import`, in `from … import` and in text."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and (target := _TARGET.fullmatch(node.value)):
            yield target[1]
