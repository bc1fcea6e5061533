"""Names to objects, without importing anything until it is used.

Each extension folder holds one literal table of `name -> "module:attribute"`. Any `"module:attribute"` is
accepted in place of a name, so outside code needs no fork and no registration.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from synthgen.errors import UnknownNameError

__all__ = ["resolve"]


def resolve(kind: str, name: str, table: Mapping[str, str]) -> Any:
    """The object that `name` stands for.

    Raises UnknownNameError, listing what exists, for a name in no table and for a `module:attribute` that
    cannot be found. An import error *inside* an existing module is the module's own and passes through.
    """
    target = table.get(name, name)
    module, separator, attribute = target.partition(":")
    if not separator or not module or not attribute:
        raise UnknownNameError(kind, name, table)
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(error.name + ".")):
            raise UnknownNameError(kind, name, table) from None
        raise
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise UnknownNameError(kind, name, table)
        found = getattr(found, part)
    return found
