"""Cases as files: `tests/cases/KIND/NAME.yaml` holds one input and, beside it, what must become of it.

A kind has one test, which runs over every file of its folder, so that a new case is a new file. Every file has the keys `given` and
`expected`; what stands under them is the kind's own, and is described in the docstring of its test.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

FOLDER = Path(__file__).resolve().parent.parent / "cases"


class Case(NamedTuple):
    given: Any
    expected: Any


def cases(kind: str) -> pytest.MarkDecorator:
    """Parametrizes a test's argument `case` with every file of a kind; the file's name is the id."""
    files = sorted((FOLDER / kind).glob("*.yaml"))
    assert files, f"there are no cases of the kind {kind} in {FOLDER}"
    return pytest.mark.parametrize("case", [pytest.param(read(file), id=file.stem) for file in files])


def read(file: Path) -> Case:
    held = yaml.safe_load(file.read_text(encoding="utf-8"))
    keys = set(held) - {"why"} if isinstance(held, dict) else set()
    assert keys == {"given", "expected"}, f"{file}: a case has the keys given and expected, and may say why"
    return Case(held["given"], held["expected"])
