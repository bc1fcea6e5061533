"""Refresh what the documentation takes from the code.

    python .ci/docs.py             write every generated block again
    python .ci/docs.py --check     write nothing; name the pages that are stale, and fail if there is one

A page is Markdown by hand with blocks between two markers:

    <!-- generated: NAME -->
    …
    <!-- end of generated text -->

NAME is a function of `blocks.py` (made from the code alone), or of `sample_runs.py` (output of a real run on data/handbook; half a minute).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / ".ci")]

PAGES = [ROOT / "README.md", *sorted((ROOT / ".github" / "docs").glob("*.md"))]
COMMAND = "python .ci/docs.py"

_BLOCK = re.compile(r"(<!-- generated: (?P<name>[\w-]+) -->\n).*?(<!-- end of generated text -->)", re.DOTALL)


def main(arguments: list[str]) -> int:
    texts = {page: refreshed(page) for page in PAGES} | {path: draw() for path, draw in pictures().items()}
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        for page in stale:
            print(f"{page.relative_to(ROOT)} is stale. Run: {COMMAND}")
        return 1 if stale else 0
    for page in stale:
        page.write_text(texts[page], encoding="utf-8", newline="\n")
        print(f"{page.relative_to(ROOT)} refreshed")
    return 0


def refreshed(page: Path, *, only: Callable[[str], bool] = lambda name: True) -> str:
    """The text of the page with its blocks made anew, those whose name `only` accepts."""

    def block(found: re.Match[str]) -> str:
        return f"{found[1]}\n{made(found['name'])}\n\n{found[3]}" if only(found["name"]) else found[0]

    return _BLOCK.sub(block, page.read_text(encoding="utf-8"))


def names(page: Path) -> Iterator[str]:
    """The names of the blocks of a page."""
    return (found["name"] for found in _BLOCK.finditer(page.read_text(encoding="utf-8")))


@cache
def made(name: str) -> str:
    """The Markdown of a block."""
    makers = known()
    if name not in makers:
        raise SystemExit(f"There is no generated block {name!r}. Known: {', '.join(sorted(makers))}.")
    return makers[name]().strip()


def pictures() -> Mapping[Path, Callable[[], str]]:
    """The pictures that are drawn from figures and tables of the repository."""
    from pictures import PICTURES

    return PICTURES


def known() -> Mapping[str, Callable[[], str]]:
    """The makers of all blocks, by name."""
    import blocks
    import sample_runs

    return {**blocks.BLOCKS, **sample_runs.BLOCKS}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
