"""The reports of a run as types: what `report.json` holds, and what each verb returns and prints with `--json`.

The types are the schema: `synthgen/assets/report.schema.json` is generated from `RunReport`, and a test compares the two. A
change that a reader of `report.json` would notice raises `SCHEMA_VERSION`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from synthgen.records import Usage
from synthgen.text.humanize import short_repr

__all__ = [
    "SCHEMA_VERSION",
    "CallOutcomes",
    "ChunkCounts",
    "DistractorCounts",
    "DocumentCounts",
    "EvaluationReport",
    "ExportCounts",
    "FileChecks",
    "FineTuningEstimate",
    "FormatCheckReport",
    "FormatReport",
    "FunnelStage",
    "GenerationCounts",
    "ImportReport",
    "MeasurementReport",
    "RejectedExample",
    "Report",
    "RowCounts",
    "RunReport",
    "TokenCounts",
    "TrainingReport",
    "WrittenCounts",
]

SCHEMA_VERSION = 1
"""Of `report.json`. A report without a version was written before there was one."""

Counts = dict[str, int]


class Report(BaseModel):
    """A report with attributes in Python and one JSON object outside.

    `report["rows"]` reads the same as `report.rows`, by the key that the JSON object has.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    __repr__ = short_repr
    __str__ = short_repr

    def __getitem__(self, key: str) -> Any:
        """The value under a key of the JSON object. Raises KeyError for a key that the object does not have."""
        for name, field in type(self).model_fields.items():
            if (field.alias or name) == key and name in self.model_fields_set:
                return getattr(self, name)
        raise KeyError(key)

    def __contains__(self, key: str) -> bool:
        return any((type(self).model_fields[name].alias or name) == key for name in self.model_fields_set)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; a key that does not apply is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class DocumentCounts(Report):
    """The files of the documents' folder."""

    read: int
    skipped: Counts = Field(description="files that were not read, by reason")
    languages: Counts
    groups: int = Field(description="groups of near-duplicate documents")

    @property
    def mostly_unread(self) -> bool:
        """Whether more files were skipped than read. Hidden files and links do not count."""
        return sum(n for reason, n in self.skipped.items() if reason not in ("hidden", "link")) > self.read


class ChunkCounts(Report):
    """The passages of the documents."""

    distinct: int
    copies: int = Field(description="further places of the same text")
    tokens: int
    splits: Counts
    skipped: Counts = Field(description="documents and chunks that were left out, by reason")
    document_disjoint: bool = Field(description="whether no document gives chunks to two splits")


class TokenCounts(Report):
    """Tokens of calls. `cached` and `written` are parts of `prompt`; `estimated` when a server sent no counts."""

    prompt: int
    cached: int
    written: int
    output: int
    estimated: bool

    def as_usage(self) -> Usage:
        return Usage(self.prompt, self.cached, self.written, self.output, self.estimated)


class GenerationCounts(Report):
    """Where the candidate rows come from."""

    generator: str
    prompts: dict[str, str] = Field(description="prompt -> digest of it")
    candidates: int
    skipped: Counts = Field(description="chunks, calls and items without a row, by reason")
    calls_ok: int
    calls_failed: int
    failures: Counts
    usage: TokenCounts


class FunnelStage(Report):
    """One filter: the rows that reached it, and those that it rejected, by reason."""

    stage: str
    entered: int = Field(alias="in")
    kept: int
    rejected: Counts


class RejectedExample(Report):
    """A rejected row."""

    id: str
    query: str
    answer: str | None
    chunk_id: str
    score: float | None


class RowCounts(Report):
    """The rows that were kept."""

    kept: int
    answered: int
    splits: Counts
    generators: Counts
    flags: Counts
    too_easy: int = Field(description="rows whose query is all but a copy of its passage")


class Hardness(Report):
    """Mean score of the mined distractors as a share of the passage's score, and the same on the normalised range."""

    judge: str
    raw: float | None
    relative: float | None


class DistractorCounts(Report):
    """Where distractors come from, and why passages were refused."""

    rows: int
    asked: int
    found: Counts
    filled: int = Field(description="places that another source filled")
    missing: int
    short: int = Field(description="rows with fewer distractors than were asked for")
    further_positives: int
    unchecked_answers: int
    hardness: Hardness
    refused: Counts


class AskedAndWritten(Report):
    """How many answers of one style, length or form were asked for and written."""

    asked: int
    written: int


class WrittenCounts(Report):
    """What one step wrote for the rows; by style, length and form where the settings name some."""

    asked: int
    written: int
    failed: Counts
    styles: dict[str, AskedAndWritten] = {}
    lengths: dict[str, AskedAndWritten] = {}
    forms: dict[str, AskedAndWritten] = {}


class ExportProblem(Report):
    """The place of a broken rule; line 0 is the whole file."""

    rule: str
    severity: Literal["error", "warning"]
    file: str
    line: int
    message: str


