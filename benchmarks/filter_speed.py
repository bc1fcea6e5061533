"""How long the offline filters take, how that grows with the rows, and what a second cut costs.

    python benchmarks/filter_speed.py [--rows 25000 50000 100000] [--out results/filter_speed.json]

Each size is a process of its own: half as many chunks as rows, ten chunks a document, words drawn by Zipf's law from 60,000 made-up
ones, two queries a chunk: eight of its words with function words between, and the sentence they stand in as the answer. One row in
fifty repeats another's query with a small edit, one in fifty goes with another chunk. In the run folder of an import the largest
size is then cut again with another threshold, and back: `recut` has the seconds of the filters and of the whole command, and whether
the tables are the same bytes as before.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine_setup import in_child, peak_mib, write_result

from synthgen.config.settings import Config
from synthgen.records import Event

FUNCTION_WORDS = ("how", "does", "the", "of", "in", "is", "what", "a", "and", "for", "when", "to")
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "ar", "en", "il", "on", "us")]


def vocabulary(size: int) -> list[str]:
    return list(itertools.islice(("".join(parts) for n in (2, 3) for parts in itertools.product(SYLLABLES, repeat=n)), size))


def corpus(rows: int) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The text of each chunk and its (query, answer) pairs."""
    draw = random.Random(rows)
    known = vocabulary(60_000)
    draw.shuffle(known)
    weights = list(itertools.accumulate(1 / (rank + 20) for rank in range(len(known))))
    for number in range(rows // 2):
        sentences = []
        for _ in range(6):
            found = draw.choices(known, cum_weights=weights, k=11)
            found[draw.randrange(11)] = str(draw.randrange(10, 99_999))
            sentences.append(f"{found[0].capitalize()} {' '.join(found[1:])}")
        pairs = []
        for sentence in draw.sample(sentences, 2):
            picked = draw.sample(sentence.split(), 6)
            query = " ".join(word for pair in zip(draw.choices(FUNCTION_WORDS, k=6), picked, strict=True) for word in pair)
            pairs.append((f"{query}?", sentence))
        if number % 25 == 0:
            pairs[1] = (pairs[0][0].replace("the", "a").upper(), pairs[0][1])
        yield ". ".join(sentences) + ".", pairs


def rows_of(rows: int) -> Iterator[dict[str, str]]:
    """The rows to import."""
    kept = ""
    for number, (text, pairs) in enumerate(corpus(rows)):
        for query, answer in pairs:
            yield {"query": query, "answer": answer, "context": kept if number % 50 == 7 and kept else text}
        kept = text


def filters(rows: int) -> dict[str, Any]:
    """Seconds of every filter over rows and chunks made in memory."""
    from synthgen.filters.chain import apply_filters
    from synthgen.filters.context import FilterContext
    from synthgen.records import Chunk, digest, make_triple
    from synthgen.retrieval import index_text
    from synthgen.retrieval.bm25 import BM25

    chunks: dict[str, Chunk] = {}
    triples = []
    for number, (text, pairs) in enumerate(corpus(rows)):
        document, start = f"doc{number // 10}", 1_000 * (number % 10)
        end = start + len(text)
        id = f"{document}#{start}-{end}"
        chunks[id] = Chunk(id, document, start, end, text, digest(text), group=document)
        triples += [make_triple(chunks[id], query, answer) for query, answer in pairs]
    started = time.perf_counter()
    index = BM25(list(chunks), [index_text(chunk) for chunk in chunks.values()])
    seconds = {"index": round(time.perf_counter() - started, 2)}
    last = [time.perf_counter()]

    def seen(event: Event) -> None:
        now = time.perf_counter()
        seconds[event.message.partition(":")[0]] = round(now - last[0], 2)
        last[0] = now

    filtered = apply_filters(triples, Config().filters.order, FilterContext(chunks, index), on_event=seen)
    total = time.perf_counter() - started
    seconds["promotion"] = round(time.perf_counter() - last[0], 2)
    return {
        "rows": rows,
        "chunks": len(chunks),
        "kept": len(filtered.kept),
        "total_s": round(total, 1),
        "seconds": seconds,
        "peak_mib": round(peak_mib()),
        "rejected": dict(list(filtered.reasons.items())[:12]),
    }


def recut(rows: int) -> dict[str, Any]:
    """A run folder of imported rows, cut with another threshold and back."""
    from synthgen import storage
    from synthgen.filters.round_trip import round_trip
    from synthgen.pipeline.import_run import import_rows
    from synthgen.pipeline.refilter import refilter
    from synthgen.registry import describe_options

    with tempfile.TemporaryDirectory() as name:
        run, file = Path(name) / "run", Path(name) / "rows.jsonl"
        storage.write_jsonl(file, rows_of(rows))
        started = time.perf_counter()
        import_rows(
            file, "-", run, config=Config.build({"training": {"enabled": False}, "exports": {"formats": ["st-triplet"]}})
        )
        imported_s = time.perf_counter() - started
        before = tables(run)
        cuts = []
        first = next(o.default for o in describe_options(round_trip) if o.name == "min_ratio")
        for ratio in (0.9, first):
            started = time.perf_counter()
            report = refilter(run, settings=[f"filters.options.round_trip.min_ratio={ratio}"])
            whole_s = time.perf_counter() - started
            timing = json.loads((run / "report.json").read_text(encoding="utf-8"))["timing"]
            kept = report["rows"]["kept"]
            cuts.append({"min_ratio": ratio, "filters_s": timing["filters"], "whole_s": round(whole_s, 1), "kept": kept})
        return {"rows": rows, "import_s": round(imported_s, 1), "cuts": cuts, "same_bytes_after": tables(run) == before}


def tables(run: Path) -> dict[str, str]:
    names = ("triples", "rejected", "skipped")
    return {name: hashlib.sha256((run / f"{name}.parquet").read_bytes()).hexdigest() for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[25_000, 50_000, 100_000])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs=2)
    given = parser.parse_args()
    if given.child:
        work = {"filters": filters, "recut": recut}[given.child[0]]
        print(json.dumps(work(int(given.child[1]))))
        return
    sizes = [in_child(__file__, "filters", rows) for rows in given.rows]
    growth = [round(b["total_s"] / a["total_s"], 2) for a, b in itertools.pairwise(sizes)]
    result = {"sizes": sizes, "growth": growth, "recut": in_child(__file__, "recut", max(given.rows))}
    write_result(result, given.out)


if __name__ == "__main__":
    main()
