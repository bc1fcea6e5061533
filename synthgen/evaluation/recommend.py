"""Which system to put to work, decided without a single human query.

Of the run's synthetic dev queries, some were made from text that their passage hides (a masked sentence, a heading):
they stand for people who use other words than the document, and flatter an encoder. The others use words of their passage
and flatter BM25. People's queries lie between, so the hybrid must lead over both together, and must give away
next to nothing where words match, before BM25 is given a partner.
"""

from __future__ import annotations

from synthgen.evaluation.retrieval import Measurement

__all__ = ["RULE", "recommend"]

_MIN_QUERIES, _MIN_MATCHING = 50, 10
_MAX_LOSS = 0.005
RULE = (
    f"hybrid if, on at least {_MIN_QUERIES} synthetic dev queries, its nDCG@10 is above that of BM25 with the whole 95 % interval, "
    f"and at most {_MAX_LOSS} below it on those whose words stand in their passage; otherwise BM25"
)


def recommend(dev: Measurement | None, *, seed: int) -> dict[str, str]:
    """`dev` is the measurement on the synthetic dev rows; None when there are no such rows."""
    matching = [number for number, hidden in enumerate(dev.hidden) if not hidden] if dev else []
    if dev is None or len(dev.groups) < _MIN_QUERIES or len(matching) < _MIN_MATCHING:
        found = f"{len(dev.groups) if dev else 0} synthetic dev queries, {len(matching)} of them with words of their passage"
        return _choice("bm25", f"there are {found}: too few to tell")
    lead = dev.difference("hybrid", "bm25", dev.groups, seed=seed)
    if lead["low"] is None:
        return _choice("bm25", "all synthetic dev queries belong to one group of documents, so there is no interval")
    scores = {name: dev.per_query[name]["ndcg@10"][matching].mean() for name in ("hybrid", "bm25")}
    loss = float(scores["bm25"] - scores["hybrid"])
    figures = (
        f"hybrid - BM25 is {lead['ndcg@10']:+.3f} [{lead['low']:+.3f}, {lead['high']:+.3f}] on {len(dev.groups)} synthetic dev "
        f"queries, and {-loss:+.3f} on the {len(matching)} whose words stand in their passage"
    )
    return _choice("hybrid" if lead["low"] > 0 and loss <= _MAX_LOSS else "bm25", figures)


def _choice(system: str, reason: str) -> dict[str, str]:
    return {"system": system, "rule": RULE, "reason": reason}
