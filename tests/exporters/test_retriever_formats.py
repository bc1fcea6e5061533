"""Formats for retrievers: sentence-transformers trains on them, evaluators load them."""

from __future__ import annotations

import csv
import importlib.util
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.export_rows import CHUNKS, CONTEXT, ROWS, STRANGE, chunk, read, triple

from synthgen.errors import ConfigError
from synthgen.evaluation.metrics import measures
from synthgen.exporters.context import ExportContext
from synthgen.exporters.export import check_format, export, rows
from synthgen.exporters.jsonl import RowsWithNotes
from synthgen.records import Distractor, Triple, make_triple
from synthgen.text.lexicon import lexicons

# --- sentence-transformers

LOSSES = {
    "st-pair": (
        "MultipleNegativesRankingLoss",
        "CachedMultipleNegativesRankingLoss",
        "MegaBatchMarginLoss",
        "GISTEmbedLoss",
    ),
    "st-triplet": ("MultipleNegativesRankingLoss", "CachedMultipleNegativesRankingLoss", "TripletLoss", "GISTEmbedLoss"),
    "st-ntuple": ("MultipleNegativesRankingLoss", "CachedMultipleNegativesRankingLoss", "CachedGISTEmbedLoss"),
    "st-labeled-pair": ("ContrastiveLoss", "OnlineContrastiveLoss"),
    "st-kd": ("MarginMSELoss", "DistillKLDivLoss"),
}


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A transformer of one layer over the words of the rows. Losses that cut batches take no model without one."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    torch.set_num_threads(1)
    torch.manual_seed(0)  # with some weights a loss over hard pairs finds none, and nothing is learnt
    words = sorted({word for text in [*STRANGE, *(row.query for row in ROWS)] for word in text.split()})
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(["?", *words])}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    path = tmp_path_factory.mktemp("bert")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="?", pad_token="?").save_pretrained(path)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), num_labels=1, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=8,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(path)
    return str(path)


SETTINGS = {
    "max_steps": 1,
    "learning_rate": 0.1,
    "report_to": "none",
    "save_strategy": "no",
    "use_cpu": True,
    "disable_tqdm": True,
}


def one_quick(format: str, loss: str) -> Any:
    return pytest.param(
        format, loss, marks=[] if (format, loss) == ("st-pair", "MultipleNegativesRankingLoss") else [pytest.mark.slow]
    )


