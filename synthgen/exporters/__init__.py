"""Exporters: the same triples, as each reader wants them.

An exporter is a pure generator `name(triples, context, *, <options with types and defaults>)` of dictionaries, called once
for each split; its rows become `<split>.jsonl`. One that needs all splits at once (`whole`) yields (file name, row) pairs
and names its own `.jsonl` and `.tsv` files. What a generator *returns* may be a mapping of counts; it goes into the
report as `notes`. One format is one file and one line of `FORMATS`; any `module:function` works in place of a name.

A row that lacks what a format needs is left out before the exporter sees it, and counted with its reason:
`unknown_chunk`, `no_passage` (nothing is left of it beside what is masked), `no_answer`, `no_distractor`, `no_negative`
(no mined distractor), `masked` (the query stands word for word in the corpus), `ambiguous` (the same question is asked of other
passages, which would be negatives of each other; flagged by the filter of that name), `no_question` (a text with its label), `no_label`
(a question).
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, NamedTuple

from synthgen.errors import ConfigError, InputError
from synthgen.records import CLASSIFICATION, SPLITS, Chunk, Rejection, Triple, passage
from synthgen.registry import resolve, validate_options
from synthgen.storage import json_line, write_folder, writing

__all__ = [
    "FORMATS",
    "Context",
    "Counted",
    "ExportReport",
    "Format",
    "check_format",
    "export",
    "names_beside",
    "rows",
    "usable",
    "write_rows",
]


class Format(NamedTuple):
    """Where the exporter is, who reads what it writes, and what a row must have (names of `_LACKS`).

    `beside` is the path of a function `name(files, context, *, <the options of the exporter>)` that gives the texts of further files by
    name, for readers that want a description of the rows; `files` has the number of rows by file. A reader that takes no file of
    more than `max_bytes` gets several: `train.jsonl`, `train-2.jsonl`, …  A format whose `needs` are None shows no rows, but their corpus.
    """

    path: str
    reads: str
    needs: tuple[str, ...] | None = ()
    whole: bool = False
    beside: str = ""
    max_bytes: int | None = None


_OPENAI_BYTES = 512_000_000  # "512 MB"; the smaller of its two meanings

FORMATS: Mapping[str, Format] = {
    "openai-chat": Format(
        "synthgen.exporters.chat:openai_chat",
        "OpenAI and Azure fine-tuning, TRL, Axolotl",
        ("answer",),
        max_bytes=_OPENAI_BYTES,
    ),
    "openai-dpo": Format(
        "synthgen.exporters.preference:openai_dpo",
        "preference fine-tuning (DPO) by OpenAI, Azure, Together",
        ("answer",),
        max_bytes=_OPENAI_BYTES,
    ),
    "prompt-completion": Format(
        "synthgen.exporters.chat:prompt_completion", "completion models: davinci-002, Together, TRL", ("answer",)
    ),
    "trl-prompt-completion": Format(
        "synthgen.exporters.chat:trl_prompt_completion", "TRL's SFTTrainer: loss on the answer alone", ("answer",)
    ),
    "trl-messages": Format("synthgen.exporters.chat:trl_messages", "TRL's SFTTrainer: whole conversations", ("answer",)),
    "trl-preference": Format(
        "synthgen.exporters.preference:trl_preference", "TRL's DPOTrainer and others that take preferences", ("answer",)
    ),
    "sharegpt": Format(
        "synthgen.exporters.llamafactory:sharegpt",
        "LLaMA-Factory, Axolotl, Unsloth: ShareGPT conversations",
        ("answer",),
        beside="synthgen.exporters.llamafactory:sharegpt_info",
    ),
    "alpaca": Format(
        "synthgen.exporters.llamafactory:alpaca",
        "LLaMA-Factory, Axolotl: Alpaca instructions",
        ("answer",),
        beside="synthgen.exporters.llamafactory:alpaca_info",
    ),
    "instruction-text": Format(
        "synthgen.exporters.text:instruction_text", "LoRA scripts: one text under ### headers", ("answer",)
    ),
    "classification-chat": Format(
        "synthgen.exporters.labels:classification_chat",
        "OpenAI and Azure fine-tuning, TRL: texts with labels from `import --kind classification`",
        ("label",),
        max_bytes=_OPENAI_BYTES,
    ),
    "corpus-text": Format("synthgen.exporters.text:corpus_text", "continued pre-training: the passages themselves", None),
    "raft": Format("synthgen.exporters.raft:raft", "readers of the RAFT reference rows", ("answer", "distractor")),
    "raft-chat": Format(
        "synthgen.exporters.raft:raft_chat",
        "OpenAI and Azure fine-tuning, TRL: RAFT rows as conversations",
        ("answer", "distractor"),
        max_bytes=_OPENAI_BYTES,
    ),
    "raft-completion": Format(
        "synthgen.exporters.raft:raft_completion",
        "fine-tuning of completion models: RAFT rows as prompt and completion",
        ("answer", "distractor"),
        max_bytes=_OPENAI_BYTES,
    ),
    "raft-eval": Format(
        "synthgen.exporters.raft:raft_eval",
        "evaluation scripts of RAFT: question, documents and the answer to find",
        ("answer", "distractor"),
    ),
    "st-pair": Format(
        "synthgen.exporters.contrastive:st_pair",
        "sentence-transformers: MultipleNegativesRankingLoss, GIST",
        ("unambiguous",),
    ),
    "st-triplet": Format(
        "synthgen.exporters.contrastive:st_triplet",
        "sentence-transformers: the same, TripletLoss",
        ("unambiguous", "negative"),
    ),
    "st-ntuple": Format(
        "synthgen.exporters.contrastive:st_ntuple",
        "sentence-transformers: MultipleNegativesRankingLoss with several hard negatives",
        ("unambiguous", "negative"),
    ),
    "st-labeled-pair": Format(
        "synthgen.exporters.contrastive:st_labeled_pair",
        "sentence-transformers: ContrastiveLoss, OnlineContrastiveLoss; cross-encoders: BinaryCrossEntropyLoss",
        ("unambiguous", "negative"),
    ),
    "st-kd": Format(
        "synthgen.exporters.contrastive:st_kd",
        "sentence-transformers: MarginMSELoss, DistillKLDivLoss, with scores of the search",
        ("unambiguous", "negative"),
    ),
    "flagembedding": Format(
        "synthgen.exporters.flagembedding:flagembedding",
        "FlagEmbedding: fine-tuning of BGE embedders and rerankers",
        ("unambiguous", "negative"),
    ),
    "tevatron": Format(
        "synthgen.exporters.tevatron:tevatron",
        "Tevatron 1: training rows and the corpus to encode",
        ("unambiguous", "negative"),
        whole=True,
    ),
    "beir": Format("synthgen.exporters.beir:beir", "BEIR and other evaluators of retrievers", ("unmasked",), whole=True),
    "mteb": Format(
        "synthgen.exporters.mteb:mteb",
        "MTEB: a task to run, with its data as a data set for datasets and the Hub",
        ("unmasked",),
        whole=True,
        beside="synthgen.exporters.mteb:mteb_files",
    ),
}

Rows = Generator[Any, None, Mapping[str, int] | None]


@dataclass(frozen=True, slots=True)
class Context:
    """What exporters may look at: chunks by id, titles by document id, the run's seed, the rows that filters turned away.

    `rejected` may be walked more than once. `split` is that of the rows, "" for formats that need all splits at once.
    `labels` are those of all splits, sorted, where the rows are texts with labels.
    """

    chunks: Mapping[str, Chunk]
    titles: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    rejected: Iterable[Rejection] = ()
    split: str = ""
    labels: tuple[str, ...] = ()

    def title(self, document_id: str) -> str:
        """The document's title, or its path when it has none."""
        return self.titles.get(document_id) or document_id


