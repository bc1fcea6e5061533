"""How often the language of a text is right, wrong or said to be unknown: of documents, of chunks and of single questions.

    python benchmarks/language_id.py en=squad_dev40,covidqa de=xquad/de … [--half odd] [--out results/language_id.json]

Each set is a folder in the BEIR layout (`corpus.jsonl`, `queries.jsonl`) or a folder of files. Of the sets only the documents
whose position is odd are reported; the thresholds of `synthgen.text.language` were chosen on the even ones (`--half even`) and on short
strings of other projects' translations. `language_texts.md` has texts in further languages, written for this benchmark; no
threshold was chosen on them.

A document is guessed by itself; a chunk (128 tokens) with the language of its document; a question by itself. `seconds` are those of the
processor. `floor` is the earlier guess, by script and frequent words, over the same documents: run it from a checkout of that version
with `--floor SCRIPT`, a file that reads a JSON list of texts and prints a JSON list of codes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine_setup import write_result

import synthgen as sg
from synthgen.records import make_document
from synthgen.text.language import guess_language

TEXTS = Path(__file__).parent / "language_texts.md"


def made_texts() -> dict[str, list[str]]:
    parts = ("\n" + TEXTS.read_text(encoding="utf-8")).split("\n# ")[1:]
    return {part[:2]: [text.strip() for text in part[2:].split("\n\n") if text.strip()] for part in parts}


def read(folder: Path, half: str) -> tuple[list[str], list[str]]:
    """The documents and the questions of a set."""
    kept = slice(1 if half == "odd" else 0, None, 2)
    if not (folder / "corpus.jsonl").exists():
        return [document.text for document in sg.load_documents(folder)], []
    texts = ([json.loads(line)["text"] for line in (folder / name).open()] for name in ("corpus.jsonl", "queries.jsonl"))
    documents, questions = texts
    return documents[kept], questions[kept]


def chunk_languages(texts: Sequence[str]) -> list[str]:
    documents = [make_document(f"{i}.md", text, language=guess_language(text)) for i, text in enumerate(texts)]
    return [chunk.language for chunk in sg.chunk(documents, max_tokens=128)]


def counted(language: str, found: Sequence[str]) -> dict[str, Any]:
    wrong = Counter(code for code in found if code not in (language, ""))
    right = found.count(language)
    return {"texts": len(found), "right": right, "unknown": found.count(""), "wrong": wrong.total(), "wrong_as": dict(wrong)}


def floor(script: Path, texts: Sequence[str]) -> list[str]:
    done = subprocess.run([sys.executable, script], input=json.dumps(texts), capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def total(rows: Sequence[dict[str, Any]], kind: str) -> dict[str, Any]:
    of_kind = [row[kind] for row in rows if kind in row]
    found: dict[str, Any] = {name: sum(row[name] for row in of_kind) for name in ("texts", "right", "unknown", "wrong")}
    return found | {f"{name}_share": round(found[name] / max(1, found["texts"]), 4) for name in ("right", "unknown", "wrong")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="CODE=FOLDER[,FOLDER…]")
    parser.add_argument("--half", choices=["odd", "even"], default="odd")
    parser.add_argument("--floor", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    guess_language("The model is loaded by the first text.")
    rows = []
    sets = [
        (code, Path(folder))
        for code, _, folders in (one.partition("=") for one in arguments.sets)
        for folder in folders.split(",")
    ]
    data = [(code, str(Path(*folder.parts[-2:])), *read(folder, arguments.half)) for code, folder in sets]
    for code, name, documents, questions in [*data, *((code, "made", texts, []) for code, texts in made_texts().items())]:
        row: dict[str, Any] = {"set": name, "language": code}
        start = time.process_time()
        row["documents"] = counted(code, [guess_language(text) for text in documents])
        row["documents"]["ms_each"] = round(1_000 * (time.process_time() - start) / len(documents), 3)
        row["chunks"] = counted(code, chunk_languages(documents))
        if questions:
            row["questions"] = counted(code, [guess_language(text) for text in questions])
        if arguments.floor:
            row["floor_documents"] = counted(code, floor(arguments.floor, documents))
            if questions:
                row["floor_questions"] = counted(code, floor(arguments.floor, questions))
        rows.append(row)
    kinds = ("documents", "chunks", "questions", "floor_documents", "floor_questions")
    write_result({"half": arguments.half, "total": {kind: total(rows, kind) for kind in kinds}, "sets": rows}, arguments.out)


if __name__ == "__main__":
    main()
