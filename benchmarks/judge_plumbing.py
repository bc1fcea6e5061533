"""That a judge's word counts: unanswerable questions under a judge that knows the human labels, and under judges that fail.

    python benchmarks/judge_plumbing.py DATA [--n 1000] [--out FILE]

DATA is a BEIR folder with `answerability.jsonl` (question, corpus_id, answerable, answers). A fake server plays the judge, over real
sockets: once it answers by the labels, once each it is silent until the time is up, refuses, and talks nonsense. The default offline
chain runs first. This shows that the plumbing holds, and nothing about how well a model judges.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine_setup import write_result
from filter_quality import OFFLINE, Corpus, read

from synthgen.config.settings import Config
from synthgen.errors import StoppedEarly
from synthgen.filters.chain import apply_filters
from synthgen.llm.call_store import CallStore
from synthgen.pipeline.context import RunContext
from synthgen.pipeline.generation import make_generator
from synthgen.pipeline.paid_steps import StepRunner, session_of
from synthgen.pipeline.run_folder import RunFolder
from synthgen.records import Triple
from synthgen.testing import FakeOpenAI, Fault, Logged, Script
from synthgen.text.words import normalise

QUESTION = re.compile(r"^Question: (.*)$", re.MULTILINE)


def labelled(corpus: Corpus, n: int) -> tuple[list[Triple], list[bool]]:
    """`n` human questions with their passages, half of them unanswerable."""
    texts = {c["_id"]: c["text"] for c in read(corpus.folder / "corpus.jsonl")}
    rows = [row for row in read(corpus.folder / "answerability.jsonl") if row["corpus_id"] in texts]
    random.Random(0).shuffle(rows)
    half = [[row for row in rows if row["answerable"] is wanted][: n // 2] for wanted in (True, False)]
    chosen = half[0] + half[1]
    answers = [(row.get("answers") or [None])[0] for row in chosen]
    triples = [
        corpus.row(row["question"], answer, texts[row["corpus_id"]]) for row, answer in zip(chosen, answers, strict=True)
    ]
    return [replace(t, id=f"{t.id}.{i}") for i, t in enumerate(triples)], [row["answerable"] for row in chosen]


def by_labels(corpus: Corpus) -> Script:
    texts = {c["_id"]: normalise(c["text"]) for c in read(corpus.folder / "corpus.jsonl")}
    rows = read(corpus.folder / "answerability.jsonl")
    answerable = {(normalise(r["question"]), texts.get(r["corpus_id"], "")[:200]) for r in rows if r["answerable"]}

    def script(request: Logged) -> Fault:
        told = request.body["messages"][1]["content"]
        found = QUESTION.search(told)
        question = json.loads(found[1]) if found else ""
        fits = any((question, told.split(">>>\n", 1)[1][:200]) == pair for pair in answerable)
        fields = {"reason": "by label", "self_contained": "yes", "clear": "yes", "answerable": "yes" if fits else "no"}
        return Fault("says", message=json.dumps({"items": [{**fields, "supported": fields["answerable"]}]}))

    return script


def judged(corpus: Corpus, triples: list[Triple], labels: list[bool], script: Script, **llm: Any) -> dict[str, Any]:
    with FakeOpenAI(script=script, keep_bodies=False) as server, tempfile.TemporaryDirectory() as folder:
        settings = {"base_url": server.base_url, "concurrency": 64, **llm}
        config = Config.build({"model": "openai/fake-model", "llm": settings, "filters": {"order": [*OFFLINE, "judge"]}})
        generator = make_generator(config)
        stopped = False
        with CallStore(Path(folder) / "calls.sqlite") as store:
            paid = StepRunner(
                generator.config, store, RunContext(RunFolder(Path(folder)), generator, session=session_of(generator))
            )
            context = replace(corpus.context, paid=paid)
            try:
                filtered = apply_filters(triples, config.filters.order, context)
            except StoppedEarly:  # ten failures in a row: what is stored is judged, and nothing more is asked
                stopped = True
                filtered = apply_filters(
                    triples, config.filters.order, replace(corpus.context, paid=StepRunner(generator.config, store))
                )
    passed = Counter(label for triple, label in zip(triples, labels, strict=True) if triple.id in {t.id for t in filtered.kept})
    at_judge = sum(stage["in"] for stage in filtered.funnel if stage["stage"] == "judge")
    return {
        "rows at the judge": at_judge,
        "answerable kept": passed[True],
        "unanswerable kept": passed[False],
        "unanswerable rejected": round(1 - passed[False] / labels.count(False), 4),
        "judge": filtered.funnel[-1]["rejected"],
        "stopped early": stopped,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--n", type=int, default=1_000)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    os.environ.setdefault("OPENAI_API_KEY", "a-benchmark-key")
    corpus = Corpus(given.data)
    triples, labels = labelled(corpus, given.n)
    few, few_labels = triples[::10], labels[::10]
    result = {
        "rows": len(triples),
        "without a judge": offline(corpus, triples, labels),
        "by the labels": judged(corpus, triples, labels, by_labels(corpus)),
        "silent": judged(corpus, few, few_labels, lambda request: Fault("slow"), timeout_s=0.2, max_attempts=1, patience_s=2),
        "refuses": judged(corpus, few, few_labels, lambda request: Fault("refusal")),
        "nonsense": judged(corpus, few, few_labels, lambda request: Fault("malformed")),
    }
    write_result(result, given.out)


def offline(corpus: Corpus, triples: list[Triple], labels: list[bool]) -> dict[str, Any]:
    kept = {t.id for t in apply_filters(triples, OFFLINE, corpus.context).kept}
    passed = Counter(label for triple, label in zip(triples, labels, strict=True) if triple.id in kept)
    return {"answerable kept": passed[True], "unanswerable kept": passed[False]}


if __name__ == "__main__":
    main()
