"""How much the tuned encoder gains on human queries: the whole recipe, offline, on any set in the BEIR layout.

    python benchmarks/retrieval_gain.py DATA [DATA …] [--out results.json] [--seeds 3]

DATA is a folder with `queries.jsonl`, `qrels/test.tsv` and the documents: its `files/`, or every row of `corpus.jsonl`
written out as one Markdown file. Deployment setting: the whole corpus is the index, rows come from its train
documents, human queries are only measured on. Where the rows of a corpus name the longer document they were cut from
(`metadata.doc`), a second interval draws these documents instead of the passages. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from synthgen.config.settings import Training, load_config
from synthgen.evaluation.queries import JudgedQueries, read_queries
from synthgen.evaluation.retrieval import measure_human
from synthgen.pipeline.run import run
from synthgen.records import Chunk, Event
from synthgen.storage import read_json, read_jsonl, read_table, write_json, write_jsonl
from synthgen.training.encoder import load, untuned


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, help="write all figures here as JSON")
    parser.add_argument("--seeds", type=int, default=1, help="runs per set, seeds 0, 1, …; the table shows seed 0")
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value", help="a setting of synthgen")
    arguments = parser.parse_args()

    results = []
    for data in arguments.data:
        results.append(benchmark(data, seeds=arguments.seeds, settings=arguments.set))
        if arguments.out:
            write_json(arguments.out, results)
    print(table(results))


def benchmark(data: Path, *, seeds: int, settings: list[str]) -> dict[str, Any]:
    """Figures of seed 0, and the gain of every seed."""
    with tempfile.TemporaryDirectory() as scratch:
        documents, queries = documents_and_queries(data, Path(scratch))
        runs = []
        for seed in range(seeds):
            folder = Path(scratch) / f"run-{seed}"
            config = load_config(None, settings, {"seed": seed})
            started = time.perf_counter()
            report = run(documents, folder, queries=queries, config=config, on_event=show).report.to_dict()
            runs.append((report, time.perf_counter() - started))
        report, seconds = runs[0]
        gains = [r["training"]["deployment"]["deltas"]["tuned-base"]["ndcg@10"] for r, _ in runs]
        return {
            "name": data.name,
            "settings": settings,
            "documents": report["documents"]["read"],
            "chunks": report["chunks"]["distinct"],
            "rows": report["rows"],
            "training": report["training"]["training"],
            "deployment": report["training"]["deployment"],
            "start": from_plain_start(Path(scratch) / "run-0", queries),
            "tuned-base by source document": by_source_document(data, Path(scratch) / "run-0", queries),
            "recommendation": report["training"]["recommendation"],
            "tuned-base of each seed": gains,
            "seconds": round(seconds, 1),
        }


def documents_and_queries(data: Path, scratch: Path) -> tuple[Path, Path]:
    """Folders of the documents and of the queries, whose qrels name these documents."""
    if (data / "files").is_dir():
        return data / "files", data
    documents, queries = scratch / "documents", scratch / "queries"
    documents.mkdir()
    names = dict(file_names(data))
    for row in read_jsonl(data / "corpus.jsonl"):
        title = f"# {row['title']}\n\n" if row.get("title") else ""
        (documents / names[row["_id"]]).write_text(title + row["text"], encoding="utf-8", newline="\n")
    write_jsonl(queries / "queries.jsonl", read_jsonl(data / "queries.jsonl"))
    header, *lines = (data / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()
    cells = (line.split("\t") for line in lines)
    mapped = [f"{query}\t{names.get(id, id)}\t{score}" for query, id, score in cells]
    (queries / "qrels").mkdir(parents=True)
    (queries / "qrels" / "test.tsv").write_text("\n".join([header, *mapped, ""]), encoding="utf-8")
    return documents, queries


def file_names(data: Path) -> Iterator[tuple[str, str]]:
    """Each id of the corpus with a file name made from it, no two alike."""
    for number, row in enumerate(read_jsonl(data / "corpus.jsonl")):
        yield row["_id"], f"{number:06}-{re.sub(r'[^A-Za-z0-9_-]+', '_', row['_id'])[:80]}.md"


def from_plain_start(run_folder: Path, queries: Path) -> dict[str, Any]:
    """The tuned encoder beside plain latent semantic analysis, without the inverse document frequencies that the base has."""
    chunks, judged, facts = parts(run_folder, queries)
    start = Training(**facts["start"] | {"idf": False})
    measured = measure_human(chunks, judged, untuned(start, chunks, facts["seed"]), load(str(run_folder / "model")))
    found = measured.to_dict(seed=0)
    return {"plain": found["systems"]["base"], "tuned-plain": found["deltas"]["tuned-base"]}


def by_source_document(data: Path, run_folder: Path, queries: Path) -> dict[str, Any] | None:
    """The gain with an interval over the documents that the corpus was cut from; None when it does not name them."""
    sources = {row["_id"]: (row.get("metadata") or {}).get("doc") for row in read_jsonl(data / "corpus.jsonl")}
    if (data / "files").is_dir() or not all(sources.values()):
        return None
    source_of = {name: str(sources[id]) for id, name in file_names(data)}
    chunks, judged, facts = parts(run_folder, queries)
    base = untuned(Training(**facts["start"]), chunks, facts["seed"])
    measured = measure_human(chunks, judged, base, load(str(run_folder / "model")))
    groups = [source_of[min(wanted)] for wanted in judged.relevant]
    return {"groups": len(set(groups)), **measured.difference("tuned", "base", groups, seed=0)}


def parts(run_folder: Path, queries: Path) -> tuple[list[Chunk], JudgedQueries, dict[str, Any]]:
    """Chunks of a run, the queries held against them, and what its model was tuned from."""
    chunks = [Chunk.from_dict(row) for row in read_table(run_folder / "chunks.parquet")]
    return chunks, read_queries(queries, chunks), read_json(run_folder / "model" / "synthgen.json")


def table(results: list[dict[str, Any]]) -> str:
    lines = [
        "| set | chunks | rows | queries | BM25 | plain LSA | base | tuned | BM25+tuned | tuned - base | tuned - plain LSA "
        "| recommended | s |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        measured = result["deployment"]
        scores = {name: f"{figures['ndcg@10']:.3f}" for name, figures in measured["systems"].items()}
        gain = f"{interval(measured['deltas']['tuned-base'])}"
        if len(seeds := result["tuned-base of each seed"]) > 1:
            gain += f", seeds {min(seeds):+.3f} … {max(seeds):+.3f} (SD {statistics.stdev(seeds):.3f})"
        lines.append(
            f"| {result['name']} | {result['chunks']:,} | {result['training']['rows']:,} | {measured['queries']:,} "
            f"| {scores['bm25']} | {result['start']['plain']['ndcg@10']:.3f} | {scores['base']} | {scores['tuned']} "
            f"| {scores['hybrid']} | {gain} | {interval(result['start']['tuned-plain'])} "
            f"| {result['recommendation']['system']} | {result['seconds']:.0f} |"
        )
    return "\n".join(lines)


def interval(delta: dict[str, Any]) -> str:
    if delta["low"] is None:
        return f"{delta['ndcg@10']:+.3f}"
    return f"{delta['ndcg@10']:+.3f} [{delta['low']:+.3f}, {delta['high']:+.3f}]"


def show(event: Event) -> None:
    if event.stage in ("training", "evaluation") and event.done in (0, event.total):
        print(json.dumps({"stage": event.stage, "done": event.done, "message": event.message}), file=sys.stderr)


if __name__ == "__main__":
    main()
