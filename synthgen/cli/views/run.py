"""How the command line looks: reports, rows and the state of a run as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from synthgen.cli.progress_panel import rate_text, tokens_text
from synthgen.cli.views.export import export_lines
from synthgen.records import CLASSIFICATION, Chunk, Rejection, Triple, Usage, passage
from synthgen.text.humanize import columns, counts, dollars_text, reasons

if TYPE_CHECKING:
    from synthgen.pipeline.run import Result

__all__ = [
    "listing_text",
    "push_text",
    "result_text",
    "row_text",
    "rows_text",
    "status_text",
    "summary",
]

_SHOWN = 300  # characters of a passage


def summary(report: Mapping[str, Any]) -> str:
    """What a run did: where rows came from, the funnel, and what was exported."""
    documents, chunks, generation = report["documents"], report["chunks"], report["generation"]
    lines = [
        f"{documents['read']:,} documents read, {sum(documents['skipped'].values()):,} files skipped{reasons(documents['skipped'])}; "
        f"{chunks['distinct']:,} chunks ({counts(chunks['splits'])}); {generation['candidates']:,} candidate rows by {generation['generator']}"
        f"{', no LLM' if generation['generator'] == 'extractive' else ''}.",
        *_imported(report.get("import")),
        "",
        columns(
            [
                ("stage", "in", "kept", "rejected because"),
                *(
                    (stage["stage"], f"{stage['in']:,}", f"{stage['kept']:,}", counts(stage["rejected"]) or "-")
                    for stage in report["funnel"]
                ),
            ],
            right="12",
        ),
        "",
        f"{report['rows']['kept']:,} rows kept ({report['rows']['answered']:,} with an answer): {counts(report['rows']['splits'])}.",
        *_written(report.get("answers", {})),
        *_distractors(report["distractors"]),
        *(line for name, export in report["exports"].items() for line in export_lines(f"exports/{name}", export)),
        *report["notes"],
    ]
    return "\n".join(lines)


def _distractors(told: Mapping[str, Any]) -> list[str]:
    """Where distractors come from, how hard they are, and what was refused, in one line."""
    if not told["asked"]:
        return []
    raw, relative = told["hardness"]["raw"], told["hardness"]["relative"]
    hard = (
        ""
        if raw is None
        else f"; the mined ones score {raw:.2f} of the passage's score ({relative:.2f} on the normalised range)"
    )
    further = f"; {told['further_positives']:,} further positives found" if told["further_positives"] else ""
    return [
        f"{sum(told['found'].values()):,} distractors: {counts(told['found']) or 'none'}{hard}; "
        f"{told['short']:,} rows have fewer than {told['asked'] // told['rows']}; refused: {counts(told['refused']) or 'none'}{further}."
    ]


def _imported(rows: Mapping[str, Any] | None) -> list[str]:
    """What an import read: which column was taken for what, and which rows could not be used."""
    if rows is None:
        return []
    taken = (f"{role} from {' and '.join(columns)}" for role, columns in rows["columns"].items())
    left = f"; kept as metadata: {', '.join(rows['metadata'])}" if rows["metadata"] else ""
    unused = sum(rows["skipped"].values())
    return [
        f"{rows['file']} ({rows['format']}): {rows['rows']:,} rows, {unused:,} not used{reasons(rows['skipped'])}; "
        f"{', '.join(taken)}{left}."
    ]


def _written(answers: Mapping[str, Any]) -> list[str]:
    """What a model wrote for the rows, and how many of each style, length and form are there."""
    lines = []
    for step, told in answers.items():
        lines.append(f"{step}: {told['written']:,} of {told['asked']:,} written{reasons(told['failed'])}")
        for kind in ("styles", "lengths", "forms"):
            ways = ", ".join(f"{name} {n['written']:,} of {n['asked']:,}" for name, n in told.get(kind, {}).items())
            lines += [f"  {kind}: {ways}"] if ways else []
    return lines


def result_text(result: Result) -> str:
    """A finished run: the report, three rows to look at, the measured gain, and where it all is."""
    parts = [summary(result.report)]
    parts += [f"example {n}\n{row_text(row, result.chunks)}" for n, row in enumerate(_varied(result.kept, 3), 1)]
    if result.report["training"]:
        from synthgen.evaluation.table import format_table

        parts.append(format_table(result.report["training"]))
    parts.append(f"{result.report['generation']['calls_failed']:,} calls failed for good. Everything is in {result.path}.")
    return "\n\n".join(parts)


def rows_text(rows: Sequence[Triple | Rejection], chunks: Mapping[str, Chunk]) -> str:
    """Rows to read, one after the other."""
    return "\n\n".join(row_text(row, chunks) for row in rows)


def row_text(row: Triple | Rejection, chunks: Mapping[str, Chunk]) -> str:
    """One row to read: query, answer, context, and why it was rejected if it was."""
    triple = row.triple if isinstance(row, Rejection) else row
    context = passage(triple, chunks[triple.chunk_id]) if triple.chunk_id in chunks else "(not in chunks.parquet)"
    shown = " ".join(context.split())
    passage_text = f"{shown[:_SHOWN]}{'…' if len(shown) > _SHOWN else ''}"
    if triple.kind == CLASSIFICATION:
        lines = [
            f"text     {passage_text}",
            f"label    {triple.answer}",
            f"from     {triple.chunk_id}  {triple.generator}  {triple.split}",
        ]
    else:
        lines = [
            f"query    {triple.query}",
            f"answer   {' '.join(triple.answer.split()) if triple.answer is not None else '(none: retriever formats only)'}",
            f"context  {passage_text}",
            f"from     {triple.chunk_id}  {triple.generator}  {triple.split}  {len(triple.distractors)} distractors",
        ]
    told = {"told": triple.instruction, "written": triple.response, "reasoned": triple.reasoning}
    lines += [f"{name:<8} {' '.join(text.split())}" for name, text in told.items() if text]
    if isinstance(row, Rejection):
        numbers = "" if row.score is None else f" (score {row.score:.3g}, threshold {row.threshold})"
        lines.append(f"rejected {row.stage}: {row.reason}{numbers}")
    return "\n".join(lines)


def status_text(status: Mapping[str, Any]) -> str:
    """Where a run stands: its calls, what they cost, its report, and what there is left to do."""
    calls, spent = status["calls"], status["spent"]
    later = (status["report"] or {}).get("judgements", {})
    again = sum(sum(told["failed"].values()) for told in (*later.values(), *([calls] if calls else [])))
    lines = [f"{status['run']}: {status['model']} over {status['documents']}"]
    if calls:
        failed = sum(calls["failed"].values())
        lines.append(
            f"{calls['ok'] + failed:,}/{calls['total']:,} calls finished: {calls['ok']:,} answered, {failed:,} failed"
            f"{reasons(calls['failed'])}"
        )
    if spent:
        lines += _spent(spent)
    elif calls:
        lines.append("No call was made yet: there is no call store.")
    if status["report"]:
        lines += ["", summary(status["report"]), *_later(later), *_rejected(status["report"])]
    missing = counts(status["later"])
    steps = f" ({', '.join(filter(None, [calls and counts({'generate': calls['remaining']}), missing]))})" if missing else ""
    about = "about " if missing and not status["report"] else ""  # what will be refused, and so asked again, is not known
    waiting, left = calls and calls["waiting"], f"make {about}{status['calls_remaining']:,} calls{steps} and finish it"
    if status["finished"]:
        left = "make no call"
    first = "collect first, and then the" if waiting else "the"
    lines += ["", f"The run is {'finished' if status['finished'] else 'not finished'}; {first} same command would {left}."]
    if waiting:
        lines.append(f"{waiting:,} calls wait in batches; `synthgen batch collect {status['run']}` takes what was answered.")
    if again:
        lines.append(f"`synthgen retry {status['run']}` would repeat the {again:,} that failed, and no others.")
    return "\n".join(lines)


def _later(steps: Mapping[str, Any]) -> list[str]:
    """The calls of the paid steps after generation."""
    if not steps:
        return []
    cells = [
        (name, *(f"{n:,}" for n in (told["asked"], told["ok"], sum(told["failed"].values()), told["missing"])))
        for name, told in steps.items()
    ]
    return ["", columns([("step", "asked", "answered", "failed", "missing"), *cells], right="1234")]


def _rejected(report: Mapping[str, Any]) -> list[str]:
    """What the filters prefer, and one rejected row for each reason."""
    bias = report["lexical_bias"]
    if len(bias) < 2:
        return []
    cells = [(name, f"{of['rows']:,}", f"{of['overlap']:.2f}", f"{of['words']:.1f}") for name, of in bias.items()]
    lines = ["", columns([("queries", "rows", "overlap", "words"), *cells], right="123")]
    easy = report["rows"]["too_easy"]
    lines.append(f"overlap: words of the query that its passage shows; {easy:,} kept rows are all but copies of their passage")
    lines += ["", "rejected, for example"]
    examples = [(reason, " ".join(rows[0]["query"].split())[:100]) for reason, rows in report["examples"].items()]
    return [*lines, columns(examples)]


def _spent(spent: Mapping[str, Any]) -> list[str]:
    """What a call store has cost, as the panel shows it while calls are made."""
    live, batch = Usage.from_dict(spent["usage"]), Usage.from_dict(spent["batch_usage"])
    made = f"{spent['attempts']:,} attempts, {spent['rate_limited']:,} rate-limited"
    if spent["per_second"] is not None:
        when = f"{_clock(spent['first'])} to {_clock(spent['last'])} UTC"
        made += f"; {rate_text(spent['per_second'])} calls/s from {when}"
    used = live.plus(batch)
    written = f", {used.written:,} of the prompt written to the cache" if used.written else ""
    lines = [made, f"{tokens_text(used)}{written}", _money(spent)]
    if spent["uncounted"]:
        lines.append(
            f"{spent['uncounted']:,} attempts may have cost more than that: their usage never came. The panel and the caps count them at their worst."
        )
    if spent["shared"]:
        lines.append(f"These sums are of {spent['store']}, which other runs may share.")
    return lines


def _money(spent: Mapping[str, Any]) -> str:
    live, batch = spent["dollars"], spent["batch_dollars"]
    if live is None:
        return f"price of {', '.join(spent['unpriced'])} unknown (name a table with --set llm.prices=FILE)"
    apart = f" ({dollars_text(live)} live, {dollars_text(batch)} through batches)" if batch else ""
    return f"{dollars_text(live + batch)}{apart}, by the prices of {spent['prices_dated']}"


def _clock(iso: str) -> str:
    return iso[:19].replace("T", " ")


def push_text(pushed: Mapping[str, Any]) -> str:
    """What a data set has, what looks like personal data in it, and where it is."""
    splits = list(dict.fromkeys(split for rows in pushed["configs"].values() for split in rows))
    cells = [
        (name, *(f"{rows[split]:,}" if split in rows else "" for split in splits)) for name, rows in pushed["configs"].items()
    ]
    lines = [columns([("config", *splits), *cells], right="123456")]
    lines += [f"left out of {name}: {counts(reasons)}" for name, reasons in pushed["left_out"].items() if reasons]
    lines += [f"{name} has no row and is left out" for name in pushed["left_out"] if name not in pushed["configs"]]
    if pushed["personal"]:
        found = {kind: sum(of[kind] for of in pushed["personal"].values()) for kind in pushed["personal"]["rows"]}
        lines.append(f"looks like personal data: {counts(found) or 'nothing'}")
    sent, who = pushed["sent"], "public" if pushed["public"] else "private"
    if not sent:
        return "\n".join([*lines, f"{pushed['path']} is complete; nothing was sent."])
    if not sent["commit"]:
        return "\n".join([*lines, f"{sent['url']} ({who}) has these very files already; nothing was sent."])
    deleted = f", {sent['deleted']:,} deleted" if sent["deleted"] else ""
    return "\n".join([*lines, f"{sent['url']} ({who}): {sent['files']:,} files in one commit{deleted}, {sent['commit'][:10]}"])


def listing_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """A line for each name with its meaning; below, the options of those that have some."""
    width = max(len(row["name"]) for row in rows)
    lines = [f"{row['name']:<{width}}  {row['meaning']}" for row in rows]
    for row in rows:
        options = (f"    {o['name']}: {o['type']} = {o['default']}  {o['description']}".rstrip() for o in row["options"])
        lines += ["", f"options of {row['name']}", *options] if row["options"] else []
    return "\n".join(lines)


def _varied(rows: Sequence[Triple], wanted: int) -> list[Triple]:
    """Answered training rows of different documents, if there are any."""
    answered = {row.document_id: row for row in reversed(rows) if row.answer is not None and row.split == "train"}
    return sorted(answered.values(), key=lambda row: row.id)[:wanted] or list(rows[:wanted])
