"""The encoders of a run: made when asked for, and judges that never saw what they judge."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean

import numpy as np
import pytest

from synthgen.config.settings import Training
from synthgen.errors import MissingExtraError, ModelError
from synthgen.filters.context import Encoders, FilterContext
from synthgen.filters.round_trip import round_trip
from synthgen.records import Chunk, Triple, digest, make_triple
from synthgen.retrieval import index_text
from synthgen.retrieval.passages import ScoresTexts
from synthgen.training import corpus_encoders as module
from synthgen.training.corpus_encoders import CorpusEncoders
from synthgen.training.finetune import TrainingPair

ANIMALS = ["otter", "heron", "badger", "lynx", "newt", "vole", "stoat", "osprey", "adder", "dormouse"]
PLACES = ["river", "marsh", "sett", "forest", "pond", "bank"]
QUICK = Training(dimensions=16, epochs=3, batch_size=8)


def corpus(n_documents: int = 10, *, names: str = "animals") -> tuple[list[Chunk], list[Triple]]:
    """Documents of three chunks, each two and two near-duplicates of each other; two rows for each chunk."""
    chunks, rows = [], []
    for number in range(n_documents):
        for part in range(3):
            animal, place = ANIMALS[number % 10], PLACES[(number + part) % 6]
            text = (
                f"The {animal} of the {place} is shy, part {part}. It sleeps near the {place} in copy {number % 2} of {number}."
            )
            name = f"{names}/{number:02}.md"
            at = part * 100
            columns = {"group": f"group{number // 2}", "split": "test" if number == 9 else "train"}
            chunks.append(Chunk(f"{name}#{at}-{at + len(text)}", name, at, at + len(text), text, digest(text), **columns))
            rows += [
                make_triple(chunks[-1], f"where does the {animal} sleep {part}"),
                make_triple(chunks[-1], f"shy {place} {number}"),
            ]
    return chunks, rows


CHUNKS, ROWS = corpus()
BY_ID = {chunk.id: chunk for chunk in CHUNKS}


def encoders(chunks: Sequence[Chunk] = CHUNKS, settings: Training = QUICK, seed: int = 0) -> CorpusEncoders:
    return CorpusEncoders(settings, chunks, seed=seed)


@pytest.fixture
def taught(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The queries that each tuned encoder saw; nothing is tuned."""
    seen: list[set[str]] = []

    def note(encoder: object, rows: Sequence[TrainingPair], **settings: object) -> None:
        seen.append({row.query for row in rows})

    monkeypatch.setattr(module, "finetune", note)
    return seen


