"""What the documentation says is so: blocks are fresh, examples run, commands parse, links and paths lead somewhere."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
import yaml
from support import command_line, pages
from support.pages import DOCS, OTHERS, PAGES, ROOT, SKILL, name_of

from synthgen.config.settings import Config, load_config
from synthgen.exporters.export import check_format
from synthgen.filters.chain import check_filters
from synthgen.storage import TABLES

EVERYTHING = [*PAGES, *OTHERS]
REFRESH = "python .ci/docs.py"

page = pytest.mark.parametrize("page", PAGES, ids=name_of)
every_page = pytest.mark.parametrize("page", EVERYTHING, ids=name_of)


# Generated blocks


@page
def test_generated_blocks_are_fresh(page: Path) -> None:
    docs, of_code = pages.tool("docs"), set(pages.tool("blocks").BLOCKS)
    fresh = docs.refreshed(page, only=lambda name: name in of_code)
    assert fresh == page.read_text(encoding="utf-8"), f"{name_of(page)} is stale. Run: {REFRESH}"


@pytest.mark.parametrize("path", pages.tool("pictures").PICTURES, ids=name_of)
def test_pictures_are_fresh(path: Path) -> None:
    drawn = pages.tool("pictures").PICTURES[path]()
    assert drawn == path.read_text(encoding="utf-8"), f"{name_of(path)} is stale. Run: {REFRESH}"


def test_every_generated_block_is_on_a_page() -> None:
    docs = pages.tool("docs")
    used = {name for page in docs.PAGES for name in docs.names(page)}
    assert used == set(docs.known())


@pytest.mark.slow
def test_shown_output_is_that_of_a_real_run() -> None:
    docs, of_runs = pages.tool("docs"), set(pages.tool("sample_runs").BLOCKS)
    for path in PAGES:
        shown, fresh = path.read_text(encoding="utf-8"), docs.refreshed(path, only=lambda name: name in of_runs)
        assert but_for_figures(shown) == but_for_figures(fresh), f"{name_of(path)} is stale. Run: {REFRESH}"
        for old, new in zip(figures(shown), figures(fresh), strict=True):
            assert float(old) == pytest.approx(float(new), abs=0.05), f"{name_of(path)} is stale. Run: {REFRESH}"


_FIGURE = r"[-+]?\b\d\.\d{3,4}\b"
_VERDICT = "gain|LOSS|no clear difference|too few groups to tell"


def figures(text: str) -> list[str]:
    """Measured figures, which differ in their last digits from one machine to the next; so may the verdict on them."""
    return re.findall(_FIGURE, text)


def but_for_figures(text: str) -> str:
    return re.sub(f"{_FIGURE}|(?<=\\], )({_VERDICT})", "#", text)


# Examples and commands

EXAMPLES = {block.text: (path, n) for path in PAGES for n, block in enumerate(pages.blocks(path)) if block.language == "python"}


def example(text: str, path: Path, number: int) -> Any:
    slow = "data/handbook" in text or "sg.run" in text
    return pytest.param(path, number, id=f"{name_of(path)}-{number}", marks=[pytest.mark.slow] if slow else [])


@pytest.mark.slow
@pytest.mark.parametrize(("path", "number"), [example(text, *place) for text, place in EXAMPLES.items()])
def test_a_python_example_runs(path: Path, number: int, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "data", tmp_path / "data")
    (tmp_path / "mine.py").write_text(pages.blocks(path)[number].text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "mine.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr


@every_page
def test_every_command_parses(page: Path) -> None:
    for arguments in pages.commands(page):
        if len(arguments) == 1 or "--help" in arguments:
            assert arguments[0] in {*command_line.verbs(), "--help", "--version"}, arguments
            continue
        given = command_line.parsed(arguments)
        config = load_config(settings=given.get("set_") or ())
        check_filters([name for name in config.filters.order if ":" not in name], config.filters.options)
        for format in {*config.exports.formats, given.get("format")} - {None, "FORMAT"}:
            if ":" not in format:
                check_format(format, config.exports.options.get(format, {}))


def test_a_wrong_command_does_not_parse() -> None:
    for wrong in (["plan", "DOCS", "--bogus"], ["batch", "send", "RUN"], ["run", "DOCS"], ["plan", "DOCS", "--show", "one"]):
        with pytest.raises(Exception, match=r"No such|Missing|[Ii]nvalid|valid integer"):
            command_line.parsed(wrong)


@page
def test_yaml_examples_are_valid_settings(page: Path, tmp_path: Path) -> None:
    for block in pages.blocks(page):
        if block.language == "yaml":
            file = tmp_path / "config.yaml"
            file.write_text(block.text, encoding="utf-8")
            config = load_config(file)
            check_filters(config.filters.order, config.filters.options)


def test_every_verb_is_described() -> None:
    headings = pages.anchors(DOCS / "cli.md")
    assert [verb for verb in command_line.verbs() if not any(name.startswith(verb) for name in headings)] == []


# Links and paths


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in pages.links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name_of(page)}: {link}"
        if anchor:
            assert anchor in pages.anchors(target), f"{name_of(page)}: {link}"


@every_page
def test_paths_exist(page: Path) -> None:
    missing = [path for path in pages.paths(page) if not any(ROOT.glob(path.rstrip("/")))]
    assert missing == []


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in pages.links(ROOT / "README.md")}
    assert [name_of(path) for path in DOCS.glob("*.md") if path not in linked and path.name != "README.md"] == []


# Tables that people wrote


def test_the_columns_of_every_table_are_described() -> None:
    sections = re.split(r"^### ", (DOCS / "run-folder.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    described = {section.partition("\n")[0]: columns(section) for section in sections}
    described["rejected"] = described["triples"] | described["rejected"]
    described["candidates"] = described["triples"]
    for name, wanted in TABLES.items():
        assert described[name] == {column: spelled(spec) for column, spec in wanted.items()}, name


def columns(section: str) -> dict[str, str]:
    rows = re.findall(r"^\| (`.+?`) \| ([\w ]+) \|", section.partition("\n## ")[0], re.MULTILINE)
    return {name: kind for cell, kind in rows for name in re.findall(r"`(\w+)`", cell)}


def spelled(spec: object) -> str:
    if isinstance(spec, list):
        return f"list of {spelled(spec[0])}"
    return "struct" if isinstance(spec, dict) else str(spec)


# The skill


def test_the_skill_says_what_it_is_for_and_is_short() -> None:
    text = SKILL.read_text(encoding="utf-8")
    front = yaml.safe_load(text.split("---")[1])
    assert front["name"] == SKILL.parent.name
    assert 40 < len(front["description"]) < 1024
    assert len(text.encode()) < 7_000
    assert {arguments[0] for arguments in pages.commands(SKILL)} >= command_line.verbs() - {"init", "list", "push"}


# Names in docstrings


def docstrings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def exists(name: str) -> bool:
    """Whether a dotted name is a setting, or a module or something in one, below `synthgen`."""
    section, *keys = name.split(".")
    field = Config.model_fields.get(section)
    if field and all(key in getattr(field.annotation, "model_fields", {}) for key in keys[:1]):
        return True
    try:
        resolve_name(f"synthgen.{name}")
    except (ImportError, AttributeError):
        return False
    return True


def test_modules_named_in_docstrings_exist() -> None:
    packages = {path.stem for path in (ROOT / "synthgen").iterdir()}
    wrong = [
        f"{name_of(path)}: {name}"
        for path in sorted((ROOT / "synthgen").rglob("*.py"))
        for text in docstrings(path)
        for name in re.findall(r"`((?:synthgen\.)?[a-z_]+(?:\.\w+)+)`", text)
        if not name.endswith(".yaml")
        and name.removeprefix("synthgen.").split(".")[0] in packages
        and not exists(name.removeprefix("synthgen."))
    ]
    assert wrong == []