class ServiceNotice(Report):
    """A notice of a fine-tuning service."""

    announced: str
    text: str


class FineTuningEstimate(Report):
    """What fine-tuning on the files would take."""

    model: str | None
    examples: int
    tokens: int
    estimated: bool
    max_tokens: int | None
    epochs: int
    billed_tokens: int
    dollars: float | None
    prices_dated: str | None
    model_ends: str | None
    notices: list[ServiceNotice]


class FileChecks(Report):
    """What reading the files again found: rows by file, broken rules with their counts, and the first places of each."""

    rows: Counts
    errors: Counts
    warnings: Counts
    problems: list[ExportProblem]
    training: FineTuningEstimate | dict[str, Any] = Field(
        union_mode="left_to_right", description="{} where the format is not one for fine-tuning"
    )

    @property
    def estimate(self) -> FineTuningEstimate | None:
        """What fine-tuning would take, None for a format that is not one for fine-tuning."""
        return self.training if isinstance(self.training, FineTuningEstimate) else None


class ExportCounts(Report):
    """One format: rows by file, rows left out by reason, what the exporter notes, and what checking the files found."""

    format: str
    files: Counts
    left_out: Counts
    notes: Counts
    checks: FileChecks


class FormatReport(ExportCounts):
    """What `synthgen export` wrote, and where."""

    path: str


class FormatCheckReport(FileChecks):
    """What `synthgen export --check` found in files that were made elsewhere."""

    format: str
    path: str


class ImportReport(Report):
    """The file of an import: which column was taken for what, and which rows could not be used."""

    file: str
    sha256: str
    kind: str = "question"
    mapping: dict[str, str] = Field(alias="map")
    format: str
    rows: int
    columns: dict[str, Counts] = Field(description="role -> column -> rows that have it")
    metadata: list[str]
    verdicts: Counts = Field(default_factory=dict, description="rows that a reviewer accepted, rejected or edited")
    splits: Counts = Field(default_factory=dict, description="rows whose split the file gives")
    problems: Counts = Field(default_factory=dict, description="why rows are bad, and how many, of the most frequent reasons")
    skipped: Counts
    contexts: Counts
    answer_starts: Counts


class CallOutcomes(Report):
    """The calls of one paid step after generation."""

    asked: int
    ok: int
    failed: Counts
    missing: int


class LexicalBias(Report):
    """How many words of the queries their passages show."""

    rows: int
    overlap: float
    words: float


class EncoderFacts(Report):
    """What the encoder was tuned from, and on."""

    base: str
    rows: int
    passages: int
    dimensions: int
    vocabulary: int
    settings: dict[str, float]


class NdcgDifference(Report):
    """A difference in nDCG@10 with its 95 % interval and the smallest effect that could show; None with a single group."""

    ndcg: float = Field(alias="ndcg@10")
    low: float | None
    high: float | None
    p: float | None
    minimum_detectable: float | None


class MeasurementReport(Report):
    """The figures of all systems on the same queries."""

    setting: str
    queries_are: str
    relevance: str
    queries: int
    without_relevant: int
    unknown_ids: int
    groups: int
    index: int
    systems: dict[str, dict[str, float]]
    deltas: dict[str, NdcgDifference]


class Recommendation(Report):
    """The system to use, by which rule, and why."""

    system: str
    rule: str
    reason: str


class TrainingReport(Report):
    """The tuned encoder and what it brought. `stale` when the rows have changed since."""

    training: EncoderFacts
    deployment: MeasurementReport | None
    unseen: MeasurementReport | None = Field(alias="unseen documents")
    recommendation: Recommendation
    leaks: int = Field(description="rows that were not trained on, since they repeat a query that is measured on")
    stale: bool = False


class EvaluationReport(Report):
    """What `synthgen evaluate` measured on human queries."""

    base: str
    deployment: MeasurementReport
    recommendation: Recommendation


class RunReport(Report):
    """What a run did, as `report.json` holds it."""

    schema_version: int = Field(ge=1, description="of this format")
    documents: DocumentCounts
    chunks: ChunkCounts
    generation: GenerationCounts
    funnel: list[FunnelStage]
    examples: dict[str, list[RejectedExample]] = Field(description="stage:reason -> the first rejected rows")
    rows: RowCounts
    notes: list[str] = Field(description="sentences that a reader of the figures has to know")
    distractors: DistractorCounts
    answers: dict[str, WrittenCounts]
    exports: dict[str, ExportCounts]
    imported: ImportReport | None = Field(None, alias="import", description="absent from a run that generated its rows")
    judgements: dict[str, CallOutcomes] = Field(description="the calls of each paid step after generation")
    lexical_bias: dict[str, LexicalBias] = Field(description="of the kept rows, and of those that each filter rejected")
    training: TrainingReport | None
    unmeasured: str | None = Field(None, description="why the figures of `training` are absent or stale, and what to do")
    timing: dict[str, float] = Field({}, description="seconds by stage; all that differs between equal runs")