def test_nothing_heavy_is_loaded_before_it_is_asked_for() -> None:
    program = (
        "import sys; from synthgen.training.corpus_encoders import CorpusEncoders; from synthgen.config.settings import Training\n"
        "CorpusEncoders(Training(), [], seed=0).digest()\n"
        "print([name for name in ('torch', 'sentence_transformers', 'faiss', 'numpy') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError):
        encoders().vectors(["otter"])


@pytest.mark.slow
def test_vectors_have_length_1_and_dense_searches_all_chunks() -> None:
    own: Encoders = encoders()
    assert np.linalg.norm(own.vectors(["otter", "shy heron"]), axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert own.vectors([]).shape == (0, 16)
    assert {hit.id for hit in own.dense().search(["otter"], 99)[0]} == set(BY_ID)
    assert own.dense() is own.dense()
    assert isinstance(own.dense(), ScoresTexts)
    assert own.dense().score_texts(["otter"], [index_text(CHUNKS[0])]) == own.dense().score(["otter"], [[CHUNKS[0].id]])[0]


# --- cross-fitting


def test_no_judge_saw_a_row_it_judges_nor_any_of_its_near_duplicate_documents(taught: list[set[str]]) -> None:
    group_of = {row.query + row.chunk_id: BY_ID[row.chunk_id].group for row in ROWS}
    seen_groups: list[set[str]] = []
    positions = []
    for fold, judge in encoders().cross_fitted(ROWS, folds=3):
        judge.search(["otter"], 1)
        seen_groups.append({BY_ID[row.chunk_id].group for row in ROWS if row.query in taught[-1] and row.split == "train"})
        assert not taught[-1] & {ROWS[i].query for i in fold if "where" not in ROWS[i].query}
        assert not seen_groups[-1] & {group_of[ROWS[i].query + ROWS[i].chunk_id] for i in fold if ROWS[i].split == "train"}
        positions += fold
    assert sorted(positions) == list(range(len(ROWS)))
    assert len(taught) == 3


def test_all_other_train_rows_teach_and_test_rows_never_do(taught: list[set[str]]) -> None:
    for fold, judge in encoders().cross_fitted(ROWS, folds=5):
        judge.search(["otter"], 1)
        others = {row.query for i, row in enumerate(ROWS) if i not in set(fold) and row.split == "train"}
        assert taught[-1] == others


def test_folds_hold_about_as_many_rows() -> None:
    rows = [make_triple(CHUNKS[6 * group], f"query {n}") for group, count in enumerate((1, 2, 3, 6)) for n in range(count)]
    assert [len(fold) for fold, _ in encoders().cross_fitted(rows, folds=2)] == [6, 6]


def test_one_fold_is_judged_by_what_it_taught(taught: list[set[str]]) -> None:
    [(fold, judge)] = encoders().cross_fitted(ROWS, folds=1)
    assert taught == []
    for _ in range(2):
        judge.search(["otter"], 1)
    assert fold == list(range(len(ROWS)))
    assert taught == [{row.query for row in ROWS if row.split == "train"}]


def test_one_long_document_is_cut_into_sections(taught: list[set[str]]) -> None:
    chunks = [replace(c, document_id="all.md", start=n * 100, end=n * 100 + 90, group="all") for n, c in enumerate(CHUNKS)]
    rows = [replace(make_triple(chunk, f"query {n}"), split="train") for n, chunk in enumerate(chunks)]
    found = list(encoders(chunks).cross_fitted(rows, folds=5))
    assert [list(fold) for fold, _ in found] == [list(range(at, at + 6)) for at in range(0, 30, 6)]
    for fold, judge in found:
        judge.search(["otter"], 1)
        assert taught[-1] == {row.query for i, row in enumerate(rows) if i not in fold}


def test_names_and_order_decide_nothing() -> None:
    renamed, same_rows = corpus(names="zoo")
    by_query = {}
    for chunks, rows in ((CHUNKS, ROWS), (renamed, same_rows[::-1])):
        folds = [frozenset(rows[i].id for i in fold) for fold, _ in encoders(chunks).cross_fitted(rows, folds=3)]
        by_query[chunks[0].id] = folds
    first, second = by_query.values()
    assert first == second


def test_a_row_that_comes_later_is_judged_by_those_who_learnt_from_the_first(taught: list[set[str]]) -> None:
    own = encoders()
    folds = {ROWS[i].id: judge for fold, judge in own.cross_fitted(ROWS, folds=3) for i in fold}
    later = make_triple(CHUNKS[4], "a promoted row")
    [(positions, judge)] = own.cross_fitted([later], folds=3)
    assert positions == [0]
    assert judge is folds[next(row.id for row in ROWS if row.chunk_id == CHUNKS[4].id)]
    assert own.digest(triples=[later], folds=3) == own.digest(triples=ROWS, folds=3)


def test_with_nothing_to_learn_from_the_base_judges() -> None:
    rows = [make_triple(CHUNKS[0], "otter"), make_triple(CHUNKS[24], "heron")]
    own = encoders()
    for fold, judge in own.cross_fitted(rows, folds=2):
        assert judge.search(["otter"], 3) == own.dense().search(["otter"], 3)
        assert len(fold) == 1


@pytest.mark.slow
def test_a_judge_praises_what_it_saw() -> None:
    """Noise: each query hangs at a passage that it has nothing to do with."""
    rows = [make_triple(CHUNKS[(n * 7 + 11) % 27], f"{ANIMALS[n % 8]} {PLACES[n % 5]} {n}") for n in range(54)]
    settings = Training(dimensions=16, epochs=40, batch_size=16)
    context = FilterContext(BY_ID, encoders=encoders(settings=settings))
    saw, fair = (
        [verdict.triple.scores["round_trip"] for verdict in round_trip(rows, context, judge="self", folds=folds)]
        for folds in (1, 3)
    )
    assert mean(saw) > mean(fair) + 0.05


@pytest.mark.slow
def test_equal_rows_and_seed_give_equal_scores() -> None:
    once, again = (
        [v.triple for v in round_trip(ROWS, FilterContext(BY_ID, encoders=encoders()), judge="self", folds=2)] for _ in range(2)
    )
    assert once == again


def test_stored_scores_of_a_tuned_judge_need_no_tuning(taught: list[set[str]]) -> None:
    first = round_trip(ROWS, FilterContext(BY_ID, encoders=encoders()), judge="self", folds=2)
    known = {verdict.triple.id: verdict.triple.scores for verdict in first}
    taught.clear()
    assert round_trip(ROWS, FilterContext(BY_ID, encoders=encoders(), known=known), judge="self", folds=2) == first
    assert taught == []
    round_trip(ROWS[2:], FilterContext(BY_ID, encoders=encoders(), known=known), judge="self", folds=2)
    assert taught != []


# --- digests


def test_the_digest_changes_with_what_the_scores_depend_on(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "weights.bin").write_bytes(b"1")
    by_model = encoders(settings=Training(base=str(model)))
    found = [
        encoders().digest(),
        encoders(seed=1).digest(),
        encoders(settings=Training(dimensions=8)).digest(),
        by_model.digest(),
        encoders().digest(triples=ROWS, folds=5),
        encoders().digest(triples=ROWS, folds=4),
        encoders().digest(triples=ROWS[1:], folds=5),
        encoders(settings=QUICK.model_copy(update={"epochs": 4})).digest(triples=ROWS, folds=5),
        encoders().digest(model="reranker"),
        encoders().digest(model=str(model)),
    ]
    (model / "weights.bin").write_bytes(b"2")
    found += [by_model.digest(), encoders().digest(model=str(model))]
    assert len(set(found)) == len(found)


def test_the_digest_depends_on_nothing_else(tmp_path: Path) -> None:
    more_epochs = QUICK.model_copy(update={"epochs": 9, "enabled": False})
    assert encoders(settings=more_epochs).digest() == encoders().digest()
    assert encoders().digest(triples=ROWS[::-1], folds=5) == encoders().digest(triples=ROWS, folds=5)
    folders = tmp_path / "here", tmp_path / "there"
    for folder in folders:
        folder.mkdir()
        (folder / "weights.bin").write_bytes(b"1")
    here, there = (encoders().digest(model=str(folder)) for folder in folders)
    assert here == there


# --- reranking


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A cross-encoder of two tiny layers and random weights, as a folder."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = tmp_path_factory.mktemp("reader")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "otter", "heron", "river", "sleeps", "the"]
    BertTokenizerFast(vocab={word: number for number, word in enumerate(words)}).save_pretrained(folder)
    torch.manual_seed(0)
    size = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "initializer_range": 1.0,
    }
    BertForSequenceClassification(BertConfig(vocab_size=len(words), num_labels=1, **size)).save_pretrained(folder)
    return str(folder)


def test_a_cross_encoder_reads_query_and_text(reader: str) -> None:
    pairs = [("otter", "the otter sleeps"), ("otter", "the heron"), ("heron", "the heron")]
    scores = encoders().rerank(pairs, model=reader)
    assert len(set(scores)) == 3
    assert scores[1:] == pytest.approx(encoders().rerank(pairs[1:], model=reader), abs=1e-5)
    assert encoders().rerank([], model=reader) == []


def test_scores_of_a_reranker_are_not_squeezed(reader: str, tmp_path: Path) -> None:
    """A sigmoid would make all scores above 17 the same 1."""
    import shutil

    import torch
    from safetensors.torch import load_file, save_file

    confident = tmp_path / "confident"
    shutil.copytree(reader, confident)
    weights = load_file(confident / "model.safetensors")
    weights["classifier.bias"] = torch.full_like(weights["classifier.bias"], 40.0)
    save_file(weights, confident / "model.safetensors", metadata={"format": "pt"})
    scores = encoders().rerank([("otter", "the otter sleeps"), ("otter", "the heron")], model=str(confident))
    assert scores[0] != scores[1]
    assert min(scores) > 30


def test_an_unknown_reranker_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"reranker .* could not be loaded"):
        encoders().rerank([("a", "b")], model=str(tmp_path))