@dataclass(frozen=True, slots=True)
class ExportReport:
    """Rows by file (a file with 0 rows is not written), rows left out by reason, and what the exporter noted.

    `checks` is what `validators.Checked` says of the files, where they were read again.
    """

    format: str
    files: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    checks: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def check_format(format: str, options: Mapping[str, Any] | None = None) -> None:
    """Raises UnknownNameError or ConfigError for what `export` would refuse, before anything is paid for."""
    _exporter(format, options or {})


def usable(triples: Iterable[Triple], context: Context, format: str) -> tuple[list[Triple], dict[str, int]]:
    """The triples that have what `format` needs, and the others counted by reason."""
    kept: list[Triple] = []
    left_out: Counter[str] = Counter()
    needs = [_LACKS[need] for need in _needs(format)]
    for triple in triples:
        for lacks, reason in needs:
            if lacks(triple, context):
                left_out[reason] += 1
                break
        else:
            kept.append(triple)
    return kept, dict(sorted(left_out.items()))


def rows(
    triples: Iterable[Triple], context: Context, format: str, split: str, *, options: Mapping[str, Any] | None = None
) -> Rows:
    """The rows of one split; what the generator returns is what the exporter notes (`Counted` keeps it).

    Raises ConfigError for a format whose files only make sense together.
    """
    if _format(format).whole:
        raise ConfigError(f"{format!r} is a folder of files that belong together, not a list of rows. Export it to a folder.")
    exporter = _exporter(format, options or {})
    kept, _ = usable(triples, context, format)
    return (yield from exporter([t for t in kept if t.split == split], replace(context, split=split, labels=_labels(kept))))


