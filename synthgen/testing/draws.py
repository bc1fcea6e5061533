"""Random numbers drawn from the digest of a request, the same in every run."""

from __future__ import annotations

import hashlib
import json
from typing import Any

__all__ = ["digest_of", "share"]

_VARIES = "prompt_cache_key"


def digest_of(body: Any) -> str:
    """Return the sha256 of a request body as canonical JSON, without the cache key, which affects routing and not the answer.

    A request has the same digest live and as a line of a batch, and whatever the spacing of its JSON.
    """
    if isinstance(body, dict) and _VARIES in body:
        body = {name: value for name, value in body.items() if name != _VARIES}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def share(digest: str, salt: object) -> float:
    """Return a number in [0, 1) that depends on both. Another `salt` gives an independent number."""
    return int(hashlib.sha256(f"{salt} {digest}".encode()).hexdigest()[:12], 16) / 16**12
