"""Every file is read again by the rules of its reader, and every rule finds what it is there for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.export_rows import CHUNKS, CONTEXT, ROWS, STRANGE, triple

from synthgen.exporters.context import ExportContext
from synthgen.exporters.export import export, format_options
from synthgen.exporters.formats import FORMATS
from synthgen.exporters.validation.check import check, files_in
from synthgen.exporters.validation.findings import RULES, CheckReport
from synthgen.exporters.validation.fine_tuning import Service
from synthgen.exporters.validation.rules import formats_with_rules, rules_of
from synthgen.records import CLASSIFICATION, Chunk, Rejection, Triple
from synthgen.storage import json_line, read_table, write_table
from synthgen.text.humanize import place

LABELLED = [replace(row, kind=CLASSIFICATION, answer=f"label {n % 3}") for n, row in enumerate(ROWS)]


def rows_for(format: str) -> list[Triple]:
    return LABELLED if "label" in (FORMATS[format].needs or ()) else ROWS


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def checked(format: str, folder: Path, **settings: Any) -> CheckReport:
    options = format_options(format, settings.pop("options", None)) if format in FORMATS else {}
    return check(format, files_in(folder), options=options, **settings)


# --- what synthgen writes itself


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_keeps_the_rules_of_its_reader(format: str, tmp_path: Path) -> None:
    report = export(rows_for(format), CONTEXT, format, tmp_path / "out")
    found = checked(format, tmp_path / "out")
    assert found.errors == {}
    assert set(found.warnings) <= {"few_examples", "in_two_splits"}  # the rows of this test are few, and share their chunks
    assert found.rows == {name: n for name, n in report.files.items() if n}
    assert sum(found.rows.values()) > 0


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_the_same_bytes_twice_and_after_parquet(format: str, tmp_path: Path) -> None:
    start = STRANGE[5].index("400 hours")
    telling = replace(
        triple(5, 9, answer="400 hours"),
        quotes=((start, start + 9),),
        scores={"round_trip": {"ratio": 1 / 3}, "b": 1e-7},
        metadata={"wrong_answers": ["300 hours"], "z": 1, "a": {"y": [1.5, None]}},
        instruction="In one word.",
        response="400",
        reasoning="It needs oil every 400 hours.",
    )
    masked = replace(triple(6, 9), masks=((0, 10),), flags=("round_trip:not_found",), positives=(CHUNKS[6].id, CHUNKS[1].id))
    rows = [*rows_for(format), *([telling, masked] if rows_for(format) is ROWS else [])]
    rejected = [Rejection(replace(triple(3, 1), answer="something else"), "grounding", "answer_not_found", 0.1, 0.5)]
    context = replace(CONTEXT, rejected=rejected)
    write_table(tmp_path / "t.parquet", "triples", (row.to_dict() for row in rows))
    write_table(tmp_path / "c.parquet", "chunks", (chunk.to_dict() for chunk in CHUNKS))
    write_table(tmp_path / "r.parquet", "rejected", (one.to_dict() for one in rejected))
    again = [Triple.from_dict(row) for row in read_table(tmp_path / "t.parquet")]
    chunks = [Chunk.from_dict(row) for row in read_table(tmp_path / "c.parquet")]
    read = [Rejection.from_dict(row) for row in read_table(tmp_path / "r.parquet")]
    assert (again, chunks, read) == (rows, CHUNKS, rejected)
    export(rows, context, format, tmp_path / "one")
    export(rows, context, format, tmp_path / "two")
    export(again, replace(context, chunks={c.id: c for c in chunks}, rejected=read), format, tmp_path / "three")
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == contents(tmp_path / "three")
    assert any(contents(tmp_path / "one").values())


# --- what is wrong with files made elsewhere

CHAT = {"messages": [{"role": "user", "content": "why?"}, {"role": "assistant", "content": "because"}]}
DPO = {
    "input": {"messages": [{"role": "user", "content": "why?"}]},
    "preferred_output": [{"role": "assistant", "content": "because"}],
    "non_preferred_output": [{"role": "assistant", "content": "so"}],
}
KD = {"query": "why?", "positive": "a", "negative_1": "b", "negative_2": "c", "scores": [1.0, 0.5, 0.1]}
FLAG = {"query": "why?", "pos": ["a"], "neg": ["b", "c"]}
TEVATRON = {
    "query_id": "q1",
    "query": "why?",
    "positive_passages": [{"docid": "d1", "title": "", "text": "a"}],
    "negative_passages": [{"docid": "d2", "title": "", "text": "b"}],
}
RAFT = {
    "id": "1",
    "type": "general",
    "question": "why?",
    "context": {"title": [["t", "u"]], "sentences": [["a", "b"]]},
    "oracle_context": "b",
    "cot_answer": "<ANSWER>: because",
    "instruction": "<DOCUMENT>a</DOCUMENT>\n<DOCUMENT>b</DOCUMENT>\nwhy?",
    "oracle_position": 1,
    "oracle_mode": "oracle",
}
CORPUS = b'{"_id": "d1", "title": "", "text": "a"}\n'
QUERIES = b'{"_id": "q1", "text": "why?"}\n'
HEADER = b"query-id\tcorpus-id\tscore\n"


def lines(*rows: Mapping[str, Any]) -> dict[str, bytes]:
    return {"train.jsonl": b"".join(map(json_line, rows))}


def said(*messages: tuple[str, str]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": text} for role, text in messages]}


def parts(*content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(content)}, {"role": "assistant", "content": "because"}]}


def beir(corpus: bytes = CORPUS, queries: bytes = QUERIES, judged: bytes = b"q1\td1\t1\n") -> dict[str, bytes]:
    return {"corpus.jsonl": corpus, "queries.jsonl": queries, "qrels/test.tsv": HEADER + judged}


SECOND = KD | {"query": "who?"}
FAULTS: Sequence[tuple[str, str, dict[str, bytes], str]] = [
    ("no_rows", "openai-chat", {"train.jsonl": b""}, "train.jsonl: "),
    ("not_utf8", "st-pair", {"train.jsonl": b'{"anchor": "\xff", "positive": "b"}\n'}, "train.jsonl, line 1: byte 13"),
    ("not_json", "st-pair", {"train.jsonl": b'{"anchor": "a", "positive": "b"}\n{"anchor": \n'}, "train.jsonl, line 2: "),
    ("not_json", "st-kd", {"train.jsonl": json_line(KD).replace(b"0.5", b"NaN")}, "NaN is not JSON"),
    ("not_json", "st-pair", {"train.jsonl": b"[" * 100_000 + b"\n"}, "the file is a JSON list"),
    ("not_json", "st-pair", {"train.jsonl": b'{"anchor": ' * 100_000 + b"1" + b"}" * 100_000}, "nested too deeply"),
    ("not_json", "openai-chat", {"train.jsonl": b'{"messages": ' + b"[" * 300 + b"]" * 300 + b"}"}, "nested too deeply"),
    (
        "not_json",
        "st-pair",
        {"train.jsonl": b'{"anchor": "\\ud83d", "positive": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"},
        "nested too deeply",
    ),
    ("not_json", "sharegpt", {"train.jsonl": b"[\n  {},\n  {}\n]\n"}, "train.jsonl, line 1: the file is a JSON list"),
    ("blank_line", "openai-chat", {"train.jsonl": json_line(CHAT) + b"\n"}, "train.jsonl, line 2: "),
    ("missing_key", "openai-chat", lines({}), "there is no 'messages'"),
    ("missing_key", "st-ntuple", lines({"anchor": "a", "positive": "b"}), "negative_1"),
    ("missing_key", "st-ntuple", lines({"anchor": "a", "positive": "b", "negative_2": "c"}), "gap"),
    ("unknown_key", "openai-chat", lines(CHAT | {"id": 7}), "'id' is not a key of this format"),
    ("unknown_key", "st-pair", lines({"anchor": "a", "positive": "b", "source": "c"}), "'source'"),
    ("wrong_type", "flagembedding", lines(FLAG | {"pos": "a"}), "pos is 'a', but must be a list"),
    ("wrong_type", "st-kd", lines(KD | {"scores": [1, 2, True]}), "scores[2] is true, but must be a number"),
    ("wrong_value", "openai-chat", lines(said(("boss", "do"), ("assistant", "done"))), "messages[0].role is 'boss'"),
    ("wrong_value", "st-labeled-pair", lines({"anchor": "a", "document": "b", "label": 2}), "one of 0, 1"),
    ("empty", "openai-chat", lines(said(("user", "why?"), ("assistant", " \n"))), "messages[1].content is empty"),
    ("empty", "openai-chat", lines(parts({"type": "text", "text": ""})), "messages[0].content[0].text is empty"),
    ("missing_key", "openai-chat", lines(parts({"type": "text"})), "there is no 'text' in messages[0].content[0]"),
    ("missing_key", "openai-chat", lines(parts({"text": "a"})), "there is no 'type' in messages[0].content[0]"),
    ("wrong_type", "openai-chat", lines(parts("a")), "messages[0].content[0] is 'a', but must be a JSON object"),
    ("wrong_value", "openai-chat", lines(parts({"type": "txt", "text": "a"})), "messages[0].content[0].type is 'txt'"),
    ("wrong_type", "my_formats:poems", {"train.jsonl": b"3\n"}, "the row is 3, but must be a JSON object"),
    ("empty", "flagembedding", lines(FLAG | {"neg": []}), "neg has 0 entries"),
    ("half_character", "st-pair", {"train.jsonl": b'{"anchor": "\\ud83d", "positive": "b"}\n'}, "line 1"),
    ("roles", "openai-chat", lines(said(("user", "why?"))), "no message is the assistant's"),
    ("roles", "openai-chat", lines(said(("user", "a"), ("assistant", "b"), ("user", "c"))), "the last message is the user's"),
    (
        "roles",
        "openai-chat",
        lines(said(("user", "a"), ("system", "b"), ("assistant", "c"))),
        "a system message is not the first message",
    ),
    (
        "roles",
        "sharegpt",
        lines({"conversations": [{"from": "gpt", "value": "a"}, {"from": "human", "value": "b"}]}),
        "take turns",
    ),
    ("roles", "sharegpt", lines({"conversations": [{"from": "human", "value": "a"}]}), "take turns"),
    (
        "tool_calls",
        "openai-chat",
        lines(
            {
                "messages": [
                    {"role": "user", "content": "a"},
                    {"role": "tool", "content": "b"},
                    {"role": "assistant", "content": "c"},
                ]
            }
        ),
        "no tool_call_id",
    ),
    ("no_preference", "openai-dpo", lines(DPO | {"non_preferred_output": DPO["preferred_output"]}), "the same"),
    ("no_preference", "trl-preference", lines({"prompt": "why?", "chosen": "a", "rejected": "a"}), "the same"),
    ("misaligned", "st-kd", lines(KD | {"scores": [1.0, 0.5]}), "2 scores for 3 passages"),
    ("misaligned", "flagembedding", lines(FLAG | {"pos_scores": [1], "neg_scores": [0.5]}), "1 neg_scores for 2 passages"),
    (
        "misaligned",
        "raft",
        lines(RAFT | {"context": {"title": [["t"]], "sentences": [["a", "b"]]}}),
        "1 titles for 2 documents",
    ),
    (
        "uneven_columns",
        "st-kd",
        lines(KD, {k: v for k, v in SECOND.items() if k != "negative_2"} | {"scores": [1, 0]}),
        "line 2",
    ),
    (
        "uneven_columns",
        "flagembedding",
        lines(FLAG, FLAG | {"query": "who?", "pos_scores": [1], "neg_scores": [0, 0]}),
        "neg_scores",
    ),
    ("same_passage", "st-triplet", lines({"anchor": "a", "positive": "b", "negative": "b"}), "among the negatives"),
    ("same_passage", "tevatron", lines(TEVATRON | {"negative_passages": TEVATRON["positive_passages"]}), "among the negatives"),
    ("oracle_position", "raft", lines(RAFT | {"oracle_position": 0}), "document 0 is not the oracle"),
    ("oracle_position", "raft", lines(RAFT | {"oracle_position": None}), "oracle_mode is oracle"),
    ("oracle_position", "raft", lines(RAFT | {"oracle_position": None, "oracle_mode": "abstain"}), "the oracle is document 1"),
    ("layout", "raft", lines(RAFT | {"instruction": "<DOCUMENT>b</DOCUMENT>\n<DOCUMENT>a</DOCUMENT>\nwhy?"}), "line 1"),
    ("repeated_id", "beir", beir(CORPUS + CORPUS.replace(b'"a"', b'"b"')), "'d1' is used by an earlier row"),
    ("repeated_id", "tevatron", lines(TEVATRON, TEVATRON | {"query": "who?"}), "'q1'"),
    ("unknown_id", "beir", beir(judged=b"q1\td1\t1\nq1\td9\t1\n"), "qrels/test.tsv, line 3: 'd9' is not in corpus"),
    ("unknown_id", "tevatron", {**lines(TEVATRON), "corpus.jsonl": b'{"docid": "d1", "title": "", "text": "a"}\n'}, "'d2'"),
    ("unsafe_id", "beir", beir(CORPUS + b'{"_id": "d\\t2", "title": "", "text": "b"}\n'), "'d\\t2'"),
    ("missing_key", "beir", beir(judged=b"q1\td1\n"), "qrels/test.tsv, line 2: there is no 'score'"),
    ("file_too_large", "openai-chat", lines(*[CHAT] * 3), "its reader takes at most 200"),
    ("few_examples", "openai-chat", lines(CHAT), "only 1 row: OpenAI"),
    ("too_long", "openai-chat", lines(said(("user", "why? " * 300), ("assistant", "because"))), "training uses at most 100"),
    ("too_long", "instruction-text", lines({"text": "why? " * 300}), "601 tokens, but training uses at most 100"),
    ("duplicate", "st-pair", lines(*[{"anchor": "a", "positive": "b"}] * 2), "line 2: this row is also line 1 of train.jsonl"),
    (
        "in_two_splits",
        "st-pair",
        {**lines({"anchor": "a", "positive": "b"}), "dev.jsonl": json_line({"anchor": "a", "positive": "b"})},
        "dev",
    ),
    ("contradiction", "st-labeled-pair", lines(*({"anchor": "a", "document": "b", "label": n} for n in (1, 0))), "label 1"),
    ("roles", "openai-chat", lines({"messages": [CHAT["messages"][0] | {"weight": 1}, CHAT["messages"][1]]}), "has a weight"),
    ("not_alternating", "openai-chat", lines(said(("user", "a"), ("user", "b"), ("assistant", "c"))), "do not alternate"),
    (
        "mixed_keys",
        "alpaca",
        lines(*({"instruction": "a", "output": "b"} | extra for extra in ({}, {"system": "c"}))),
        "'system'",
    ),
    ("mixed_keys", "my_formats:poems", lines({"a": 1}, {"b": 1}), "'a', 'b'"),
    ("unjudged_query", "beir", beir(queries=QUERIES + b'{"_id": "q2", "text": "who?"}\n'), "'q2'"),
    ("byte_order_mark", "st-pair", {"train.jsonl": b'\xef\xbb\xbf{"anchor": "a", "positive": "b"}\n'}, "line 1"),
    ("line_separator", "st-pair", {"train.jsonl": '{"anchor": "a\u2028", "positive": "b"}\n'.encode()}, "line 1"),
]


@pytest.mark.parametrize(("rule", "format", "files", "message"), FAULTS)
def test_a_rule_finds_its_fault_and_says_where(
    rule: str, format: str, files: dict[str, bytes], message: str, tmp_path: Path
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    found = checked(format, tmp_path, service=Service(max_tokens=100), max_bytes=200 if rule == "file_too_large" else None)
    kind = found.errors if RULES[rule][0] == "error" else found.warnings
    assert kind[rule] == 1, found
    [problem] = [problem for problem in found.problems if problem.rule == rule]
    assert message in f"{place(problem.file, problem.line)}: {problem.message}"
    if RULES[rule][0] == "warning":
        assert found.errors == {}


def test_every_format_has_rules_of_its_own() -> None:
    assert formats_with_rules() == set(FORMATS)


def test_a_models_own_limit_is_no_limit_of_formats_for_other_models(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(json_line({"text": "why? " * 10_000}))
    assert checked("instruction-text", tmp_path, service=Service("gpt-3.5-turbo")).warnings == {}


def test_every_rule_has_a_fault_that_it_finds_and_a_good_row_has_none(tmp_path: Path) -> None:
    assert {rule for rule, *_ in FAULTS} == set(RULES)
    good = {"openai-chat": CHAT, "openai-dpo": DPO, "st-kd": KD, "flagembedding": FLAG, "tevatron": TEVATRON, "raft": RAFT}
    for format, row in good.items():
        (tmp_path / "train.jsonl").write_bytes(json_line(row))
        found = checked(format, tmp_path)
        assert (found.errors, set(found.warnings) - {"few_examples"}, found.rows) == ({}, set(), {"train.jsonl": 1})


@pytest.mark.parametrize(
    "row",
    [
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "a"}]},
                {"role": "assistant", "content": "b", "weight": 0},
            ]
        },
        {
            "messages": [
                {"role": "developer", "content": "a"},
                {"role": "user", "content": "b", "name": "Ann"},
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                },
                {"role": "tool", "tool_call_id": "1", "content": "c"},
                {"role": "assistant", "content": "d"},
            ],
            "tools": [{"type": "function", "function": {"name": "f"}}],
            "parallel_tool_calls": False,
        },
    ],
)
def test_chat_files_may_have_all_that_the_service_takes(row: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(json_line(row))
    found = check("openai-chat", {"a.jsonl": tmp_path / "a.jsonl"})
    assert (found.errors, set(found.warnings)) == ({}, {"few_examples"})


def test_rows_of_the_raft_script_need_no_position_and_may_be_flat(tmp_path: Path) -> None:
    flat = {k: v for k, v in RAFT.items() if not k.startswith("oracle_")} | {"oracle_context": "b"}
    (tmp_path / "train.jsonl").write_bytes(json_line(flat | {"context": {"title": ["t", "u"], "sentences": ["a", "b"]}}))
    assert checked("raft", tmp_path).errors == {}


def test_renamed_fields_are_known_by_the_formats_options(tmp_path: Path) -> None:
    options = {"column": "turns", "role": "who", "content": "says", "human": "user", "model": "bot", "system": ""}
    export(ROWS, CONTEXT, "sharegpt", tmp_path / "out", options=options)
    assert checked("sharegpt", tmp_path / "out", options=options).errors == {}
    assert checked("sharegpt", tmp_path / "out").errors == {"missing_key": 32, "unknown_key": 32}


@pytest.mark.parametrize("format", ["prompt-completion", "instruction-text", "corpus-text", "sharegpt"])
def test_names_in_a_row_have_their_defaults_from_the_exporter_alone(format: str) -> None:
    with pytest.raises(TypeError, match="missing"):
        rules_of(format, {})
    assert rules_of(format, format_options(format)).files


def test_the_first_of_each_problem_are_shown_and_all_are_counted(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(b"nonsense\n" * 1_000)
    found = checked("st-pair", tmp_path)
    assert found.errors == {"no_rows": 1, "not_json": 1_000}
    assert [problem.line for problem in found.problems if problem.rule == "not_json"] == list(range(1, 11))


# --- files of limited size


def test_a_file_is_cut_before_it_is_too_large_and_nothing_is_lost(tmp_path: Path) -> None:
    whole = export(ROWS, CONTEXT, "openai-chat", tmp_path / "whole")
    cut = export(ROWS, CONTEXT, "openai-chat", tmp_path / "cut", max_bytes=2_000)
    parts = [name for name in cut.files if name.startswith("train")]
    assert parts[:2] == ["train.jsonl", "train-2.jsonl"]
    assert len(parts) > 2
    written = {name: (tmp_path / "cut" / name).read_bytes() for name in cut.files}
    assert all(0 < len(content) <= 2_000 for content in written.values())
    assert {name: content.count(b"\n") for name, content in written.items()} == cut.files
    for split in ("train", "dev", "test"):
        joined = b"".join(content for name, content in written.items() if name.startswith(split))
        assert joined == (tmp_path / "whole" / f"{split}.jsonl").read_bytes()
    assert sum(cut.files.values()) == sum(whole.files.values())
    largest = max(map(len, written["train.jsonl"].splitlines(keepends=True)))
    tight = export(ROWS, CONTEXT, "openai-chat", tmp_path / "tight", max_bytes=largest - 1)
    assert set(tight.files.values()) == {1}, "a row that is too large by itself has a file of its own"
    assert "file_too_large" in checked("openai-chat", tmp_path / "tight", max_bytes=largest - 1).errors


def test_parts_of_a_split_are_one_file_to_the_rules(tmp_path: Path) -> None:
    for name in ("train.jsonl", "train-2.jsonl"):
        (tmp_path / name).write_bytes(b'{"anchor": "a", "positive": "b"}\n')
    found = checked("st-pair", tmp_path)
    assert found.warnings == {"duplicate": 1}


def test_examples_of_a_split_are_counted_together(tmp_path: Path) -> None:
    for number, name in enumerate(["train.jsonl", "train-2.jsonl", "dev.jsonl", "dev-2.jsonl"]):
        rows = [said(("user", f"{number} {n}"), ("assistant", "ok")) for n in range(6 if "train" in name else 4)]
        (tmp_path / name).write_bytes(b"".join(map(json_line, rows)))
    found = checked("openai-chat", tmp_path)
    assert found.warnings == {"few_examples": 1}
    assert found.problems[0].file.startswith("dev")
    assert "only 8 rows" in found.problems[0].message


def test_the_fine_tuning_formats_have_the_limit_of_their_service() -> None:
    limited = {name for name, entry in FORMATS.items() if entry.max_bytes == 512_000_000}
    assert {"openai-chat", "openai-dpo", "raft-chat", "classification-chat"} <= limited


# --- what training would take


def tokens_of(messages: Sequence[Mapping[str, Any]]) -> int:
    """The rule of OpenAI's cookbook, written down once more."""
    import tiktoken

    from synthgen.text.tokenizer import get_tokenizer

    encoding: tiktoken.Encoding = get_tokenizer("gpt-4o-mini")._encoding
    total = 0
    for message in messages:
        total += 3
        for key, value in message.items():
            if isinstance(value, str):
                total += len(encoding.encode(value, disallowed_special=()))
            if key == "name":
                total += 1
    return total + 3


