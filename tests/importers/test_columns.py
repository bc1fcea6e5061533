"""Importing is free: the package and its help load no heavy library."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

HEAVY = {"openai", "datasets", "torch", "faiss", "pandas", "pyarrow", "numpy", "sentence_transformers", "transformers", "bm25s"}


def loaded(*command: str) -> set[str]:
    """Top-level modules that a Python command imports, successful or not."""
    done = subprocess.run([sys.executable, "-X", "importtime", *command], capture_output=True, text=True, check=True)
    return {m.group(1) for m in re.finditer(r"^import time:.*\|\s+(\w+)", done.stderr, re.MULTILINE)}


@pytest.mark.parametrize(
    "command",
    [
        ("-c", "import synthgen"),
        ("-m", "synthgen", "--help"),
        ("-m", "synthgen", "run", "--help"),
        ("-m", "synthgen", "--version"),
    ],
    ids=["import", "help", "run --help", "version"],
)
def test_nothing_heavy_is_loaded(command: tuple[str, ...]) -> None:
    modules = loaded(*command)
    assert "synthgen" in modules
    assert modules & HEAVY == set()


def test_the_check_sees_a_heavy_import() -> None:
    assert "numpy" in loaded("-c", "import numpy")


def test_every_public_name_exists() -> None:
    import synthgen

    assert [name for name in synthgen.__all__ if not hasattr(synthgen, name)] == []
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        synthgen.nothing  # noqa: B018
