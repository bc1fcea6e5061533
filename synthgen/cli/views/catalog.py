"""How `synthgen list` looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass

__all__ = ["listing_text"]


def listing_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """A line for each name with its meaning; below, the options of those that have some."""
    width = max(len(row["name"]) for row in rows)
    lines = [f"{row['name']:<{width}}  {row['meaning']}" for row in rows]
    for row in rows:
        options = (f"    {o['name']}: {o['type']} = {o['default']}  {o['description']}".rstrip() for o in row["options"])
        lines += ["", f"options of {row['name']}", *options] if row["options"] else []
    return "\n".join(lines)
