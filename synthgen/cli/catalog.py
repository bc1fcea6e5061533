"""What there is to choose from, and a configuration to start with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from synthgen.config.settings import Config
from synthgen.errors import InputError, nearest
from synthgen.files import writing
from synthgen.llm.providers import PROVIDERS
from synthgen.registry import describe_options, resolve

__all__ = ["SAMPLE", "init", "listing"]

SAMPLE = ("handbook", "handbook-queries")  # documents, and queries about them
_PACKAGE = Path(__file__).parent.parent

_HEADER = """\
# Settings of synthgen, with their defaults. Use: synthgen run DOCS RUN --config config.yaml
# Delete what you do not change. A key is never written here: llm.api_key_env names the variable that holds it.
"""


def listing(what: str) -> list[dict[str, Any]]:
    """`[{"name", "meaning", "options"}]` of prompts, models, loaders, filters or formats."""
    kinds: Mapping[str, Callable[[], list[dict[str, Any]]]] = {
        "prompts": _prompts,
        "models": _models,
        "loaders": _loaders,
        "filters": _filters,
        "formats": _formats,
    }
    if what not in kinds:
        raise InputError(f"There is no list of {what!r}.{nearest(what, kinds)} Known: {', '.join(kinds)}.")
    return kinds[what]()


def init(directory: str | Path, *, sample: bool = False) -> list[Path]:
    """Write `config.yaml` and `prompts/` into `directory`, and with `sample` the folders of `SAMPLE`; returns the files.

    Raises InputError rather than overwrite one.
    """
    from synthgen.prompting.templates import packaged_prompts

    directory = Path(directory)
    config = directory / "config.yaml"
    copies = {directory / "prompts" / source.name: source for source in packaged_prompts()}
    if sample:
        copies |= {directory / source.relative_to(_sample()): source for name in SAMPLE for source in _files(_sample() / name)}
    standing = [path for path in (config, *copies) if os.path.lexists(path)]
    if standing:
        raise InputError(f"{standing[0]} exists already, and `init` overwrites nothing. Name another folder.")
    with writing(config) as file:
        file.write((_HEADER + "\n".join(_commented(Config())) + "\n").encode("utf-8"))
    for target, source in copies.items():
        with writing(target) as file, source.open("rb") as original:
            shutil.copyfileobj(original, file)
    return [config, *copies]


def _sample() -> Path:
    """Where the documents and queries that come with synthgen lie: in the wheel, or in the checkout."""
    in_wheel = _PACKAGE / "_sample"
    return in_wheel if in_wheel.is_dir() else _PACKAGE.parent / "data"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _commented(section: BaseModel, indent: str = "") -> list[str]:
    """YAML lines of a section, each setting under its meaning."""
    lines: list[str] = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            lines += ["", f"{indent}{name}:", *_commented(value, indent + "  ")]
        else:
            plain = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=1000).strip()[1:-1]
            lines += [f"{indent}# {field.description}", f"{indent}{name}: {plain}"]
    return lines


def _prompts() -> list[dict[str, Any]]:
    from synthgen.prompting.templates import list_prompts

    return [{"name": name, "meaning": meaning, "options": []} for name, meaning in list_prompts().items()]


def _models() -> list[dict[str, Any]]:
    return [
        {"name": "extractive", "meaning": "rules over the text: no LLM, no key, no network (the default)", "options": []},
        *(
            {"name": f"{name}/NAME", "meaning": resolve("provider", name, PROVIDERS).meaning, "options": []}
            for name in PROVIDERS
        ),
        {"name": "module:attribute/NAME", "meaning": "the model NAME of a provider of your own", "options": []},
    ]


def _loaders() -> list[dict[str, Any]]:
    from synthgen.loaders.folder import LOADERS

    return [_described(suffix, resolve("loader", suffix, LOADERS)) for suffix in LOADERS]


def _filters() -> list[dict[str, Any]]:
    from synthgen.filters import FILTERS, filter_spec

    rows = []
    for name in FILTERS:
        spec = filter_spec(name)
        facts = {
            "scope": spec.scope,
            "needs": sorted(spec.needs),
            "paid": spec.paid,
            "dev_and_test": "flags" if spec.flags_held_out else "rejects",
        }
        rows.append(_described(name, spec.function) | facts | {"reasons": dict(spec.reasons)})
    return rows


def _formats() -> list[dict[str, Any]]:
    from synthgen.exporters.formats import FORMATS

    paths = {name: format.path for name, format in FORMATS.items()}
    return [_described(name, resolve("format", name, paths), format.reads) for name, format in FORMATS.items()]


def _described(name: str, function: Callable[..., Any], meaning: str = "") -> dict[str, Any]:
    first_line = (function.__doc__ or "").strip().partition("\n")[0]
    return {
        "name": name,
        "meaning": meaning or first_line,
        "options": [option._asdict() for option in describe_options(function)],
    }
