"""Precision and recall of the filters on human pairs with labelled defects.

    python benchmarks/filter_quality.py DATA… --mixer defect_mix.py [--foreign DATA] [--draws 5] [--half odd] [--out FILE]

DATA is a BEIR folder with answers. Each passage of its corpus is a chunk, and the passages of one title or `metadata.doc` a document.
`--mixer` is a script `DATA OUT.jsonl --share S --seed N --n ROWS` that writes rows of query, answer, context, kind, where kind is
"good" or the name of a defect; without it only the defects of `filter_defects` are measured.

Two tables for each set:

    mix      the default offline chain, and at 30 % its filters alone, on what the mixer wrote: precision (good of kept), recall (kept of
             good), leak (kept of each kind), over `--draws` draws, as mean and half the width of a 95 % interval (Student's t over draws)
    kinds    defects of our own, one kind at a time among the good rows: what each filter catches, and what the chain leaves

Human unanswerable questions have no answer, and no other row lacks one, so their empty answers are left out rather than shown to a
filter. `--half` reports on the documents whose digest is even or odd: settings are chosen on the even ones, the table is of the odd.
Filters see the rows as training rows, with no shots, no model and no lowered threshold.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import filter_defects as defects
from engine_setup import write_result

from synthgen.config.settings import Config
from synthgen.filters.chain import apply_filters
from synthgen.filters.context import FilterContext
from synthgen.records import Chunk, Triple, digest, make_triple
from synthgen.retrieval import index_text
from synthgen.retrieval.bm25 import BM25
from synthgen.text.language import guess_language
from synthgen.text.words import normalise

Spoil = Callable[[Triple, "Corpus", random.Random], Triple | None]

OFFLINE = [name for name in Config().filters.order if name not in ("answer_check", "judge")]
ALONE = ("format", "lint", "language", "entities", "grounding", "round_trip", "exact_duplicates", "duplicates")
MAX_OF_A_KIND = 800  # at 30 % of them and on half of the documents, five draws are more than 500 rows
T_95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 10: 2.262}  # two-sided quantiles of Student's t by number of draws

Row = tuple[str, Triple]  # kind, row


def _query(change: Callable[[Triple, Corpus, random.Random], str | None]) -> Spoil:
    """A defect of the query alone; the answer stays."""

    def spoil(row: Triple, corpus: Corpus, draw: random.Random) -> Triple | None:
        query = change(row, corpus, draw)
        return replace(row, query=query) if query else None

    return spoil


def _other_answer(row: Triple, corpus: Corpus, draw: random.Random) -> Triple | None:
    text = corpus.document(row.document_id)
    answer = defects.ungrounded_answer(row.answer, text, draw, corpus.language) if row.answer else None
    return replace(row, answer=answer) if answer else None


KINDS: Mapping[str, Spoil] = {
    "number_swap": _query(lambda row, corpus, draw: defects.number_swap(row.query, corpus.text(row), draw)),
    "generic_topic": _query(lambda row, corpus, draw: defects.generic_topic(corpus.text(row), draw, corpus.language)),
    "passage_reference": _query(lambda row, corpus, draw: defects.passage_reference(row.query, draw, corpus.language)),
    "malformed": _query(lambda row, corpus, draw: defects.malformed(row.query, draw, corpus.language)),
    "wrong_language": _query(lambda row, corpus, draw: defects.wrong_language(corpus.foreign, draw)),
    "ungrounded_answer": _other_answer,
    "near_duplicate": _query(lambda row, corpus, draw: defects.near_duplicate_edit(row.query, draw, corpus.language)),
    "minimal_pair": _query(
        lambda row, corpus, draw: defects.minimal_pair(
            row.query, defects.document_words(corpus.document(row.document_id)), draw, corpus.language
        )
    ),
}
"""Defects of our own; `minimal_pair` is none, and must be kept. It goes with another answer than its twin's."""


