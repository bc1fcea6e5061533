"""Conversations, preference pairs, texts: each is read again by the trainers and converters it is written for."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.export_rows import CONTEXT, LABELLED, ROWS, STRANGE, made, read, triple, turned_away

from synthgen import storage
from synthgen.errors import ConfigError
from synthgen.exporters.context import ExportContext
from synthgen.exporters.export import check_format, export, format_options, rows
from synthgen.exporters.llamafactory import sharegpt_info
from synthgen.records import Rejection, Triple
from synthgen.text.tokenizer import get_tokenizer

Row = dict[str, Any]

CONVERSATIONS = [
    "openai-chat",
    "trl-messages",
    "trl-prompt-completion",
    "prompt-completion",
    "sharegpt",
    "alpaca",
    "instruction-text",
]
PREFERENCES = ["openai-dpo", "trl-preference"]


# --- one conversation, many shapes


def turns(format: str, row: Row) -> tuple[str, str, str]:
    """System, user and assistant of a row, as its readers put them together."""
    if format == "trl-prompt-completion":
        row = {"messages": row["prompt"] + row["completion"]}
    if format in ("openai-dpo", "trl-preference"):
        prompt = row["prompt"] if "prompt" in row else row["input"]["messages"]
        row = {"messages": prompt + (row["chosen"] if "chosen" in row else row["preferred_output"])}
    if "messages" in row:
        system, user, assistant = (message["content"] for message in row["messages"])
        return system, user, assistant
    assert format == "sharegpt"
    return row["system"], *(turn["value"] for turn in row["conversations"])  # type: ignore[return-value]


@pytest.mark.parametrize("format", ["trl-messages", "trl-prompt-completion", "sharegpt", *PREFERENCES])
def test_every_format_shows_the_conversation_of_openai_chat(format: str) -> None:
    for options in ({}, {"system": "Be brief.", "user": "$question\n\n$context"}):
        shown = [turns(format, row) for row in made(format, **options)]
        assert shown == [turns("openai-chat", row) for row in made("openai-chat", **options)]


@pytest.mark.parametrize("format", [*CONVERSATIONS, *PREFERENCES])
def test_a_written_answer_stands_in_place_of_the_rows_own(format: str) -> None:
    row = replace(triple(5), instruction="Answer in one word.", response="Often, every 400 hours.")
    text = json.dumps(made(format, [row]))
    assert "Often, every 400 hours." in text
    assert "Answer in one word." in text
    assert "answer 0" not in text


@pytest.mark.parametrize("format", ["openai-chat", "trl-messages", "trl-prompt-completion", "sharegpt", "alpaca", *PREFERENCES])
def test_an_empty_system_message_is_left_out(format: str) -> None:
    assert "system" in json.dumps(made(format))
    assert "system" not in json.dumps(made(format, system=" "))


def test_answers_have_a_weight_only_where_asked() -> None:
    muted = replace(triple(5), metadata={"weight": 0})
    assert "weight" not in json.dumps(made("openai-chat", [muted]))
    weights = [row["messages"][-1]["weight"] for row in made("openai-chat", [muted, triple(5)], weights=True)]
    assert weights == [0, 1]
    assert all(
        set(message) == {"role", "content"} for row in made("openai-chat", weights=True) for message in row["messages"][:-1]
    )


def test_prompts_end_and_completions_begin_as_told() -> None:
    [row] = made("prompt-completion", [triple(5)])
    assert row["prompt"].endswith(f"Question: {triple(5).query}\n\nAnswer:")
    assert row["completion"] == " answer 0"
    options = {"separator": " ->", "begin": "", "stop": " END", "prompt_field": "input", "completion_field": "target"}
    [row] = made("prompt-completion", [triple(5)], **options)
    assert row["input"].endswith("? ->")
    assert row["target"] == "answer 0 END"


def test_an_answer_that_holds_the_stop_text_is_left_out_and_counted(tmp_path: Path) -> None:
    report = export(
        [triple(5), triple(5, 1, answer="The END. More.")], CONTEXT, "prompt-completion", tmp_path, options={"stop": "END"}
    )
    assert report.files["train.jsonl"] == 1
    assert report.notes == {"has_stop": 1}


def test_a_field_needs_a_name_and_sources_are_known() -> None:
    with pytest.raises(ConfigError, match="prompt_field = ''"):
        check_format("prompt-completion", {"prompt_field": ""})
    with pytest.raises(ConfigError, match="sources = 'invented' of format 'openai-dpo' is not allowed"):
        check_format("openai-dpo", {"sources": ["wrong_answer", "invented"]})
    with pytest.raises(ConfigError, match=r"it must contain \$labels"):
        check_format("classification-chat", {"system": "Which label?"})


# --- openai


@pytest.mark.parametrize(
    ("format", "triples"), [("openai-chat", ROWS), ("trl-messages", ROWS), ("classification-chat", LABELLED)]
)
def test_openai_takes_the_messages(format: str, triples: Sequence[Triple]) -> None:
    found = made(format, triples)
    assert len(found) == 16
    for row in found:
        check_messages(row["messages"], ["system", "user", "assistant"])


def test_openai_takes_the_preferences() -> None:
    found = made("openai-dpo")
    assert len(found) == 16
    for row in found:
        assert set(row) == {"input", "preferred_output", "non_preferred_output"}
        assert set(row["input"]) == {"messages"}
        check_messages(row["input"]["messages"], ["system", "user"])
        for side in ("preferred_output", "non_preferred_output"):
            check_messages(row[side], ["assistant"])
        assert row["preferred_output"] != row["non_preferred_output"]


def check_messages(messages: list[Row], roles: list[str]) -> None:
    """The types of the openai package, and the rules of the checker in OpenAI's cookbook, tokens included."""
    from openai.types.chat import ChatCompletionMessageParam
    from pydantic import TypeAdapter

    TypeAdapter(list[ChatCompletionMessageParam]).validate_python(messages, strict=True)
    assert [message["role"] for message in messages] == roles
    for message in messages:
        assert set(message) == {"role", "content"}
        assert message["content"].strip() == message["content"] != ""
    counter = get_tokenizer("gpt-4o-mini")
    assert 3 + sum(3 + sum(counter.counts(message.values())) for message in messages) < 65_536