def test_tokens_are_counted_by_the_rule_of_the_cookbook(tmp_path: Path) -> None:
    rows = [said(("system", "Be brief."), ("user", text), ("assistant", f"{text[:9]}.")) for text in STRANGE] + [
        {"messages": [{"role": "user", "content": "hi", "name": "Ann"}, {"role": "assistant", "content": "ho"}]}
    ]
    (tmp_path / "train.jsonl").write_bytes(b"".join(map(json_line, rows)))
    (tmp_path / "dev.jsonl").write_bytes(json_line(CHAT) * 9)
    training = checked("openai-chat", tmp_path, service=Service("gpt-4o-mini-2024-07-18")).training
    counted = [tokens_of(row["messages"]) for row in rows]
    assert training["tokens"] == sum(counted)
    assert (training["examples"], training["epochs"], training["estimated"]) == (9, 11, False)
    assert training["billed_tokens"] == 11 * sum(counted)
    limit = sorted(counted)[4]
    cut = checked("openai-chat", tmp_path, service=Service("gpt-4o-mini-2024-07-18", max_tokens=limit))
    assert cut.training["tokens"] == sum(min(tokens, limit) for tokens in counted)
    assert cut.warnings["too_long"] == sum(tokens > limit for tokens in counted)


def test_parts_of_content_and_calls_of_tools_are_counted_by_their_texts(tmp_path: Path) -> None:
    from synthgen.text.tokenizer import get_tokenizer

    count = get_tokenizer("gpt-4o-mini").count
    plain = said(("user", "Why is it cold? " * 40), ("assistant", "because"))
    parted = {"type": "text", "text": "Why is it cold? " * 40}, {"type": "image_url", "image_url": {"url": "data:,AAAA"}}
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"place": "Oslo"}'}}
    rows = {
        "plain": plain,
        "parted": {"messages": [{"role": "user", "content": list(parted)}, plain["messages"][1]]},
        "called": {"messages": [plain["messages"][0], {"role": "assistant", "tool_calls": [call]}]},
    }
    expected = {name: tokens_of(plain["messages"]) for name in rows}
    expected["called"] += count("weather") + count('{"place": "Oslo"}') - count("because")
    for name, row in rows.items():
        (tmp_path / f"{name}.jsonl").write_bytes(json_line(row))
        found = check("openai-chat", {name: tmp_path / f"{name}.jsonl"}, service=Service("gpt-4o-mini", max_tokens=100))
        assert (found.errors, found.warnings["too_long"]) == ({}, 1)
        assert f"{expected[name]} tokens" in next(str(p) for p in found.problems if p.rule == "too_long")
        whole = check("openai-chat", {name: tmp_path / f"{name}.jsonl"}, service=Service("gpt-4o-mini"))
        assert whole.training["tokens"] == expected[name]


