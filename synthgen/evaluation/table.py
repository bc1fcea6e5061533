"""The measurements as a plain-text table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from synthgen.evaluation.metrics import METRICS
from synthgen.evaluation.retrieval import DEPLOYMENT, UNSEEN
from synthgen.evaluation.significance import verdict
from synthgen.text.humanize import counted

__all__ = ["format_table"]

_NAMES = {"bm25": "BM25", "base": "base", "tuned": "tuned", "hybrid": "BM25+tuned"}


def format_table(result: Mapping[str, Any]) -> str:
    """Format the result of `train_and_measure` or `evaluate_model`."""
    lines = []
    for setting in (DEPLOYMENT, UNSEEN):
        if result.get(setting):
            lines += [*_measurement(result[setting]), ""]
    chosen = result["recommendation"]
    lines.append(f"Recommended: {_NAMES[chosen['system']]} ({chosen['reason']}). Rule: {chosen['rule']}.")
    return "\n".join(lines)


def _measurement(found: Mapping[str, Any]) -> Iterator[str]:
    left_out = f", {found['without_relevant']} more without a relevant id" if found["without_relevant"] else ""
    unknown = f", {found['unknown_ids']} judgments of unknown ids" if found["unknown_ids"] else ""
    yield (
        f"{found['setting']}: {counted(found['queries'], 'query', 'queries')}, {found['queries_are']}{left_out}{unknown}; "
        f"{counted(found['index'], 'chunk')}; relevance by {found['relevance']}"
    )
    yield f"{'':12}" + "".join(f"{metric:>12}" for metric in METRICS)
    for system, figures in found["systems"].items():
        yield f"{_NAMES[system]:12}" + "".join(f"{figures[metric]:12.3f}" for metric in METRICS)
    for pair, delta in found["deltas"].items():
        new, old = pair.split("-")
        yield f"{_NAMES[new]} - {_NAMES[old]}: {_difference(delta, found['groups'])}"


def _difference(delta: Mapping[str, Any], groups: int) -> str:
    if delta["low"] is None:
        return f"nDCG@10 {delta['ndcg@10']:+.3f}, without an interval: all queries belong to one group of documents"
    shown = verdict(delta["low"], delta["high"], delta["p"], groups)
    return (
        f"nDCG@10 {delta['ndcg@10']:+.3f} [{delta['low']:+.3f}, {delta['high']:+.3f}], {shown} "
        f"(p {delta['p']:.4f}, {groups} groups; this could show {delta['minimum_detectable']:.3f})"
    )
