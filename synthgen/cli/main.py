"""The command line: flags in, text out.

Every verb translates its flags, calls one function and prints. Data goes to standard output, progress and errors to
standard error. Exit codes: 0 done, 1 an error reported in one paragraph, 2 usage, 3 stopped early with its state saved,
130 interrupted.
"""

from __future__ import annotations

import io
import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from synthgen.cli.options import ASKED, CAPS, PACE, Given, flags
from synthgen.cli.terminal import config, drained, existing, logged, out, report_errors, say, show_lines, write_lines
from synthgen.errors import DISTRIBUTION, InputError

__all__ = ["app", "main"]

app = typer.Typer(
    help="Turn a folder of documents into training data for a RAG system, and prove what the data is worth.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

batch = typer.Typer(help="Calls through the provider's Batch API, into the same call store.", no_args_is_help=True)
app.add_typer(batch, name="batch")

Docs = Annotated[Path, typer.Argument(help="Folder of documents.", show_default=False)]
Run = Annotated[Path, typer.Argument(help="Run folder: all state and results of one run.", show_default=False)]
Queries = Annotated[Path | None, typer.Option("--queries", help="BEIR folder of human queries to measure on.")]
Base = Annotated[str | None, typer.Option("--base", help="static (built in), or a sentence-transformers model.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Events on standard error, too.")]


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        from importlib.metadata import version as installed

        show_lines([installed(DISTRIBUTION)])
        raise typer.Exit


@app.command("run")
@flags(*ASKED, *CAPS, *PACE, "store")
@report_errors()
def run_(
    *,
    docs: Docs,
    run: Run,
    queries: Queries = None,
    given: Given,
    update: Annotated[bool, typer.Option("--update", help="Generate again with other settings; answers are reused.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """The whole recipe: documents to checked training data, and the measured gain. The same command resumes."""
    from synthgen.cli.views.run import result_text
    from synthgen.pipeline import run as pipeline
    from synthgen.pipeline.corpus import prepare

    settings = config(given, run)
    with logged(prepare(docs, run), quiet, verbose) as progress:
        result = pipeline.run(docs, run, queries=queries, config=settings, update=update, on_event=progress)
    out(result.report, result_text, result, as_json=as_json)


@app.command("import")
@flags("config", "set_", "seed", *CAPS, *PACE, "store")
@report_errors()
def import_(
    *,
    file: Annotated[Path, typer.Argument(help="Rows: JSONL, JSON, CSV, Parquet or a BEIR folder.", show_default=False)],
    docs: Annotated[Path, typer.Argument(help="Folder of documents; - makes each distinct context one.", show_default=False)],
    run: Run,
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="Columns by other names: query=question,answer=correct_answer.")
    ] = None,
    kind: Annotated[str, typer.Option("--kind", help="question, or classification: rows of text and label.")] = "question",
    queries: Queries = None,
    given: Given,
    update: Annotated[bool, typer.Option("--update", help="Put these rows in place of those imported before.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Existing rows into a run, for the same filters, distractors, exports and measurements."""
    from synthgen.cli.views.run import result_text
    from synthgen.pipeline import import_run as importing
    from synthgen.pipeline.run_settings import import_settings

    settings = import_settings(run, kind, given.config, given.settings, given.overrides)
    mapping = importing.parse_mapping(map_ or (), kind)
    with logged(importing.prepare_import(docs, run), quiet, verbose) as progress:
        result = importing.import_rows(
            file, docs, run, kind=kind, config=settings, mapping=mapping, queries=queries, update=update, on_event=progress
        )
    out(result.report, result_text, result, as_json=as_json)


@app.command()
@flags(*ASKED, *CAPS, *PACE, "store")
@report_errors()
def plan(
    *,
    docs: Docs,
    run: Annotated[Path | None, typer.Argument(help="Run folder whose stored answers count.", show_default=False)] = None,
    show: Annotated[int, typer.Option("--show", min=0, help="Print the exact messages of the first N calls.")] = 0,
    pilot: Annotated[
        int | None, typer.Option("--pilot", min=2, help="Make N calls on a sample, kept in RUN, and give a range for the cost.")
    ] = None,
    given: Given,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """What a run would do and cost. Makes no call, except with --pilot."""
    from synthgen.cli.progress import Progress
    from synthgen.cli.views.plan import plan_text
    from synthgen.pipeline import plan as planning

    settings = config(given, run)
    with closing(Progress(quiet=quiet)) as progress:
        found = planning.plan(docs, run, config=settings, show=show, pilot=pilot, on_event=progress)
    out(found, plan_text, as_json=as_json)


@app.command()
@report_errors()
def status(run: Run, as_json: Json = False) -> None:
    """Funnel, spend, failures, and what a rerun would do."""
    from synthgen.cli.views.status import status_text
    from synthgen.pipeline import status as state

    out(state.status(run), status_text, as_json=as_json)


@app.command()
@report_errors()
def show(
    run: Run,
    n: Annotated[int, typer.Option("-n", min=0, help="How many rows.")] = 5,
    rejected: Annotated[bool, typer.Option("--rejected", help="Rows that were rejected, and why.")] = False,
    skipped: Annotated[bool, typer.Option("--skipped", help="Files, chunks and calls that gave no row, and why.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Only what was rejected or skipped for this reason.")] = None,
    as_json: Json = False,
) -> None:
    """Read rows: query, answer, context, where they come from, why they were rejected; or what was skipped."""
    from synthgen.cli.views.rows import rows_text, skipped_text
    from synthgen.pipeline import rows as reading

    if skipped:
        if rejected:
            raise InputError("--rejected shows rows, and --skipped what gave none. Leave one of the two out.")
        without, number = reading.skipped(run, n, reason=reason)
        out({"skipped": [one.to_dict() for one in without]}, skipped_text, without, number, as_json=as_json)
        return
    found, chunks = reading.rows(run, n, rejected=rejected, reason=reason)
    out({"rows": [row.to_dict() for row in found]}, rows_text, found, chunks, as_json=as_json)


@app.command("filter")
@flags("config", "set_")
@report_errors()
def filter_(*, run: Run, given: Given, as_json: Json = False, quiet: Quiet = False, verbose: Verbose = False) -> None:
    """Cut the funnel again with other thresholds: no call, distractors and exports anew, model marked stale."""
    from synthgen.cli.views.run import summary
    from synthgen.pipeline import refilter as recutting

    with logged(existing(run), quiet, verbose) as progress:
        report = recutting.refilter(run, config=given.config, settings=given.settings, on_event=progress)
    out(report, summary, as_json=as_json)


@app.command()
@flags("set_", *CAPS, *PACE)
@report_errors()
def retry(*, run: Run, given: Given, as_json: Json = False, quiet: Quiet = False, verbose: Verbose = False) -> None:
    """Repeat the calls that failed, and no others; then the funnel anew."""
    from synthgen.cli.views.run import summary
    from synthgen.pipeline import retry as retrying

    with logged(existing(run), quiet, verbose) as progress:
        report = retrying.retry(run, settings=given.settings, overrides=given.overrides, on_event=progress)
    out(report, summary, as_json=as_json)


@batch.command("submit")
@flags(*ASKED, *CAPS, "store")
@report_errors()
def batch_submit(
    *,
    run: Run,
    docs: Annotated[Path | None, typer.Option("--docs", help="Folder of documents, for a run folder that is new.")] = None,
    given: Given,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Submit the calls still to be made as batches, at the batch price."""
    from synthgen.cli.views import batch as batched
    from synthgen.pipeline import batch as batches
    from synthgen.pipeline.corpus import prepare
    from synthgen.pipeline.run_folder import RunFolder

    if docs is None:
        RunFolder(run).open()
    settings = config(given, run)
    with logged(prepare(docs, run) if docs else RunFolder(run), quiet, verbose) as progress:
        report = batches.submit(run, docs=docs, config=settings, on_event=progress)
    out(report, batched.batch_text, as_json=as_json)


@batch.command("status")
@report_errors()
def batch_status(run: Run, as_json: Json = False) -> None:
    """How far the batches of a run are."""
    from synthgen.cli.views import batch as batched
    from synthgen.pipeline import batch as batches

    out(batches.status(run), batched.batch_text, as_json=as_json)


@batch.command("collect")
@report_errors()
def batch_collect(run: Run, as_json: Json = False, quiet: Quiet = False, verbose: Verbose = False) -> None:
    """Store the answers of batches that have ended."""
    from synthgen.cli.views import batch as batched
    from synthgen.pipeline import batch as batches

    with logged(existing(run), quiet, verbose) as progress:
        report = batches.collect(run, on_event=progress)
    out(report, batched.batch_text, as_json=as_json)


@app.command()
@flags("set_")
def export(
    *,
    run: Run,
    format: Annotated[str, typer.Option("-f", "--format", help="A format; `synthgen list formats` shows them.")],
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="A folder (all splits), a .jsonl or .json file, or - (one split).")
    ] = None,
    split: Annotated[str, typer.Option("--split", help="The split for a file or -.")] = "train",
    check: Annotated[
        Path | None,
        typer.Option("--check", help="Write nothing: check this file or folder by the format's rules and the run's settings."),
    ] = None,
    given: Given,
    as_json: Json = False,
) -> None:
    """Write one format, and check it: into the run folder, another folder, a file, or standard output."""
    with report_errors():
        from synthgen.cli.views import export as exported
        from synthgen.pipeline import export as exporting

        if check is not None:
            if output is not None:
                raise InputError("--check writes nothing, so there is nothing for -o to name. Leave one of the two out.")
            checked = exporting.check_files(run, format, check, settings=given.settings)
            out(checked, exported.check_text, as_json=as_json)
            if checked.errors:
                raise typer.Exit(1)
        elif output == "-":
            lines, left_out, notes = exporting.export_rows(run, format, split=split, settings=given.settings)
            write_lines(lines)
            for what, counts in (("left out", left_out), ("note", notes)):
                for name, n in counts.items():
                    say(f"{what}: {name} {n}")
        else:
            report = exporting.export(run, format, output=output, split=split, settings=given.settings)
            out(report, exported.export_text, as_json=as_json)


@app.command()
@flags("set_")
@report_errors()
def train(
    *,
    run: Run,
    base: Base = None,
    queries: Queries = None,
    given: Given,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Fine-tune the bi-encoder on the kept rows and measure before and after."""
    from synthgen.cli.views.run import gain_text
    from synthgen.pipeline import train as training

    overrides = {"training": {"base": base}} if base else {}
    with logged(existing(run), quiet, verbose) as progress:
        result = training.train(run, queries=queries, settings=given.settings, overrides=overrides, on_event=progress)
    out(result, gain_text, as_json=as_json)


@app.command()
@report_errors()
def evaluate(
    run: Run,
    queries: Annotated[Path, typer.Option("--queries", help="BEIR folder of human queries.")],
    base: Base = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Measure BM25, the base, the tuned encoder and the hybrid on human queries."""
    from synthgen.cli.views.run import gain_text
    from synthgen.pipeline import evaluate as evaluating

    with logged(existing(run), quiet, verbose, shared=True) as progress:
        result = evaluating.evaluate(run, queries, base=base, on_event=progress)
    out(result, gain_text, as_json=as_json)


@app.command()
@report_errors()
def push(
    run: Run,
    repo_id: Annotated[str, typer.Argument(help="OWNER/NAME of the data set on the Hub.", show_default=False)],
    license: Annotated[
        str | None, typer.Option("--license", help="Licence of the source documents: an id of the Hub, or other. Required.")
    ] = None,
    license_name: Annotated[str | None, typer.Option("--license-name", help="With --license other: its name.")] = None,
    license_link: Annotated[str | None, typer.Option("--license-link", help="With --license other: where it stands.")] = None,
    public: Annotated[bool, typer.Option("--public", help="A public data set; without it, a private one.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace all files of a data set that is there.")] = False,
    configs: Annotated[str | None, typer.Option("--configs", help="Only these, with commas: triples,raft,…")] = None,
    pretty_name: Annotated[str | None, typer.Option("--pretty-name", help="Title of the card.")] = None,
    provider_terms: Annotated[
        str | None, typer.Option("--provider-terms", help="Terms of the model's provider, for the card.")
    ] = None,
    scan: Annotated[
        bool, typer.Option("--scan-personal-data", help="Count what looks like personal data, for the card.")
    ] = False,
    mixed: Annotated[
        bool, typer.Option("--mixed", help="Rows that an LLM wrote and rows that none did in one data set.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write RUN/hub and send nothing.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write a data set with its card into RUN/hub and send it to the Hugging Face Hub, as one commit."""
    from synthgen.cli.views.push import push_text
    from synthgen.pipeline import push as publishing

    with logged(existing(run), quiet, verbose) as progress:
        report = publishing.push(
            run,
            repo_id,
            license=license,
            license_name=license_name,
            license_link=license_link,
            public=public,
            force=force,
            configs=[name.strip() for name in configs.split(",")] if configs else None,
            pretty_name=pretty_name,
            provider_terms=provider_terms,
            scan_personal_data=scan,
            mixed=mixed,
            dry_run=dry_run,
            on_event=progress,
        )
    out(report, push_text, as_json=as_json)


@app.command()
@report_errors()
def init(
    directory: Annotated[Path, typer.Argument(help="Folder for config.yaml and prompts/.", show_default=False)],
    sample: Annotated[
        bool, typer.Option("--sample", help="Add handbook/ (documents) and handbook-queries/ to try out.")
    ] = False,
) -> None:
    """Write a commented config.yaml and a copy of the prompts to edit."""
    from synthgen.cli import catalog as catalogue

    show_lines(catalogue.init(directory, sample=sample))


@app.command("list")
@report_errors()
def list_(
    what: Annotated[str, typer.Argument(help="prompts, models, loaders, filters or formats.", show_default=False)],
    as_json: Json = False,
) -> None:
    """What there is to choose from."""
    from synthgen.cli import catalog as catalogue
    from synthgen.cli.views.catalog import listing_text

    rows = catalogue.listing(what)
    out({what: rows}, listing_text, rows, as_json=as_json)


def main() -> None:
    """Entry point of the `synthgen` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a console of another encoding shows codes, and no traceback
    try:
        app()
    finally:
        for stream in (sys.stdout, sys.stderr):
            drained(stream)  # else Python would exit with 120 over what cannot be written any more