def export(
    triples: Iterable[Triple],
    context: Context,
    format: str,
    folder: Path,
    *,
    options: Mapping[str, Any] | None = None,
    max_bytes: int | None = None,
) -> ExportReport:
    """Write one format to `folder`, which is replaced as a whole. Equal input and seed give equal bytes.

    `max_bytes` is what a `.jsonl` file may have at most; unset, what the format's readers take.
    """
    exporter, most = _exporter(format, options or {}), max_bytes or _format(format).max_bytes
    kept, left_out = usable(triples, context, format)
    context, report = replace(context, labels=_labels(kept)), ExportReport(format, left_out=left_out)
    with write_folder(folder) as part:
        if _format(format).whole:
            counted = Counted(exporter(kept, context))
            for name, pairs in itertools.groupby(counted, key=lambda pair: pair[0]):
                if name in report.files:
                    raise ConfigError(f"The exporter {format!r} came back to {name!r}. It must yield one file after the other.")
                report.files.update(write_rows(part, name, (row for _, row in pairs), most))
            report.notes.update(counted.notes)
        for split in () if _format(format).whole else SPLITS:
            counted = Counted(exporter([t for t in kept if t.split == split], replace(context, split=split)))
            report.files.update(write_rows(part, f"{split}.jsonl", counted, most))
            report.notes.update(Counter(report.notes) + Counter(counted.notes))
        for name, text in _beside(format, report.files, context, options or {}).items():
            with writing(part / name) as file:
                file.write(text.encode("utf-8"))
    return report


def names_beside(format: str, context: Context, options: Mapping[str, Any]) -> set[str]:
    """The names of what stands beside the rows of an export."""
    every = {f"{folder}{split}.jsonl": 1 for split in SPLITS for folder in ("", "qrels/")}
    return set(_beside(format, every, context, options))


def _beside(format: str, files: Mapping[str, int], context: Context, options: Mapping[str, Any]) -> dict[str, str]:
    path = _format(format).beside
    if not path:
        return {}
    function = resolve("format", path, {})
    made: dict[str, str] = function(files, context, **validate_options(function, options, owner=f"format {format!r}"))
    return made


