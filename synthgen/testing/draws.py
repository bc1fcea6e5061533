"""Chance that is the same in every run: numbers drawn from the digest of a request."""

from __future__ import annotations

import hashlib
import json
from typing import Any

__all__ = ["digest_of", "share"]

_VARIES = "prompt_cache_key"


def digest_of(body: Any) -> str:
    """sha256 of a request body as canonical JSON, without the cache key, which says where it is sent and not what is asked.

    So a request has one digest, whether it comes alone or as a line of a batch, and however its JSON was spaced.
    """
    if isinstance(body, dict) and _VARIES in body:
        body = {name: value for name, value in body.items() if name != _VARIES}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def share(digest: str, salt: object) -> float:
    """A number in [0, 1) that depends on both; another `salt` gives an independent one."""
    return int(hashlib.sha256(f"{salt} {digest}".encode()).hexdigest()[:12], 16) / 16**12
