"""Command lines, parsed by the real command and not run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from synthgen.cli.main import app


def verbs() -> set[str]:
    return set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def parsed(arguments: Sequence[str]) -> dict[str, Any]:
    """The parameters that the verb would be called with. Raises what the parser raises."""
    return _parsed(typer.main.get_command(app), arguments, None)


def _parsed(command: Any, arguments: Sequence[str], parent: Any) -> dict[str, Any]:
    context = command.make_context(command.name, list(arguments), parent=parent)
    if not hasattr(command, "commands"):
        return dict(context.params)
    name, verb, rest = command.resolve_command(context, [*context._protected_args, *context.args])
    return _parsed(verb, rest, context) | {"verb": name}
