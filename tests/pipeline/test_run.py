"""The promises of a run: counts add up, nothing vanishes, the same input gives the same bytes."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from support.run_files import outputs

import synthgen as sg
from synthgen.config.settings import Config
from synthgen.errors import ConfigError, EmptyResultError, RunFolderError
from synthgen.files import MANIFEST
from synthgen.pipeline import run as pipeline
from synthgen.pipeline.refilter import refilter
from synthgen.pipeline.run_folder import RunFolder
from synthgen.pipeline.train import train
from synthgen.records import Chunk, Document, Rejection, Skipped, Triple
from synthgen.testing import FakeOpenAI, Fault, Logged, mix

BEASTS = {
    "badger": "A badger is a stocky digger of the weasel family. Its sett has up to 50 rooms. Badgers eat two hundred earthworms a night.",
    "hedgehog": "A hedgehog is a spiny insect eater. The number of spines is about 6000. Hedgehogs roll into a ball when a fox comes by.",
    "bat": "A bat is a flying mammal. The pipistrelle weighs 5 grams. Bats find moths in the dark by listening to their own echoes.",
    "adder": "An adder is a venomous snake of heath and moor. The zigzag on its back is dark. Adders hunt voles, lizards and nestlings.",
    "heron": "A heron is a tall grey fishing bird. The nest stands in the top of a tree. Herons wait for minutes before they strike a fish.",
    "渡鸦": "渡鸦是一种大型黑色鸟类。它的翼展可达一百三十厘米。渡鸦能够记住藏食物的地点，并且会避开偷看的同类。",
}
# No training; and a round trip that judges masked queries, too, so that it turns some rows away.
FAST = {"training": {"enabled": False}, "filters": {"options": {"round_trip": {"hidden": "judge"}}}}


def write(folder: Path, beasts: dict[str, str] = BEASTS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in beasts.items():
        more = f"Every {name} of the valley was counted in spring. The {name} register is kept by the warden of the north gate."
        (folder / f"{name}.md").write_text(f"# The {name}\n\n{text}\n\n## Counting\n\n{more}\n", encoding="utf-8")
    (folder / "notes.xyz").write_text("?")
    (folder / "twice.md").write_text((folder / "bat.md").read_text(encoding="utf-8"), encoding="utf-8")
    return folder


@pytest.fixture
def result(tmp_path: Path) -> pipeline.Result:
    return sg.run(write(tmp_path / "docs"), tmp_path / "run", settings=FAST)


def assert_counts_add_up(result: pipeline.Result) -> None:
    report, folder = result.report, RunFolder(result.path)
    funnel = report["funnel"]
    assert funnel[0]["in"] == report["generation"]["candidates"]
    for stage, following in zip(funnel, [*funnel[1:], {"in": report["rows"]["kept"]}], strict=True):
        assert stage["in"] - sum(stage["rejected"].values()) == stage["kept"] == following["in"]
    kept, rejected = list(folder.read("triples")), list(folder.read("rejected"))
    assert len(kept) + len(rejected) == report["generation"]["candidates"]
    for stage in funnel:
        assert sum(stage["rejected"].values()) == sum(row.stage == stage["stage"] for row in rejected)
    assert sum(report["rows"]["splits"].values()) == len(kept)


def test_counts_add_up(result: pipeline.Result) -> None:
    assert result.kept
    assert result.rejected
    assert_counts_add_up(result)


def test_counts_add_up_when_calls_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with FakeOpenAI(script=mix({"malformed": 0.3, "refusal": 0.2})) as server:
        settings = FAST | {"llm": {"base_url": server.base_url}}
        result = sg.run(write(tmp_path / "docs"), tmp_path / "run", model="openai/fake-model", settings=settings)
    assert_counts_add_up(result)
    generation = result.report["generation"]
    asked = [chunk for chunk in result.chunks.values() if chunk.split]
    assert generation["calls_ok"] + generation["calls_failed"] == len(asked)
    skipped = [skip for skip in RunFolder(result.path).read("skipped") if skip.stage == "generate"]
    with_rows = {row.chunk_id for row in result.kept} | {r.triple.chunk_id for r in result.rejected}
    assert with_rows | {skip.chunk_id for skip in skipped} == {chunk.id for chunk in asked}


def test_every_file_and_chunk_is_accounted_for(result: pipeline.Result, tmp_path: Path) -> None:
    folder = RunFolder(result.path)
    documents: list[Document] = list(folder.read("documents"))
    skipped: list[Skipped] = list(folder.read("skipped"))
    files = {p.relative_to(tmp_path / "docs").as_posix() for p in (tmp_path / "docs").rglob("*") if p.is_file()}
    assert {d.id for d in documents} | {s.path for s in skipped if s.stage == "sources"} == files
    chunks: list[Chunk] = list(folder.read("chunks"))
    used = {row.chunk_id for row in result.kept} | {r.triple.chunk_id for r in result.rejected}
    assert used | {s.chunk_id for s in skipped if s.chunk_id} == {chunk.id for chunk in chunks}


def test_a_document_without_content_is_said(tmp_path: Path) -> None:
    docs = write(tmp_path / "docs")
    (docs / "only-front-matter.md").write_text("---\ntitle: nothing else\n---\n", encoding="utf-8")
    sg.run(docs, tmp_path / "run", settings=FAST)
    skipped = [(skip.path, skip.stage, skip.reason) for skip in RunFolder(tmp_path / "run").read("skipped")]
    assert ("only-front-matter.md", "chunking", "no_content") in skipped


def test_labels_point_at_the_source(result: pipeline.Result) -> None:
    texts = {document.id: document.text for document in RunFolder(result.path).read("documents")}
    for chunk in result.chunks.values():
        assert texts[chunk.document_id][chunk.start : chunk.end] == chunk.text
    answered = [row for row in result.kept if row.answer is not None]
    assert answered
    for row in answered:
        start, end = row.quotes[0]
        assert texts[row.document_id][start:end] == row.answer


def test_a_copy_of_a_document_gives_no_second_rows(result: pipeline.Result) -> None:
    used = {row.document_id for row in result.kept}
    assert not {"bat.md", "twice.md"} <= used


def test_the_same_input_gives_the_same_bytes(result: pipeline.Result, tmp_path: Path) -> None:
    first = outputs(result.path)
    sg.run(tmp_path / "docs", tmp_path / "run", settings=FAST)
    assert outputs(result.path) == first
    shutil.copytree(tmp_path / "docs", tmp_path / "elsewhere" / "docs")
    sg.run(tmp_path / "elsewhere" / "docs", tmp_path / "elsewhere" / "run", settings=FAST)
    assert outputs(tmp_path / "elsewhere" / "run") == first


def test_a_rename_changes_only_the_paths(result: pipeline.Result, tmp_path: Path) -> None:
    (tmp_path / "docs" / "badger.md").rename(tmp_path / "docs" / "brock.md")
    again = sg.run(tmp_path / "docs", tmp_path / "other", settings=FAST)
    assert {(row.id, row.query, row.split) for row in again.kept} == {(row.id, row.query, row.split) for row in result.kept}


def test_filter_cuts_again_and_back(result: pipeline.Result) -> None:
    first = outputs(result.path)
    looser = refilter(result.path, settings=["filters.order=[format]"])
    assert looser["rows"]["kept"] == looser["generation"]["candidates"] >= result.report["rows"]["kept"]
    assert outputs(result.path) != first
    refilter(result.path, settings=[f"filters.order={Config().filters.order}"])
    assert outputs(result.path) == first


def test_filter_makes_no_call_and_cannot_change_generation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with FakeOpenAI() as server:
        settings = FAST | {"llm": {"base_url": server.base_url}}
        sg.run(write(tmp_path / "docs"), tmp_path / "run", model="openai/fake-model", settings=settings)
        asked = len(server.log)
        refilter(tmp_path / "run", settings=["filters.order=[format]"])
        assert len(server.log) == asked
        with pytest.raises(ConfigError, match="makes no calls, so it cannot change per_chunk"):
            refilter(tmp_path / "run", settings=["generation.per_chunk=9"])


def test_a_limit_is_a_sample_whose_calls_the_full_run_reuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with FakeOpenAI() as server:
        settings = FAST | {"llm": {"base_url": server.base_url}}
        limited = settings | {"generation": {"limit": 4}}
        sg.run(write(tmp_path / "docs"), tmp_path / "run", model="openai/fake-model", settings=limited)
        assert len(server.log) == 4
        sg.run(tmp_path / "docs", tmp_path / "run", model="openai/fake-model", settings=settings)
        assert len({entry.key for entry in server.log}) == len(server.log) > 4


def test_a_document_that_holds_a_shot_stays_in_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    docs = write(tmp_path / "docs")
    before = sg.run(docs, tmp_path / "before", settings=FAST)
    held_out = next(chunk.document_id for chunk in before.chunks.values() if chunk.split in ("dev", "test"))
    passage = BEASTS[held_out.removesuffix(".md")]
    (tmp_path / "shots.jsonl").write_text(json.dumps({"document": passage, "query": "who digs"}) + "\n", encoding="utf-8")
    with FakeOpenAI() as server:
        settings = FAST | {"llm": {"base_url": server.base_url}, "generation": {"shots": str(tmp_path / "shots.jsonl")}}
        after = sg.run(docs, tmp_path / "after", model="openai/fake-model", settings=settings)
    assert {chunk.split for chunk in after.chunks.values() if chunk.document_id == held_out} == {"train"}


def test_a_sample_says_what_it_left_out_and_too_little_to_train_on_is_no_error(tmp_path: Path) -> None:
    result = sg.run(write(tmp_path / "docs"), tmp_path / "run", settings={"generation": {"limit": 1}})
    skipped = [skip.chunk_id for skip in RunFolder(result.path).read("skipped") if skip.reason == "not_sampled"]
    usable = [chunk.id for chunk in result.chunks.values() if chunk.split]
    assert len(skipped) == len(usable) - 1
    assert result.report["training"] is None
    assert "at least two different passages" in result.report.unmeasured


def test_a_cut_that_leaves_nothing_leaves_the_result_as_it_was(result: pipeline.Result) -> None:
    first = outputs(result.path)
    with pytest.raises(EmptyResultError, match="The result from before still stands"):
        refilter(result.path, settings=["filters.options.format.min_query_chars=900"])
    assert outputs(result.path) == first


def test_a_run_writes_the_formats_most_people_want(result: pipeline.Result) -> None:
    wanted = ["openai-chat", "raft", "st-triplet", "beir"]
    assert list(result.report["exports"]) == wanted
    assert sorted(p.name for p in (result.path / "exports").iterdir()) == sorted(wanted)
    for name, written in result.report["exports"].items():
        folder = result.path / "exports" / name
        found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {MANIFEST}
        assert found == {file for file, rows in written["files"].items() if rows} != set()


def test_formats_exported_by_hand_follow_a_new_cut(result: pipeline.Result) -> None:
    from synthgen.pipeline.export import export

    export(result.path, "st-pair")
    before = (result.path / "exports" / "st-pair" / "train.jsonl").read_text(encoding="utf-8")
    refilter(result.path, settings=["filters.order=[format]"])
    assert (result.path / "exports" / "st-pair" / "train.jsonl").read_text(encoding="utf-8") != before


def test_other_shares_split_again_only_when_told(result: pipeline.Result, tmp_path: Path) -> None:
    halves = FAST | {"splits": {"train": 0.4, "dev": 0.3}}
    with pytest.raises(RunFolderError, match="splits changed"):
        sg.run(tmp_path / "docs", result.path, settings=halves)
    again = sg.run(tmp_path / "docs", result.path, settings=halves, update=True)
    assert again.report["chunks"]["splits"]["train"] < result.report["chunks"]["splits"]["train"]


def test_failures_that_may_pass_are_still_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthgen.pipeline.status import status

    monkeypatch.setenv("OPENAI_API_KEY", "k")

    asked: list[Logged] = []

    def flaky(request: Logged) -> Fault | None:
        asked.append(request)
        return Fault("error") if len(asked) <= 2 else None

    with FakeOpenAI(script=flaky) as server:
        settings = FAST | {"llm": {"base_url": server.base_url, "max_attempts": 1}}
        sg.run(write(tmp_path / "docs"), tmp_path / "run", model="openai/fake-model", settings=settings)
    assert status(tmp_path / "run")["calls_remaining"] == 2


def test_nothing_kept_is_an_error_that_names_the_reasons(tmp_path: Path) -> None:
    docs = write(tmp_path / "docs")
    (tmp_path / "strict.py").write_text(
        "from synthgen.records import Verdict\n"
        "def refuse(triples, context, *, why: str = 'mood'):\n"
        "    return [Verdict(t, why) for t in triples]\n"
    )
    import sys

    sys.path.insert(0, str(tmp_path))
    try:
        with pytest.raises(EmptyResultError, match=r"rejected all \d+ candidates \(strict:refuse:mood \d+\)"):
            sg.run(docs, tmp_path / "run", settings={"training": {"enabled": False}, "filters": {"order": ["strict:refuse"]}})
    finally:
        sys.path.remove(str(tmp_path))
    assert list(RunFolder(tmp_path / "run").read("rejected")), "the rows can be looked at"


def test_without_the_train_extra_a_run_ends_with_data_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    result = sg.run(write(tmp_path / "docs"), tmp_path / "run")
    assert result.kept
    assert (result.path / "exports" / "raft" / "train.jsonl").exists()
    assert "pip install 'synthgen-rag[train]'" in result.report.unmeasured


def test_the_stages_as_functions(tmp_path: Path) -> None:
    skipped: list[Skipped] = []
    documents = sg.load_documents(write(tmp_path / "docs"), on_skip=skipped.append)
    assert [skip.reason for skip in skipped] == ["unknown_type"]
    chunks = sg.chunk(documents, max_tokens=64)
    triples = sg.generate(chunks, model="extractive", per_chunk=3)
    assert isinstance(triples[0], Triple)
    filtered = sg.apply_filters(triples, ["format", "grounding", "round_trip", "exact_duplicates"], chunks=chunks)
    assert len(filtered.kept) + len(filtered.rejected) == len(triples)
    assert all(isinstance(row, Rejection) for row in filtered.rejected)
    rows = sg.add_distractors(filtered.kept, chunks, num_distractors=2, seed=0)
    assert max(len(row.distractors) for row in rows) == 2
    dataset = sg.to_dataset(rows, format="raft")
    assert {"question", "context", "oracle_context", "cot_answer", "instruction"} <= set(dataset.column_names)
    plain = [row for row in rows if row.answer]
    with pytest.raises(ConfigError, match="needs chunks="):
        sg.to_dataset(plain, format="openai-chat")
    assert sg.to_dataset(plain, format="openai-chat", chunks=chunks).column_names == ["messages"]


def test_generation_works_inside_a_running_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    chunks = sg.chunk(sg.load_documents(write(tmp_path / "docs"), on_skip=lambda skip: None))
    with FakeOpenAI() as server:
        settings = {"llm": {"base_url": server.base_url}}
        store = tmp_path / "calls.sqlite"

        async def notebook() -> tuple[sg.Triples, sg.Triples]:
            awaited = await sg.agenerate(chunks, model="openai/fake-model", store=store, settings=settings)
            called = sg.generate(chunks, model="openai/fake-model", store=store, settings=settings)
            return awaited, called

        awaited, called = asyncio.run(notebook())
        assert awaited == called
        assert len(server.log) == len(chunks), "the second one made no call"


def test_progress_is_told_to_a_caller(tmp_path: Path) -> None:
    events: list[sg.Event] = []
    sg.run(write(tmp_path / "docs"), tmp_path / "run", settings=FAST, on_event=events.append)
    assert {"filters", "distractors", "exports"} <= {event.stage for event in events}


@pytest.mark.slow
def test_what_is_measured_on_is_not_trained_on_even_if_the_queries_come_later(
    result: pipeline.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught: list[Triple] = []
    measured = train(result.path).to_dict()

    def listens(chunks: list[Chunk], triples: list[Triple], **more: object) -> dict[str, object]:
        taught.extend(triples)
        return {name: value for name, value in measured.items() if name != "leaks"}

    monkeypatch.setattr("synthgen.evaluation.before_and_after.train_and_measure", listens)
    known = next(row for row in result.kept if row.split == "train")
    queries = tmp_path / "queries"
    queries.mkdir()
    (queries / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": known.query.upper()}) + "\n", encoding="utf-8")
    told = train(result.path, queries=queries)
    assert told.leaks == len(result.kept) - len(taught) >= 1
    assert known.query not in {row.query for row in taught}
    taught.clear()
    assert train(result.path).leaks == 0
    assert len(taught) == len(result.kept)


def test_a_page_that_loses_most_of_its_text_is_named_on_the_closing_screen(tmp_path: Path) -> None:
    folder = write(tmp_path / "docs")
    links = "".join(f"<li><a href=/{n}>The page number {n} of the register</a>" for n in range(40))
    (folder / "links.html").write_text(f"<nav><ul>{links}</ul></nav><p>The warden counts every badger in spring.</p>")
    (folder / "prose.html").write_text(
        "<nav><a href=/>Home</a></nav><p>The warden counts every heron in the autumn of each year.</p>"
    )
    report = sg.run(folder, tmp_path / "run", settings=FAST).report
    [note] = [note for note in report["notes"] if "lost more than half" in note]
    assert note.startswith("1 page lost")
    assert "links.html (9" in note
    assert "prose.html" not in note
