"""`report.json`: made from what the stages of a run have made, written last, and read again by later verbs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from synthgen import storage
from synthgen.errors import RunFolderError
from synthgen.filters.lexical_bias import lexical_bias
from synthgen.loaders.folder import reason_text
from synthgen.pipeline.assemble import Assembly
from synthgen.pipeline.paid_steps import without_answer
from synthgen.pipeline.report_schema import SCHEMA_VERSION, RunReport
from synthgen.pipeline.run_folder import RunFolder
from synthgen.records import SPLITS, Rejection
from synthgen.retrieval.source_rank import TOO_EASY
from synthgen.splits import missed_shares
from synthgen.text.humanize import counted, counts

__all__ = ["earlier_report", "make_report", "read_report", "write_report"]

_EXAMPLES = 3
_MUCH_DROPPED = 0.5
_PAGES_SHOWN = 5
_TYPES_SHOWN = 10
_UNMEASURED_BEFORE = (
    "The gain was not measured",
    "The model and its figures are of the rows before",
    "The rows are texts with labels",
)


def make_report(made: Assembly) -> RunReport:
    """The facts of a run, not measured yet and without times: two runs with the same answers report the same."""
    corpus, candidates, filtered, generator = made.corpus, made.candidates, made.filtered, made.run.generator
    kept, outcomes = filtered.kept, made.steps.report() if made.steps else {}
    facts: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "documents": {
            "read": len(corpus.documents),
            "skipped": _count(skip.reason for skip in corpus.skipped if skip.stage == "sources"),
            "languages": _count(document.language or "unknown" for document in corpus.documents),
            "groups": len({document.group for document in corpus.documents}),
        },
        "chunks": {
            "distinct": len(corpus.chunks),
            "copies": sum(len(chunk.places) for chunk in corpus.chunks),
            "tokens": sum(chunk.n_tokens for chunk in corpus.chunks),
            "splits": _by_split(chunk.split for chunk in corpus.chunks),
            "skipped": _count(skip.reason for skip in corpus.skipped if skip.stage != "sources"),
            "document_disjoint": corpus.document_disjoint,
        },
        "generation": {
            "generator": generator.config.model,
            "prompts": {prompt.name: prompt.digest for prompt in generator.prompts},
            "candidates": len(candidates.triples) + len(candidates.rejected),
            "skipped": candidates.reasons,
            "calls_ok": candidates.calls_ok,
            "calls_failed": sum(candidates.calls_failed.values()),
            "failures": candidates.calls_failed,
            "usage": candidates.usage.to_dict(),
        },
        "funnel": filtered.funnel,
        "examples": _examples(filtered.rejected),
        "rows": {
            "kept": len(kept),
            "answered": sum(row.answer is not None for row in kept),
            "splits": _by_split(row.split for row in kept),
            "generators": _count(row.generator for row in kept),
            "flags": _count(flag for row in kept for flag in row.flags),
            "too_easy": sum(float(row.scores.get("easy") or 0.0) >= TOO_EASY for row in kept),
        },
        "notes": [
            *_about_files(made),
            *_about_pages(made),
            *_about_splits(made),
            *generator.notes,
            *made.notes,
            *_unanswered(made),
        ],
        "distractors": made.distractors,
        "answers": made.answers,
        "exports": made.exports,
        "judgements": outcomes,
        "lexical_bias": lexical_bias(filtered, made.chunks),
        "training": None,
        "unmeasured": None,
    }
    imported = generator.imported
    return RunReport.model_validate(facts | ({"import": imported} if imported else {}))


def write_report(folder: RunFolder, report: RunReport, seconds: dict[str, float] | None = None) -> None:
    """Write `report.json`; `seconds` by stage, where those of before do not stay."""
    timing = {} if seconds is None else {"timing": seconds}
    storage.write_json(folder.report, report.to_dict() | timing)


def read_report(folder: RunFolder) -> RunReport | None:
    """The report of a run, None where there is none yet. Raises RunFolderError for one that this synthgen cannot read."""
    if not folder.report.exists():
        return None
    try:
        found = storage.read_json(folder.report)
    except json.JSONDecodeError as error:
        raise _unreadable(folder, f"line {error.lineno} is not JSON: {error.msg}") from None
    except UnicodeDecodeError:
        raise _unreadable(folder, "it is not UTF-8") from None
    version = found.get("schema_version", 0) if isinstance(found, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise RunFolderError(
            f"{folder.report} has schema_version {version}, and this synthgen reads {SCHEMA_VERSION} and older. "
            f"Use the synthgen that wrote it. {_anew(folder)}"
        )
    try:
        return RunReport.model_validate(_upgraded(found) if version == 0 else found)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the whole of it"
        raise _unreadable(folder, f"{key}: {first['msg']}. It may be the report of an earlier synthgen") from None


def earlier_report(folder: RunFolder) -> RunReport | None:
    """The report of a run that is about to be replaced. One that cannot be read is None, and its file is kept beside."""
    try:
        return read_report(folder)
    except RunFolderError:
        folder.report.replace(_kept_beside(folder))
        return None


def _unreadable(folder: RunFolder, why: str) -> RunFolderError:
    return RunFolderError(f"{folder.report} cannot be read ({why}). {_anew(folder)}")


def _anew(folder: RunFolder) -> str:
    return (
        f"`synthgen filter {folder.path}` writes it anew, without a call, and keeps this file as {_kept_beside(folder).name}. "
        f"The figures of the measurement are only there; `synthgen train {folder.path}` measures again."
    )


def _kept_beside(folder: RunFolder) -> Path:
    return folder.report.with_name(f"{folder.report.name}.unreadable")


def _upgraded(report: dict[str, Any]) -> dict[str, Any]:
    """A report from before there were versions: what it says of the measurement stands among its notes."""
    notes = [note for note in report.get("notes", ()) if not note.startswith(_UNMEASURED_BEFORE)]
    said = [note for note in report.get("notes", ()) if note.startswith(_UNMEASURED_BEFORE)]
    return report | {"schema_version": SCHEMA_VERSION, "notes": notes, "unmeasured": said[0] if said else None}


def _about_pages(made: Assembly) -> list[str]:
    """Say which pages lost more than half of what a reader sees, since that is seldom all navigation."""
    shares = {document.id: document.metadata.get("dropped_share", 0.0) for document in made.corpus.documents}
    most = sorted((id for id, share in shares.items() if share > _MUCH_DROPPED), key=shares.__getitem__, reverse=True)
    if not most:
        return []
    shown = ", ".join(f"{id} ({shares[id]:.0%})" for id in most[:_PAGES_SHOWN])
    more = f" and {len(most) - _PAGES_SHOWN} more" if len(most) > _PAGES_SHOWN else ""
    pages = "1 page" if len(most) == 1 else f"{len(most)} pages"
    return [
        f"{pages} lost more than half of the visible text as navigation, forms and the like: {shown}{more}. "
        "`metadata.dropped_share` of the documents has every share."
    ]


def _about_files(made: Assembly) -> list[str]:
    """Name the types of files that have no loader, the most frequent first."""
    found = Counter(reason_text(skip) for skip in made.corpus.skipped if skip.reason == "unknown_type")
    if not found:
        return []
    shown = [(reason.partition(" ")[2], n) for reason, n in sorted(found.items(), key=lambda item: (-item[1], item[0]))]
    more = f" and {counted(len(shown) - _TYPES_SHOWN, 'more type')}" if len(shown) > _TYPES_SHOWN else ""
    return [
        f"{counted(found.total(), 'file has', 'files have')} no loader: {counts(dict(shown[:_TYPES_SHOWN]))}{more}; "
        "`synthgen show RUN --skipped` lists them, and `sources.loaders` adds types."
    ]


def _about_splits(made: Assembly) -> list[str]:
    found = []
    if not made.corpus.document_disjoint:
        found.append("The splits are not document-disjoint: the folder is small, so sections of documents were split.")
    for split, (has, share) in missed_shares(made.corpus.chunks, made.run.config.splits).items():
        found.append(
            f"The {split} split has {has:.1%} of the chunks, not the {share:.0%} that were asked for: documents and their "
            "near-duplicates stay together, and those that are already placed stay where they are."
        )
    return found


def _unanswered(made: Assembly) -> list[str]:
    """A sentence for each paid step that lacks answers."""
    steps = made.steps
    if steps is None:
        return []
    return [
        f"The step {stage} lacks {missing:,} answers, and {without_answer(stage)}; `synthgen run` asks for them."
        for stage, outcome in steps.report().items()
        if (missing := outcome["missing"])
    ]


def _examples(rejected: Iterable[Rejection]) -> dict[str, list[dict[str, Any]]]:
    """The first rejected rows of each stage and reason."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in rejected:
        listed = found.setdefault(f"{one.stage}:{one.reason}", [])
        if len(listed) < _EXAMPLES:
            row = one.triple
            listed.append(
                {"id": row.id, "query": row.query, "answer": row.answer, "chunk_id": row.chunk_id, "score": one.score}
            )
    return dict(sorted(found.items()))


def _count(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _by_split(values: Iterable[str]) -> dict[str, int]:
    found = Counter(values)
    return {name or "none": found[name] for name in (*SPLITS, "") if found[name] or name}