class Corpus:
    """The passages of a BEIR folder as chunks, and search over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        texts = [(c, normalise(c["text"])) for c in read(folder / "corpus.jsonl") if c["text"].strip()]
        ends: Counter[str] = Counter()
        chunks = []
        for passage, text in texts:
            document = str((passage.get("metadata") or {}).get("doc") or passage.get("title") or passage["_id"])
            start = ends[document]
            ends[document] += len(text) + 2
            chunks.append(chunk_of(document, start, text))
        self.chunks = {chunk.id: chunk for chunk in chunks}
        self.by_text = {chunk.text: chunk for chunk in chunks}
        [(self.language, _)] = Counter(chunk.language for chunk in chunks).most_common(1)
        self.foreign: list[str] = []
        self._texts: dict[str, list[str]] = {}
        for chunk in chunks:
            self._texts.setdefault(chunk.document_id, []).append(chunk.text)
        self.context = FilterContext(self.chunks, BM25([c.id for c in chunks], [index_text(c) for c in chunks]))

    def text(self, row: Triple) -> str:
        return self.chunks[row.chunk_id].text

    def document(self, id: str) -> str:
        return "\n".join(self._texts[id])

    def good(self) -> Iterator[Triple]:
        """Every human pair, with its first answer."""
        texts = {c["_id"]: normalise(c["text"]) for c in read(self.folder / "corpus.jsonl")}
        queries = {q["_id"]: q for q in read(self.folder / "queries.jsonl")}
        lines = (self.folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]
        for query, passage, score in (line.split("\t") for line in lines):
            if int(score) > 0 and query in queries and texts.get(passage) in self.by_text:
                answers = (queries[query].get("metadata") or {}).get("answers") or [None]
                yield self.row(queries[query]["text"], answers[0], texts[passage])

    def row(self, query: str, answer: str | None, context: str) -> Triple:
        return make_triple(self.by_text[normalise(context)], normalise(query), normalise(answer) if answer else None)


def chunk_of(document: str, start: int, text: str) -> Chunk:
    end = start + len(text)
    language = guess_language(text)
    return Chunk(f"{document}#{start}-{end}", document, start, end, text, digest(text), language=language, group=document)


def read(path: Path) -> list[Any]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def of_half(triple: Triple, half: str) -> bool:
    odd = int(digest(triple.document_id)[:8], 16) % 2
    return half == "all" or odd == (half == "odd")


def unique(rows: Iterable[Row]) -> list[Row]:
    """The rows with ids of their own."""
    return [(kind, replace(row, id=f"{row.id}.{number}")) for number, (kind, row) in enumerate(rows)]


def mixed(corpus: Corpus, mixer: Path, share: float, seed: int, n: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "mix.jsonl"
        command = [sys.executable, str(mixer), str(corpus.folder), str(out)]
        flags = ["--share", str(share), "--seed", str(seed), "--n", str(n)]
        subprocess.run([*command, *flags], check=True, stdout=subprocess.DEVNULL)
        return unique((row["kind"], corpus.row(row["query"], row["answer"], row["context"])) for row in read(out))


def spoiled(corpus: Corpus, kind: str, share: float, seed: int, n: int) -> list[Row]:
    """`n` human pairs of which `share` are spoiled in one way; a kind that compares rows has the good one beside it."""
    draw = random.Random(f"{seed} {kind}")
    pairs = list(corpus.good())
    draw.shuffle(pairs)
    rows: list[Row] = []
    spoil = KINDS[kind]
    for number, pair in enumerate(pairs[:n]):
        bad = spoil(pair, corpus, draw) if number < share * n else None
        if bad is None or kind in ("near_duplicate", "minimal_pair"):
            rows.append(("good", pair))
        if bad is not None:
            rows.append((kind, bad))
    return unique(rows)


def kept(rows: Sequence[Row], context: FilterContext, order: Sequence[str]) -> set[str]:
    return {row.id for row in apply_filters([row for _, row in rows], order, context).kept}


def either(rows: Sequence[Row], passed: set[str]) -> set[str]:
    """Of a question and its near-duplicate one may stay, whichever: then it counts as the question."""
    found = set(passed)
    for (_, good), (kind, edit) in itertools.pairwise(rows):
        if kind == "near_duplicate" and edit.id in passed and good.id not in passed:
            found = found - {edit.id} | {good.id}
    return found


def scores(rows: Sequence[Row], passed: set[str], half: str) -> dict[str, float]:
    """Precision and recall of keeping good rows, and the leak rate of each kind."""
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for kind, row in rows:
        if of_half(row, half):
            counts[kind][0] += row.id in passed
            counts[kind][1] += 1
    all_kept = sum(n for n, _ in counts.values())
    good, total = counts.pop("good")
    leaks = {f"leak {kind}": n / of for kind, (n, of) in sorted(counts.items())}
    return {"precision": good / all_kept if all_kept else math.nan, "recall": good / total, **leaks}


def over_draws(found: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Mean and half the width of the 95 % interval over draws, for each measure."""
    names = dict.fromkeys(name for draw in found for name in draw)
    result = {}
    for name in names:
        values = [draw[name] for draw in found if name in draw]
        half = T_95[len(values)] * statistics.stdev(values) / math.sqrt(len(values)) if len(values) in T_95 else math.nan
        result[name] = [round(statistics.mean(values), 4), round(half, 4)]
    return result


