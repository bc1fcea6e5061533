"""Imported rows: each stands on its chunk or says why not, and the run is like any other."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.run_files import outputs
from typer.testing import CliRunner

from synthgen.chunking.chunker import merge_identical
from synthgen.cli.main import app
from synthgen.cli.views.run import summary
from synthgen.config.settings import load_config
from synthgen.errors import ConfigError, EmptyResultError, InputError, RunFolderError
from synthgen.importers.columns import ImportRow
from synthgen.importers.place import cut_contexts, place_rows
from synthgen.pipeline import run as pipeline
from synthgen.pipeline.export import export
from synthgen.pipeline.import_run import import_rows, parse_mapping
from synthgen.pipeline.refilter import refilter
from synthgen.pipeline.retry import retry
from synthgen.pipeline.run_folder import RunFolder
from synthgen.pipeline.status import status
from synthgen.records import Triple, make_document
from synthgen.text.tokenizer import get_tokenizer

BEASTS = {
    "badger": "A badger is a stocky digger of the weasel family. Its sett has up to 50 rooms. Badgers eat two hundred earthworms a night.",
    "hedgehog": "A hedgehog is a spiny insect eater. The number of spines is about 6000. Hedgehogs roll into a ball when a fox comes by.",
    "bat": "A bat is a flying mammal. The pipistrelle weighs 5 grams. Bats find moths in the dark by listening to their own echoes.",
    "adder": "An adder is a venomous snake of heath and moor. The zigzag on its back is dark. Adders hunt voles, lizards and nestlings.",
    "heron": "A heron is a tall grey fishing bird. The nest stands in the top of a tree. Herons wait for minutes before they strike a fish.",
    "渡鸦": "渡鸦是一种大型黑色鸟类。它的翼展可达一百三十厘米。渡鸦能够记住藏食物的地点，并且会避开偷看的同类。",
}
ROOMS = {"query": "How many rooms has a sett?", "answer": "up to 50 rooms", "context": BEASTS["badger"]}
SPINES = {"query": "How many spines are there?", "answer": "about 6000", "context": BEASTS["hedgehog"]}
SPAN = {"query": "渡鸦的翼展是多少？", "answer": "一百三十厘米", "context": BEASTS["渡鸦"]}
ROWS = [ROOMS, SPINES, SPAN]


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name, text in BEASTS.items():
        more = f"Every {name} of the valley was counted in spring. The {name} register is kept by the warden of the north gate."
        (folder / f"{name}.md").write_text(f"# The {name}\n\n{text}\n\n## Counting\n\n{more}\n", encoding="utf-8")
    return folder


def imported(
    rows: Iterable[Mapping[str, Any]],
    docs: Path | str,
    tmp_path: Path,
    *,
    name: str = "rows.jsonl",
    run: str = "run",
    **more: Any,
) -> pipeline.Result:
    file = tmp_path / name
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return again(file, docs, tmp_path, run=run, **more)


def again(
    file: Path, docs: Path | str, tmp_path: Path, *, run: str = "run", order: str = "format", **more: Any
) -> pipeline.Result:
    settings = {"training": {"enabled": False}, "filters": {"order": order.split()}}
    return import_rows(file, docs, tmp_path / run, config=load_config(overrides=settings), **more)


def skipped(result: pipeline.Result) -> list[tuple[str, str]]:
    skips = RunFolder(result.path).read("skipped")
    return [(skip.path, skip.reason) for skip in skips if skip.stage == "import" and skip.path.startswith("rows.jsonl")]


def shown(result: pipeline.Result) -> dict[str, str]:
    return {row.query: result.chunks[row.chunk_id].text for row in result.kept}


# --- where a row stands -----------------------------------------------------------------------------------------------


def test_a_context_is_the_chunk_in_place_of_ours(docs: Path, tmp_path: Path) -> None:
    result = imported(ROWS, docs, tmp_path)
    assert shown(result) == {row["query"]: row["context"] for row in ROWS}
    folder = RunFolder(result.path)
    texts = {document.id: document.text for document in folder.read("documents")}
    for chunk in result.chunks.values():
        assert texts[chunk.document_id][chunk.start : chunk.end] == chunk.text
    spans = sorted((c.document_id, c.start, c.end) for c in result.chunks.values())
    assert all(a[0] != b[0] or a[2] <= b[1] for a, b in itertools.pairwise(spans)), "no chunk of ours overlaps a context"
    badger = result.chunks[next(row.chunk_id for row in result.kept if row.query == ROOMS["query"])]
    assert badger.headings[:1] == ("The badger",)
    assert badger.n_tokens > 20
    gone = [skip.chunk_id for skip in folder.read("skipped") if skip.reason == "replaced"]
    assert len(gone) == 3
    assert not set(gone) & set(result.chunks)


def test_a_context_that_is_a_chunk_of_ours_is_that_chunk(docs: Path, tmp_path: Path) -> None:
    first = imported(ROWS, docs, tmp_path)
    ours = next(chunk for chunk in first.chunks.values() if chunk.document_id == "heron.md")
    result = imported([ROOMS | {"context": ours.text}], docs, tmp_path, run="other")
    assert result.kept[0].chunk_id == ours.id
    assert result.chunks[ours.id] == ours


def test_what_a_context_leaves_of_a_chunk_can_still_be_found(docs: Path, tmp_path: Path) -> None:
    head = " ".join(f"Stone {n} was set by mason {n * 7}." for n in range(9))
    tail = " ".join(f"Stone {n} was cut by mason {n * 3}." for n in range(9))
    text = f"{head} {BEASTS['bat']} {tail}\n\nEnd."
    (docs / "bat.md").write_text(text, encoding="utf-8")
    result = imported([ROOMS | {"context": BEASTS["bat"]}], docs, tmp_path)
    assert [c.text for c in result.chunks.values() if c.document_id == "bat.md"] == [head, BEASTS["bat"], f"{tail}\n\nEnd."]
    few = imported([ROOMS | {"context": f"{BEASTS['bat']} {tail}"}], docs, tmp_path, run="other")
    assert [c.text for c in few.chunks.values() if c.document_id == "bat.md"] == [head, f"{BEASTS['bat']} {tail}"]


def test_a_context_that_differs_in_layout_takes_the_documents_text(docs: Path, tmp_path: Path) -> None:
    row = ROOMS | {"context": f"  {BEASTS['badger'].replace(' ', '  ').upper()}\n"}
    assert shown(imported([row], docs, tmp_path)) == {ROOMS["query"]: BEASTS["badger"]}


def test_a_span_is_on_the_chunk_with_most_of_it(docs: Path, tmp_path: Path) -> None:
    text = (docs / "badger.md").read_text(encoding="utf-8")
    start = text.index("up to 50 rooms")
    row = {"query": "How many rooms?", "answer": "50", "document": "./badger.md", "start": start, "end": start + 14}
    result = imported([row], docs, tmp_path)
    kept = result.kept[0]
    assert kept.document_id == "badger.md"
    assert kept.quotes == ((start, start + 14),)
    assert "start" not in kept.metadata
    assert result.chunks[kept.chunk_id].text[start - kept.start :].startswith("up to 50 rooms")


def test_a_span_over_a_border_goes_to_the_side_with_more_of_it(docs: Path, tmp_path: Path) -> None:
    contexts = [SPINES | {"context": text} for text in BEASTS["hedgehog"].split(" The number")[:1]]
    text = (docs / "hedgehog.md").read_text(encoding="utf-8")
    border = text.index(" The number")
    spans = [
        {"query": f"What of {back}?", "document": "hedgehog.md", "start": border - back, "end": border + 12} for back in (3, 30)
    ]
    result = imported([*contexts, *spans], docs, tmp_path)
    ends = {row.query: row.end for row in result.kept}
    assert ends["What of 30?"] == border
    assert ends["What of 3?"] > border
    assert all(row.quotes == () and row.metadata for row in result.kept if row.query.startswith("What of"))


def test_of_a_context_that_stands_twice_a_start_says_which_it_is() -> None:
    notice = "The gate is shut at dusk. It is opened by the warden at dawn."
    other = notice.replace(". It", ".\n\nIt")
    text = f"Winter\n\n{notice}\n\nSummer is otherwise.\n\n{other}\n\nSpring\n\n{notice}\n"
    document = replace(make_document("gate.md", text), split="train")
    winter, summer, spring = text.index(notice), text.index(other), text.rindex(notice)
    spans = [(at, at + len("the warden")) for at in (text.index("the warden", start) for start in (winter, summer, spring))]
    rows = [
        ImportRow(str(n), f"Who opens it, {n}?", "the warden", notice, "gate.md", start, end)
        for n, (start, end) in enumerate([*spans, (None, None)])
    ]
    tokenizer = get_tokenizer("o200k_base")
    for order in (rows, rows[::-1]):
        cut = cut_contexts(order, [document], [], tokenizer, min_tokens=1)
        chunks = {chunk.id: chunk for chunk in merge_identical(cut.chunks)}
        placed = [row for row in place_rows(order, cut, list(chunks.values()), [document]) if isinstance(row, Triple)]
        placed.sort(key=lambda row: row.query)
        assert [row.start for row in placed] == [winter, summer, winter, winter]
        assert chunks[placed[0].chunk_id].places == (f"gate.md#{spring}-{spring + len(notice)}",), (
            "of equal texts the first stands"
        )
        for row in placed[:3]:
            assert [text[start:end] for start, end in row.quotes] == ["the warden"]
        assert [row.metadata for row in placed] == [{}, {}, {"start": spans[2][0], "end": spans[2][1]}, {}]


def test_a_chunk_id_names_the_chunk_even_when_a_context_took_its_place(docs: Path, tmp_path: Path) -> None:
    ours = next(chunk for chunk in imported([ROOMS], docs, tmp_path).chunks.values() if chunk.document_id == "bat.md")
    by_id = {"query": "What weighs 5 grams?", "answer": "the pipistrelle", "chunk_id": ours.id}
    assert imported([by_id], docs, tmp_path, run="second").kept[0].chunk_id == ours.id
    both = imported([by_id, SPINES | {"context": BEASTS["bat"]}], docs, tmp_path, run="third")
    assert ours.id not in both.chunks
    assert set(shown(both).values()) == {BEASTS["bat"]}


def test_what_cannot_be_placed_says_why(docs: Path, tmp_path: Path) -> None:
    hopeless = [
        {"query": " ", "context": BEASTS["bat"]},
        {"query": "Where?"},
        {"query": "Where?", "document": "bat.md"},
        {"query": "Where?", "document": "bats.md", "start": 0, "end": 5},
        {"query": "Where?", "document": "bat.md", "start": 5, "end": 5000},
        {"query": "Where?", "document": "bat.md", "start": 5, "end": 5},
        {"query": "Where?", "chunk_id": "bat.md#1-2"},
        {"query": "Where?", "context": "Unicorns live in the sea."},
        {"query": "Where?", "context": ["Unicorns.", "Dragons."]},
        {"query": {"text": "Where?"}},
    ]
    result = imported([*hopeless, ROOMS], docs, tmp_path)
    reasons = ["no_query", "no_place", "no_place", "unknown_document", "bad_span", "bad_span", "unknown_chunk", "not_found"]
    expected = [*reasons, "several_contexts", "bad_row"]
    assert sorted(skipped(result)) == sorted((f"rows.jsonl:{n}", reason) for n, reason in enumerate(expected, 1))
    assert [row.query for row in result.kept] == [ROOMS["query"]]
    report = result.report["import"]
    assert report["rows"] == result.report["generation"]["candidates"] + sum(report["skipped"].values()) == 11
    assert report["skipped"] == dict(sorted(Counter(expected).items()))


def test_a_text_in_documents_of_different_splits_gives_no_row(tmp_path: Path) -> None:
    session = "Badgers eat two hundred earthworms a night, and the warden counts them."
    folder = tmp_path / "docs"
    folder.mkdir()
    for n in range(60):
        own = " ".join(f"Stone {n} of row {m} was set by mason {n * m}." for m in range(30))
        (folder / f"{n:02}.txt").write_text(own + ("\n\n" + session if n < 40 else ""), encoding="utf-8")
    rows = [{"query": f"What do badgers of {n} eat?", "context": session, "document": f"{n:02}.txt"} for n in range(40)]
    rows.append({"query": "Who set stone 50?", "context": "Stone 50 of row 3 was set by mason 150."})
    result = imported(rows, folder, tmp_path)
    assert {reason for _, reason in skipped(result)} == {"bridges_splits"}
    assert [row.query for row in result.kept] == ["Who set stone 50?"]


# --- what a row carries -----------------------------------------------------------------------------------------------


def test_other_columns_come_out_again(docs: Path, tmp_path: Path) -> None:
    bad = ROOMS | {"query": "?", "level": 2, "title": "Setts", "doc": "guide.pdf"}
    result = imported([SPINES | {"level": [1, {"a": None}]}, bad], docs, tmp_path)
    folder = RunFolder(result.path)
    assert next(folder.read("triples")).metadata == {"level": [1, {"a": None}]}
    rejection = next(folder.read("rejected"))
    assert (rejection.reason, rejection.triple.metadata) == (
        "query_too_short",
        {"level": 2, "title": "Setts", "document": "guide.pdf"},
    )


def test_a_row_is_as_its_file_says(docs: Path, tmp_path: Path) -> None:
    told = {"generator": "openai/some-model", "reasoning": "The text says so.", "reviewed": 1}
    result = imported([ROOMS | told, SPINES], docs, tmp_path)
    first, second = result.kept
    assert (first.generator, first.reasoning, first.reviewed) == ("openai/some-model", "The text says so.", True)
    assert (second.generator, second.reasoning, second.reviewed) == ("import", None, False)


def test_a_start_of_the_answer_in_its_context_is_a_quote(docs: Path, tmp_path: Path) -> None:
    text = f"{BEASTS['badger']} A bear has up to 50 rooms for itself."
    (docs / "badger.md").write_text(f"# The badger\n\n{text}\n", encoding="utf-8")
    first, last = text.index("up to 50 rooms"), text.rindex("up to 50 rooms")
    starts = [(first, first), (last, last), (first + 3, first), (last - 3, last)]
    asked = [
        {"query": f"How many rooms, {n}?", "answers": {"text": ["up to 50 rooms"], "answer_start": [given]}, "context": text}
        for n, (given, _) in enumerate(starts)
    ]
    lost = {"query": "How many doors?", "answers": {"text": ["seven doors"], "answer_start": [5]}, "context": text}
    unknown = {"query": "How many roofs?", "answers": {"text": ["up to 50 rooms"], "answer_start": [-1]}, "context": text}
    result = imported([*asked, lost, unknown], docs, tmp_path)
    for row, (given, at) in zip(result.kept, starts, strict=False):
        assert [start - row.start for start, _ in row.quotes] == [at]
        assert row.metadata.get("answer_start") == (None if given == at else given)
    assert [(row.quotes, row.metadata["answer_start"]) for row in result.kept[4:]] == [((), 5), ((), -1)]
    assert result.report["import"]["answer_starts"] == {"elsewhere": 2, "nowhere": 2}


def test_an_answer_stands_where_another_layout_puts_it(docs: Path, tmp_path: Path) -> None:
    padded = "   " + BEASTS["badger"].replace(" rooms", "  rooms")
    row = {
        "query": "What does it eat?",
        "answer": "two hundred",
        "answer_start": padded.index("two hundred"),
        "context": padded,
    }
    result = imported([row], docs, tmp_path)
    [kept] = result.kept
    text = result.chunks[kept.chunk_id].text
    assert [text[start - kept.start : end - kept.start] for start, end in kept.quotes] == ["two hundred"]


def test_reviewed_rows_are_flagged_and_never_dropped(docs: Path, tmp_path: Path) -> None:
    result = imported([ROOMS | {"query": "?", "reviewed": True}, SPINES | {"query": "?"}], docs, tmp_path)
    assert [(row.query, row.flags) for row in result.kept] == [("?", ("format:query_too_short",))]
    assert len(result.rejected) == 1


def test_a_rejected_row_is_rejected_and_every_verdict_is_counted(docs: Path, tmp_path: Path) -> None:
    rows = [ROOMS | {"verdict": "reject"}, SPINES | {"verdict": "edited"}, SPAN | {"verdict": "accept"}]
    result = imported(rows, docs, tmp_path)
    assert [row.query for row in result.kept] == [SPINES["query"], SPAN["query"]]
    assert all(row.reviewed for row in result.kept)
    assert [(r.stage, r.reason, r.triple.query) for r in result.rejected] == [("review", "rejected", ROOMS["query"])]
    assert result.report.imported is not None
    assert result.report.imported.verdicts == {"accepted": 1, "edited": 1, "rejected": 1}
    told = summary(result.report)
    assert "Reviewed: accepted 1, edited 1, rejected 1; rejected rows are not trained on." in told
    assert result.report.generation.candidates == 3
    assert [(stage.stage, stage.entered, stage.kept) for stage in result.report.funnel] == [("review", 3, 2), ("format", 2, 2)]
    assert refilter(tmp_path / "run").funnel == result.report.funnel


def test_rows_keep_the_splits_of_their_file(docs: Path, tmp_path: Path) -> None:
    rows = [ROOMS | {"split": "test"}, SPINES | {"split": "validation"}, SPAN | {"split": "train"}]
    follower = {"query": "What do badgers eat?", "context": BEASTS["badger"]}
    result = imported([*rows, follower], docs, tmp_path)
    assert {row.query: row.split for row in result.kept} == {
        ROOMS["query"]: "test",
        SPINES["query"]: "dev",
        SPAN["query"]: "train",
        follower["query"]: "test",
    }
    assert all(result.chunks[row.chunk_id].split == row.split for row in result.kept)
    assert "Splits of the file are kept: dev 1, test 1, train 1." in summary(result.report)


def test_a_value_that_is_no_verdict_is_told_with_the_values_that_are(docs: Path, tmp_path: Path) -> None:
    result = imported([ROOMS, SPINES | {"reviewed": "perhaps"}, SPAN | {"reviewed": "perhaps"}], docs, tmp_path)
    assert "2 bad rows: reviewed is 'perhaps', which is no verdict. Allowed: accepted, rejected, edited" in summary(
        result.report
    )


def test_equal_rows_stay_rows_for_the_filter_of_duplicates(docs: Path, tmp_path: Path) -> None:
    result = imported([ROOMS, ROOMS, SPINES], docs, tmp_path, order="format exact_duplicates")
    assert len(result.kept) == 2
    assert [row.reason for row in result.rejected] == ["same_answer"]
    assert len({row.id for row in [*result.kept, result.rejected[0].triple]}) == 3


# --- the run ----------------------------------------------------------------------------------------------------------


def test_without_a_folder_each_context_is_a_document(tmp_path: Path) -> None:
    result = imported([*ROWS, ROOMS | {"query": "Who digs?", "title": "Badger"}, {"query": "Where?"}], "-", tmp_path)
    assert sorted(chunk.text for chunk in result.chunks.values()) == sorted(row["context"] for row in ROWS)
    assert result.chunks[result.kept[0].chunk_id].headings == ("Badger",)
    assert skipped(result) == [("rows.jsonl:5", "no_place")]
    first = outputs(result.path)
    imported([*ROWS, ROOMS | {"query": "Who digs?", "title": "Badger"}, {"query": "Where?"}], "-", tmp_path)
    assert outputs(result.path) == first
    assert status(result.path)["documents"] == "-"
    with pytest.raises(InputError, match="has no context, so there are no documents"):
        imported([{"query": "Where?"}], "-", tmp_path, run="other")


def test_the_whole_corpus_of_a_beir_folder_can_be_searched(tmp_path: Path) -> None:
    beir = tmp_path / "beir"
    (beir / "qrels").mkdir(parents=True)
    corpus = [{"_id": name, "title": name, "text": text} for name, text in BEASTS.items()]
    (beir / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in corpus))
    (beir / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "Who has a sett?"}) + "\n")
    (beir / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\tbadger\t1\n")
    result = again(beir, "-", tmp_path)
    assert {chunk.text for chunk in result.chunks.values()} == set(BEASTS.values())
    assert shown(result) == {"Who has a sett?": BEASTS["badger"]}


def test_another_cut_needs_neither_file_nor_documents(docs: Path, tmp_path: Path) -> None:
    result = imported([*ROWS, ROOMS, {"query": "Where?"}], docs, tmp_path, order="format exact_duplicates")
    first = outputs(result.path)
    (tmp_path / "rows.jsonl").unlink()
    docs.rename(tmp_path / "gone")
    report = refilter(result.path, settings=["filters.order=[format]"])
    assert report["rows"]["kept"] == 4
    assert report["import"] == result.report["import"]
    refilter(result.path, settings=["filters.order=[format, exact_duplicates]"])
    assert outputs(result.path) == first


def test_the_same_import_makes_the_same_and_another_file_needs_to_be_told(docs: Path, tmp_path: Path) -> None:
    result = imported(ROWS, docs, tmp_path)
    first = outputs(result.path)
    again(tmp_path / "rows.jsonl", docs, tmp_path)
    assert outputs(result.path) == first
    with pytest.raises(
        RunFolderError, match=r"holds rows imported from rows.jsonl, and .*more.jsonl has other content.*--update"
    ):
        imported(ROWS[:1], docs, tmp_path, name="more.jsonl")
    with pytest.raises(RunFolderError, match="is mapped otherwise"):
        again(tmp_path / "rows.jsonl", docs, tmp_path, mapping={"query": "query"})
    assert outputs(result.path) == first
    assert len(imported(ROWS[:1], docs, tmp_path, name="more.jsonl", update=True).kept) == 1
    with pytest.raises(RunFolderError, match="belongs to the documents in"):
        again(tmp_path / "more.jsonl", "-", tmp_path)


def test_an_import_that_gives_nothing_leaves_the_result_as_it_was(docs: Path, tmp_path: Path) -> None:
    result = imported(ROWS, docs, tmp_path)
    first = outputs(result.path)
    with pytest.raises(EmptyResultError, match=r"No row .* \(no_place 1\)\. The result from before still stands"):
        imported([{"query": "Where?"}], docs, tmp_path, name="none.jsonl", update=True)
    assert outputs(result.path) == first
    with pytest.raises(EmptyResultError, match="skipped.parquet has each of them"):
        imported([{"query": "Where?"}], docs, tmp_path, run="other")


def test_the_order_of_rows_does_not_change_what_they_become(docs: Path, tmp_path: Path) -> None:
    there = {row.id: row for row in imported(ROWS, docs, tmp_path).kept}
    back = {row.id: row for row in imported(ROWS[::-1], docs, tmp_path, run="other").kept}
    assert there == back


def test_runs_and_imports_do_not_mix(docs: Path, tmp_path: Path) -> None:
    result = imported(ROWS, docs, tmp_path)
    with pytest.raises(RunFolderError, match="model changed"):
        pipeline.run(docs, result.path)
    with pytest.raises(ConfigError, match="`import` is not a model"):
        pipeline.run(docs, tmp_path / "other", config=load_config(overrides={"model": "import"}))
    with pytest.raises(ConfigError, match="no calls to repeat"):
        retry(result.path)


@pytest.mark.parametrize("format", ["openai-chat", "raft", "st-pair", "beir"])
def test_our_own_exports_come_back_in(docs: Path, tmp_path: Path, format: str) -> None:
    marks = "Its sign is <DOCUMENT> and ##begin_quote##."
    (docs / "stone.txt").write_text(f"The stone of the ford is old. {marks} It was set up by a mason.", encoding="utf-8")
    stone = {"query": "What is the sign?", "answer": "<DOCUMENT>", "context": f"The stone of the ford is old. {marks}"}
    first = imported([*ROWS, stone], docs, tmp_path)
    written = sum(export(first.path, format)["files"].values()) if format != "beir" else 4
    back = again(first.path / "exports" / format, docs, tmp_path, run="back")

    def facts(result: pipeline.Result) -> set[tuple[Any, ...]]:
        return {(r.query, None if format in ("st-pair", "beir") else r.answer, r.chunk_id) for r in result.kept}

    assert facts(back) <= facts(first)
    assert len(back.kept) == written >= 2
    assert not skipped(back)
    assert stone["query"] in shown(back)
    assert back.report["import"]["skipped"] == {}


def test_a_table_of_triples_comes_back_in(docs: Path, tmp_path: Path) -> None:
    first = imported([ROOMS | {"reviewed": True}, SPINES], docs, tmp_path)

    def facts(rows: Iterable[Triple]) -> list[tuple[Any, ...]]:
        return [(row.query, row.answer, row.document_id, row.reviewed) for row in rows]

    back = again(first.path / "triples.parquet", docs, tmp_path, run="back")
    assert facts(back.kept) == facts(first.kept)
    assert [row.id for row in back.kept] == [row.id for row in first.kept]
    (docs / "badger.md").write_text("Another text of the same length or more. " * 9, encoding="utf-8")
    later = again(first.path / "triples.parquet", docs, tmp_path, run="later")
    assert facts(later.kept) == facts(first.kept)[1:]
    assert later.report["import"]["skipped"] == {"unknown_chunk": 1}


def test_overlapping_contexts_of_a_small_corpus_lie_in_one_split(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    lines = [f"Stone {n} was set by mason {n * 7}." for n in range(60)]
    (folder / "one.txt").write_text("\n".join(lines), encoding="utf-8")
    spans = [" ".join(lines[n + i : n + i + 2]) for n in range(0, 57, 4) for i in range(3)]
    result = imported([{"query": f"Which is {n}?", "context": text} for n, text in enumerate(spans)], folder, tmp_path)
    chunks = sorted(result.chunks.values(), key=lambda chunk: chunk.start)
    overlaps = [(a, b) for a, b in itertools.pairwise(chunks) if b.start < a.end]
    assert len(overlaps) == 30
    assert all(a.split == b.split for a, b in overlaps)
    assert len({chunk.split for chunk in chunks}) == 3


# --- what is asked for ------------------------------------------------------------------------------------------------


def test_a_mapping_is_read_from_the_command_line() -> None:
    assert parse_mapping(["query=question, answer = correct_answer", "context=support"]) == {
        "query": "question",
        "answer": "correct_answer",
        "context": "support",
    }
    for wrong, message in [
        ("query", "takes role=column"),
        ("query=", "takes role=column"),
        ("query=a,query=b", "twice: a and b"),
    ]:
        with pytest.raises(ConfigError, match=message):
            parse_mapping([wrong])


def test_the_command_says_what_was_taken_for_what(docs: Path, tmp_path: Path) -> None:
    row = {"frage": SPAN["query"], "antwort": SPAN["answer"], "text": SPAN["context"], "level": 1}
    (tmp_path / "rows.json").write_text(json.dumps([row, row | {"text": "Unicorns."}]))
    line = ["import", str(tmp_path / "rows.json"), str(docs), str(tmp_path / "run"), "--set", "training.enabled=false", "-q"]
    done = CliRunner().invoke(app, [*line, "--map", "query=frage,answer=antwort", "--map", "context=text"])
    assert done.exit_code == 0, done.output
    told = "rows.json (json): 2 rows, 1 not used (not_found 1); query from frage, answer from antwort, context from text"
    assert f"{told}; kept as metadata: level." in done.stdout
    assert SPAN["query"] in CliRunner().invoke(app, ["show", str(tmp_path / "run")]).stdout
    wrong = CliRunner().invoke(app, [*line, "--map", "query=fragen"])
    assert wrong.exit_code == 1
    assert "no column 'fragen' for query. Did you mean 'frage'?" in wrong.stderr


def test_a_chunk_id_whose_text_is_another_by_now_is_not_taken_for_the_row(docs: Path, tmp_path: Path) -> None:
    first = imported(ROWS, docs, tmp_path)
    badger = next(row for row in [*first.kept, *(r.triple for r in first.rejected)] if row.query == ROOMS["query"])
    stale = {"query": "How deep is a sett?", "answer": "deep", "chunk_id": badger.chunk_id, "chunk_sha256": "0" * 64}
    elsewhere = {**SPINES, "chunk_id": badger.chunk_id}
    found = imported([ROOMS, stale, elsewhere], docs, tmp_path, run="again")
    placed = {row.query: row.document_id for row in [*found.kept, *(r.triple for r in found.rejected)]}
    assert placed == {ROOMS["query"]: "badger.md", SPINES["query"]: "hedgehog.md"}
    skipped = [
        skip for skip in RunFolder(tmp_path / "again").read("skipped") if skip.stage == "import" and "rows.jsonl" in skip.path
    ]
    assert [(skip.reason, "has changed" in skip.detail) for skip in skipped] == [("unknown_chunk", True)]
