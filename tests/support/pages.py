"""The pages of the documentation, taken apart: code, links, anchors, commands."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / ".github" / "docs"
SKILL = ROOT / ".github" / "skills" / "synthgen" / "SKILL.md"
PAGES = [ROOT / "README.md", ROOT / ".github" / "CONTRIBUTING.md", SKILL, *sorted(DOCS.glob("*.md"))]
OTHERS = [ROOT / "benchmarks" / "README.md", ROOT / "data" / "README.md"]

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    language: str
    text: str


def tool(name: str) -> Any:
    """A module of `.ci`, which makes the generated parts."""
    folder = str(ROOT / ".ci")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return import_module(name)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a page."""
    return [Block(found["language"], found["text"]) for found in _FENCE.finditer(path.read_text(encoding="utf-8"))]


def prose(path: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def code_spans(path: Path) -> list[str]:
    return [span.replace("\\|", "|") for span in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", prose(path))]


def links(path: Path) -> list[str]:
    """Targets of links and pictures that are no web addresses."""
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`(?!\])", "", prose(path)))
    return [target for target in targets if not target.startswith(("http://", "https://"))]


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        number, unique = 0, slug
        while unique in found:
            number += 1
            unique = f"{slug}-{number}"
        found.add(unique)
    return found


def commands(path: Path) -> Iterator[list[str]]:
    """The arguments of every `synthgen …` on a page; a name of a verb alone, in running text, is one argument."""
    for block in blocks(path):
        for line in block.text.splitlines():
            line = line.removeprefix("$ ")
            if line.startswith("synthgen ") and "[options]" not in line:
                yield shlex.split(line, comments=True)[1:]
    for span in code_spans(path):
        if span.startswith("synthgen ") and "…" not in span:
            yield shlex.split(span)[1:]


def paths(path: Path) -> set[str]:
    """What a page names as files or folders of the repository, also as patterns: in code spans and in commands."""
    folders = ("synthgen/", "tests/", "benchmarks/", "prompts/", ".ci/", ".github/", "data/")
    words = [word for block in blocks(path) if not block.language for word in block.text.split()]
    named = {word.strip("`,;:()") for word in (*code_spans(path), *words)}
    return {name for name in named if name.startswith(folders) and " " not in name}
