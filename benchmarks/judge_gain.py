"""Which judge the round trip should have: what each keeps of labelled rows, and how well an encoder searches that learnt from that.

    python benchmarks/judge_gain.py DATA… --mixer defect_mix.py [--share 0.3] [--seeds 3] [--n 1500] [--out FILE]

Rows are those of the mixer (see `filter_quality`) over the train documents, four in five by digest; the others' human questions are
the test. Each judge, at its default rule, keeps some rows; from each set of rows the built-in encoder is tuned, and searches the whole
corpus for the test questions. Beside the judges: no filter, only the good rows (`oracle`), and as many rows at random as bm25 keeps.
`self seen` is the judge that was tuned on the very rows that it judges.

Figures are means over seeds (a mix and a tuning each). The difference to bm25 in nDCG@10 has a 95 % interval over documents
(bootstrap), of each question's mean over seeds. The rest of the chain does not run, and nothing was chosen on these sets' questions.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine_setup import write_result
from filter_quality import Corpus, Row, mixed, scores

from synthgen.config.settings import Training
from synthgen.evaluation.metrics import measures
from synthgen.evaluation.significance import compare
from synthgen.filters.chain import apply_filters
from synthgen.records import Chunk, Triple, digest
from synthgen.retrieval import index_text
from synthgen.retrieval.dense import Dense
from synthgen.training.corpus_encoders import CorpusEncoders
from synthgen.training.encoder import untuned
from synthgen.training.finetune import finetune, training_rows

JUDGES: Mapping[str, Mapping[str, Any]] = {
    "bm25": {"judge": "bm25"},
    "dense": {"judge": "dense"},
    "both": {"judge": "both"},
    "self": {"judge": "self"},
    "self seen": {"judge": "self", "folds": 1},
}
SETTINGS = Training()
MAX_QUERIES = 2_000


def is_test(document: str) -> bool:
    return int(digest(["judge_gain", document])[:8], 16) % 5 == 0


def arms(rows: Sequence[Row], corpus: Corpus, seed: int) -> dict[str, tuple[set[str], float]]:
    """The ids that each judge keeps, and the seconds it took."""
    encoders = CorpusEncoders(SETTINGS, list(corpus.chunks.values()), seed=seed)
    context = replace(corpus.context, encoders=encoders)
    triples, found = [row for _, row in rows], {}
    for name, options in JUDGES.items():
        started = time.perf_counter()
        passed = {t.id for t in apply_filters(triples, ["round_trip"], context, options={"round_trip": options}).kept}
        found[name] = passed, time.perf_counter() - started
    size = len(found["bm25"][0])
    drawn = random.Random(seed).sample(sorted(t.id for t in triples), size)
    everything = {t.id for t in triples}
    good = {row.id for kind, row in rows if kind == "good"}
    return {"none": (everything, 0.0), "random": (set(drawn), 0.0), "oracle": (good, 0.0), **found}


def ndcg(train: Sequence[Triple], test: Sequence[Triple], chunks: Sequence[Chunk], seed: int) -> Any:
    """nDCG@10 of each test question after tuning on `train`."""
    encoder = untuned(SETTINGS, chunks, seed)
    if train:
        finetune(encoder, training_rows(train, chunks), settings=SETTINGS, seed=seed)
    ids = [chunk.id for chunk in chunks]
    search = Dense(ids, encoder.passages([index_text(chunk) for chunk in chunks]), encoder.queries)
    positions, _ = search.rank([row.query for row in test], 10)
    rankings = [[ids[p] for p in at] for at in positions.tolist()]
    return measures(rankings, [{row.chunk_id: 1.0} for row in test])["ndcg@10"]


def measured(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    corpus = Corpus(folder)
    chunks = list(corpus.chunks.values())
    test = [row for row in corpus.good() if is_test(row.document_id)][:MAX_QUERIES]
    groups = [row.document_id for row in test]
    found: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    figures: defaultdict[str, list[Any]] = defaultdict(list)
    for seed in range(given.seeds):
        rows = [pair for pair in mixed(corpus, given.mixer, given.share, seed, given.n) if not is_test(pair[1].document_id)]
        for name, (passed, seconds) in arms(rows, corpus, seed).items():
            train = [row for _, row in rows if row.id in passed]
            figures[name].append(ndcg(train, test, chunks, seed))
            told = scores(rows, passed, "all")
            found[name].append({"kept": len(passed), "seconds": round(seconds, 1), **told})
            print(
                folder.name,
                seed,
                name,
                {k: round(v, 3) for k, v in found[name][-1].items()},
                figures[name][-1].mean(),
                file=sys.stderr,
            )
        figures["base"].append(ndcg([], test, chunks, seed))
    means = {name: sum(values) / len(values) for name, values in figures.items()}
    result: dict[str, Any] = {"questions": len(test), "documents": len(set(groups)), "arms": {}}
    for name, values in means.items():
        difference = compare(values, means["bm25"], groups, seed=0)
        rows_of = found.get(name, [])
        result["arms"][name] = {
            "ndcg@10": round(float(values.mean()), 4),
            "over seeds": [round(float(one.mean()), 4) for one in figures[name]],
            "minus bm25": [round(x, 4) for x in (difference.mean, difference.low or 0.0, difference.high or 0.0)],
            **{k: round(statistics.mean(row[k] for row in rows_of if k in row), 4) for k in (rows_of[0] if rows_of else ())},
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--mixer", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--n", type=int, default=1_500)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    sets = {folder.name: measured(folder, given) for folder in given.data}
    write_result({"share": given.share, "seeds": given.seeds, "n": given.n, "sets": sets}, given.out)


if __name__ == "__main__":
    main()