def test_openai_knows_the_method_that_trains_on_preferences() -> None:
    from openai.types.fine_tuning import DpoMethodParam
    from pydantic import TypeAdapter

    TypeAdapter(DpoMethodParam).validate_python({"hyperparameters": {"beta": 0.1, "n_epochs": "auto"}})


# --- TRL: the trainers' own preparation of data


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """A model of a few thousand random weights, and a tokenizer of bytes with a chat template that marks answers."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    torch.set_num_threads(1)
    torch.manual_seed(0)
    special = ["<pad>", "<end>"]
    vocabulary = {token: i for i, token in enumerate([*special, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<end>")
    fast.chat_template = (
        "{% for m in messages %}{{ '[' + m['role'] + ']' }}{% if m['role'] == 'assistant' %}"
        "{% generation %}{{ m['content'] + '<end>' }}{% endgeneration %}{% else %}{{ m['content'] }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '[assistant]' }}{% endif %}"
    )
    sizes = {"n_positions": 2_048, "n_embd": 8, "n_layer": 1, "n_head": 1}
    ids = {"eos_token_id": 1, "pad_token_id": 0, "bos_token_id": None}
    return GPT2LMHeadModel(GPT2Config(vocab_size=len(vocabulary), **sizes, **ids)), fast


def loaded(
    format: str, folder: Path, triples: Sequence[Triple] = ROWS, context: ExportContext = CONTEXT, **options: Any
) -> Any:
    from datasets import load_dataset

    export(triples, context, format, folder / "out", options=options)
    return load_dataset("json", data_files=str(folder / "out" / "train.jsonl"), cache_dir=str(folder / "cache"), split="train")


def settings(kind: Any, folder: Path, **more: Any) -> Any:
    return kind(
        output_dir=str(folder / "model"),
        use_cpu=True,
        bf16=False,
        report_to=[],
        max_steps=1,
        per_device_train_batch_size=2,
        max_length=2_048,
        disable_tqdm=True,
        save_strategy="no",
        **more,
    )


SFT: dict[str, tuple[Sequence[Triple], dict[str, Any]]] = {
    "openai-chat": (ROWS, {"assistant_only_loss": True}),
    "trl-messages": (ROWS, {"assistant_only_loss": True}),
    "trl-prompt-completion": (ROWS, {}),
    "prompt-completion": (ROWS, {}),
    "raft-chat": (ROWS, {"assistant_only_loss": True}),
    "raft-completion": (ROWS, {}),
    "instruction-text": (ROWS, {}),
    "classification-chat": (LABELLED, {"assistant_only_loss": True}),
    "corpus-text": (ROWS, {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("format", SFT)
def test_trl_prepares_and_trains(format: str, tiny: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    from trl import SFTConfig, SFTTrainer

    model, tokenizer = tiny
    triples, more = SFT[format]
    data = loaded(format, tmp_path, triples, **({"max_tokens": 64} if format == "corpus-text" else {}))
    trainer = SFTTrainer(model, settings(SFTConfig, tmp_path, **more), train_dataset=data, processing_class=tokenizer)
    prepared = list(trainer.train_dataset)
    assert len(prepared) == len(data)
    for given, row in zip(data, prepared, strict=True):
        whole = tokenizer.decode(row["input_ids"])
        assert whole.endswith("<end>")
        learnt = row.get("assistant_masks") or row.get("completion_mask")
        if learnt:  # of all texts in the row, the answer alone is learnt
            answer = tokenizer.decode([i for i, on in zip(row["input_ids"], learnt, strict=True) if on])
            messages = given.get("messages") or given["completion"]
            expected = messages if isinstance(messages, str) else messages[-1]["content"]
            assert answer == expected + "<end>"
        for text in texts_of(given):
            assert text in whole
    assert trainer.train().metrics["train_loss"] > 0


@pytest.mark.slow
def test_trl_prepares_and_trains_on_preferences(tiny: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    from trl import DPOConfig, DPOTrainer

    model, tokenizer = tiny
    data = loaded("trl-preference", tmp_path)
    assert set(data.column_names) == {"prompt", "chosen", "rejected", "rejected_source"}
    args = settings(DPOConfig, tmp_path)
    trainer = DPOTrainer(model, copy.deepcopy(model), args=args, train_dataset=data, processing_class=tokenizer)
    prepared = list(trainer.train_dataset)
    assert len(prepared) == len(data) == 16
    for given, row in zip(data, prepared, strict=True):
        assert given["prompt"][1]["content"] in tokenizer.decode(row["prompt_ids"])
        for side in ("chosen", "rejected"):
            assert tokenizer.decode(row[f"{side}_ids"]) == given[side][0]["content"] + "<end>"
    assert trainer.train().metrics["train_loss"] > 0


def texts_of(value: Any) -> Iterator[str]:
    """What is said in a row; names of roles and sources are not."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in ("role", "from"):
                yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)


