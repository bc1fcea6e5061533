"""What the card of a data set says of the run it came from: the run's facts as sentences and tables of plain text.

No setting that is shown names a place on the user's machine or an address of theirs, and none is a key (`hub.public_settings`).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel

from synthgen.config.settings import Config
from synthgen.errors import DISTRIBUTION
from synthgen.hub.key_forms import without_keys
from synthgen.hub.public_settings import public_encoder, public_name, public_settings
from synthgen.llm.call_store import CallStore
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.model_name import parse_model
from synthgen.pipeline.paid_steps import asked_models
from synthgen.pipeline.report_schema import ImportReport, RunReport, TrainingReport
from synthgen.pipeline.run_folder import NO_DOCS, RunFolder
from synthgen.pipeline.status import Spending, StatusReport
from synthgen.pipeline.stores import store_path
from synthgen.text.humanize import counts, dollars_text

__all__ = ["describe"]


def describe(
    folder: RunFolder,
    config: Config,
    state: StatusReport,
    report: RunReport,
    left_out: Mapping[str, Mapping[str, int]],
    origins: Mapping[str, int],
    *,
    written: Sequence[str],
    reviewed: int,
    terms: str,
) -> dict[str, Any]:
    """`run` and `verbatim` of `hub.card.CardFacts`.

    `state` is what `status` reports, `left_out` counts the rows that each config lacks, by reason, `written` names the configs
    that have any; `reviewed` counts rows that a person has checked.
    """
    shown = Config.build(public_settings(config))
    imported, measured, asked = report.imported, report.training, asked_models(shown)
    writer = (shown.answers.model or shown.model) if shown.answers.enabled else ""
    run = {
        "version": version(DISTRIBUTION),
        "seed": config.seed,
        "rows": report.rows.to_dict(),
        "import": imported and imported.to_dict() | {"file": without_keys(imported.file)},
        "prompts": {without_keys(name): digest for name, digest in report.generation.prompts.items()},
        "sampling": shown.llm.sampling if parse_model(shown.model) else {},
        "sources": _sources(folder, config, report, origins, writer),
        "cost": _cost(state.spent),
        "left_out": [
            f"Left out of {name}: {counts(reasons)}."
            if name in written
            else f"{name} is not here, since no row fits it ({counts(reasons)})."
            for name, reasons in left_out.items()
            if reasons or name not in written
        ],
        "funnel": [stage.to_dict() for stage in report.funnel],
        "writer": writer,
        "asked": [f"Steps that asked a model: {', '.join(f'{name} ({model})' for name, model in asked.items())}."]
        if asked
        else [],
        "settings": _sections(shown, report),
        "measured": _measured(measured),
        "limits": _limits(config, report, origins, reviewed),
        "terms": _terms(config, origins, terms),
    }
    return {"run": run, "verbatim": {"measured": _table(measured), "command": _command(imported, measured, state.documents)}}


def _sources(folder: RunFolder, config: Config, report: RunReport, origins: Mapping[str, int], writer: str) -> list[str]:
    documents, chunks, rows = report.documents, report.chunks, report.rows
    lines = [
        f"{documents.read:,} documents were read{_reasons('left out', documents.skipped)} and cut into {chunks.distinct:,} "
        f"passages of {chunks.tokens:,} tokens in all.",
        f"{rows.kept:,} rows were kept, {rows.answered:,} of them with an answer.",
    ]
    if report.imported is not None:
        taken = report.imported
        lines.append(
            f"The rows were imported from {without_keys(taken.file)} (sha256 {taken.sha256}), which had {taken.rows:,}."
        )
    elif origins.keys() == {"rule"}:
        lines.append(
            f"The generator is {config.model}: rules over the text of the documents. No LLM wrote a query or an answer in the column answer."
        )
    else:
        lines.append(f"The generator is {public_name(config.model)}, asked through {_endpoint(config)}.")
        models = _answered_by(folder, config)
        lines += [f"By the names the server gave, these models answered: {', '.join(models)}."] if models else []
    lines.append(f"What wrote the queries: {counts({public_name(name): n for name, n in rows.generators.items()})}.")
    if writer:
        lines.append(
            f"What stands in the columns response and reasoning was written afterwards by {writer}, where it passed its checks."
        )
    return lines


def _endpoint(config: Config) -> str:
    """The endpoint of a model that was asked, without its address."""
    model = parse_model(config.model)
    if model is None:
        return "no endpoint"
    endpoint = Endpoint.of(model.provider, config.llm)
    return endpoint.provider.describe(endpoint.url, model.name)


def _answered_by(folder: RunFolder, config: Config) -> list[str]:
    path = store_path(config, folder.calls)
    if not path.exists():
        return []
    with CallStore(path, read_only=True) as store:
        return sorted({public_name(model) for model, _ in store.totals().used if model})


def _cost(spent: Spending | None) -> list[str]:
    if spent is None:
        return ["No model was called for it, so it cost nothing."]
    used = spent.usage.as_usage().plus(spent.batch_usage.as_usage())
    when = f" between {spent.first[:10]} and {spent.last[:10]}" if spent.first else ""
    lines = [
        f"{spent.calls:,} calls{when} took {used.prompt:,} prompt tokens ({used.cached:,} cached) and {used.output:,} output tokens."
    ]
    if spent.dollars is None or spent.batch_dollars is None:
        lines.append(f"What they cost is not known: no price is known of {', '.join(map(public_name, spent.unpriced))}.")
    else:
        dollars = dollars_text(spent.dollars + spent.batch_dollars)
        lines.append(f"They cost {dollars} by the prices of {spent.prices_dated}.")
    return [*lines, *(["The calls of other runs that share the store are among them."] if spent.shared else [])]


def _sections(config: Config, report: RunReport) -> list[dict[str, Any]]:
    """The settings that shape the rows, each group with what it stands for and what it came to."""
    disjoint = (
        "A document, with all its near-duplicates, belongs to one split, decided before generation."
        if report.chunks.document_disjoint
        else "The collection is small, so sections of documents were split: the splits are not document-disjoint."
    )
    human = "The queries of dev and test come from the same generator as those of train, so what is measured on them is measured on "
    guard = (
        "Distractors are found by searches for the query, taken from the passage's own document, or drawn at random. Whatever its "
        "source, none is a positive, overlaps one or nearly equals one, contains the answer, or comes from another split."
    )
    sections = [
        ("Splits", f"{disjoint} {human}{'imported' if report.imported else 'synthetic'} queries.", config.splits, {}),
        ("Passages", "Documents are cut along their structure, in tokens of the named table.", config.chunking, {}),
        ("Distractors", guard, config.distractors, report.distractors.to_dict()),
    ]
    if config.answers.enabled:
        text = "A model wrote an answer to each query after the filters, checked against its instruction."
        sections.append(
            ("Written answers", text, config.answers, {name: written.to_dict() for name, written in report.answers.items()})
        )
    return [
        {"title": title, "text": text, "rows": _described(section), "found": [(name, _value(found[name])) for name in found]}
        for title, text, section, found in sections
    ]


def _described(section: BaseModel) -> list[tuple[str, str, str]]:
    """Each setting with its value and its meaning."""
    return [
        (name, _value(getattr(section, name)), field.description or "") for name, field in type(section).model_fields.items()
    ]


def _value(value: Any) -> str:
    """A value as a cell of a table."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(inner)}" for name, inner in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value)) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "unset"}[value]
    return f"{value:,}" if isinstance(value, int) else str(value)


