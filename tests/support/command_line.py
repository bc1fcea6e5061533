"""Command lines in this process: run, or parsed by the real command and not run."""

from __future__ import annotations

from collections.abc import Sequence
from subprocess import CompletedProcess
from typing import Any

import typer
from typer.testing import CliRunner

from synthgen.cli.main import app


def synthgen(*arguments: object, key: str | None = None) -> CompletedProcess[str]:
    """Run a command. To start a process for it takes longer than most commands."""
    done = CliRunner().invoke(app, [*map(str, arguments)], env={"OPENAI_API_KEY": key})
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


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
