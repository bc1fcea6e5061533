"""Files of rows: what can be read, which column is what, and where contexts stand in documents."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from synthgen.errors import ConfigError, InputError
from synthgen.importers.columns import ImportRow, check_mapping, read_rows
from synthgen.importers.locate import Location, WantedContext, find_contexts
from synthgen.records import make_document

HERON = "The heron stands in the ford. It waits for minutes, then strikes."
SQUAD = {
    "version": "2.0",
    "data": [
        {
            "title": "Heron",
            "paragraphs": [
                {
                    "context": HERON,
                    "qas": [
                        {
                            "id": "1",
                            "question": "Where does it stand?",
                            "answers": [{"text": "in the ford", "answer_start": 17}],
                        },
                        {
                            "id": "2",
                            "question": "What does it weigh?",
                            "answers": [],
                            "is_impossible": True,
                            "plausible_answers": [{"text": "minutes", "answer_start": 43}],
                        },
                    ],
                }
            ],
        }
    ],
}


def jsonl(path: Path, rows: Iterable[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def one(path: Path, **mapping: str) -> ImportRow:
    rows, skipped, _ = read_rows(path, mapping)
    assert not skipped
    assert len(rows) == 1
    return rows[0]


def reasons(path: Path) -> list[tuple[str, str]]:
    return [(skip.path, skip.reason) for skip in read_rows(path)[1]]


# --- formats ----------------------------------------------------------------------------------------------------------


def test_every_format_gives_the_same_rows(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"query": "Who waits?", "answer": "The heron", "context": HERON, "note": "a"}]
    jsonl(tmp_path / "rows.jsonl", rows)
    jsonl(tmp_path / "lines.json", [*rows, *rows])
    (tmp_path / "list.json").write_text(json.dumps(rows))
    (tmp_path / "object.json").write_text(json.dumps({"version": 1, "rows": rows}))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    for name, separator in (("comma.csv", ","), ("semicolon.csv", ";"), ("tab.tsv", "\t")):
        with (tmp_path / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter=separator)
            writer.writeheader()
            writer.writerows(rows)
    found = {}
    for path in tmp_path.iterdir():
        read, skipped, taken = read_rows(path)
        assert not skipped, path
        found[path.name] = (read[0].query, read[0].answer, read[0].context, read[0].metadata)
        assert taken.rows == len(read)
    assert len(found) == 8
    assert set(map(str, found.values())) == {str(("Who waits?", "The heron", HERON, {"note": "a"}))}


def test_a_row_of_squad_is_a_question_with_its_paragraph(tmp_path: Path) -> None:
    (tmp_path / "squad.json").write_text(json.dumps(SQUAD))
    (answered, impossible), skipped, taken = read_rows(tmp_path / "squad.json")
    assert not skipped
    assert (answered.query, answered.answer, answered.answer_start) == ("Where does it stand?", "in the ford", 17)
    assert answered.context == impossible.context == HERON
    assert answered.title == "Heron"
    assert impossible.answer is None
    assert impossible.metadata["is_impossible"] is True
    guessed = one(jsonl(tmp_path / "r.jsonl", [{"query": "What does it weigh?", "answer": "minutes", "is_impossible": True}]))
    assert guessed.answer is None
    assert impossible.metadata["plausible_answers"] == [{"text": "minutes", "answer_start": 43}]
    assert taken.to_dict()["columns"]["query"] == {"question": 2}


def test_the_hubs_form_of_squad_marks_what_has_no_answer(tmp_path: Path) -> None:
    answers = [{"text": ["in the ford", "ford"], "answer_start": [17, 24]}, {"text": [], "answer_start": []}]
    path = jsonl(tmp_path / "s.jsonl", [{"question": "Where?", "context": HERON, "answers": a} for a in answers])
    answered, impossible = read_rows(path)[0]
    assert (answered.answer, answered.answer_start) == ("in the ford", 17)
    assert answered.metadata == {"answers": ["in the ford", "ford"]}
    assert (impossible.answer, impossible.metadata) == (None, {"is_impossible": True})


@pytest.mark.parametrize("yes", ["True", "true", "1", "1.0"])
def test_a_question_that_is_impossible_is_so_in_every_format(tmp_path: Path, yes: str) -> None:
    answers = [
        {"text": ["in the ford"], "answer_start": [17]},
        {"text": [], "answer_start": []},
        {"text": ["minutes"], "answer_start": [43]},
    ]
    listed = [
        {"question": f"Where {n}?", "context": HERON, "answers": a, "is_impossible": n > 0} for n, a in enumerate(answers)
    ]
    path = jsonl(tmp_path / "rows.jsonl", listed)
    no = {"True": "False", "true": "false", "1": "0", "1.0": "0.0"}[yes]
    for name, write in (("json.csv", json.dumps), ("python.csv", str)):
        with (tmp_path / name).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(listed[0])
            writer.writerows([r["question"], HERON, write(r["answers"]), yes if r["is_impossible"] else no] for r in listed)
    given = read_rows(path)[0]
    facts = [(r.query, r.answer, r.answer_start, r.metadata) for r in given]
    assert [(answer, told) for _, answer, _, told in facts] == [
        ("in the ford", {"is_impossible": False}),
        (None, {"is_impossible": True}),
        (None, {"is_impossible": True, "plausible_answers": ["minutes"]}),
    ]
    for name in ("json.csv", "python.csv"):
        assert [(r.query, r.answer, r.answer_start, r.metadata) for r in read_rows(tmp_path / name)[0]] == facts


def test_an_impossible_question_has_no_answer_in_a_table_of_cells(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("query,answers,is_impossible\na?,[],True\nb?,[],False\nc?,,\nd?,x,\ne?,x,perhaps\n")
    rows, skipped, _ = read_rows(tmp_path / "r.csv")
    assert [(row.answer, row.metadata) for row in rows] == [
        (None, {"is_impossible": True}),
        ("[]", {"is_impossible": False}),
        (None, {}),
        ("x", {}),
    ]
    assert [(skip.path, skip.reason, skip.detail) for skip in skipped] == [
        ("r.csv:6", "bad_row", "impossible is 'perhaps', neither yes nor no")
    ]


def test_an_answer_that_only_looks_like_texts_with_starts_stays_a_text(tmp_path: Path) -> None:
    for answer in ('{"text": "x"}', "[]", "{'a': 1}"):
        assert one(jsonl(tmp_path / "r.jsonl", [{"query": "What is sent?", "answer": answer}])).answer == answer
    path = jsonl(tmp_path / "r.jsonl", [{"query": "a?", "answer": "{'text': array(['x']), 'answer_start': array([1])}"}])
    assert reasons(path) == [("r.jsonl:1", "bad_row")]


def test_each_relevant_pair_of_a_beir_folder_is_a_row(tmp_path: Path) -> None:
    jsonl(tmp_path / "corpus.jsonl", [{"_id": "a", "title": "Heron", "text": HERON}, {"_id": "b", "text": "Bats fly."}])
    jsonl(tmp_path / "queries.jsonl", [{"_id": "q", "text": "Who waits?", "metadata": {"answers": ["The heron"]}}])
    (tmp_path / "qrels").mkdir()
    judged = "query-id\tcorpus-id\tscore\nq\ta\t1\nq\tb\t0\nq\tb\t2\nq\tc\t1\nx\ta\t1\nbroken\n"
    (tmp_path / "qrels" / "test.tsv").write_text(judged)
    rows, skipped, taken = read_rows(tmp_path)
    assert [(row.where, row.context, row.answer) for row in rows] == [
        ("test.tsv:2", HERON, "The heron"),
        ("test.tsv:4", "Bats fly.", "The heron"),
    ]
    assert rows[0].title == "Heron"
    assert rows[0].metadata == {"query_id": "q", "corpus_id": "a", "relevance": 1.0}
    assert [(skip.path, skip.reason) for skip in skipped] == [
        ("test.tsv:5", "bad_row"),
        ("test.tsv:6", "no_query"),
        ("test.tsv:7", "bad_row"),
    ]
    assert taken.format == "beir"


@pytest.mark.parametrize(
    "content",
    [
        f"Context:\n{HERON}\n\nQuestion: Who waits?",
        f"### Question: Who waits?\n### Context: {HERON}",
        f"<context>\n{HERON}\n</context>\n\nWho waits?",
        f"<DOCUMENT>{HERON}</DOCUMENT>\nWho waits?",
    ],
)
def test_a_conversation_is_a_query_with_the_context_that_is_marked_in_it(tmp_path: Path, content: str) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": [{"type": "text", "text": content}]},
        {"role": "assistant", "content": "The heron."},
    ]
    row = one(jsonl(tmp_path / "chat.jsonl", [{"messages": messages, "rating": 5}]))
    assert (row.query, row.context, row.answer) == ("Who waits?", HERON, "The heron.")
    assert row.metadata == {"rating": 5, "messages": messages[:3]}


def test_what_is_not_marked_in_a_conversation_stays_in_the_query(tmp_path: Path) -> None:
    several = f"<DOCUMENT>{HERON}</DOCUMENT>\n<DOCUMENT>Bats fly.</DOCUMENT>\nWho waits?"
    for content in (f"{HERON} Who waits?", several):
        messages = [{"role": "user", "content": content}, {"role": "assistant", "content": "The heron."}]
        row = one(jsonl(tmp_path / "chat.jsonl", [{"messages": messages}]))
        assert (row.query, row.context) == (content, "")


def test_a_file_that_cannot_be_read_says_what_can(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.jsonl does not exist"):
        read_rows(tmp_path / "nowhere.jsonl")
    (tmp_path / "rows.xlsx").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"has the suffix \.xlsx, so its format is unknown\. Allowed: \.jsonl.* BEIR"):
        read_rows(tmp_path / "rows.xlsx")
    (tmp_path / "two.json").write_text('{"train": [], "test": []}')
    with pytest.raises(InputError, match="an object with the lists train, test"):
        read_rows(tmp_path / "two.json")
    (tmp_path / "half.json").write_text('[{"query": ')
    with pytest.raises(InputError, match="is not JSON: .* at line 1"):
        read_rows(tmp_path / "half.json")
    (tmp_path / "no.parquet").write_bytes(b"nothing")
    with pytest.raises(InputError, match="is not a Parquet file"):
        read_rows(tmp_path / "no.parquet")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="folder with neither"):
        read_rows(tmp_path / "folder")
    (tmp_path / "latin.csv").write_bytes("query\nGrüße?\n".encode("latin-1"))
    with pytest.raises(InputError, match="is not UTF-8"):
        read_rows(tmp_path / "latin.csv")
    jsonl(tmp_path / "empty.jsonl", [])
    with pytest.raises(InputError, match="has no row"):
        read_rows(tmp_path / "empty.jsonl")


def test_a_row_that_cannot_be_read_is_skipped_and_the_others_are_not(tmp_path: Path) -> None:
    good = json.dumps({"query": "Who?", "context": HERON})
    (tmp_path / "rows.jsonl").write_bytes(
        b"\n".join([good.encode(), b"{broken", b"[1]", b'{"query": "\xff"}', b"", good.encode()])
    )
    assert len(read_rows(tmp_path / "rows.jsonl")[0]) == 2
    assert reasons(tmp_path / "rows.jsonl") == [
        ("rows.jsonl:2", "bad_row"),
        ("rows.jsonl:3", "bad_row"),
        ("rows.jsonl:4", "bad_row"),
    ]
    (tmp_path / "rows.csv").write_text('query,context\nWho?,"two\nlines"\nWho?\n', encoding="utf-8")
    assert reasons(tmp_path / "rows.csv") == [("rows.csv:4", "bad_row")]


# --- columns ----------------------------------------------------------------------------------------------------------


def test_a_mapping_names_columns_and_wrong_answers_are_kept_together(tmp_path: Path) -> None:
    sciq = {
        "question": "What stands in the ford?",
        "correct_answer": "heron",
        "distractor1": "bat",
        "distractor2": "adder",
        "distractor3": "",
        "support": HERON,
    }
    path = jsonl(tmp_path / "sciq.jsonl", [sciq])
    mapped = one(path, query="question", answer="correct_answer", context="support")
    assert (mapped.query, mapped.answer, mapped.context) == ("What stands in the ford?", "heron", HERON)
    assert mapped.metadata == {"wrong_answers": ["bat", "adder"]}
    assert one(path) == mapped, "these names are known without a mapping"


def test_a_mapped_column_is_taken_for_nothing_else(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "r.jsonl", [{"query": "where", "question": "Where is it?", "context": HERON}])
    assert (one(path).query, one(path).metadata) == ("where", {"question": "Where is it?"})
    swapped = one(path, query="question")
    assert (swapped.query, swapped.metadata) == ("Where is it?", {"query": "where"})
    path = jsonl(tmp_path / "s.jsonl", [{"query": "Where is it?", "answer": HERON}])
    assert (one(path, context="answer").context, one(path, context="answer").answer) == (HERON, None)


def test_what_was_taken_for_what_is_told(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "r.jsonl", [{"question": "a?", "passage": HERON, "level": 3}, {"query": "b?", "passage": HERON}])
    told = read_rows(path)[2].to_dict()
    assert told["columns"] == {"query": {"query": 1, "question": 1}, "context": {"passage": 2}}
    assert told["metadata"] == ["level"]


def test_a_column_that_is_not_there_is_an_error_that_names_the_nearest(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "r.jsonl", [{"frage": "Wer?", "context": HERON}])
    with pytest.raises(ConfigError, match=r"no column 'frages' for query\. Did you mean 'frage'\? It has: frage, context"):
        read_rows(path, {"query": "frages"})
    with pytest.raises(ConfigError, match=r"None of the columns .* frage, context\. Name the column with --map query=COLUMN"):
        read_rows(path)
    with pytest.raises(ConfigError, match=r"mapped to 'querry'\. Did you mean 'query'\?"):
        check_mapping({"querry": "frage"})


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"query": "  "}, "no_query"),
        ({"query": None}, "no_query"),
        ({"query": ["a", "b"]}, "bad_row"),
        ({"query": "a?", "context": {"text": HERON}}, "bad_row"),
        ({"query": "a?", "context": [HERON, "Bats fly."]}, "several_contexts"),
        ({"query": "a?", "document": "d", "start": "first", "end": 3}, "bad_row"),
        ({"query": "a?", "reviewed": "perhaps"}, "bad_row"),
        ({"query": "a?", "answers": {"text": ["b"], "answer_start": ["far"]}}, "bad_row"),
    ],
)
def test_a_value_that_its_column_cannot_have_is_a_reason(tmp_path: Path, columns: dict[str, Any], reason: str) -> None:
    path = jsonl(tmp_path / "r.jsonl", [columns, {"query": "good?"}])
    assert reasons(path) == [("r.jsonl:1", reason)]


def test_values_are_taken_as_they_come(tmp_path: Path) -> None:
    row = one(jsonl(tmp_path / "r.jsonl", [{"query": 7, "answer": 1999, "reviewed": "yes", "start": "3", "end": 4.0}]))
    assert (row.query, row.answer, row.reviewed, row.start, row.end) == ("7", "1999", True, 3, 4)
    broken = one(jsonl(tmp_path / "s.jsonl", [{"query": "a\ud800?", "note": "\udc00", "answer": " "}]))
    assert (broken.query, broken.metadata["note"], broken.answer) == ("a\ufffd?", "\ufffd", None)


def test_metadata_of_any_type_can_be_stored(tmp_path: Path) -> None:
    import datetime

    import pyarrow as pa
    import pyarrow.parquet as pq

    row = {"query": "a?", "when": datetime.date(2024, 1, 2), "raw": b"x", "share": float("nan"), "tags": ["b"]}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "r.parquet")
    metadata = one(tmp_path / "r.parquet").metadata
    assert metadata == {"when": "2024-01-02", "raw": "b'x'", "share": None, "tags": ["b"]}
    json.dumps(metadata, allow_nan=False)


# --- contexts in documents --------------------------------------------------------------------------------------------


def place(context: str, *texts: str, document: str = "") -> tuple[str, str, bool] | None:
    """Name of the document, the text at the place, and whether it is exact."""
    documents = [make_document(f"{number}.txt", text) for number, text in enumerate(texts)]
    found: Location | None = find_contexts([WantedContext(context, document)], documents)[0]
    if found is None:
        return None
    text = next(d.text for d in documents if d.id == found.document_id)
    return found.document_id, text[found.start : found.end], found.exact


def test_a_context_is_found_exactly_before_it_is_found_otherwise() -> None:
    assert place("Bats fly.", "No bats.\n\nBATS fly.", "All bats. Bats fly. At night.") == ("1.txt", "Bats fly.", True)
    assert place("(Bats fly!)", "Well, (Bats fly!) they said") == ("0.txt", "(Bats fly!)", True)


def test_space_punctuation_and_case_do_not_matter() -> None:
    text = "# Heron\n\nThe “heron” stands\nin the *ford*. It waits for minutes,\nthen strikes!\n"
    assert place('The "heron" stands in the ford. It waits for minutes, then strikes.', text) == (
        "0.txt",
        "The “heron” stands\nin the *ford*. It waits for minutes,\nthen strikes!",
        False,
    )
    assert place("渡鸦是一种大型鸟类", "前言。渡鸦是一种\n大型鸟类。它") == ("0.txt", "渡鸦是一种\n大型鸟类", False)
    assert place("the ﬁrst stone", "Cast The First Stone.") == ("0.txt", "The First Stone", False)


def test_a_context_does_not_begin_or_end_inside_a_word() -> None:
    assert place("eron stands", "A heron stands.") is None
    assert place("5 bats", "15 bats") is None
    assert place("...", "Well...") is None


def test_a_context_with_a_document_of_its_own_is_looked_for_there_first() -> None:
    assert place("Bats fly.", "Bats fly.", "bats fly", document="1.txt") == ("1.txt", "bats fly", False)
    assert place("Bats fly.", "Bats fly.", "Adders.", document="1.txt") == ("0.txt", "Bats fly.", True)
    assert place("Bats fly.", "Bats fly.", document="elsewhere") == ("0.txt", "Bats fly.", True)


def test_many_contexts_that_begin_alike_are_told_apart() -> None:
    contexts = [f"The register of the north gate names beast number {n} as the last one of the year." for n in range(300)]
    documents = [make_document("a", "\n\n".join(contexts[:150])), make_document("b", "\n\n".join(contexts[150:]))]
    locations = find_contexts([WantedContext(context) for context in contexts], documents)
    texts = {d.id: d.text for d in documents}
    assert [texts[p.document_id][p.start : p.end] for p in locations if p] == contexts


def test_contexts_of_every_length_are_found() -> None:
    text = "ab cd ef gh ij kl mn op qr st uv wx yz 01 23 45 67 89 Ab Cd Ef Gh Ij Kl Mn Op Qr St Uv"
    words = text.split()
    contexts = [" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)]
    locations = find_contexts([WantedContext(context) for context in contexts], [make_document("d", text)])
    assert all(p and p.exact and text[p.start : p.end] == c for p, c in zip(locations, contexts, strict=True))