# --- LLaMA-Factory: the rules of its converters (data/converter.py and data/parser.py, 0.9), whose breach skips a row in silence

SPEAKERS = (("user_tag", "observation_tag"), ("assistant_tag", "function_tag"))  # of odd turns, of even turns
NAMED = {
    "sharegpt": {"columns": {"messages"}, "tags": {"role_tag", "content_tag", "system_tag", *SPEAKERS[0], *SPEAKERS[1]}},
    "alpaca": {"columns": {"prompt", "query", "response"}},
}
"""What an entry must name once it names anything of the kind, because the rest counts as none."""
FILES = {".json", ".jsonl", ".csv", ".parquet", ".arrow", ".txt"}


def converted(entry: Mapping[str, Any], row: Row) -> tuple[str, str, str]:
    """System, prompt and response of a row, as an entry of dataset_info.json says; fails where the converter would skip it."""
    columns, tags = entry["columns"], entry.get("tags", {})
    for kind, names in NAMED[entry["formatting"]].items():
        assert names <= set(entry[kind])
    system = row[columns["system"]] if "system" in columns else ""
    if entry["formatting"] == "alpaca":
        asked = [row[columns[name]] for name in ("prompt", "query") if row[columns[name]]]
        assert isinstance(row[columns["response"]], str)
        return system, "\n".join(asked), row[columns["response"]]
    turns = row[columns["messages"]]
    assert len(turns) % 2 == 0
    for number, turn in enumerate(turns):
        assert turn[tags["role_tag"]] in [tags[speaker] for speaker in SPEAKERS[number % 2]]
    assert len({tags[name] for name in NAMED["sharegpt"]["tags"]}) == len(tags)
    prompt, response = (turn[tags["content_tag"]] for turn in turns)
    return system, prompt, response


RENAMED = {
    "column": "messages",
    "role": "role",
    "content": "content",
    "human": "user",
    "model": "assistant",
    "dataset": "pumps",
}


