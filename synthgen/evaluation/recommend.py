"""Recommend a retrieval system without a single human query.

Some of the run's synthetic dev queries were made from text that their passage hides (a masked sentence, a heading).
They stand for people who use other words than the document, and favour an encoder. The others use words of their
passage and favour BM25. Human queries lie between. The hybrid is therefore recommended only if it leads on both kinds
together and loses next to nothing where words match.
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
    """Return the recommended system, the rule and the reason. `dev` is the measurement on synthetic dev rows, None
    without any.
    """
    matching = [number for number, hidden in enumerate(dev.hidden) if not hidden] if dev else []
    if dev is None or len(dev.groups) < _MIN_QUERIES or len(matching) < _MIN_MATCHING:
        counted = f"{len(dev.groups) if dev else 0} synthetic dev queries, {len(matching)} of them with words of their passage"
        return _choice("bm25", f"there are {counted}: too few to tell")
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
