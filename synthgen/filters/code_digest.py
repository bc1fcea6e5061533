"""A digest of the package's own modules, for what is kept only as long as they make the same of the same."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from synthgen.records import digest

__all__ = ["code"]


@cache
def code(*patterns: str) -> str:
    """A digest of the package's modules that match: what is remembered of their results is void when they change."""
    package = Path(__file__).parent.parent
    files = sorted({file for pattern in patterns for file in package.glob(pattern)})
    return digest([[file.relative_to(package).as_posix(), hashlib.sha256(file.read_bytes()).hexdigest()] for file in files])