@pytest.mark.parametrize(
    ("format", "options"),
    [("sharegpt", {}), ("sharegpt", RENAMED), ("sharegpt", {"system": ""}), ("alpaca", {}), ("alpaca", {"system": ""})],
)
def test_llamafactory_skips_no_row(format: str, options: dict[str, Any], tmp_path: Path) -> None:
    report = export(ROWS, CONTEXT, format, tmp_path / "out", options=options)
    raw = (tmp_path / "out" / "dataset_info.json").read_bytes()
    assert raw.isascii()  # it is opened in the encoding of the machine
    entries = json.loads(raw)
    name = options.get("dataset", "synthgen")
    assert list(entries) == [f"{name}_{split}" for split in ("train", "dev", "test")]
    for entry in entries.values():
        path = tmp_path / "out" / entry["file_name"]
        assert path.suffix in FILES
        found = [converted(entry, row) for row in read(path)]
        assert len(found) == report.files[entry["file_name"]] >= 8
        assert all(prompt.strip() and response.strip() for _, prompt, response in found)
        assert {bool(system) for system, _, _ in found} == {options.get("system") != ""}
    shown = [turns("openai-chat", row) for row in made("openai-chat")]
    found = [converted(entries[f"{name}_train"], row) for row in read(tmp_path / "out" / "train.jsonl")]
    assert [response for _, _, response in found] == [response for _, _, response in shown]
    if format == "sharegpt":
        assert [prompt for _, prompt, _ in found] == [prompt for _, prompt, _ in shown]
    else:
        assert [prompt for _, prompt, _ in found] == [
            f"{row.query}\n{CONTEXT.chunks[row.chunk_id].text}" for row in ROWS if row.split == "train"
        ]


def test_only_files_with_rows_are_described() -> None:
    files = {"train.jsonl": 3, "train-2.jsonl": 1, "dev.jsonl": 0}
    [info] = sharegpt_info(files, CONTEXT, format_options("sharegpt")).values()
    assert {name: entry["file_name"] for name, entry in json.loads(info).items()} == {
        "synthgen_train": "train.jsonl",
        "synthgen_train-2": "train-2.jsonl",
    }


# --- classification-chat


def test_labels_of_all_splits_stand_in_every_system_message(tmp_path: Path) -> None:
    export(LABELLED, CONTEXT, "classification-chat", tmp_path / "out")
    listed = "- label 0\n- label 1\n- label 2"
    for split, labels in {"train": {"label 0", "label 1"}, "dev": {"label 2"}, "test": {"label 0"}}.items():
        found = read(tmp_path / "out" / f"{split}.jsonl")
        assert found == list(rows(LABELLED, CONTEXT, "classification-chat", split))
        assert {row["messages"][0]["content"].partition("\n")[2] for row in found} == {listed}
        assert {row["messages"][2]["content"] for row in found} == labels
        assert {row["messages"][1]["content"] for row in found} == {row.query for row in LABELLED if row.split == split}


# --- every script, and the same again


@pytest.mark.parametrize("format", [*CONVERSATIONS, *PREFERENCES, "classification-chat", "corpus-text"])
def test_every_text_comes_back_whole_through_datasets(format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    triples = LABELLED if format == "classification-chat" else ROWS
    data = loaded(format, tmp_path, triples)
    assert data.to_list() == made(format, triples)
    said = "\n".join(text for row in data.to_list() for text in texts_of(row))
    assert all(text in said for text in STRANGE)


@pytest.mark.parametrize("format", [*CONVERSATIONS, *PREFERENCES, "classification-chat", "corpus-text"])
def test_rows_are_the_same_after_a_round_trip_through_parquet(format: str, tmp_path: Path) -> None:
    triples = LABELLED if format == "classification-chat" else ROWS
    context = replace(CONTEXT, rejected=[turned_away(row, "never") for row in triples])
    storage.write_table(tmp_path / "triples.parquet", "triples", (row.to_dict() for row in triples))
    storage.write_table(tmp_path / "rejected.parquet", "rejected", (row.to_dict() for row in context.rejected))
    again = [Triple.from_dict(row) for row in storage.read_table(tmp_path / "triples.parquet")]
    refused = [Rejection.from_dict(row) for row in storage.read_table(tmp_path / "rejected.parquet")]
    export(triples, context, format, tmp_path / "one")
    export(again, replace(context, rejected=refused), format, tmp_path / "two")
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    assert "train.jsonl" in one
