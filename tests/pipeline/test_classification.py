"""Texts with labels: imported, split, filtered and exported as conversations, and never taken for questions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.run_files import outputs
from typer.testing import CliRunner

from synthgen.cli.main import app
from synthgen.config.settings import load_config
from synthgen.errors import ConfigError, EmptyResultError, InputError, RunFolderError
from synthgen.importers.classification import read_labelled
from synthgen.pipeline import run as pipeline
from synthgen.pipeline.export import export
from synthgen.pipeline.import_run import import_rows, parse_mapping
from synthgen.pipeline.run_folder import RunFolder
from synthgen.records import Rejection, Triple, digest

WORDS = [
    "invoice",
    "parcel",
    "password",
    "refund",
    "screen",
    "battery",
    "manual",
    "order",
    "account",
    "printer",
    "cable",
    "drawer",
    "hinge",
    "lamp",
    "router",
]
COMPLAINTS = {
    "billing": "I was charged twice for my {}, says {}",
    "delivery": "Where is my {}?\n\nIt was due, and {} is waiting.",
    "technik": "Mein {} geht nicht mehr an, sagt {}",
    "故障": "我的{}坏了，{}天没有回音。",
    "خلل": "توقف {} عن العمل منذ {} أيام",
}
MARKS = 'It says "{error}",\tthen </DOCUMENT>, then\u2028nothing.'


def complaints(of_each: int = 30) -> list[dict[str, Any]]:
    """Texts that share few words, each with its label."""
    rows = []
    for number in range(of_each):
        for at, (label, form) in enumerate(COMPLAINTS.items()):
            some = [WORDS[(number * step + at) % len(WORDS)] + str(number * step) for step in (1, 2, 4, 7)]
            rows.append({"text": form.format(some[0], " ".join(some[1:])), "label": label})
    return [*rows, {"text": MARKS, "label": "technik", "ticket": 7}]


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def imported(tmp_path: Path, rows: Iterable[Mapping[str, Any]], **more: Any) -> pipeline.Result:
    return import_rows(write(tmp_path / "rows.jsonl", rows), "-", tmp_path / "run", kind="classification", **more)


def shown(tmp_path: Path, split: str = "train") -> list[tuple[str, str, str]]:
    lines = (tmp_path / "run/exports/classification-chat" / f"{split}.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    return [tuple(message["content"] for message in json.loads(line)["messages"]) for line in lines]  # type: ignore[misc]


def test_texts_become_conversations_and_counts_add_up(tmp_path: Path) -> None:
    rows = complaints()
    result = imported(tmp_path, rows)
    found = [row for split in ("train", "dev", "test") for row in shown(tmp_path, split)]
    assert Counter((text, label) for _, text, label in found) == Counter((row["text"], row["label"]) for row in rows)
    listed = "\n".join(f"- {label}" for label in sorted(COMPLAINTS))
    assert {system for system, _, _ in found} == {
        f"Classify the text. Answer with one of these labels and nothing else:\n{listed}"
    }
    assert result.report["rows"]["kept"] == len(rows) == result.report["generation"]["candidates"]
    assert [stage["stage"] for stage in result.report["funnel"]] == ["format", "leaks", "exact_duplicates"]
    assert set(result.report["exports"]) == {"classification-chat"}
    assert result.report["training"] is None
    assert result.report["lexical_bias"] == {}
    assert "so there is no search to train or to measure" in result.report.unmeasured
    for row in result.kept:
        assert (row.kind, row.distractors, row.generator) == ("classification", (), "import")
        assert result.chunks[row.chunk_id].text == row.query
    [marked] = [row for row in result.kept if row.query == MARKS]
    assert marked.metadata == {"ticket": 7}
    assert not (tmp_path / "run/model").exists()


def test_the_same_texts_give_the_same_run(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        imported(tmp_path / name, complaints())
    assert outputs(tmp_path / "one" / "run") == outputs(tmp_path / "two" / "run")


def test_nearly_the_same_texts_are_in_one_split(tmp_path: Path) -> None:
    long = [{"text": " ".join(f"{w}{n}" for w in WORDS), "label": "a"} for n in range(60)]
    twins = [{"text": row["text"] + " now", "label": "a"} for row in long]
    result = imported(tmp_path, [*long, *twins])
    splits = {row.query: row.split for row in result.kept}
    assert len(splits) == 120
    assert all(splits[row["text"]] == splits[row["text"] + " now"] for row in long)
    assert set(splits.values()) == {"train", "dev", "test"}


def test_a_text_with_two_labels_is_no_row_and_a_repeated_one_is_there_once(tmp_path: Path) -> None:
    rows = [
        *complaints(),
        {"text": "It hums.", "label": "noise"},
        {"text": "It  HUMS", "label": "music"},
        {"text": "It rattles.", "label": "noise"},
        {"text": "It rattles", "label": "Noise"},
        {"text": "It rattles.", "label": "noise"},
        {"text": "It whistles.", "label": "noise", "reviewed": True},
        {"text": "It whistles.", "label": "music"},
    ]
    result = imported(tmp_path, rows)
    reasons = Counter(f"{r.stage}:{r.reason}" for r in result.rejected)
    assert reasons == {"exact_duplicates:conflicting_labels": 3, "exact_duplicates:same_answer": 2}
    kept = {row.query: row for row in result.kept}
    assert len(result.kept) + len(result.rejected) == len(rows)
    assert "It hums." not in kept
    assert kept["It whistles."].answer == "noise"  # a human has read it
    assert kept["It whistles."].flags == ("exact_duplicates:conflicting_labels",)
    assert len([query for query in kept if query.startswith("It rattles")]) == 1


def test_rows_without_text_or_label_are_counted(tmp_path: Path) -> None:
    unusable = {
        "no_text": [{"text": " ", "label": "a"}, {"text": None, "label": "a"}],
        "no_label": [{"text": "x1", "label": ""}, {"text": "x2"}, {"text": "x3", "label": float("nan")}],
        "bad_row": [{"text": 5, "label": "a"}, {"text": "x4", "label": ["a", "b"]}, {"text": "x5", "label": {}}, ["x6"]],
    }
    result = imported(tmp_path, [*complaints(), *(row for rows in unusable.values() for row in rows)])  # type: ignore[list-item]
    assert result.report["import"]["skipped"] == {reason: len(rows) for reason, rows in sorted(unusable.items())}
    assert result.report["import"]["rows"] == len(complaints()) + 9
    assert result.report["rows"]["kept"] == len(complaints())
    skipped = [skip for skip in RunFolder(tmp_path / "run").read("skipped") if skip.stage == "import"]
    assert len(skipped) == 9


@pytest.mark.parametrize(
    ("label", "read"), [(3, "3"), (True, "true"), (["a"], "a"), (" two\n words ", "two words"), (0, "0"), ("好评", "好评")]
)
def test_labels_are_short_texts(label: Any, read: str, tmp_path: Path) -> None:
    [row], skipped, _ = read_labelled(write(tmp_path / "rows.jsonl", [{"text": " A text.\n", "label": label, "context": "x"}]))
    assert (row.query, row.answer, row.context, row.kind) == ("A text.", read, "A text.", "classification")
    assert row.metadata == {"context": "x"}
    assert not skipped


def test_columns_of_other_names_are_mapped(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("review;stars;text\nGood pump;5;ignored\nBad pump;1;ignored\n", encoding="utf-8")
    rows, _, taken = read_labelled(path, {"text": "review", "label": "stars"})
    assert [(row.query, row.answer, row.metadata) for row in rows] == [
        ("Good pump", "5", {"text": "ignored"}),
        ("Bad pump", "1", {"text": "ignored"}),
    ]
    assert taken.to_dict() == {
        "format": "csv",
        "rows": 2,
        "columns": {"query": {"review": 2}, "answer": {"stars": 2}},
        "metadata": ["text"],
    }


def test_what_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [{"texts": "a", "label": "b"}])
    with pytest.raises(ConfigError, match=r"no column 'text' for the text. Did you mean 'texts'\?.*--map text=COLUMN"):
        read_labelled(path)
    with pytest.raises(ConfigError, match="no column 'lable' for the label"):
        read_labelled(path, {"text": "texts", "label": "lable"})
    with pytest.raises(ConfigError, match="cannot be mapped to 'query' for rows that are labelled texts. Allowed: text, label"):
        parse_mapping(["query=texts"], "classification")
    with pytest.raises(ConfigError, match=r"kind 'clasification'. Did you mean 'classification'\?"):
        import_rows(path, "-", tmp_path / "run", kind="clasification")
    with pytest.raises(InputError, match="has no row"):
        read_labelled(write(tmp_path / "empty.jsonl", []))


def test_texts_that_are_measured_on_are_not_kept(tmp_path: Path) -> None:
    rows = complaints()
    queries = tmp_path / "beir"
    (queries / "qrels").mkdir(parents=True)
    write(queries / "queries.jsonl", [{"_id": "q", "text": rows[0]["text"].upper()}])
    document = f"context/{digest(rows[1]['text'])[:16]}"
    (queries / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\nq\t{document}\t1\n", encoding="utf-8")
    result = imported(tmp_path, rows, queries=queries)
    assert [(r.stage, r.reason, r.triple.query) for r in result.rejected] == [("leaks", "eval_query", rows[0]["text"])]


def test_with_documents_a_text_is_kept_where_it_stands(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for row in complaints():
        (docs / f"{len(list(docs.iterdir()))}.txt").write_text(f"Ticket\n\n{row['text']}\n\nEnd of ticket.", encoding="utf-8")
    path = write(tmp_path / "rows.jsonl", [*complaints(), {"text": "It stands nowhere at all.", "label": "a"}])
    result = import_rows(path, docs, tmp_path / "run", kind="classification")
    assert result.report["import"]["skipped"] == {"not_found": 1}
    assert {result.chunks[row.chunk_id].document_id.rpartition(".")[2] for row in result.kept} == {"txt"}
    assert len(result.kept) == len(complaints())


def test_formats_and_filters_that_are_named_stay(tmp_path: Path) -> None:
    config = load_config(settings=["exports.formats=[classification-chat, openai-chat, corpus-text]", "filters.order=[format]"])
    rows = [*complaints(), {"text": "It hums.", "label": "noise"}, {"text": "It hums.", "label": "music"}]
    report = imported(tmp_path, rows, config=config).report
    assert [stage["stage"] for stage in report["funnel"]] == ["format"]
    assert report["exports"]["openai-chat"]["left_out"] == {"no_question": len(rows)}
    assert sum(report["exports"]["classification-chat"]["files"].values()) == len(rows)
    assert sum(report["exports"]["corpus-text"]["files"].values()) >= 3


def test_what_only_questions_can_have_is_off_whatever_the_settings_say(tmp_path: Path) -> None:
    config = load_config(
        settings=["answers.styles=[expert]", "answers.model=openai/m", "distractors.num=3", "training.enabled=true"]
    )
    result = imported(tmp_path, complaints(), config=config)
    assert (result.report["answers"], result.report["training"], result.report["distractors"]["found"]) == ({}, None, {})
    assert not any(row.distractors for row in result.kept)


def test_the_same_file_is_not_taken_for_questions_by_mistake(tmp_path: Path) -> None:
    rows = [{**row, "query": row["text"], "context": row["text"]} for row in complaints()]
    imported(tmp_path, rows)
    with pytest.raises(RunFolderError, match="is taken for rows of another kind"):
        import_rows(tmp_path / "rows.jsonl", "-", tmp_path / "run")
    imported(tmp_path, rows)


def test_every_verb_knows_such_rows(tmp_path: Path) -> None:
    path, run = (
        write(tmp_path / "rows.jsonl", [*complaints(), *({"text": "It hums.", "label": one} for one in "ab")]),
        tmp_path / "run",
    )
    runner = CliRunner()

    def synthgen(*args: object) -> tuple[int, str]:
        done = runner.invoke(app, [str(arg) for arg in args], env={"COLUMNS": "300"})
        return done.exit_code, done.output

    code, told = synthgen("import", path, "-", run, "--kind", "classification")
    assert code == 0
    assert "conflicting_labels 2" in told
    code, told = synthgen("status", run)
    assert code == 0
    assert f"{len(complaints()):,} rows kept" in told
    code, told = synthgen("show", run, "-n", 1)
    assert code == 0
    assert "label    " in told
    assert "query" not in told
    code, told = synthgen("show", run, "--rejected")
    assert "rejected exact_duplicates: conflicting_labels" in told
    code, told = synthgen("filter", run, "--set", "filters.order=[format]")
    assert code == 0
    assert "no search to train or to measure" in told
    code, told = synthgen("export", run, "-f", "st-pair", "-o", "-")
    assert (code, "No row fits the format 'st-pair' (no_question" in told) == (1, True)
    code, told = synthgen("train", run)
    assert (code, "no search to train or to measure" in told) == (1, True)


def test_labels_of_other_splits_are_listed_in_an_export_of_one(tmp_path: Path) -> None:
    imported(tmp_path, complaints())
    export(tmp_path / "run", "classification-chat", output=str(tmp_path / "dev.jsonl"), split="dev")
    assert (tmp_path / "dev.jsonl").read_bytes() == (tmp_path / "run/exports/classification-chat/dev.jsonl").read_bytes()


def test_no_usable_row_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no context"):
        imported(tmp_path, [{"text": "", "label": "a"}])
    rows = [{"text": "It hums.", "label": "a"}, {"text": "It hums.", "label": "b"}]
    with pytest.raises(EmptyResultError, match="conflicting_labels 2"):
        imported(tmp_path, rows)
    assert [r.reason for r in RunFolder(tmp_path / "run").read("rejected")] == ["conflicting_labels"] * 2


def test_rows_come_back_from_tables_as_they_were(tmp_path: Path) -> None:
    result = imported(tmp_path, [*complaints(), *({"text": "It hums.", "label": one} for one in "ab")])
    folder = RunFolder(tmp_path / "run")
    assert list(folder.read("triples")) == result.kept
    assert list(folder.read("rejected")) == result.rejected
    assert all(isinstance(row, Rejection | Triple) for row in [*result.kept, *result.rejected])