@pytest.mark.parametrize(("format", "loss"), [one_quick(format, loss) for format, names in LOSSES.items() for loss in names])
def test_sentence_transformers_trains_on_it(
    format: str, loss: str, bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    import torch
    from datasets import load_dataset
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer import losses
    from sentence_transformers.sentence_transformer.training_args import BatchSamplers

    export(ROWS, CONTEXT, format, tmp_path / "out")
    data = load_dataset("json", data_files=str(tmp_path / "out" / "train.jsonl"), cache_dir=str(tmp_path / "c"), split="train")
    texts = set(STRANGE) | {row.query for row in ROWS}
    for name in set(data.column_names) - {"label", "scores"}:  # whatever else is there is read as a text
        assert set(data[name]) <= texts
    model = SentenceTransformer(bert, device="cpu")
    before = [weight.detach().clone() for weight in model.parameters()]
    in_batch = format in ("st-pair", "st-triplet", "st-ntuple")
    sampler = BatchSamplers.NO_DUPLICATES if in_batch else BatchSamplers.BATCH_SAMPLER
    arguments = SentenceTransformerTrainingArguments(
        str(tmp_path / "m"), per_device_train_batch_size=4, batch_sampler=sampler, **SETTINGS
    )
    guide = [SentenceTransformer(bert, device="cpu")] if "GIST" in loss else []
    made = getattr(losses, loss)(model, *guide)
    SentenceTransformerTrainer(model, arguments, train_dataset=data, loss=made).train()
    assert not all(torch.equal(one, other) for one, other in zip(before, model.parameters(), strict=True))


def test_a_cross_encoder_trains_on_labelled_pairs(bert: str, tmp_path: Path) -> None:
    import torch
    from datasets import load_dataset
    from sentence_transformers import CrossEncoder
    from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

    export(ROWS, CONTEXT, "st-labeled-pair", tmp_path / "out")
    data = load_dataset("json", data_files=str(tmp_path / "out" / "train.jsonl"), cache_dir=str(tmp_path / "c"), split="train")
    model = CrossEncoder(bert, device="cpu")
    before = model.model.classifier.weight.detach().clone()
    arguments = CrossEncoderTrainingArguments(str(tmp_path / "m"), **SETTINGS)
    CrossEncoderTrainer(model, arguments, train_dataset=data, loss=BinaryCrossEntropyLoss(model)).train()
    assert not torch.equal(before, model.model.classifier.weight)


def test_rows_hold_columns_in_order_and_nothing_else() -> None:
    for format, columns in {
        "st-pair": ["anchor", "positive"],
        "st-triplet": ["anchor", "positive", "negative"],
        "st-ntuple": ["anchor", "positive", "negative_1", "negative_2"],
        "st-labeled-pair": ["anchor", "document", "label"],
        "st-kd": ["query", "positive", "negative_1", "negative_2", "scores"],
        "flagembedding": ["query", "pos", "neg"],
    }.items():
        assert {tuple(row) for row in rows(ROWS, CONTEXT, format, "train")} == {tuple(columns)}


def test_the_negative_is_the_first_mined_distractor() -> None:
    row = triple(5)
    first, second, *_ = row.distractors
    row = replace(row, distractors=(replace(first, found_by="random"), second))
    [made] = rows([row], CONTEXT, "st-triplet", "train")
    assert list(made) == ["anchor", "positive", "negative"]
    assert made["negative"] == CONTEXT.chunks[second.chunk_id].text


def found(i: int, found_by: str, relative: float) -> Distractor:
    return Distractor(CHUNKS[i].id, found_by, 1, 5.0, relative)


MIXED = replace(
    triple(5), distractors=(found(0, "random", 0.1), found(1, "dense", 0.8), found(2, "bm25", 0.7), found(3, "same_document", 0.3), found(4, "bm25", 0.4))
)  # fmt: skip


def exported(triples: list[Triple], format: str, folder: Path, **options: Any) -> tuple[list[dict[str, Any]], dict[str, int]]:
    report = export(triples, CONTEXT, format, folder / format, options=options)
    return (read(folder / format / "train.jsonl") if report.files["train.jsonl"] else []), report.notes


def test_ntuples_are_uniform_and_rows_with_fewer_negatives_are_counted(tmp_path: Path) -> None:
    made, notes = exported([triple(0), triple(5, others=2), triple(6, others=1)], "st-ntuple", tmp_path, negatives=2)
    assert [list(row) for row in made] == [["anchor", "positive", "negative_1", "negative_2"]] * 2
    assert notes == {"too_few_negatives": 1}
    of_one_split = RowsWithNotes(rows([triple(0), triple(6, others=1)], CONTEXT, "st-ntuple", "train"))
    assert (len(list(of_one_split)), of_one_split.notes) == (1, notes)


def test_only_what_a_search_found_is_a_negative_unless_others_may_fill_up(tmp_path: Path) -> None:
    [row] = rows([MIXED], CONTEXT, "st-ntuple", "train", options={"negatives": 3})
    assert list(row.values())[2:] == [STRANGE[1], STRANGE[2], STRANGE[4]]
    assert exported([MIXED], "st-ntuple", tmp_path, negatives=4) == ([], {"too_few_negatives": 1})
    [row] = rows([MIXED], CONTEXT, "st-ntuple", "train", options={"negatives": 5, "fill": True})
    assert list(row.values())[2:] == [STRANGE[1], STRANGE[2], STRANGE[4], STRANGE[0], STRANGE[3]]
    [row] = rows([MIXED], CONTEXT, "flagembedding", "train")
    assert row["neg"] == [STRANGE[1], STRANGE[2], STRANGE[4]]


def test_labelled_pairs_have_every_positive_and_say_their_balance(tmp_path: Path) -> None:
    row = replace(MIXED, positives=(CHUNKS[5].id, CHUNKS[6].id))
    made, notes = exported([row, replace(row, id="another")], "st-labeled-pair", tmp_path)
    assert {pair["anchor"] for pair in made} == {row.query}
    assert [(pair["document"], pair["label"]) for pair in made] == [
        (STRANGE[5], 1), (STRANGE[6], 1), (STRANGE[1], 0), (STRANGE[2], 0), (STRANGE[4], 0),
    ]  # fmt: skip
    assert notes == {"label_1": 2, "label_0": 3}


def test_a_query_with_two_positives_is_one_row_where_a_row_has_one() -> None:
    row = replace(MIXED, positives=(CHUNKS[5].id, CHUNKS[6].id))
    for format in ("st-pair", "st-triplet", "st-ntuple", "st-kd"):
        [made] = rows([row], CONTEXT, format, "train")
        assert made["positive"] == STRANGE[5]
        assert STRANGE[6] not in made.values()


def test_masks_are_left_out_of_the_rows_own_document_only() -> None:
    sentence = STRANGE[5].index("It needs oil")
    row = replace(triple(5), positives=(CHUNKS[5].id, CHUNKS[0].id), masks=((sentence, sentence + 29),))
    [made] = rows([row], CONTEXT, "flagembedding", "train")
    assert made["pos"] == [STRANGE[5].replace("It needs oil every 400 hours.", ""), STRANGE[0]]
    hidden = chunk("docs/5.md", STRANGE[5][sentence:])  # another chunk of the document, of which the row shows nothing
    hidden = replace(hidden, id="docs/5.md#rest", start=sentence, end=len(STRANGE[5]))
    row = replace(triple(5, others=1), positives=(CHUNKS[5].id, hidden.id), masks=((sentence, hidden.end),))
    [made] = rows([row], replace(CONTEXT, chunks={**CONTEXT.chunks, hidden.id: hidden}), "flagembedding", "train")
    assert made["pos"] == [STRANGE[5][:sentence]]


# --- scores


def test_scores_are_by_one_judge_and_the_source_is_one() -> None:
    [row] = rows([MIXED], CONTEXT, "st-kd", "train", options={"negatives": 2})
    assert (row["negative_1"], row["negative_2"], row["scores"]) == (STRANGE[2], STRANGE[4], [1.0, 0.7, 0.4])
    [row] = rows([MIXED], CONTEXT, "flagembedding", "train", options={"scores": True})
    assert (row["neg"], row["pos_scores"], row["neg_scores"]) == ([STRANGE[2], STRANGE[4]], [1.0], [0.7, 0.4])
    even = replace(MIXED, distractors=(found(1, "dense", 0.8), found(2, "bm25", 0.7)))
    [row] = rows([even], CONTEXT, "st-kd", "train", options={"negatives": 1})
    assert row["scores"] == [1.0, 0.7]
    most = replace(even, distractors=(*even.distractors, found(3, "dense", 0.6)), positives=(CHUNKS[5].id, CHUNKS[6].id))
    [row] = rows([most], CONTEXT, "st-kd", "train")
    assert row["scores"] == [1.0, 0.8, 0.6]
    [row] = rows([most], CONTEXT, "flagembedding", "train", options={"scores": True})
    assert (row["pos"], row["pos_scores"], row["neg_scores"]) == ([STRANGE[5]], [1.0], [0.8, 0.6])


@pytest.mark.parametrize(("format", "options"), [("st-kd", {"negatives": 1}), ("flagembedding", {"scores": True})])
def test_rows_without_scores_on_the_scale_of_the_source_are_counted(
    format: str, options: dict[str, Any], tmp_path: Path
) -> None:
    masked = replace(MIXED, masks=((0, 5),))
    heading = replace(MIXED, query="Part 5?")  # the judge read the heading; the row shows the text below it
    floor = replace(MIXED, distractors=(found(2, "bm25", 0.0),))
    made, notes = exported([masked, heading, floor], format, tmp_path, **options)
    assert (made, notes) == ([], {"hidden_query": 2, "too_few_negatives": 1})


@pytest.mark.parametrize(
    ("format", "options"),
    [
        *((format, {}) for format in (*LOSSES, "flagembedding", "tevatron", "beir", "mteb")),
        ("st-ntuple", {"negatives": 4, "fill": True}),
        ("flagembedding", {"scores": True, "prompt": "Find it: ", "type": "retrieval"}),
    ],
)
def test_the_validators_find_nothing_wrong(format: str, options: dict[str, Any], tmp_path: Path) -> None:
    from synthgen.exporters.validation.check import check, files_in

    report = export(ROWS, CONTEXT, format, tmp_path, options=options)
    checked = check(format, files_in(tmp_path), options=options)
    assert list(checked.problems) == []
    assert sum(report.files.values()) >= 32


# --- flagembedding and tevatron


@pytest.mark.parametrize("options", [{}, {"fill": True}, {"scores": True, "prompt": "Find it: ", "type": "retrieval"}])
def test_flagembedding_can_draw_its_groups(options: dict[str, Any], tmp_path: Path) -> None:
    made, _ = exported([*ROWS, MIXED, triple(0, others=0)], "flagembedding", tmp_path, **options)
    assert len(made) == 17
    for row in made:
        assert isinstance(row["query"], str)
        for name in ("pos", "neg"):
            assert row[name]
            assert all(isinstance(text, str) and text.strip() for text in row[name])
            if "scores" in options:
                assert len(row[f"{name}_scores"]) == len(row[name])
                assert all(isinstance(score, float) for score in row[f"{name}_scores"])
        assert not set(row["pos"]) & set(row["neg"])
        assert {name: row[name] for name in ("prompt", "type") if name in row} == {
            k: options[k] for k in options if k in ("prompt", "type")
        }
        assert random.sample(row["neg"] * 8, 7)  # how the trainer fills a group of eight


def test_flagembedding_types_are_those_of_retrieval() -> None:
    with pytest.raises(ConfigError, match="type = 'symmetric_sts' of format 'flagembedding'"):
        check_format("flagembedding", {"type": "symmetric_sts"})


def test_tevatron_finds_every_passage_of_its_rows_in_the_corpus(tmp_path: Path) -> None:
    report = export(ROWS, CONTEXT, "tevatron", tmp_path / "out")
    assert report.files == {"train.jsonl": 16, "dev.jsonl": 8, "test.jsonl": 8, "corpus.jsonl": 8}
    corpus = {row["docid"]: row for row in read(tmp_path / "out" / "corpus.jsonl")}
    assert [row["text"] for row in corpus.values()] == STRANGE
    for split in ("train", "dev", "test"):
        made = read(tmp_path / "out" / f"{split}.jsonl")
        assert [row["query_id"] for row in made] == [row.id for row in ROWS if row.split == split]
        for row in made:
            assert list(row) == ["query_id", "query", "positive_passages", "negative_passages"]
            assert row["positive_passages"]
            assert row["negative_passages"]  # the trainer draws from it
            for passage in (*row["positive_passages"], *row["negative_passages"]):
                assert passage == corpus[passage["docid"]]
                assert f"{row['query_id']} {passage['docid']} 1.0".split() == [row["query_id"], passage["docid"], "1.0"]
    assert corpus[CHUNKS[5].id]["title"] == "The pump > Manual > Part 5"


def test_tevatron_searches_for_no_masked_sentence_and_shows_no_heading_that_is_the_query(tmp_path: Path) -> None:
    masked, heading = replace(triple(5), masks=((0, 5),)), replace(triple(6), query="Part 6")
    report = export(
        [masked, heading, replace(masked, split="dev"), replace(masked, split="test")], CONTEXT, "tevatron", tmp_path / "t"
    )
    assert report.files == {"train.jsonl": 2, "corpus.jsonl": 8}
    assert report.notes == {"masked": 2}
    passages = [row["positive_passages"] for row in read(tmp_path / "t" / "train.jsonl")]
    assert passages == [
        [{"docid": CHUNKS[5].id, "title": "", "text": STRANGE[5][5:]}],
        [{"docid": CHUNKS[6].id, "title": "", "text": STRANGE[6]}],
    ]


def test_no_file_name_breaks_a_ranking(tmp_path: Path) -> None:
    names = ["a b.md", "a%20b.md", "a\u00a0b.md", "a\tb.md", "a\u2028b.md", "a\u3000b.md", 'a"b.md']
    odd = [chunk(name, f"Text {n} of an odd file.") for n, name in enumerate(names)]
    rows_of = [
        replace(make_triple(one, "which text?"), distractors=(Distractor(CHUNKS[0].id, "bm25", 1, 1.0, 0.5),)) for one in odd
    ]
    context = ExportContext({c.id: c for c in [*odd, CHUNKS[0]]})
    export(rows_of, context, "tevatron", tmp_path / "t")
    ids = [row["docid"] for row in read(tmp_path / "t" / "corpus.jsonl")]
    assert len(set(ids)) == len(names) + 1
    assert [len(id.split()) for id in ids] == [1] * len(ids)


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
    context = ExportContext({c.id: c for c in (source, twin, CHUNKS[6])})
    row = replace(triple(5, others=0), positives=(source.id, CHUNKS[6].id), split="test")
    export([row], context, "beir", tmp_path / "beir")
    _, _, qrels = load_beir(tmp_path / "beir", "test")
    assert qrels == {row.id: {source.id: 1, twin.id: 1, CHUNKS[6].id: 1}}


def test_no_file_name_breaks_the_qrels(tmp_path: Path) -> None:
    odd = chunk('"a\tb\nc"%\u2028.md', "Odd names hold good text.")
    row = replace(make_triple(odd, "what do odd names hold?"), split="test")
    export([row], ExportContext({odd.id: odd}), "beir", tmp_path / "beir")
    corpus, _, qrels = load_beir(tmp_path / "beir", "test")
    [(relevant, _)] = qrels[row.id].items()
    assert corpus[relevant]["text"] == odd.text


# --- mteb

WORDS = [w.strip(".,;:。") for text in STRANGE for w in re.findall(r"\w+", text)]


def collection(
    splits: tuple[str, ...] = ("train", "dev", "test"), languages: tuple[str, ...] = ("",)
) -> tuple[list[Triple], ExportContext]:
    """Sixty passages of random words, the strange ones, and queries of a few words of each."""
    draw = random.Random(0)
    texts = [*STRANGE, *(" ".join(draw.choices(WORDS, k=12)) for _ in range(60))]
    chunks = [replace(chunk(f"docs/{i}.md", text), language=languages[i % len(languages)]) for i, text in enumerate(texts)]
    twin = replace(chunks[9], id="docs/twin.md#0-9", document_id="docs/twin.md")
    chunks[9] = replace(chunks[9], places=(twin.id,))
    made = []
    for i, one in enumerate(chunks):
        row = make_triple(one, " ".join(draw.sample(one.text.split(), min(2, len(one.text.split())))), generator="extractive")
        made.append(
            replace(row, positives=(one.id, *([chunks[i - 1].id] if i % 3 == 0 else [])), split=splits[i % len(splits)])
        )
    return made, ExportContext({c.id: c for c in [*chunks, twin]}, {"docs/1.md": "水泵"})


def task_of(folder: Path) -> Any:
    """An instance of the task that the file in `folder` defines, as a user imports it."""
    spec = importlib.util.spec_from_file_location("synthgen_task", folder / "synthgen_task.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class BagOfWords:
    """An encoder as MTEB wants one: every character and word has a random direction."""

    def __init__(self) -> None:
        from mteb.models import ModelMeta

        self.mteb_model_meta = ModelMeta.create_empty({"name": "tests/bag-of-words", "revision": "1"})

    def vectors(self, texts: list[str]) -> Any:
        import numpy as np

        made = np.zeros((len(texts), 64))
        for row, text in zip(made, texts, strict=True):
            for word in (*text.split(), *text):
                row += np.random.default_rng([ord(c) for c in word]).normal(size=64)
        return made / np.linalg.norm(made, axis=1, keepdims=True)

    def encode(self, inputs: Any, **_: Any) -> Any:
        return self.vectors([text for batch in inputs for text in batch["text"]])

    def similarity(self, left: Any, right: Any) -> Any:
        import torch

        return torch.as_tensor(left) @ torch.as_tensor(right).T

    def similarity_pairwise(self, left: Any, right: Any) -> Any:
        import torch

        return (torch.as_tensor(left) * torch.as_tensor(right)).sum(-1)


def test_mteb_runs_the_task_and_scores_it_as_the_project_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets
    import mteb

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    made, context = collection(languages=("de", "zh", "de"))
    report = export(made, context, "mteb", tmp_path / "out", options={"task": "Pumps"})
    task = task_of(tmp_path / "out").Pumps()
    assert task.metadata.eval_langs == ["deu-Latn", "zho-Hans"]
    assert "generated or imported" in task.metadata.description
    model = BagOfWords()
    result = mteb.evaluate(model, task, cache=None, show_progress_bar=False)
    [scores] = result.task_results[0].scores["test"]

    corpus = read(tmp_path / "out" / "corpus.jsonl")
    tests = [row for row in made if row.split == "test"]
    passages = model.vectors([f"{row['title']} {row['text']}".strip() for row in corpus])
    order = (-model.vectors([row.query for row in tests]) @ passages.T).argsort(axis=1)
    relevant = [{place: 1.0 for id in row.positives for place in (id, *context.chunks[id].places)} for row in tests]
    ours = measures([[corpus[i]["_id"] for i in ranking] for ranking in order], relevant)
    assert 0.2 < ours["ndcg@10"].mean() < 0.95
    assert scores["ndcg_at_10"] == pytest.approx(ours["ndcg@10"].mean(), abs=1e-5)
    assert scores["recall_at_5"] == pytest.approx(ours["recall@5"].mean(), abs=1e-5)
    assert report.files["queries.jsonl"] == len(made)


def test_datasets_reads_the_folder_of_mteb_by_its_card(tmp_path: Path) -> None:
    from datasets import get_dataset_config_names, load_dataset

    folder = tmp_path / "out"
    export(ROWS, CONTEXT, "mteb", folder)
    assert get_dataset_config_names(str(folder)) == ["corpus", "queries", "qrels"]
    read_back = {
        name: load_dataset(str(folder), name, cache_dir=str(tmp_path / "c")) for name in ("corpus", "queries", "qrels")
    }
    assert read_back["corpus"]["corpus"]["text"][:] == STRANGE
    assert read_back["queries"]["queries"]["_id"][:] == [row.id for row in ROWS]
    for split in ("train", "dev", "test"):
        judged = [{"query-id": row.id, "corpus-id": row.chunk_id, "score": 1} for row in ROWS if row.split == split]
        assert read_back["qrels"][split].to_list() == judged


def test_the_task_says_on_which_rows_and_in_which_language_it_evaluates(tmp_path: Path) -> None:
    made, context = collection(("train", "dev"))
    export(made, context, "mteb", tmp_path / "out")
    metadata = task_of(tmp_path / "out").SynthgenRetrieval.metadata
    assert (metadata.eval_splits, metadata.eval_langs) == (["dev"], ["eng-Latn"])
    assert "evaluation is on dev rows" in metadata.description
    assert "language was not recognised" in metadata.description
    export([], context, "mteb", tmp_path / "none")
    assert [path.name for path in (tmp_path / "none").glob("[!.]*")] == ["corpus.jsonl"]
    with pytest.raises(ConfigError, match="task = 'my task' of format 'mteb'"):
        check_format("mteb", {"task": "my task"})


def test_mteb_knows_every_language_that_a_passage_may_be_in() -> None:
    from mteb.languages import check_language_code

    for language in lexicons():
        check_language_code(language.tag)
