"""Which system to put to work, decided without a single human query.

Synthetic queries favour the encoder that was trained on their like, so they cannot prove that the hybrid is better; what
they can show is that it is worse. The rule asks for a clear lead on the run's own dev rows before BM25 is given a partner.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["RULE", "recommend"]

_MIN_QUERIES = 50
RULE = (
    f"hybrid if, on at least {_MIN_QUERIES} synthetic dev queries, its nDCG@10 is above that of BM25 "
    "with the whole 95 % interval; otherwise BM25"
)


def recommend(dev: Mapping[str, Any] | None) -> dict[str, str]:
    """`dev` is the measurement on the synthetic dev rows, as a dictionary; None when there are no such rows."""
    if dev is None or dev["queries"] < _MIN_QUERIES:
        return _choice("bm25", f"there are {dev['queries'] if dev else 0} synthetic dev queries, too few to tell")
    delta = dev["deltas"]["hybrid-bm25"]
    if delta["low"] is None:
        return _choice("bm25", "all synthetic dev queries belong to one group of documents, so there is no interval")
    figures = f"{delta['ndcg@10']:+.3f} [{delta['low']:+.3f}, {delta['high']:+.3f}] on {dev['queries']} synthetic dev queries"
    if delta["low"] > 0:
        return _choice("hybrid", f"hybrid - BM25 is {figures}")
    return _choice("bm25", f"hybrid - BM25 is {figures}, which is no clear lead")


def _choice(system: str, reason: str) -> dict[str, str]:
    return {"system": system, "rule": RULE, "reason": reason}
