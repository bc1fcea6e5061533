"""Imports point down. This table is the architecture."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent / "synthgen"

LAYERS = {
    "words": ["errors", "files", "records", "text", "registry", "storage", "config", "quotas"],
    "engines": ["chunking", "splits", "llm", "retrieval"],
    "readers": ["importers", "loaders", "prompting", "training"],
    "stages": ["generators", "filters", "distractors", "answers", "exporters", "evaluation", "hub"],
    "recipe": ["pipeline"],
    "doors": ["api", "cli", "testing", "__init__", "__main__"],
}
ORDER = list(LAYERS)
LAYER_OF = {module: layer for layer, modules in LAYERS.items() for module in modules}


def imports(path: Path) -> set[str]:
    """Top-level parts of synthgen that a file imports, at any depth."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the layer; write the whole name"
            module = node.module or ""
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "synthgen" else [module]
        found |= {name.split(".")[1] for name in names if name.startswith("synthgen.")}
    return found


def part(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


FILES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_imports_only_from_layers_below_it(path: Path) -> None:
    here = part(path)
    assert here in LAYER_OF, f"{here} stands in no layer: add it to the table or put it elsewhere"
    for other in imports(path) - {here}:
        level, other_level = ORDER.index(LAYER_OF[here]), ORDER.index(LAYER_OF[other])
        sideways_is_fine = LAYER_OF[here] in ("words", "doors")
        allowed = other_level < level or (other_level == level and sideways_is_fine)
        assert allowed, f"{here} must not import {other}"


def test_the_table_names_every_module_of_the_root_and_no_module_stands_beside_it() -> None:
    assert {part(path) for path in FILES} == set(LAYER_OF)


def test_a_class_name_stands_once_in_the_package() -> None:
    places: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


OF_PROVIDERS = {"synthgen.llm.providers", "synthgen.llm.providers.base"}
"""The table and the interface: all that the engine knows of providers."""


def modules(path: Path) -> set[str]:
    """Whole names of the modules that a file imports, at any depth; `from package import module` counts as the module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if (ROOT.parent / f"{name.replace('.', '/')}.py").exists() else str(node.module) for name in names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_providers_import_the_files_of_a_provider(path: Path) -> None:
    if path.is_relative_to(ROOT / "llm" / "providers"):
        return
    assert {name for name in modules(path) if name.startswith("synthgen.llm.providers")} <= OF_PROVIDERS


# What one provider is called stands with that provider, in tables, in the exporters of its file formats, and in its test server.
VENDOR_FILES = {
    "llm/providers/openai.py",
    "exporters/openai.py",
}
VENDOR_TABLES = {
    "llm/providers/__init__.py": {"openai", "openai/NAME", "synthgen.llm.providers.openai:PROVIDER"},
    "exporters/formats.py": {"synthgen.exporters.openai:openai_chat", "synthgen.exporters.openai:openai_dpo"},
    "text/tokenizer.py": {"openai/"},
}
FORMATS = {"openai-chat", "openai-dpo"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_provider_and_tables_name_a_provider(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    if name in VENDOR_FILES or name.startswith("testing/"):
        return
    text = path.read_text(encoding="utf-8")
    for known in sorted(FORMATS | VENDOR_TABLES.get(name, set()), key=len, reverse=True):
        for quote in '"`':
            text = text.replace(f"{quote}{known}{quote}", "")
    assert [line for line in text.splitlines() if "openai" in line] == []
