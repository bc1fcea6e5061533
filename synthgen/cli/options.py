"""Flags that several verbs share, each once: its name, its help, and the setting that it changes.

A verb says which it takes, and is handed what they came to as its parameter `given`. In the help they stand where `given` stands
among its parameters.

    @app.command()
    @flags(*ASKED, *CAPS)
    def verb(*, run: Run, given: Given, as_json: Json = False) -> None: ...

Not covered: flags with a default of their own. What is not given is left to the configuration.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from synthgen.llm.model_name import known_forms

__all__ = ["ASKED", "CAPS", "PACE", "Given", "flags"]

Verb = Callable[..., None]

ASKED = ("config", "set_", "model", "base_url", "seed", "limit")
CAPS = ("max_cost", "max_calls", "max_total_tokens")
PACE = ("concurrency", "patience")

_SET = "One setting: section.key=value. May be repeated. `synthgen init DIR` lists all settings."
_URL = "Address of the endpoint; unset means the provider's own."
_COST = "Stop before this command spends more than this many dollars."
_CALLS = "Stop before this command makes more than this many calls."
_TOKENS = "Stop before this command uses more than this many prompt and output tokens."
_PATIENCE = "Seconds to wait while an outage or a rate limit lets nothing through; default 600."

# Name of the parameter -> the setting (none for `config` and `set_`, which may change any), the type, the flag.
_FLAGS: Mapping[str, tuple[str, Any, Any]] = {
    "config": ("", Path, typer.Option("-c", "--config", help="Settings as YAML; `synthgen init` writes one.")),
    "set_": ("", list[str], typer.Option("--set", help=_SET)),
    "model": ("model", str, typer.Option("-m", "--model", help=f"extractive (no LLM), or {' or '.join(known_forms())}.")),
    "base_url": ("llm.base_url", str, typer.Option("--base-url", help=_URL)),
    "seed": ("seed", int, typer.Option("--seed", help="Seed of every random choice.")),
    "limit": ("generation.limit", int, typer.Option("--limit", help="Use a stratified sample of N chunks.")),
    "max_cost": ("llm.max_cost", float, typer.Option("--max-cost", help=_COST)),
    "max_calls": ("llm.max_calls", int, typer.Option("--max-calls", help=_CALLS)),
    "max_total_tokens": ("llm.max_total_tokens", int, typer.Option("--max-total-tokens", help=_TOKENS)),
    "concurrency": ("llm.concurrency", int, typer.Option("--concurrency", help="Calls in flight.")),
    "patience": ("llm.patience_s", float, typer.Option("--patience", min=0, help=_PATIENCE)),
    "store": ("llm.store", Path, typer.Option("--store", help="SQLite file for paid answers, shared between runs.")),
}


@dataclass(frozen=True, slots=True)
class Given:
    """What the flags of a command line came to, as `config.settings.load_config` takes it."""

    config: Path | None
    settings: Sequence[str]
    overrides: Mapping[str, Any]


def flags(*names: str) -> Callable[[Verb], Verb]:
    """Adds these flags to a verb, which is handed what they came to as its parameter `given`."""

    def added(verb: Verb) -> Verb:
        @functools.wraps(verb)
        def command(**values: Any) -> None:
            verb(given=_given({name: values.pop(name) for name in names}), **values)

        command.__signature__ = inspect.Signature(list(_parameters(verb, names)))  # type: ignore[attr-defined]
        return command

    return added


def _parameters(verb: Verb, names: Sequence[str]) -> Iterator[inspect.Parameter]:
    """Those of `verb`, with the flags in place of `given`."""
    for own in inspect.signature(verb, eval_str=True).parameters.values():
        if own.name != "given":
            yield own
            continue
        for name in names:
            _, kind, flag = _FLAGS[name]
            yield own.replace(name=name, default=None, annotation=Annotated[kind | None, flag])


def _given(values: Mapping[str, Any]) -> Given:
    overrides: dict[str, Any] = {}
    for name, value in values.items():
        section, _, key = _FLAGS[name][0].rpartition(".")
        if key and value is not None:
            part = overrides.setdefault(section, {}) if section else overrides
            part[key] = str(value) if isinstance(value, Path) else value
    return Given(values.get("config"), values.get("set_") or (), overrides)
