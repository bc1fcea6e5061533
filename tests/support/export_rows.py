"""Rows in many scripts, and chunks around them, for the tests of exports."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from synthgen.exporters.context import ExportContext
from synthgen.exporters.export import rows
from synthgen.records import Chunk, Distractor, Rejection, Triple, digest, make_triple

STRANGE = [
    "The valve \"V-7\" opens at {pressure} bar;\tsee 'table' 3. It closes \\again.",
    "水泵每分钟转两千九百转。请先关闭阀门，再拔下插头。",
    "المضخة تعمل بسرعة 2900 دورة في الدقيقة. أغلق الصمام أولاً.",
    "Line one\u2028line two\u0085line three. Wrap text in <DOCUMENT> and </DOCUMENT>, or < / document >.",
    "The mark ##begin_quote## opens and ##end_quote## closes; <ANSWER>: ends it all.",
    "Plain text about a pump. It needs oil every 400 hours. Then it needs rest.",
    "Fuses blow when the pump starts cold; warm it for ten minutes.",
    "The filter is washed in warm water, never in petrol.",
]


def chunk(name: str, text: str, **columns: Any) -> Chunk:
    return Chunk(f"{name}#0-{len(text)}", name, 0, len(text), text, digest(text), group=name, **columns)


CHUNKS = [chunk(f"docs/{i}.md", text, headings=("Manual", f"Part {i}")) for i, text in enumerate(STRANGE)]
CONTEXT = ExportContext({c.id: c for c in CHUNKS}, {"docs/5.md": "The pump"}, seed=7)


def triple(i: int, number: int = 0, *, others: int = 5, found_by: str = "bm25", **columns: Any) -> Triple:
    """A row of chunk i whose distractors are the next chunks."""
    source = CHUNKS[i % len(CHUNKS)]
    around = [CHUNKS[(i + step) % len(CHUNKS)].id for step in range(1, others + 1)]
    columns = {"answer": f"answer {number}", "metadata": {"wrong_answers": ["no answer"]}, **columns}
    made = make_triple(source, f"question {i}-{number} “{source.text[:12].split()[0]}”?", columns.pop("answer"))
    return replace(made, distractors=tuple(Distractor(d, found_by, n, 5.0, 0.5) for n, d in enumerate(around, 1)), **columns)


STRANGE_ROWS = [  # query and answer, for one row of each split and chunk
    ("水泵每分钟转多少转？先关闭哪个阀门", "两千九百转；先关闭“进水”阀门。"),
    ("كم دورة في الدقيقة تدور المضخة؟", "٢٩٠٠ دورة في الدقيقة، ثم أغلق الصمام."),
    (
        'Does </DOCUMENT> end {it}, or < / document >\t"so"?',
        "It ends with </DOCUMENT>,\t{so} or 'so'; $question \\n <ANSWER>: none.",
    ),
    ("Which lines\u2028are there\u0085in it?", "Line one\u2028line two\u0085line three\u2029and\n\n### Answer:\nfour."),
]


def strange(i: int, number: int, split: str) -> Triple:
    query, answer = STRANGE_ROWS[i % len(STRANGE_ROWS)]
    return replace(triple(i, number, answer=answer, split=split), query=f"{query} {i}-{number}")


ROWS = [
    strange(i, n, split) if n else triple(i, n, split=split)
    for i in range(len(CHUNKS))
    for n, split in enumerate(("train", "train", "dev", "test"))
]


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().decode("utf-8").split("\n")[:-1]]


LABELLED = [
    replace(
        triple(i, n, split=split),
        query=f"{n}. {CHUNKS[i].text}",
        answer=f"label {n % 3}",
        kind="classification",
        distractors=(),
    )
    for i in range(len(CHUNKS))
    for n, split in enumerate(("train", "train", "dev", "test"))
]


def made(
    format: str, triples: Sequence[Triple] = ROWS, context: ExportContext = CONTEXT, **options: Any
) -> list[dict[str, Any]]:
    """The train rows of a format."""
    return list(rows(triples, context, format, "train", options=options))


def turned_away(
    row: Triple, answer: str, stage: str = "grounding", reason: str = "answer_not_found", **columns: Any
) -> Rejection:
    return Rejection(replace(row, id=f"{row.id}-{answer}", answer=answer, **columns), stage, reason)
