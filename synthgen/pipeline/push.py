"""A run as a data set on the Hugging Face Hub: the verb `push`.

The whole data set is written into the run folder first, as `RUN/hub`, where `load_dataset` reads it without any network; then it is
sent by one commit. Equal rows and settings give equal bytes, so a push that was cut off goes on when it is made again.

The rows of formats follow `exports.options`, as all exports of the run do. Queries without an LLM and queries of an LLM do not stand
in one config unless that is asked for; only imported rows can be both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from synthgen.config.settings import Config
from synthgen.errors import ConfigError, EmptyResultError, UnknownNameError
from synthgen.exporters import beir
from synthgen.exporters.context import ExportContext
from synthgen.exporters.export import rows, usable
from synthgen.files import write_folder, writing
from synthgen.hub.card import CardFacts, card, check_license, yaml_text
from synthgen.hub.columns import CONFIGS, DEFAULT
from synthgen.hub.folder import Splits, WrittenConfig, write_config
from synthgen.hub.key_forms import without_keys
from synthgen.hub.pii import scan
from synthgen.hub.public_settings import public_name, public_settings, settings_left_out
from synthgen.hub.rows import triple_row
from synthgen.hub.upload import check_repo_id, upload
from synthgen.pipeline.card_facts import describe
from synthgen.pipeline.export import exportable
from synthgen.pipeline.generation import Generator
from synthgen.pipeline.imported import stored_generator
from synthgen.pipeline.report import read_report
from synthgen.pipeline.report_schema import Report, RunReport
from synthgen.pipeline.run_folder import RunFolder
from synthgen.pipeline.status import status
from synthgen.records import CLASSIFICATION, SPLITS, Event, OnEvent, Triple

__all__ = ["PushReport", "push"]


class SentFiles(Report):
    """Where the data set is now. `commit` is "" when the Hub had these very files already."""

    url: str
    commit: str
    files: int
    deleted: int


class PushReport(Report):
    """What was written and sent, as `synthgen push --json` prints it.

    `configs` has the rows of each config by split, `left_out` the rows that each lacks by reason. `settings_left_out` names the
    settings that are not published, or not as a whole. `personal` is None where no scan was made, `sent` where nothing was sent.
    """

    run: str
    repo_id: str
    path: str
    configs: dict[str, dict[str, int]]
    left_out: dict[str, dict[str, int]]
    settings_left_out: list[str]
    personal: dict[str, dict[str, int]] | None
    public: bool
    sent: SentFiles | None


def push(
    run_folder: str | Path,
    repo_id: str,
    *,
    license: str | None = None,
    license_name: str | None = None,
    license_link: str | None = None,
    public: bool = False,
    force: bool = False,
    configs: Sequence[str] | None = None,
    pretty_name: str | None = None,
    provider_terms: str | None = None,
    scan_personal_data: bool = False,
    mixed: bool = False,
    dry_run: bool = False,
    on_event: OnEvent | None = None,
) -> PushReport:
    """Write the data set of a run to `RUN/hub` and send it to the Hub as `repo_id` (OWNER/NAME), private unless `public`.

    `license` is that of the source documents: an id of the Hub, or "other" with a name and a link. `configs` are those of
    `hub.columns.CONFIGS` to write, all by default. `force` replaces what the repository has, `dry_run` sends nothing.

    Returns what was written and sent. Raises ConfigError for a licence or name that is missing or wrong and for texts with labels, EmptyResultError for a run
    without rows, RunFolderError for one that is not finished, and HubError for what the Hub refuses.
    """
    declared = check_license(license, license_name, license_link)
    check_repo_id(repo_id)
    names = _chosen(configs)
    folder = RunFolder(Path(run_folder))
    folder.open()
    with folder.held():
        report, state = read_report(folder), status(folder.path)
        data = _read(folder, report)
        hidden = settings_left_out(data.config)
        _check_mixed(data, mixed)
        with write_folder(folder.hub, unlisted=folder.unlisted(_EARLIER)) as part:
            tables, left_out = _write(part, names, data, on_event)
            about = describe(
                folder,
                data.config,
                state,
                data.report,
                left_out,
                data.origins,
                written=[table.name for table in tables],
                reviewed=sum(row.reviewed for row in data.triples),
                terms=provider_terms or "",
            )
            facts = CardFacts(
                repo_id=repo_id,
                pretty_name=pretty_name or repo_id.partition("/")[2].replace("-", " ").replace("_", " "),
                license=declared,
                languages=[name for name in data.report.documents.languages if name != "unknown"],
                tables=tables,
                origins=data.origins,
                **about,
                left_out=hidden,
                personal=_personal(data) if scan_personal_data else None,
            )
            for name, text in (("README.md", card(facts)), ("config.yaml", yaml_text(public_settings(data.config)))):
                with writing(part / name) as file:
                    file.write(text.encode("utf-8"))
        pushed = PushReport(
            run=str(folder.path),
            repo_id=repo_id,
            path=str(folder.hub),
            configs={table.name: dict(table.rows) for table in tables},
            left_out=left_out,
            settings_left_out=hidden,
            personal={where: dict(found) for where, found in facts.personal.items()} if facts.personal is not None else None,
            public=public,
            sent=None,
        )
        if dry_run:
            return pushed
        if on_event:
            on_event(Event("push", len(names), len(names), f"sending {repo_id}"))
        sent = upload(
            folder.hub, repo_id, public=public, force=force, message=f"{sum(data.origins.values()):,} rows, by synthgen"
        )
        pushed.sent = SentFiles(**asdict(sent))
    return pushed


_EARLIER = r"README\.md|config\.yaml|\w+/\w+\.parquet"  # what earlier versions wrote, without a manifest


@dataclass(frozen=True, slots=True)
class _Data:
    """The rows of a run and what formats show of them. `origins` counts them by who wrote their query."""

    generator: Generator
    triples: Sequence[Triple]
    context: ExportContext
    origins: Mapping[str, int]
    report: RunReport

    @property
    def config(self) -> Config:
        return self.generator.config


def _read(folder: RunFolder, report: RunReport | None) -> _Data:
    config, found, context = exportable(folder)
    triples = [
        replace(
            row,
            generator=public_name(row.generator),
            kind=without_keys(row.kind),
            instruction=row.instruction and without_keys(row.instruction),
        )
        for row in found
    ]
    if not triples or report is None:
        raise EmptyResultError(f"{folder.path} has no finished rows to push. Run `synthgen status {folder.path}` to see why.")
    if any(row.kind == CLASSIFICATION for row in triples):
        raise ConfigError(
            f"{folder.path} has texts with labels, and a data set that is pushed is one of queries and passages: its columns and its card would "
            f"say what is not so. Nothing was written. Write them with `synthgen export {folder.path} -f classification-chat`, and send that "
            "folder with `hf upload OWNER/NAME FOLDER --repo-type dataset`."
        )
    generator = stored_generator(config, folder)
    origins = Counter(generator.origin(row) for row in triples)
    return _Data(generator, triples, context, dict(sorted(origins.items())), report)


def _check_mixed(data: _Data, mixed: bool) -> None:
    if {"llm", "rule"} <= data.origins.keys() and not mixed:
        raise ConfigError(
            f"This run has {data.origins['llm']:,} rows that an LLM wrote and {data.origins['rule']:,} that none did, and readers cannot be "
            "expected to tell them apart. Nothing was written. Import them into two runs and push each, or add --mixed to have both in one "
            "data set, with the column origin."
        )


def _chosen(configs: Sequence[str] | None) -> list[str]:
    """Names of CONFIGS, in its order. Raises UnknownNameError."""
    wanted = list(CONFIGS) if configs is None else list(configs)
    for name in wanted:
        if name not in CONFIGS:
            raise UnknownNameError("config", name, CONFIGS, hint="--configs takes them with commas between.")
    return [name for name in CONFIGS if name in wanted]


def _write(
    folder: Path, names: Sequence[str], data: _Data, on_event: OnEvent | None
) -> tuple[list[WrittenConfig], dict[str, dict[str, int]]]:
    """Write each config that has rows; what was left out of each, by reason."""
    tables, left_out = [], {}
    for number, name in enumerate(names, 1):
        kept, left_out[name] = usable(data.triples, data.context, CONFIGS[name].format or name)
        if name == "corpus":
            left_out[name] = {}  # it has every passage, whatever its rows are
        table = write_config(folder, name, _splits(name, kept, data))
        if table.rows:
            tables.append(table)
        if on_event:
            on_event(Event("push", number, len(names), name, uneven=True))
    if not tables:
        raise EmptyResultError(f"No row of this run fits {' or '.join(names)}, so there is nothing to push.")
    return tables, left_out


def _splits(name: str, triples: Sequence[Triple], data: _Data) -> Splits:
    """The rows of a config. The corpus is one for all splits, since an index of some of them would make retrieval too easy."""
    context, options = data.context, public_settings(data.config)["exports"]["options"].get(CONFIGS[name].format)

    def of(split: str) -> Callable[[], Iterable[Mapping[str, Any]]]:
        mine = [triple for triple in triples if triple.split == split]
        if name == DEFAULT:
            return lambda: (triple_row(t, context.chunks, context.title, origin=data.generator.origin(t)) for t in mine)
        if name == "queries":
            return lambda: beir.queries(mine)
        if name == "qrels":
            return lambda: beir.qrels(mine, context)
        return lambda: rows(mine, context, CONFIGS[name].format, split, options=options)

    if name == "corpus":
        return {"corpus": lambda: beir.corpus(context)}
    return {split: of(split) for split in SPLITS}


def _personal(data: _Data) -> dict[str, dict[str, int]]:
    """What looks like personal data in the passages, and in what was written about them."""

    def written() -> Iterator[str]:
        for row in data.triples:
            yield from filter(None, (row.query, row.answer, row.reasoning, row.response))

    return {"passages": scan(chunk.text for chunk in data.context.chunks.values()), "rows": scan(written())}
