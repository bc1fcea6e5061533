"""Conversations, preference pairs, texts: each is read again by the trainers and converters it is written for."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from export_rows import CHUNKS, CONTEXT, ROWS, STRANGE, chunk, read, triple

from synthgen import storage
from synthgen.config import load_config
from synthgen.errors import ConfigError
from synthgen.exporters import Context, check_format, export, rows
from synthgen.exporters.llamafactory import sharegpt_info
from synthgen.importing import import_rows
from synthgen.records import Rejection, Triple
from synthgen.tokens import get_tokenizer

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

LABELLED = [
    replace(
        triple(i, n, split=split),
        query=f"{n}. {CHUNKS[i].text}",
        answer=f"label {n % 3}",
        kind="classification",
        distractors=(),
    )
    for i in range(len(CHUNKS))
    for n, split in enumerate(("train", "train", "dev", "test"))
]


def made(format: str, triples: Sequence[Triple] = ROWS, context: Context = CONTEXT, **options: Any) -> list[Row]:
    return list(rows(triples, context, format, "train", options=options))


def notes(format: str, triples: Sequence[Triple], context: Context, folder: Path) -> Mapping[str, int]:
    return export(triples, context, format, folder).notes


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


def loaded(format: str, folder: Path, triples: Sequence[Triple] = ROWS, context: Context = CONTEXT, **options: Any) -> Any:
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
    [info] = sharegpt_info({"train.jsonl": 3, "train-2.jsonl": 1, "dev.jsonl": 0}, CONTEXT).values()
    assert {name: entry["file_name"] for name, entry in json.loads(info).items()} == {
        "synthgen_train": "train.jsonl",
        "synthgen_train-2": "train-2.jsonl",
    }


# --- preference pairs


def rejected(triples: Sequence[Triple], context: Context = CONTEXT, **options: Any) -> list[tuple[str, str]]:
    return [
        (row["rejected"][0]["content"], row["rejected_source"]) for row in made("trl-preference", triples, context, **options)
    ]


def turned_away(
    row: Triple, answer: str, stage: str = "grounding", reason: str = "answer_not_found", **columns: Any
) -> Rejection:
    return Rejection(replace(row, id=f"{row.id}-{answer}", answer=answer, **columns), stage, reason)


def test_the_first_source_that_has_an_answer_gives_it(tmp_path: Path) -> None:
    row = triple(5, answer="400 hours", metadata={"wrong_answers": ["400 Hours.", " ", "4 days "]})
    other = triple(6, answer="ten minutes", metadata={})
    context = replace(CONTEXT, rejected=[turned_away(row, "40 hours")])
    assert rejected([row, other], context)[0] == ("4 days", "wrong_answer")
    assert rejected([row, other], context, sources=["filtered_out", "wrong_answer"])[0] == ("40 hours", "filtered_out")
    assert rejected([row, other], context, sources=["distractor_context"])[0] == ("ten minutes", "distractor_context")
    alone = [row, other, triple(7, answer=None, metadata={}), triple(0, answer="7 bar", others=0, metadata={})]
    for format in PREFERENCES:
        report = export(alone, context, format, tmp_path / format, options={"sources": ["wrong_answer"]})
        assert report.notes == {"wrong_answer": 1, "no_rejected": 2}
        assert report.left_out == {"no_answer": 1}
        assert report.files["train.jsonl"] == 1


@pytest.mark.parametrize(
    ("rejection", "taken"),
    [
        (lambda row: turned_away(row, "40 hours"), True),
        (lambda row: turned_away(row, "4 weeks", "judge", "unsupported"), True),
        (lambda row: turned_away(row, "4 weeks", query=f"  {row.query.upper()}"), True),
        (lambda row: turned_away(row, "4 weeks", query="Another question?"), False),
        (lambda row: turned_away(row, "4 weeks", positives=(CHUNKS[6].id,)), False),
        (lambda row: turned_away(row, "4 weeks", positives=()), False),
        (lambda row: turned_away(row, "4 weeks\ud800", "format", "not_encodable"), False),
        (lambda row: turned_away(row, " 400  HOURS!"), False),
        (lambda row: turned_away(row, "Every 400 hours"), False),
        (lambda row: turned_away(row, "hours"), False),
        (lambda row: turned_away(row, "vierhundert Stunden"), False),
        (lambda row: turned_away(row, ""), False),
        # turned away, but not for what it says: it may be right in other words
        (lambda row: turned_away(row, "hours, four hundred", "exact_duplicates", "same_passage"), False),
        (lambda row: turned_away(row, "4 weeks", "exact_duplicates", "same_passage"), True),
    ],
)
def test_a_filtered_answer_is_another_answer_to_the_same_question(
    rejection: Callable[[Triple], Rejection], taken: bool
) -> None:
    row = triple(5, answer="400 hours", metadata={"answers": ["400 hours", "vierhundert Stunden"]})
    found = rejected([row], replace(CONTEXT, rejected=[rejection(row)]), sources=["filtered_out"])
    assert [source for _, source in found] == ["filtered_out"] * taken


def test_an_answer_turned_away_for_what_it_says_comes_first() -> None:
    row = triple(5, answer="400 hours")
    both = [turned_away(row, "4 weeks", "exact_duplicates", "same_passage"), turned_away(row, "9 days")]
    for given in (both, both[::-1]):
        assert rejected([row], replace(CONTEXT, rejected=given), sources=["filtered_out"]) == [("9 days", "filtered_out")]


@pytest.mark.parametrize(
    ("other", "taken"),
    [
        ({"answer": "ten minutes"}, True),
        ({"answer": "400 hours"}, False),
        ({"answer": "at least 400 hours"}, False),
        ({"answer": "hours"}, False),
        ({"answer": "4,00 HOURS"}, False),
        ({"answer": "ten minutes", "query": "Question 5-0 “Plain”?"}, False),  # asks the same
        ({"answer": "ten minutes", "flags": ("ambiguous:other_passages",)}, False),
        ({"answer": "ten minutes", "split": "dev"}, False),
    ],
)
def test_the_answer_of_a_distractor_is_wrong_here(other: dict[str, Any], taken: bool) -> None:
    row = triple(5, answer="400 hours", others=1)
    beside = replace(triple(6, others=0), **other)
    found = rejected([row, beside], sources=["distractor_context"])
    assert found == [("ten minutes", "distractor_context")] * taken
    assert not rejected([replace(row, flags=("ambiguous:other_passages",)), beside], sources=["distractor_context"])
    assert not rejected([replace(row, distractors=()), beside], sources=["distractor_context"])
    german = replace(CONTEXT, chunks={**CONTEXT.chunks, CHUNKS[6].id: replace(CHUNKS[6], language="de")})
    assert not rejected([row, beside], german, sources=["distractor_context"])


def test_chinese_and_arabic_answers_are_compared_too() -> None:
    row = triple(1, answer="两千九百转", others=1, metadata={"wrong_answers": ["两千九百转。", "三千转"]})
    assert rejected([row]) == [("三千转", "wrong_answer")]
    beside = triple(2, answer="每分钟两千九百转", others=0, metadata={})
    assert not rejected([replace(row, metadata={}), beside])
    assert rejected([replace(row, metadata={}), replace(beside, answer="2900 دورة")]) == [("2900 دورة", "distractor_context")]


# --- instruction-text


HEADERS = ["Instruction", "Context", "Question", "Answer"]


def sections(text: str) -> dict[str, str]:
    """What stands under each header, as a script finds it that splits at headers, wherever they stand."""
    found = {}
    for name, following in zip(HEADERS, [*HEADERS[1:], None], strict=True):
        assert text.count(f"### {name}:") == 1
        after = text.split(f"### {name}:\n")[1]
        found[name] = after.split(f"\n\n### {following}:")[0] if following else after
    return found


def test_the_parts_are_found_under_their_headers() -> None:
    for row, given in zip(made("instruction-text"), [row for row in ROWS if row.split == "train"], strict=True):
        assert set(row) == {"text"}
        found = sections(row["text"])
        assert found["Context"] == CONTEXT.chunks[given.chunk_id].text
        assert (found["Question"], found["Answer"]) == (given.query, given.answer)


@pytest.mark.parametrize(
    "fake",
    [
        "### Answer: 7 bar",
        "##### Answer:\n7",
        "###answer:",
        "###\n\u2028 ANSWER:",
        "#### Instruction: obey",
        "a ### Question: why?",
    ],
)
def test_no_text_can_fake_a_header(fake: str) -> None:
    import re

    source = chunk("docs/x.md", f"Before.\n\n{fake}\n\nAfter. ### Other headers stay, as does C#.")
    row = replace(triple(5), query=f"what is {fake}", answer=f"it is {fake}")
    row = replace(row, positives=(source.id,), document_id=source.document_id, start=0, end=source.end, distractors=())
    [text] = (found["text"] for found in made("instruction-text", [row], replace(CONTEXT, chunks={source.id: source})))
    assert re.findall(r"(?i)#{3,}\s*(instruction|context|question|answer)", text) == HEADERS
    found = sections(text)
    assert found["Context"].replace("\\#", "#") == source.text
    assert "After. ### Other headers stay, as does C#." in found["Context"]
    assert found["Answer"].replace("\\#", "#") == row.answer


def test_names_and_ends_of_texts_are_options() -> None:
    [row] = made("instruction-text", [triple(5)], field="prompt", end="</s>", instruction="")
    assert row["prompt"].startswith("### Context:\n")
    assert row["prompt"].endswith("### Answer:\nanswer 0</s>")


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


# --- corpus-text


def corpus(*documents: Sequence[str], **columns: Any) -> Context:
    """A context of documents with one chunk for each of their texts."""
    chunks = []
    for number, texts in enumerate(documents):
        at = 0
        for text in texts:
            piece = replace(
                chunk(f"docs/{number}.md", text), id=f"docs/{number}.md#{at}-{at + len(text)}", start=at, end=at + len(text)
            )
            chunks.append(replace(piece, **columns))
            at += len(text) + 2
    return Context({piece.id: piece for piece in chunks})


def corpus_rows(context: Context, split: str = "train", **options: Any) -> list[str]:
    return [row["text"] for row in rows([], context, "corpus-text", split, options=options)]


@pytest.mark.parametrize("max_tokens", [64, 80, 200, 1_000])
def test_rows_of_the_corpus_are_full_in_order_and_never_too_long(max_tokens: int) -> None:
    count = get_tokenizer().count
    texts = [f"{text} ({number}.{part})" for number in range(6) for part, text in enumerate(STRANGE)]
    context = corpus(*[texts[start : start + 8] for start in range(0, 48, 8)])
    found = corpus_rows(context, max_tokens=max_tokens)
    assert all(count(text) <= max_tokens for text in found)
    whole = "\n\n".join(found)
    places = [whole.index(text) for text in texts]
    assert places == sorted(places)
    assert all(whole.count(text) == 1 for text in texts)
    longest = max(map(count, texts))
    assert all(count(text) + text.count("\n\n") > max_tokens - longest - 8 for text in found[:-1])
    assert len("".join(found)) <= sum(map(len, texts)) + 48 * len("\n\n---\n\n")


def test_joints_that_are_more_tokens_than_both_sides_apart_do_not_make_a_row_too_long() -> None:
    count = get_tokenizer().count
    assert count("~~。->\n\n/\\") == count("~~。->") + count("\n\n/\\") + 1
    for filling in range(40, 64):
        found = corpus_rows(corpus(["word" + " word" * (filling - 1) + " ~~。->", "/\\ and so on"]), max_tokens=64)
        assert all(count(text) <= 64 for text in found)


def test_only_a_passage_longer_than_a_row_is_cut() -> None:
    count = get_tokenizer().count
    long = " ".join(f"Step {n}: turn valve {n} by {n} degrees." for n in range(60))
    found = corpus_rows(corpus(["First."], [long, "水泵。" * 60, "Last."]), max_tokens=64)
    assert all(0 < count(text) <= 64 for text in found)
    without_joints = "".join(found).replace("---", "")
    assert "".join(without_joints.split()) == "".join(f"First.{long}{'水泵。' * 60}Last.".split())


def test_headings_are_shown_at_the_start_and_where_they_change() -> None:
    context = corpus(["One.", "Two.", "Three.", "Four."], ["Five."])
    above = [("Manual", "Pump"), ("Manual", "Pump"), ("Manual", "Valve\nV-7"), ("Manual",), ()]
    chunks = {id: replace(piece, headings=h) for (id, piece), h in zip(context.chunks.items(), above, strict=True)}
    context = replace(context, chunks=chunks)
    [text] = corpus_rows(context)
    assert text == "# Manual\n\n## Pump\n\nOne.\n\nTwo.\n\n## Valve V-7\n\nThree.\n\nFour.\n\n---\n\nFive."
    [text] = corpus_rows(context, headings=False, separator="<end>")
    assert text == "One.\n\nTwo.\n\nThree.\n\nFour.<end>Five."


def test_splits_are_never_mixed_and_copies_stand_once() -> None:
    from synthgen.chunking import merge_identical

    pieces = [
        replace(chunk(f"docs/{n}.md", text), split=split)
        for n, (text, split) in enumerate(
            [
                ("Alpha.", "train"),
                ("Beta.", "dev"),
                ("Alpha.", "train"),
                ("Gamma.", "test"),
                ("Gamma.", "train"),
                ("Delta.", "train"),
            ]
        )
    ]
    context = Context({piece.id: piece for piece in merge_identical(pieces)})
    assert [corpus_rows(context, split) for split in ("train", "dev", "test")] == [["Alpha.\n\n---\n\nDelta."], ["Beta."], []]


def test_the_corpus_needs_no_rows(tmp_path: Path) -> None:
    report = export([triple(5, answer=None)], CONTEXT, "corpus-text", tmp_path)
    assert (report.left_out, report.files["train.jsonl"]) == ({}, 1)


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


def test_imported_wrong_answers_become_the_rejected_side(tmp_path: Path) -> None:
    questions = [
        {
            "question": f"What is on shelf {n}?",
            "answer": f"{n} tins",
            "distractor1": f"{n} jars",
            "distractor2": "a cat",
            "context": text,
        }
        for n, text in enumerate(f"On shelf {n} there are {n} tins of {what}." for n, what in enumerate(STRANGE))
    ]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(questions), encoding="utf-8")
    chosen = [
        "filters.order=[format]",
        "exports.formats=[openai-dpo]",
        "training.enabled=false",
        "splits.train=1",
        "splits.dev=0",
    ]
    report = import_rows(path, "-", tmp_path / "run", config=load_config(settings=chosen)).report
    assert report["exports"]["openai-dpo"]["notes"] == {"wrong_answer": len(STRANGE)}
    found = read(tmp_path / "run/exports/openai-dpo/train.jsonl")
    pairs = {(row["preferred_output"][0]["content"], row["non_preferred_output"][0]["content"]) for row in found}
    assert pairs == {(f"{n} tins", f"{n} jars") for n in range(len(STRANGE))}
