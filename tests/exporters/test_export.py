"""Every export is read again by the one it is written for."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.export_rows import CHUNKS, CONTEXT, ROWS, STRANGE, triple

from synthgen.errors import ConfigError, UnknownNameError
from synthgen.exporters.context import ExportContext
from synthgen.exporters.export import check_format, export, rows, usable
from synthgen.exporters.formats import FORMATS, REQUIREMENTS, Format
from synthgen.files import MANIFEST
from synthgen.records import Triple
from synthgen.registry import describe_options, resolve
from synthgen.storage import read_table, write_table
from synthgen.text.tokenizer import get_tokenizer

OF_OTHER_ROWS = ("classification-chat", "corpus-text")  # have tests of their own

# --- the frame


@pytest.mark.parametrize("format", [name for name in FORMATS if name not in OF_OTHER_ROWS])
def test_equal_rows_give_equal_bytes_also_out_of_a_table(format: str, tmp_path: Path) -> None:
    write_table(tmp_path / "triples.parquet", "triples", (row.to_dict() for row in ROWS))
    stored = map(Triple.from_dict, read_table(tmp_path / "triples.parquet"))
    for name, triples in {"one": iter(ROWS), "two": iter(ROWS), "three": stored}.items():
        export(triples, CONTEXT, format, tmp_path / name)
    one, two, three = (
        {p.relative_to(tmp_path / name): p.read_bytes() for p in sorted((tmp_path / name).rglob("*")) if p.is_file()}
        for name in ("one", "two", "three")
    )
    assert one == two == three
    assert one


@pytest.mark.parametrize("format", [name for name, entry in FORMATS.items() if not entry.whole and name not in OF_OTHER_ROWS])
def test_datasets_reads_every_format_line_by_line(format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    from datasets import load_dataset

    report = export(ROWS, CONTEXT, format, tmp_path / "out")
    files = {split: str(tmp_path / "out" / f"{split}.jsonl") for split in ("train", "dev", "test")}
    loaded = load_dataset("json", data_files=files, cache_dir=str(tmp_path / "cache"))
    for split in files:
        assert report.files[f"{split}.jsonl"] == len(loaded[split]) >= 8
        assert loaded[split].to_list() == list(rows(ROWS, CONTEXT, format, split))


def test_a_split_without_rows_writes_no_file_and_is_counted(tmp_path: Path) -> None:
    export([ROWS[0], replace(ROWS[0], split="dev")], CONTEXT, "st-pair", tmp_path / "out")
    assert (tmp_path / "out" / "dev.jsonl").exists()
    report = export([ROWS[0]], CONTEXT, "st-pair", tmp_path / "out")
    assert report.files == {"train.jsonl": 1, "dev.jsonl": 0, "test.jsonl": 0}
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"train.jsonl", MANIFEST}


def test_rows_that_lack_what_a_format_needs_are_left_out_and_counted() -> None:
    source = CHUNKS[5]
    lacking = {
        "no_question": triple(5, kind="classification"),
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
        "openai-chat": {"no_question", "no_answer", "no_passage", "unknown_chunk"},
        "raft": {"no_question", "no_answer", "no_distractor", "no_passage", "unknown_chunk"},
        "st-pair": {"no_question", "ambiguous", "no_passage", "unknown_chunk"},
        "st-triplet": {"no_question", "ambiguous", "no_negative", "no_passage", "unknown_chunk"},
        "beir": {"no_question", "masked", "no_passage", "unknown_chunk"},
        "classification-chat": {"no_label", "no_passage", "unknown_chunk"},
        "corpus-text": set(),
    }.items():
        kept, left_out = usable(everything, CONTEXT, format)
        assert set(left_out) == reasons, format
        assert len(kept) + sum(left_out.values()) == len(everything)
    assert {reason for _, reason in REQUIREMENTS.values()} == {*lacking, "no_label"}


def test_masked_text_is_in_no_passage() -> None:
    start = STRANGE[5].index("It needs oil every 400 hours.")
    row = triple(5, masks=((start, start + 29),))
    shown = "Plain text about a pump.  Then it needs rest."
    assert next(rows([row], CONTEXT, "st-pair", "train"))["positive"] == shown
    assert shown in next(rows([row], CONTEXT, "openai-chat", "train"))["messages"][1]["content"]
    assert next(rows([row], CONTEXT, "raft", "train"))["oracle_context"] == shown


def headlines(triples: Sequence[Triple], context: ExportContext, *, suffix: str = "!") -> Iterator[dict[str, str]]:
    """Queries in capitals."""
    for row in triples:
        yield {"headline": row.query.upper() + suffix}


def back_and_forth(triples: Sequence[Triple], context: ExportContext) -> Iterator[tuple[str, dict[str, str]]]:
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


@pytest.mark.parametrize(
    ("format", "options", "told"),
    [
        ("prompt-completion", {"prompt_field": "completion"}, "prompt_field and completion_field .* are both 'completion'"),
        ("sharegpt", {"human": "gpt"}, "human and model .* are both 'gpt'"),
        ("sharegpt", {"model": "function_call"}, "model = 'function_call' .* is taken"),
        ("sharegpt", {"role": "value"}, "role and content .* are both 'value'"),
        ("sharegpt", {"column": "system"}, "column = 'system' .* is taken"),
        ("raft", {"documents": "2..99999999999"}, "'2..99999999999' is more than 1,000 documents"),
        ("raft", {"documents": 1_001}, "1001 is more than 1,000 documents"),
    ],
)
def test_options_that_would_lose_rows_or_memory_are_refused(format: str, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        check_format(format, options)


@pytest.mark.parametrize("format", [name for name, entry in FORMATS.items() if entry.companions])
def test_companion_files_have_the_names_in_the_table(format: str, tmp_path: Path) -> None:
    report = export(ROWS, CONTEXT, format, tmp_path / "out")
    rows = {name.partition("/")[0] for name in report.files}
    assert {p.name for p in (tmp_path / "out").iterdir()} - rows - {MANIFEST} == set(FORMATS[format].companion_names) != set()


def test_every_option_has_a_meaning_and_every_format_a_reader() -> None:
    for name, entry in FORMATS.items():
        assert entry.reads
        assert set(entry.needs or ()) <= set(REQUIREMENTS)
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


# --- whole formats


def test_a_whole_format_writes_one_file_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "my_formats", sys.modules[__name__])
    monkeypatch.setitem(FORMATS, "tangled", Format("my_formats:back_and_forth", "nobody", whole=True))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"returned to 'a.jsonl'"):
        export([], CONTEXT, "tangled", tmp_path / "out")
    assert not (tmp_path / "out").exists()