def test_both_sides_of_a_preference_are_counted(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(json_line(DPO))
    sides = [*DPO["input"]["messages"], *DPO["preferred_output"], *DPO["non_preferred_output"]]
    assert checked("openai-dpo", tmp_path).training["tokens"] == tokens_of(sides)


def test_a_long_file_is_estimated_from_a_part_and_says_so(tmp_path: Path) -> None:
    rows = [said(("user", f"{n} {STRANGE[n % len(STRANGE)]}" * (1 + n % 5)), ("assistant", "because")) for n in range(25_000)]
    (tmp_path / "train.jsonl").write_bytes(b"".join(map(json_line, rows)))
    training = checked("openai-chat", tmp_path).training
    assert training["estimated"]
    assert training["tokens"] == pytest.approx(sum(tokens_of(row["messages"]) for row in rows), rel=0.02)


@pytest.mark.parametrize(
    ("examples", "passes"), [(1, 25), (10, 10), (33, 3), (34, 3), (8_333, 3), (8_334, 2), (20_000, 1), (90_000, 1)]
)
def test_default_epochs_are_those_of_the_cookbook(examples: int, passes: int) -> None:
    from synthgen.exporters.validation.fine_tuning import epochs

    assert epochs(examples) == passes


def test_an_unknown_price_is_said_and_a_known_one_is_multiplied(tmp_path: Path) -> None:
    from synthgen.llm.costs.prices import load_prices

    (tmp_path / "train.jsonl").write_bytes(json_line(CHAT) * 100)
    table = tmp_path / "prices.yaml"
    table.write_text("dated: 2026-11-01\nmodels:\n  gpt-4o-mini: {input: 0.3, output: 1.2, training: 3.0}\n")
    model = "gpt-4o-mini-2024-07-18"
    unknown = checked("openai-chat", tmp_path, service=Service(model, prices=load_prices())).training
    known = checked("openai-chat", tmp_path, service=Service(model, prices=load_prices(table))).training
    assert unknown["dollars"] is None
    assert unknown["max_tokens"] == 65_536
    assert known["dollars"] == pytest.approx(known["tokens"] * 3 * 3.0 / 1e6)
    assert known["prices_dated"] == "2026-11-01"
    assert known["model_ends"] == "2027-01-14"
    assert any(notice["announced"] == "2026-05-07" and "2027-01-06" in notice["text"] for notice in known["notices"])


def test_of_a_model_that_is_not_known_nothing_is_claimed(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(json_line(CHAT))
    training = checked("openai-chat", tmp_path, service=Service("my-own-model")).training
    assert (training["max_tokens"], training["dollars"], training["model_ends"], training["estimated"]) == (
        None,
        None,
        None,
        True,
    )


def test_formats_for_other_readers_have_no_bill(tmp_path: Path) -> None:
    for format in ("trl-messages", "st-pair", "raft"):
        export(ROWS, CONTEXT, format, tmp_path / format)
        assert checked(format, tmp_path / format).training == {}


# --- a run, and the command line


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from support.run_files import RIVERS

    from synthgen.config.settings import Config
    from synthgen.pipeline.import_run import import_rows

    folder = tmp_path_factory.mktemp("validators")
    rows = [
        {
            "query": f"How {what} the {river}?",
            "answer": answer,
            "context": f"The {river} is {n} miles long. It has {n + 3} bridges.",
        }
        for n, river in enumerate(RIVERS * 3, 11)
        for what, answer in ((f"long, of {n}, is", f"{n} miles"), (f"often, of {n}, is a bridge over", f"{n + 3} bridges"))
    ]
    (folder / "rows.jsonl").write_bytes(b"".join(map(json_line, rows)))
    settings = {
        "training": {"enabled": False},
        "exports": {"formats": ["st-pair", "openai-chat"]},
        "filters": {"order": ["format"]},
    }
    import_rows(folder / "rows.jsonl", "-", folder / "run", config=Config.build(settings))
    return folder / "run"


def synthgen(*arguments: Any) -> Any:
    from typer.testing import CliRunner

    from synthgen.cli.main import app

    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_run_reports_the_checks_of_its_exports(run: Path) -> None:
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    for name in ("st-pair", "openai-chat"):
        checks = report["exports"][name]["checks"]
        assert checks["errors"] == {}
        assert checks["rows"] == {file: n for file, n in report["exports"][name]["files"].items() if n}
    assert report["exports"]["openai-chat"]["checks"]["training"]["tokens"] > 0
    assert report["exports"]["openai-chat"]["checks"]["warnings"].keys() <= {"few_examples"}


def test_export_tells_what_training_would_take_and_the_notice(run: Path) -> None:
    told = synthgen("export", run, "-f", "openai-chat")
    assert told.exit_code == 0
    assert "epochs by default" in told.output
    assert "price unknown" in told.output
    assert "1 notice of the service" in told.output
    assert "training" not in synthgen("export", run, "-f", "st-pair").output


def test_check_reads_a_file_made_elsewhere(run: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.jsonl"
    mine.write_bytes(json_line(CHAT) * 12 + json_line({"messages": []}))
    told = synthgen("export", run, "-f", "openai-chat", "--check", mine)
    assert told.exit_code == 1
    assert "mine.jsonl, line 13: error: messages has 0 entries" in told.output
    assert "11 warnings (duplicate 11)" in told.output
    as_json = synthgen("export", run, "-f", "openai-chat", "--check", mine, "--json")
    assert as_json.exit_code == 1
    assert json.loads(as_json.output)["errors"] == {"empty": 1}
    mine.write_bytes(b"".join(json_line(said(("user", str(n)), ("assistant", "ok"))) for n in range(12)))
    told = synthgen("export", run, "-f", "openai-chat", "--check", mine)
    assert (told.exit_code, "nothing is wrong" in told.output) == (0, True)
    limited = synthgen("export", run, "-f", "openai-chat", "--check", mine, "--set", "exports.max_tokens=5")
    assert "too_long 12" in limited.output
    assert limited.exit_code == 0


def test_check_reads_a_folder_of_splits_together(run: Path, tmp_path: Path) -> None:
    for name in ("train", "validation"):
        (tmp_path / f"{name}.jsonl").write_bytes(b'{"anchor": "a", "positive": "b"}\n')
    assert "in_two_splits 1" in synthgen("export", run, "-f", "st-pair", "--check", tmp_path).output


def test_check_reads_judgments_alone(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judgments = tmp_path / "qrels" / "test.tsv"
    judgments.parent.mkdir()
    judgments.write_bytes(HEADER + b"q1\td1\t1\nq1\td2\tmuch\n")
    monkeypatch.chdir(judgments.parent)
    for path in (judgments, judgments.parent, "test.tsv", "."):
        told = synthgen("export", run, "-f", "beir", "--check", path)
        assert told.exit_code == 1
        assert "qrels/test.tsv, line 3: error: score is 'much'" in told.output, told.output
    judgments.write_bytes(HEADER + b"q1\td1\t1\n")
    assert "1 row of beir; nothing is wrong" in synthgen("export", run, "-f", "beir", "--check", judgments).output


def test_check_says_what_it_cannot_check(run: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.jsonl").write_text("{}\n")
    for format, path, message in [
        ("st-pair", tmp_path / "gone.jsonl", "does not exist"),
        ("st-pair", tmp_path / "empty", "has no .jsonl file"),
        ("st-pear", tmp_path / "a.jsonl", "no format called 'st-pear'"),
        ("beir", tmp_path / "a.jsonl", "a.jsonl is not a file of this format"),
        ("beir", tmp_path / "a.jsonl", "Give a file with such a name, or the folder that contains them."),
    ]:
        told = synthgen("export", run, "-f", format, "--check", path)
        assert (told.exit_code, message in told.output) == (1, True), told.output


def nothing_positive(triples: Sequence[Triple], context: ExportContext) -> Iterator[dict[str, str]]:
    for n, row in enumerate(triples):
        yield {"anchor": row.query, "positive": "" if n == 1 else "text"}


def half(triples: Sequence[Triple], context: ExportContext) -> Iterator[dict[str, str]]:
    yield {"poem": "\ud83d"}


def test_a_fault_of_our_own_is_loud(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from synthgen.exporters import export as exporters
    from synthgen.pipeline.refilter import refilter

    monkeypatch.setitem(sys.modules, "my_formats", sys.modules[__name__])
    path = "my_formats:nothing_positive"
    monkeypatch.setitem(exporters.FORMATS, "st-pair", exporters.FORMATS["st-pair"]._replace(path=path))  # type: ignore[attr-defined]
    for output in ([], ["-o", tmp_path / "pairs.jsonl"]):
        told = synthgen("export", run, "-f", "st-pair", *output)
        assert told.exit_code == 1
        assert "line 2: positive is empty (empty " in told.output
    report = refilter(run)
    assert any("exports/st-pair must not be used as it is: train.jsonl, line 2" in note for note in report["notes"])
    assert report["exports"]["st-pair"]["checks"]["errors"]["empty"] >= 1


def test_half_a_character_ends_in_a_sentence(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "my_formats", sys.modules[__name__])
    told = synthgen("export", run, "-f", "my_formats:half", "-o", tmp_path / "out")
    assert (told.exit_code, "cannot be written as JSON" in told.output) == (1, True), told.output
    assert not (tmp_path / "out").exists()


def test_an_export_may_replace_its_own_parts_and_companions_and_nothing_else(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for format, settings in (("st-pair", "exports.max_bytes=300"), ("sharegpt", "seed=0"), ("sharegpt", "seed=0")):
        assert synthgen("export", run, "-f", format, "-o", out, "--set", settings).exit_code == 0
        assert (out / "train-2.jsonl").exists() == (format == "st-pair")
    (out / "README.md").write_text("mine")
    told = synthgen("export", run, "-f", "sharegpt", "-o", out)
    assert (told.exit_code, "README.md, which synthgen did not write" in told.output) == (1, True)


def test_list_formats_says_in_a_line_who_reads_each() -> None:
    told = synthgen("list", "formats").output.splitlines()
    first = told[: told.index("")]
    assert [line.split()[0] for line in first] == list(FORMATS)
    assert all(line.endswith(FORMATS[line.split()[0]].reads) for line in first)
