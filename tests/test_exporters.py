"""Every export is read again by the one it is written for."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from export_rows import CHUNKS, CONTEXT, ROWS, STRANGE, chunk, read, triple

from synthgen.errors import ConfigError, UnknownNameError
from synthgen.exporters import _LACKS, FORMATS, Context, check_format, export, rows, usable
from synthgen.records import Triple, make_triple
from synthgen.registry import describe_options, resolve
from synthgen.tokens import get_tokenizer

# --- the frame


@pytest.mark.parametrize("format", FORMATS)
def test_equal_rows_give_equal_bytes(format: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export(iter(ROWS), CONTEXT, format, tmp_path / name)
    one, two = (
        {p.relative_to(tmp_path / name): p.read_bytes() for p in sorted((tmp_path / name).rglob("*")) if p.is_file()}
        for name in ("one", "two")
    )
    assert one == two
    assert one


@pytest.mark.parametrize("format", [name for name, entry in FORMATS.items() if not entry.whole])
def test_datasets_reads_every_format_line_by_line(format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    from datasets import load_dataset

    report = export(ROWS, CONTEXT, format, tmp_path / "out")
    assert report.files == {"train.jsonl": 16, "dev.jsonl": 8, "test.jsonl": 8}
    files = {split: str(tmp_path / "out" / f"{split}.jsonl") for split in ("train", "dev", "test")}
    loaded = load_dataset("json", data_files=files, cache_dir=str(tmp_path / "cache"))
    for split in files:
        assert loaded[split].to_list() == list(rows(ROWS, CONTEXT, format, split))


def test_a_split_without_rows_writes_no_file_and_is_counted(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "stale.jsonl").write_text("{}")
    report = export([ROWS[0]], CONTEXT, "st-pair", tmp_path / "out")
    assert report.files == {"train.jsonl": 1, "dev.jsonl": 0, "test.jsonl": 0}
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["train.jsonl"]


def test_rows_that_lack_what_a_format_needs_are_left_out_and_counted() -> None:
    source = CHUNKS[5]
    lacking = {
        "no_answer": triple(5, answer=None),
        "no_distractor": triple(5, others=0),
        "no_negative": triple(5, found_by="random"),
        "masked": triple(5, masks=((0, 10),)),
        "ambiguous": triple(5, flags=("ambiguous:other_passages",)),
        "no_passage": triple(5, masks=((0, source.end),)),
        "unknown_chunk": replace(triple(5), positives=("gone#0-1",)),
    }
    everything = list(lacking.values())
    for format, reasons in {
        "openai-chat": {"no_answer", "no_passage", "unknown_chunk"},
        "raft": {"no_answer", "no_distractor", "no_passage", "unknown_chunk"},
        "st-pair": {"ambiguous", "no_passage", "unknown_chunk"},
        "st-triplet": {"ambiguous", "no_distractor", "no_negative", "no_passage", "unknown_chunk"} - {"no_distractor"},
        "beir": {"masked", "no_passage", "unknown_chunk"},
    }.items():
        kept, left_out = usable(everything, CONTEXT, format)
        assert set(left_out) == reasons, format
        assert len(kept) + sum(left_out.values()) == len(everything)
    assert {reason for _, reason in _LACKS.values()} == set(lacking)


def test_masked_text_is_in_no_passage() -> None:
    start = STRANGE[5].index("It needs oil every 400 hours.")
    row = triple(5, masks=((start, start + 29),))
    shown = "Plain text about a pump.  Then it needs rest."
    assert next(rows([row], CONTEXT, "st-pair", "train"))["positive"] == shown
    assert shown in next(rows([row], CONTEXT, "openai-chat", "train"))["messages"][1]["content"]
    assert next(rows([row], CONTEXT, "raft", "train"))["oracle_context"] == shown


def headlines(triples: Sequence[Triple], context: Context, *, suffix: str = "!") -> Iterator[dict[str, str]]:
    """Queries in capitals."""
    for row in triples:
        yield {"headline": row.query.upper() + suffix}


def back_and_forth(triples: Sequence[Triple], context: Context) -> Iterator[tuple[str, dict[str, str]]]:
    yield from (("a.jsonl", {}), ("b.jsonl", {}), ("a.jsonl", {}))


def test_an_exporter_of_your_own_works_by_module_and_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "my_formats", sys.modules[__name__])
    found = rows(ROWS[:1], CONTEXT, "my_formats:headlines", "train", options={"suffix": "?!"})
    assert list(found) == [{"headline": ROWS[0].query.upper() + "?!"}]


def test_wrong_formats_and_options_are_told_before_anything_runs() -> None:
    with pytest.raises(UnknownNameError, match=r"no format called 'raff'. Did you mean 'raft'\?"):
        check_format("raff")
    with pytest.raises(ConfigError, match=r"no option 'document' of format 'raft'. Did you mean 'documents'\?"):
        check_format("raft", {"document": 3})
    with pytest.raises(ConfigError, match="p = 1.5 of format 'raft'"):
        check_format("raft", {"p": 1.5})
    with pytest.raises(ConfigError, match=r"it must contain \$context and \$question"):
        check_format("openai-chat", {"user": "Question: $question"})
    with pytest.raises(ConfigError, match="'beir' is a folder of files"):
        next(rows(ROWS, CONTEXT, "beir", "train"))


def test_every_option_has_a_meaning_and_every_format_a_reader() -> None:
    for name, entry in FORMATS.items():
        assert entry.reads
        assert set(entry.needs) <= set(_LACKS)
        assert all(option.description for option in describe_options(resolve("format", name, {name: entry.path})))


# --- openai-chat


def test_openai_accepts_every_conversation() -> None:
    from openai.types.chat import ChatCompletionMessageParam
    from pydantic import TypeAdapter

    counter, messages = get_tokenizer("gpt-4o-mini"), TypeAdapter(list[ChatCompletionMessageParam])
    for row in rows(ROWS, CONTEXT, "openai-chat", "train"):
        assert set(row) == {"messages"}
        messages.validate_python(row["messages"], strict=True)
        assert [m["role"] for m in row["messages"]] == ["system", "user", "assistant"]
        for message in row["messages"]:  # the rules of the checker in OpenAI's cookbook
            assert set(message) == {"role", "content"}
            assert message["content"].strip() == message["content"] != ""
        tokens = 3 + sum(3 + sum(counter.counts(message.values())) for message in row["messages"])
        assert 3 * 4 < tokens < 65_536


def test_the_question_and_its_passage_are_in_the_users_turn_untouched() -> None:
    row = replace(triple(0), query="what does $context or {question} cost?")
    [made] = rows([row], CONTEXT, "openai-chat", "train", options={"system": "", "user": "$question ## $context"})
    assert made["messages"] == [
        {"role": "user", "content": f"what does $context or {{question}} cost? ## {STRANGE[0]}"},
        {"role": "assistant", "content": "answer 0"},
    ]


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


def test_a_whole_format_writes_one_file_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthgen import exporters

    monkeypatch.setitem(sys.modules, "my_formats", sys.modules[__name__])
    entry = exporters.Format("my_formats:back_and_forth", "nobody", whole=True)
    monkeypatch.setattr(exporters, "FORMATS", {"tangled": entry})
    with pytest.raises(ConfigError, match=r"came back to 'a.jsonl'"):
        export([], CONTEXT, "tangled", tmp_path / "out")
    assert not (tmp_path / "out").exists()