def measured(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    corpus, started = Corpus(folder), time.perf_counter()
    if given.foreign:
        corpus.foreign = [query["text"] for query in read(given.foreign / "queries.jsonl")]
    result: dict[str, Any] = {"chunks": len(corpus.chunks)}
    if given.mixer:
        result["mix"] = {str(share): chain_on_mixes(corpus, share, given) for share in given.shares}
    kinds = [kind for kind in given.kinds if kind != "wrong_language" or corpus.foreign]
    result["kinds"] = {kind: chain_on_kind(corpus, kind, given) for kind in kinds}
    result["counts"] = {kind: counted(corpus, kind, given) for kind in kinds}
    result["seconds"] = round(time.perf_counter() - started, 1)
    return result


def chain_on_mixes(corpus: Corpus, share: float, given: argparse.Namespace) -> dict[str, Any]:
    alone: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    for seed in range(given.draws):
        rows = mixed(corpus, given.mixer, share, seed, given.n)
        for name, order in {"chain": OFFLINE, **({name: [name] for name in ALONE} if share == 0.3 else {})}.items():
            alone[name].append(scores(rows, kept(rows, corpus.context, order), given.half))
    return {name: over_draws(found) for name, found in alone.items()}


def chain_on_kind(corpus: Corpus, kind: str, given: argparse.Namespace) -> dict[str, Any]:
    alone: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    for seed in range(given.draws):
        rows = spoiled(corpus, kind, 0.3, seed, min(given.n, MAX_OF_A_KIND))
        for name, order in {"chain": OFFLINE, **{name: [name] for name in ALONE}}.items():
            alone[name].append(scores(rows, either(rows, kept(rows, corpus.context, order)), given.half))
    found = {name: over_draws(draws) for name, draws in alone.items()}
    return {
        name: measures
        for name, measures in found.items()
        if name in ("chain", "duplicates") or measures.get(f"leak {kind}", [1])[0] < 0.99
    }


def counted(corpus: Corpus, kind: str, given: argparse.Namespace) -> int:
    """How many spoiled rows of this kind the figures stand on, over all draws."""
    draws = (spoiled(corpus, kind, 0.3, seed, min(given.n, MAX_OF_A_KIND)) for seed in range(given.draws))
    return sum(of == kind and of_half(row, given.half) for rows in draws for of, row in rows)


def table(result: Mapping[str, Any]) -> str:
    lines = [f"{'set':14} {'defects':>7}  {'precision':>12} {'recall':>12}  leaks"]
    for name, of_set in result["sets"].items():
        for share, found in of_set.get("mix", {}).items():
            chain = found["chain"]
            leaks = "  ".join(f"{k.removeprefix('leak ')} {v[0]:.3f}" for k, v in chain.items() if k.startswith("leak"))
            numbers = [f"{chain[k][0]:.3f} ±{chain[k][1]:.3f}" for k in ("precision", "recall")]
            lines.append(f"{name:14} {share:>7}  {numbers[0]:>12} {numbers[1]:>12}  {leaks}")
    for name, of_set in result["sets"].items():
        for kind, found in of_set["kinds"].items():
            told = "  ".join(f"{f} {m[f'leak {kind}'][0]:.3f}" for f, m in found.items() if f"leak {kind}" in m)
            lines.append(f"{name:14} {kind:22} of {of_set['counts'][kind]:5} left by {told}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--mixer", type=Path)
    parser.add_argument("--foreign", type=Path, help="a set in another language, for wrong-language queries")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.15, 0.3, 0.6])
    parser.add_argument("--n", type=int, default=1_500)
    parser.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(KINDS), help="defects of our own to measure")
    parser.add_argument("--half", choices=("even", "odd", "all"), default="odd")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    result: dict[str, Any] = {"draws": given.draws, "n": given.n, "half": given.half, "order": OFFLINE, "sets": {}}
    for folder in given.data:
        name = "/".join(folder.parts[-2:]) if folder.parent.name == "xquad" else folder.name
        result["sets"][name] = measured(folder, given)
    print(table(result), file=sys.stderr)
    write_result(result, given.out)


if __name__ == "__main__":
    main()
