"""The formats: where each exporter is, who reads what it writes, and what a row must have for it.

A row that lacks what a format needs is left out before the exporter sees it, and counted with its reason:
`unknown_chunk`, `no_passage` (nothing is left of it beside what is masked), `no_answer`, `no_distractor`, `no_negative`
(no mined distractor), `masked` (the query stands word for word in the corpus), `ambiguous` (the same question is asked of other
passages, which would be negatives of each other; flagged by the filter of that name), `no_question` (a text with its label), `no_label`
(a question).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from synthgen.exporters.context import ExportContext
from synthgen.records import CLASSIFICATION, Triple, passage

__all__ = ["FORMATS", "LACKS", "Format", "format_of", "needs_of"]


class Format(NamedTuple):
    """Where the exporter is, who reads what it writes, and what a row must have (names of `LACKS`).

    `beside` is the path of a function `name(files, context, options)` that gives the texts of further files by name, for readers that
    want a description of the rows: `files` has the number of rows by file, `options` all those of the exporter, `beside_names` what
    such files are called. A reader that takes no file of more than `max_bytes` gets several: `train.jsonl`, `train-2.jsonl`, …  A format
    whose `needs` are None shows no rows, but their corpus.
    """

    path: str
    reads: str
    needs: tuple[str, ...] | None = ()
    whole: bool = False
    beside: str = ""
    beside_names: tuple[str, ...] = ()
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
        beside_names=("dataset_info.json",),
    ),
    "alpaca": Format(
        "synthgen.exporters.llamafactory:alpaca",
        "LLaMA-Factory, Axolotl: Alpaca instructions",
        ("answer",),
        beside="synthgen.exporters.llamafactory:alpaca_info",
        beside_names=("dataset_info.json",),
    ),
    "instruction-text": Format(
        "synthgen.exporters.text:instruction_text", "LoRA scripts: one text under ### headers", ("answer",)
    ),
    "classification-chat": Format(
        "synthgen.exporters.classification:classification_chat",
        "OpenAI and Azure fine-tuning, TRL: texts with labels from `import --kind classification`",
        ("label",),
        max_bytes=_OPENAI_BYTES,
    ),
    "corpus-text": Format("synthgen.exporters.text:corpus_text", "continued pre-training: the passages themselves", None),
    "raft": Format("synthgen.exporters.raft.formats:raft", "readers of the RAFT reference rows", ("answer", "distractor")),
    "raft-chat": Format(
        "synthgen.exporters.raft.formats:raft_chat",
        "OpenAI and Azure fine-tuning, TRL: RAFT rows as conversations",
        ("answer", "distractor"),
        max_bytes=_OPENAI_BYTES,
    ),
    "raft-completion": Format(
        "synthgen.exporters.raft.formats:raft_completion",
        "fine-tuning of completion models: RAFT rows as prompt and completion",
        ("answer", "distractor"),
        max_bytes=_OPENAI_BYTES,
    ),
    "raft-eval": Format(
        "synthgen.exporters.raft.formats:raft_eval",
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
        beside_names=("README.md", "synthgen_task.py"),
    ),
}


def format_of(name: str) -> Format:
    """The entry of a format; one of your own (`module:function`) is its own path, and shows whatever has a passage."""
    return FORMATS.get(name) or Format(name, "")


def needs_of(name: str) -> tuple[str, ...]:
    """All that a row must have, names of `LACKS` in the order of their counting; nothing for a format that shows no rows."""
    needs = format_of(name).needs
    if needs is None:
        return ()
    asked = () if "label" in needs or name not in FORMATS else ("question",)
    return ("chunk", "passage", *asked, *needs)


def _no_passage(triple: Triple, context: ExportContext) -> bool:
    return not passage(triple, context.chunks[triple.chunk_id]).strip()


LACKS: Mapping[str, tuple[Callable[[Triple, ExportContext], bool], str]] = {
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
