"""Text that files and databases can hold, from text that came from anywhere."""

from __future__ import annotations

__all__ = ["storable"]


def storable(text: str) -> str:
    """Return the text with question marks for lone surrogates, as a cut-off emoji leaves them: no file can hold them."""
    return text.encode("utf-8", "replace").decode("utf-8")