def _measured(measured: TrainingReport | None) -> str:
    if not measured:
        return "Not measured: no retriever was trained on these rows and compared with one that was not."
    stale = (
        "The figures are of the rows before the last change of the filters, and stand until they are measured anew. "
        if measured.stale
        else ""
    )
    return (
        f"{stale}A small bi-encoder ({public_encoder(measured.training.base)}) was tuned on the train rows and compared with its base, with BM25 and "
        "with the hybrid. Intervals are of 95 %, drawn by groups of documents."
    )


def _table(measured: TrainingReport | None) -> str:
    if not measured:
        return ""
    from synthgen.evaluation.table import format_table

    return format_table(measured.to_dict())


def _limits(config: Config, report: RunReport, origins: Mapping[str, int], reviewed: int) -> list[str]:
    rows, judged = report.rows, asked_models(config).keys() & set(config.filters.order)
    flags, failed = sum(rows.flags.values()), report.generation.calls_failed
    limits = [
        (
            "Rules know no paraphrase: their queries use the words of the passages, and many are sentences or headings.",
            "rule" in origins,
        ),
        (
            "What a language model wrote can be wrong, although it passed the filters; it writes as that model does.",
            "llm" in origins,
        ),
        ("No model was asked whether an answer is right, or a query can be answered from its passage.", not judged),
        ("No person has reviewed the rows.", not reviewed),
        (f"{reviewed:,} rows are marked as reviewed by a person.", reviewed),
        ("A query is tied to the passages that are known to answer it; others of the collection may answer it, too.", True),
        ("No model was asked whether a distractor answers the query after all.", not config.distractors.check),
        (f"{rows.too_easy:,} queries are all but copies of their passage.", rows.too_easy),
        (f"{flags:,} marks on dev and test rows name a filter that would have turned them away (column flags).", flags),
        (f"{failed:,} calls failed for good, so some passages have fewer rows.", failed),
        (
            "The splits are not document-disjoint, so figures measured on test are too high.",
            not report.chunks.document_disjoint,
        ),
    ]
    return [sentence for sentence, holds in limits if holds]


def _terms(config: Config, origins: Mapping[str, int], terms: str) -> list[str]:
    if terms.strip():
        return [f"Terms of the model's provider, as named by the publisher: {' '.join(terms.split())}"]
    if "llm" in origins or config.answers.enabled:
        return [
            "A language model wrote rows of this data set, and the publisher named no terms of its provider; look them up before you train on it."
        ]
    if "imported" in origins:
        return ["Whether a language model wrote the imported rows, and under which terms, is not known here."]
    return []


def _command(imported: ImportReport | None, measured: TrainingReport | None, documents: str) -> str:
    queries = " --queries QUERIES" if measured and measured.deployment else ""
    if imported is None:
        return f"synthgen run DOCS RUN -c config.yaml{queries}"
    pairs = ",".join(f"{role}={without_keys(column)}" for role, column in imported.mapping.items())
    mapping = f" --map {shlex.quote(pairs)}" if pairs else ""
    docs = NO_DOCS if documents == NO_DOCS else "DOCS"
    return f"synthgen import {shlex.quote(without_keys(imported.file))} {docs} RUN -c config.yaml{mapping}{queries}"


def _reasons(what: str, reasons: Mapping[str, int]) -> str:
    return f" ({sum(reasons.values()):,} more {what}: {counts(reasons)})" if any(reasons.values()) else ""
