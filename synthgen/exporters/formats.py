"""The table of formats: the exporter, the readers of its files, and what a row must have.

A row that lacks what a format needs never reaches the exporter and is counted by reason:

- `unknown_chunk`: a chunk of the row is missing.
- `no_passage`: nothing is left of the passage beside the masked spans.
- `no_question`: the row is a labelled text.
- `no_label`: the row is a question.
- `no_answer`, `no_distractor`: the row has none.
- `no_negative`: no distractor is mined.
- `masked`: the query occurs word for word in the corpus.
- `ambiguous`: other passages answer the same question and would be negatives of each other. The filter of that name
  sets the flag.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from synthgen.exporters.context import ExportContext
from synthgen.records import CLASSIFICATION, Triple, passage

__all__ = ["FORMATS", "REMEDIES", "REQUIREMENTS", "Format", "format_of", "needs_of"]


class Format(NamedTuple):
    """The path of an exporter, the readers of its files, and what a row must have (names of `REQUIREMENTS`).

    `companions` is the path of a function `name(files, context, options)` that returns the texts of further files by
    name, for readers that need a description of the rows. `files` has the number of rows by file, `options` all options
    of the exporter. `companion_names` are the names of these files. For readers with a limit of `max_bytes` a file is
    split: `train.jsonl`, `train-2.jsonl`, … A format whose `needs` are None writes the corpus and no rows.
    """

    path: str
    reads: str
    needs: tuple[str, ...] | None = ()
    whole: bool = False
    companions: str = ""
    companion_names: tuple[str, ...] = ()
    max_bytes: int | None = None


_OPENAI_BYTES = 512_000_000  # "512 MB" in the smaller of its two meanings

FORMATS: Mapping[str, Format] = {
    "openai-chat": Format(
        "synthgen.exporters.openai:openai_chat",
        "OpenAI and Azure fine-tuning, TRL, Axolotl",
        ("answer",),
        max_bytes=_OPENAI_BYTES,
    ),
    "openai-dpo": Format(
        "synthgen.exporters.openai:openai_dpo",
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
        companions="synthgen.exporters.llamafactory:sharegpt_info",
        companion_names=("dataset_info.json",),
    ),
    "alpaca": Format(
        "synthgen.exporters.llamafactory:alpaca",
        "LLaMA-Factory, Axolotl: Alpaca instructions",
        ("answer",),
        companions="synthgen.exporters.llamafactory:alpaca_info",
        companion_names=("dataset_info.json",),
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
        companions="synthgen.exporters.mteb:mteb_files",
        companion_names=("README.md", "synthgen_task.py"),
    ),
}


def format_of(name: str) -> Format:
    """Return the entry of a format. A `module:function` is its own path and needs a row to have a passage."""
    return FORMATS.get(name) or Format(name, "")


def needs_of(name: str) -> tuple[str, ...]:
    """Return all that a row must have: names of `REQUIREMENTS` in the order in which they are counted, none for a
    corpus format.
    """
    needs = format_of(name).needs
    if needs is None:
        return ()
    question = () if "label" in needs or name not in FORMATS else ("question",)
    return ("chunk", "passage", *question, *needs)


def _no_passage(triple: Triple, context: ExportContext) -> bool:
    return not passage(triple, context.chunks[triple.chunk_id]).strip()


REQUIREMENTS: Mapping[str, tuple[Callable[[Triple, ExportContext], bool], str]] = {
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

REMEDIES: Mapping[str, str] = {
    "unknown_chunk": "Give the chunks that the rows were made of.",
    "no_question": "Rows of labelled texts fit classification-chat and corpus-text.",
    "no_label": "Labelled texts come from `synthgen import --kind classification`.",
    "no_answer": "Formats for retrievers, such as st-pair and beir, need no answer.",
    "no_distractor": "Rows get distractors by `add_distractors`, in a run by `distractors.num`.",
    "no_negative": "Rows get mined distractors by `add_distractors`, in a run by `distractors.num` and `distractors.mined`.",
    "masked": "These queries stand in their passages, which beir and mteb would show.",
}
"""What to do when no row has what a format needs, by reason."""
