"""Whether distractors betray the answer, repeat the passage, and are hard: ours, random ones, and the best of BM25 unguarded.

    python benchmarks/distractors.py DATA… [--num 5] [--judges bm25] [--out FILE]

DATA is a BEIR folder with answers. Its human pairs are read as `synthgen import` reads them (the first answer is the row's, all of them
stand in its metadata), in two settings:

    one corpus  each passage is a chunk, the passages of one title or `metadata.doc` are a document, as in `filter_quality`, and nothing
                is split. Four ways to choose `--num` distractors for every pair: `ours` (the default settings), `random` (any other
                chunks), `bm25` (the best hits beside the passage), `bm25 95 %` (those of them below 95 % of the passage's score)
    imported    `synthgen import DATA - RUN` with no filter but `format`: each passage is a document of its own, and a distractor comes
                from the split of its row. `imported` is all rows of RUN together; then the rows of each split, of which dev and test
                have a tenth of the passages to choose from

For each:

    answer      distractors, and rows with at least one, that contain an accepted answer: by a plain rule (the answer as it is
                written, whatever its case, at the borders of words and numbers) and by SQuAD's own normal form (no case, punctuation or
                articles; but a point in a number stays, and an A at the end of an answer is no article)
    passage     distractors that overlap the passage in its document, or have half of the smaller one's letters in common runs of
                30 or more
    adjacent    distractors that stand beside the passage in its document (a look, no fault: questions are of one passage)
    full        rows that have all `--num`
    hardness    BM25 score divided by the passage's, raw and on the normalised range (0 below the 51st best score): of synthgen's the
                mined ones, and all. Pairs whose passage scores 0 have no raw one

Nothing here uses the guard's own functions. Intervals are 95 %, by bootstrap over documents; where nothing was found, the upper end is
that of the rule of three over rows.
"""

from __future__ import annotations

import argparse
import difflib
import functools
import itertools
import random
import re
import string
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from engine_setup import write_result
from filter_quality import Corpus

from synthgen.config.settings import Config, Training
from synthgen.distractors.select import add_distractors
from synthgen.importers.columns import read_rows
from synthgen.pipeline.import_run import import_rows
from synthgen.pipeline.run_folder import RunFolder
from synthgen.records import SPLITS, Chunk, Triple, make_triple
from synthgen.retrieval import Retriever
from synthgen.retrieval.bm25 import over_chunks
from synthgen.training.corpus_encoders import CorpusEncoders

FLOOR_RANK, DEPTH, MARGIN, COMMON_RUN = 51, 60, 0.95, 30
RESAMPLES = 2_000

Chosen = Mapping[str, Sequence[str]]
"""The chunk ids of each row's distractors."""


class Pair(NamedTuple):
    triple: Triple
    answers: Sequence[str]


class Index(NamedTuple):
    """The chunks by id, and BM25 over them."""

    chunks: Mapping[str, Chunk]
    retriever: Retriever


def pairs_of(corpus: Corpus) -> list[Pair]:
    rows, skipped, _ = read_rows(corpus.folder)
    if skipped:
        print(f"{corpus.folder.name}: {len(skipped)} rows skipped, the first: {skipped[0]}", file=sys.stderr)
    chunks = {text.strip(): chunk for text, chunk in corpus.by_text.items()}
    found = []
    for row in rows:
        found.append(pair_of(make_triple(chunks[row.context], row.query, row.answer, metadata=row.metadata)))
    return found


def pair_of(triple: Triple) -> Pair:
    return Pair(triple, triple.metadata.get("answers") or [triple.answer or ""])


class Search:
    """BM25 as the rows see it: the hits of each query, the score of its passage, and the score at the floor."""

    def __init__(self, index: Index, pairs: Sequence[Pair]) -> None:
        self._retriever = index.retriever
        found = index.retriever.search([p.triple.query for p in pairs], DEPTH)
        self.hits = {p.triple.id: hits for p, hits in zip(pairs, found, strict=True)}
        self.source = dict(self.scores(pairs, {p.triple.id: [p.triple.chunk_id] for p in pairs}))

    def scores(self, pairs: Sequence[Pair], chosen: Chosen) -> Iterator[tuple[str, Any]]:
        found = self._retriever.score([p.triple.query for p in pairs], [chosen[p.triple.id] for p in pairs])
        for pair, scores in zip(pairs, found, strict=True):
            yield pair.triple.id, scores

    def hardness(self, pairs: Sequence[Pair], chosen: Chosen) -> dict[str, list[tuple[float | None, float]]]:
        """Raw and range-normalised score of each distractor."""
        found = {}
        for id, scores in self.scores(pairs, chosen):
            (source,), floor = self.source[id], self.hits[id][min(FLOOR_RANK, len(self.hits[id])) - 1].score
            span = source - floor
            found[id] = [
                (s / source if source > 0 else None, max(0.0, (s - floor) / span) if span > 0 else 0.0) for s in scores
            ]
        return found