class Counted:
    """Iterates over a generator and keeps the counts it returns."""

    def __init__(self, generator: Rows) -> None:
        self.generator, self.notes = generator, dict[str, int]()

    def __iter__(self) -> Iterator[Any]:
        returned = yield from self.generator
        self.notes.update(returned or {})


def write_rows(folder: Path, name: str, found: Iterable[Mapping[str, Any]], max_bytes: int | None = None) -> dict[str, int]:
    """Write the rows unless there are none, as `name`, `name-2`, … of at most `max_bytes` each; returns rows by file.

    A `.tsv` file has the first row's keys as its header, and is never cut.
    """
    stream = iter(found)
    first = next(stream, None)
    if first is None:
        return {name: 0}
    everything = itertools.chain([first], stream)
    if name.endswith(".tsv"):
        with writing(folder / name) as file:
            file.write("\t".join(first).encode() + b"\n")
            return {name: _written(file, ("\t".join(str(row[key]) for key in first).encode() + b"\n" for row in everything))}
    files = {}
    for number, lines in itertools.groupby(_numbered(everything, max_bytes or sys.maxsize), key=itemgetter(0)):
        part = Path(name) if number == 1 else Path(name).with_stem(f"{Path(name).stem}-{number}")
        with writing(folder / part) as file:
            files[part.as_posix()] = _written(file, (line for _, line in lines))
    return files


def _numbered(found: Iterable[Mapping[str, Any]], max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """The line of each row, with the number of the file that it still fits in."""
    number, size = 1, 0
    for row in found:
        try:
            line = json_line(row)
        except ValueError as error:
            raise InputError(f"This row cannot be written as JSON ({error}): {row!a:.200}") from None
        if size and size + len(line) > max_bytes:
            number, size = number + 1, 0
        size += len(line)
        yield number, line


def _written(file: IO[bytes], lines: Iterable[bytes]) -> int:
    count = 0
    for line in lines:
        file.write(line)
        count += 1
    return count


def _format(name: str) -> Format:
    return FORMATS.get(name) or Format(name, "")


def _needs(name: str) -> tuple[str, ...]:
    needs = _format(name).needs
    if needs is None:
        return ()
    asked = () if "label" in needs or name not in FORMATS else ("question",)
    return ("chunk", "passage", *asked, *needs)


def _labels(triples: Iterable[Triple]) -> tuple[str, ...]:
    return tuple(sorted({t.answer.strip() for t in triples if t.kind == CLASSIFICATION and t.answer}))


def _exporter(name: str, options: Mapping[str, Any]) -> Callable[[Sequence[Triple], Context], Rows]:
    function = resolve("format", name, {known: entry.path for known, entry in FORMATS.items()})
    valid = validate_options(function, options, owner=f"format {name!r}")

    def exporter(triples: Sequence[Triple], context: Context) -> Rows:
        made: Rows = function(triples, context, **valid)
        return made

    return exporter


def _no_passage(triple: Triple, context: Context) -> bool:
    return not passage(triple, context.chunks[triple.chunk_id]).strip()


_LACKS: Mapping[str, tuple[Callable[[Triple, Context], bool], str]] = {
    "chunk": (lambda t, c: not c.chunks.keys() >= {*t.positives, *(d.chunk_id for d in t.distractors)}, "unknown_chunk"),
    "passage": (_no_passage, "no_passage"),
    "question": (lambda t, c: t.kind == CLASSIFICATION, "no_question"),
    "label": (lambda t, c: t.kind != CLASSIFICATION or not (t.answer or "").strip(), "no_label"),
    "answer": (lambda t, c: not (t.answer or "").strip(), "no_answer"),
    "distractor": (lambda t, c: not t.distractors, "no_distractor"),
    "negative": (lambda t, c: not any(d.mined for d in t.distractors), "no_negative"),
    "unmasked": (lambda t, c: bool(t.masks), "masked"),
    "unambiguous": (lambda t, c: "ambiguous:other_passages" in t.flags, "ambiguous"),
}
