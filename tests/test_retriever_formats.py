"""Formats for retrievers: sentence-transformers trains on them, evaluators load them."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from export_rows import CHUNKS, CONTEXT, ROWS, STRANGE, chunk, read, triple

from synthgen.exporters import Context, export, rows
from synthgen.records import make_triple

# --- sentence-transformers


@pytest.mark.parametrize(("format", "loss"), [("st-pair", "MultipleNegativesRankingLoss"), ("st-triplet", "TripletLoss")])
def test_sentence_transformers_trains_on_it(format: str, loss: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    import torch
    from datasets import load_dataset
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer import losses
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    torch.set_num_threads(1)
    export(ROWS, CONTEXT, format, tmp_path / "out")
    data = load_dataset("json", data_files=str(tmp_path / "out" / "train.jsonl"), cache_dir=str(tmp_path / "c"), split="train")
    vocabulary = {word: i for i, word in enumerate(["?", *sorted({w for text in STRANGE for w in text.split()})])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu")
    before = model[0].embedding.weight.detach().clone()
    arguments = SentenceTransformerTrainingArguments(
        str(tmp_path / "m"), max_steps=1, per_device_train_batch_size=8, learning_rate=0.1, report_to="none",
        save_strategy="no", use_cpu=True, disable_tqdm=True,
    )  # fmt: skip
    SentenceTransformerTrainer(model, arguments, train_dataset=data, loss=getattr(losses, loss)(model)).train()
    assert not torch.equal(before, model[0].embedding.weight)


def test_the_negative_is_the_first_mined_distractor() -> None:
    row = triple(5)
    first, second, *_ = row.distractors
    row = replace(row, distractors=(replace(first, found_by="random"), second))
    [made] = rows([row], CONTEXT, "st-triplet", "train")
    assert list(made) == ["anchor", "positive", "negative"]
    assert made["negative"] == CONTEXT.chunks[second.chunk_id].text


# --- beir


def load_beir(folder: Path, split: str) -> tuple[dict[str, Any], dict[str, str], dict[str, dict[str, int]]]:
    """The rules of BEIR's GenericDataLoader: first line of qrels skipped, tabs, integer scores, ids that join."""
    corpus = {row["_id"]: {"title": row.get("title"), "text": row["text"]} for row in read(folder / "corpus.jsonl")}
    queries = {row["_id"]: row["text"] for row in read(folder / "queries.jsonl")}
    qrels: dict[str, dict[str, int]] = {}
    with (folder / "qrels" / f"{split}.tsv").open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_MINIMAL)
        next(reader)
        for query, passage, score in reader:
            qrels.setdefault(query, {})[passage] = int(score)
    return corpus, {query: queries[query] for query in qrels}, qrels


def test_a_beir_loader_joins_everything(tmp_path: Path) -> None:
    report = export(ROWS, CONTEXT, "beir", tmp_path / "beir")
    assert report.files == {
        "corpus.jsonl": 8, "queries.jsonl": 32, "qrels/train.tsv": 16, "qrels/dev.tsv": 8, "qrels/test.tsv": 8,
    }  # fmt: skip
    assert (tmp_path / "beir/qrels/test.tsv").read_text().startswith("query-id\tcorpus-id\tscore\n")
    for split in ("train", "dev", "test"):
        corpus, queries, qrels = load_beir(tmp_path / "beir", split)
        assert [passage["text"] for passage in corpus.values()] == STRANGE
        assert set(qrels) == {t.id for t in ROWS if t.split == split} == set(queries)
        for row in (t for t in ROWS if t.split == split):
            assert qrels[row.id] == {row.chunk_id: 1}
            assert corpus[row.chunk_id]["text"] == CONTEXT.chunks[row.chunk_id].text
    assert corpus[CHUNKS[5].id]["title"] == "The pump > Manual > Part 5"


def test_places_and_other_positives_are_relevant_too(tmp_path: Path) -> None:
    twin = replace(CHUNKS[5], id="twin#0-1")
    source = replace(CHUNKS[5], places=(twin.id, "not/indexed#0-1"))
    context = Context({c.id: c for c in (source, twin, CHUNKS[6])})
    row = replace(triple(5, others=0), positives=(source.id, CHUNKS[6].id), split="test")
    export([row], context, "beir", tmp_path / "beir")
    _, _, qrels = load_beir(tmp_path / "beir", "test")
    assert qrels == {row.id: {source.id: 1, twin.id: 1, CHUNKS[6].id: 1}}


def test_no_file_name_breaks_the_qrels(tmp_path: Path) -> None:
    odd = chunk('"a\tb\nc"%\u2028.md', "Odd names hold good text.")
    row = replace(make_triple(odd, "what do odd names hold?"), split="test")
    export([row], Context({odd.id: odd}), "beir", tmp_path / "beir")
    corpus, _, qrels = load_beir(tmp_path / "beir", "test")
    [(relevant, _)] = qrels[row.id].items()
    assert corpus[relevant]["text"] == odd.text
