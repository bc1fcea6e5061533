"""Patterns, for every language, for remains of JSON, markup and entities, and for a word or letter repeated over and over."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["BROKEN_ENCODING", "LEFT_OVER", "TAGS"]

BROKEN_ENCODING = r"\uFFFD|Ã[\u0080-\u00BF]|â€"
TAGS = (
    r"</?(?:query|question|answer|context|document|passage|p|div|span|li|ul|ol|br|b|i|em|strong|td|tr|table|a|h[1-6])\b[^<>]*>"
)

LEFT_OVER: Sequence[tuple[str, str]] = (
    (BROKEN_ENCODING, "\ufffdÃãâÂ"),
    (
        r"^\s*[\[{]\s*[\"'{\[]|[\"']?\b(?:query|question|answer|context|quote)[\"']\s*:|[\"'\]}]\s*[\]}]\s*$",
        "[{]}:",
    ),
    (TAGS, "<"),
    (r"&(?:amp|quot|lt|gt|nbsp|apos|#\d+);", "&"),
    (r"```|^\s*(?:\*\*|__).+(?:\*\*|__)\s*$|\]\(https?:|\\[nt](?![a-z])", "`*_]\\"),
    (r"(?:^|\s)(?:undefined|NaN|\[object Object\]|None|null)\s*$", ""),
    (r"\b(\w++)(?:[\s,]+\1\b){2,}", ""),
    (r"(\p{L})\1{4,}", ""),
)
"""Patterns, each with characters of which a match needs at least one; "" where there are none. Case is ignored."""