@functools.cache
def plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def has_plainly(answer: str, text: str) -> bool:
    wanted = plain(answer)
    if wanted not in plain(text) or not any(map(str.isalnum, wanted)):
        return False
    before = r"(?<!\w)(?<!\d[.,])" if wanted[0].isalnum() else ""
    after = r"(?!\w)(?![.,]\d)" if wanted[-1].isalnum() else ""
    return re.search(before + re.escape(wanted) + after, plain(text)) is not None


@functools.cache
def squad_form(text: str) -> str:
    """The normal form of SQuAD's evaluation script, but with the points in numbers, and with an article that nothing follows."""
    text = re.sub(r"(?<=\d)\.(?=\d)", "\0", text.lower())
    bare = "".join(letter for letter in text if letter not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\s+(?=\w)", " ", bare).split())


def has_in_squad_form(answer: str, text: str) -> bool:
    wanted = squad_form(answer)
    return bool(wanted) and f" {wanted} " in f" {squad_form(text)} "


@functools.cache
def trigrams(text: str) -> frozenset[tuple[str, ...]]:
    found = re.findall(r"\w+", text.casefold())
    return frozenset(zip(found, found[1:], found[2:], strict=False))


def repeats(chunk: Chunk, source: Chunk) -> bool:
    if chunk.document_id == source.document_id and chunk.start < source.end and source.start < chunk.end:
        return True
    shared, least = trigrams(chunk.text) & trigrams(source.text), min(len(trigrams(t.text)) for t in (chunk, source))
    if 10 * len(shared) < least:  # then half of the letters cannot be common either, and the next step takes long
        return False
    one, other = plain(chunk.text), plain(source.text)
    blocks = difflib.SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return 2 * sum(block.size for block in blocks if block.size >= COMMON_RUN) >= min(len(one), len(other))


def beside(index: Index) -> dict[str, set[str]]:
    """The chunks before and after each one in its document."""
    documents: defaultdict[str, list[Chunk]] = defaultdict(list)
    for chunk in index.chunks.values():
        documents[chunk.document_id].append(chunk)
    found: defaultdict[str, set[str]] = defaultdict(set)
    for chunks in documents.values():
        chunks.sort(key=lambda chunk: chunk.start)
        for one, other in itertools.pairwise(chunks):
            found[one.id].add(other.id)
            found[other.id].add(one.id)
    return dict(found)


def at_random(index: Index, pairs: Sequence[Pair], search: Search, num: int) -> Chosen:
    draw, every = random.Random(0), list(index.chunks)
    return {p.triple.id: [id for id in draw.sample(every, num + 1) if id != p.triple.chunk_id][:num] for p in pairs}


def best_hits(index: Index, pairs: Sequence[Pair], search: Search, num: int) -> Chosen:
    return {
        p.triple.id: [hit.id for hit in search.hits[p.triple.id] if hit.id != p.triple.chunk_id and hit.score > 0][:num]
        for p in pairs
    }


def below_margin(index: Index, pairs: Sequence[Pair], search: Search, num: int) -> Chosen:
    found = {}
    for pair in pairs:
        id = pair.triple.id
        (source,) = search.source[id]
        found[id] = [h.id for h in search.hits[id] if h.id != pair.triple.chunk_id and 0 < h.score < MARGIN * source][:num]
    return found


BASELINES: Mapping[str, Callable[[Index, Sequence[Pair], Search, int], Chosen]] = {
    "random": at_random,
    "bm25": best_hits,
    "bm25 95 %": below_margin,
}


class Documents:
    """Means over rows with intervals by bootstrap over documents."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        names = sorted({p.triple.document_id for p in pairs})
        self._at = {name: i for i, name in enumerate(names)}
        draws = np.random.default_rng(0).multinomial(len(names), [1 / len(names)] * len(names), size=RESAMPLES)
        self._weights = draws.astype(float)

    def mean(self, values: Sequence[tuple[str, float]]) -> list[float]:
        """[mean, lower, upper] of (document, value) pairs."""
        sums, counts = np.zeros(len(self._at)), np.zeros(len(self._at))
        for document, value in values:
            sums[self._at[document]] += value
            counts[self._at[document]] += 1
        if not counts.sum():
            return []
        means = (self._weights @ sums) / np.maximum(self._weights @ counts, 1)
        low, high = np.quantile(means, [0.025, 0.975]).tolist()
        if not sums.any():
            high = min(1.0, 3 / counts.sum())
        return [round(float(x), 4) for x in (sums.sum() / counts.sum(), low, high)]


def measured(index: Index, pairs: Sequence[Pair], chosen: Chosen, search: Search, num: int) -> dict[str, Any]:
    documents, near = Documents(pairs), beside(index)
    texts, hard = index.chunks, search.hardness(pairs, chosen)
    by_distractor: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
    by_row: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
    for triple, answers in pairs:
        document, source = triple.document_id, texts[triple.chunk_id]
        ids = chosen[triple.id]
        said: dict[str, list[bool]] = {
            "answer": [any(has_plainly(answer, texts[id].text) for answer in answers) for id in ids],
            "answer in SQuAD form": [any(has_in_squad_form(answer, texts[id].text) for answer in answers) for id in ids],
            "passage": [repeats(texts[id], source) for id in ids],
            "adjacent": [id in near.get(source.id, ()) for id in ids],
        }
        for name, found in said.items():
            by_distractor[name] += [(document, float(one)) for one in found]
            by_row[name].append((document, float(any(found))))
        by_row["answer among the first four"].append((document, float(any(said["answer"][:4]))))
        by_row["full"].append((document, float(len(ids) == num)))
        for raw, relative in hard[triple.id]:
            by_distractor["relative"].append((document, relative))
            if raw is not None:
                by_distractor["raw"].append((document, raw))
    counts = {
        name: int(sum(value for _, value in by_distractor[name])) for name in ("answer", "answer in SQuAD form", "passage")
    }
    return {
        "distractors": sum(map(len, chosen.values())),
        "found": counts,
        "of distractors": {name: documents.mean(values) for name, values in by_distractor.items() if name in said},
        "of rows": {name: documents.mean(values) for name, values in by_row.items()},
        "hardness": {name: documents.mean(by_distractor[name]) for name in ("raw", "relative")},
    }


def of_ours(index: Index, rows: Sequence[Triple], search: Search, num: int) -> dict[str, Any]:
    """The measures of rows with the distractors that synthgen gave them."""
    pairs = [pair_of(row) for row in rows]
    found = measured(index, pairs, {row.id: [d.chunk_id for d in row.distractors] for row in rows}, search, num)
    mined = {row.id: [d.chunk_id for d in row.distractors if d.mined] for row in rows}
    return found | {"hardness of the mined": measured(index, pairs, mined, search, num)["hardness"]}


def of_one_corpus(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    corpus = Corpus(folder)
    assert corpus.context.retriever is not None
    index, pairs = Index(corpus.chunks, corpus.context.retriever), pairs_of(corpus)
    search = Search(index, pairs)
    settings = Config.build({"distractors": {"num": given.num, "judges": given.judges}}).distractors
    encoders = CorpusEncoders(Training(), list(corpus.chunks.values()), seed=0)
    started = time.perf_counter()
    rows, report = add_distractors([p.triple for p in pairs], *index, settings, encoders=encoders)
    seconds = time.perf_counter() - started
    arms = {"ours": of_ours(index, rows, search, given.num)}
    for name, choose in BASELINES.items():
        arms[name] = measured(index, pairs, choose(index, pairs, search, given.num), search, given.num)
    return {
        "chunks": len(corpus.chunks),
        "documents": len({chunk.document_id for chunk in corpus.chunks.values()}),
        "rows": len(pairs),
        "seconds": round(seconds, 1),
        "report": report,
        "arms": arms,
    }


def of_import(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    settings = {
        "distractors": {"num": given.num, "judges": given.judges},
        "filters": {"order": ["format"]},
        "exports": {"formats": []},
        "training": {"enabled": False},
    }
    with tempfile.TemporaryDirectory() as place:
        report = import_rows(folder, "-", Path(place) / "run", config=Config.build(settings)).report.to_dict()
        run = RunFolder(Path(place) / "run")
        rows, chunks = list(run.read("triples")), list(run.read("chunks"))
    index = Index({chunk.id: chunk for chunk in chunks}, over_chunks(chunks))
    search = Search(index, [pair_of(row) for row in rows])
    arms = {"imported": of_ours(index, rows, search, given.num)}
    for split in SPLITS:
        if own := [row for row in rows if row.split == split]:  # the name of the qrels may leave a split empty
            arms[split] = of_ours(index, own, search, given.num)
    return {
        "chunks": report["chunks"]["splits"],
        "rows": report["rows"]["splits"],
        "report": report["distractors"],
        "arms": arms,
    }


def table(result: Mapping[str, Any]) -> str:
    names = ("answer", "SQuAD form", "rows, answer", "passage", "adjacent", "full", "raw", "relative")
    lines = [f"{'set':12} {'distractors':10} " + " ".join(f"{name:>12}" for name in names)]
    for name, found in result["sets"].items():
        for arm, of in {**found["one corpus"]["arms"], **found["imported"]["arms"]}.items():
            one, rows, hard = of["of distractors"], of["of rows"], of.get("hardness of the mined", of["hardness"])
            cells = [one["answer"], one["answer in SQuAD form"], rows["answer"], one["passage"], one["adjacent"], rows["full"]]
            cells += [hard["raw"], hard["relative"]]
            lines.append(f"{name:12} {arm:10} " + " ".join(f"{cell[0] if cell else float('nan'):>12.4f}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--num", type=int, default=5)
    parser.add_argument("--judges", nargs="+", default=["bm25"])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    result: dict[str, Any] = {"num": given.num, "judges": given.judges, "sets": {}}
    for folder in given.data:
        name = "/".join(folder.parts[-2:]) if folder.parent.name == "xquad" else folder.name
        result["sets"][name] = {"one corpus": of_one_corpus(folder, given), "imported": of_import(folder, given)}
    print(table(result), file=sys.stderr)
    write_result(result, given.out)


if __name__ == "__main__":
    main()
