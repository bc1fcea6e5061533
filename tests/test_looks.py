"""How results look in a notebook, and what importing and using the package leaves of the caller's log."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import synthgen as sg

LONG = "The pump needs two litres of oil every day. " * 400


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    documents = [sg.make_document(f"pump{n}.md", f"# Pump {n}\n\n" + LONG.replace("pump", f"pump {n}")) for n in range(30)]
    folder = tmp_path_factory.mktemp("looks")
    (folder / "docs").mkdir()
    for document in documents:
        (folder / "docs" / document.id).write_text(document.text)
    chunks = sg.chunk(documents)
    triples = sg.generate(chunks)
    filtered = sg.apply_filters(triples, ["format", "exact_duplicates"], chunks=chunks)
    result = sg.run(folder / "docs", folder / "run", settings={"training": {"enabled": False}})
    return {
        "documents": sg.load_documents(folder / "docs"),
        "document": documents[0],
        "split": sg.split(documents),
        "chunks": chunks,
        "chunk": chunks[0],
        "triples": triples,
        "slice": triples[5:],
        "triple": triples[0],
        "filtered": filtered,
        "kept": filtered.kept,
        "rejected": filtered.rejected,
        "mined": sg.add_distractors(filtered.kept, chunks),
        "verdict": sg.Verdict(triples[0], "reason"),
        "result": result,
        "its rows": result.kept,
        "its rejected": result.rejected,
        "its chunks": result.chunks,
        "its report": result.report,
        "a part of it": result.report.rows,
        "config": sg.Config(),
        "skipped": sg.Skipped("a" * 5_000, "sources", "unreadable", detail=LONG),
        "long row": sg.Triple("i", LONG, LONG, tuple("abcdefgh" * 500), LONG, 0, 1, "s", metadata={LONG: LONG}, reasoning=LONG),
    }


NAMES = [
    "documents",
    "document",
    "split",
    "chunks",
    "chunk",
    "triples",
    "slice",
    "triple",
    "filtered",
    "kept",
    "rejected",
    "mined",
    "verdict",
    "result",
    "its rows",
    "its rejected",
    "its chunks",
    "its report",
    "a part of it",
    "config",
    "skipped",
    "long row",
]


@pytest.mark.parametrize("name", NAMES)
def test_results_are_short_to_look_at(name: str, results: dict[str, Any]) -> None:
    assert len(repr(results[name])) < 1_000
    assert len(str(results[name])) < 1_000


def test_a_short_look_says_how_much_there_is(results: dict[str, Any]) -> None:
    assert "… 30 in all]" in repr(results["documents"])
    assert f"kept=[{len(results['result'].kept):,} Triple]" in repr(results["result"])
    assert repr(sg.make_document("a.md", "short")).startswith("Document(id='a.md', text='short', sha256=")
    assert repr(sg.Config.build({"llm": {"rpm": 3}})) == "Config(llm=LLM(rpm=3))"


def test_short_looks_are_not_what_verdicts_are_kept_under() -> None:
    from synthgen.filters.verdict_cache import VerdictCache

    cache = VerdictCache.__new__(VerdictCache)
    cache._row_keys = {}
    rows = [sg.Triple("i", LONG + end, None, ("c",), "d", 0, 1, "s") for end in ("a", "b")]
    assert len({cache._row_key(row) for row in rows}) == 2


PROGRAM = """
import logging
{before}
logging.basicConfig(level=logging.DEBUG, format="%(name)s %(levelname)s %(message)s")
root = (logging.getLogger().level, list(logging.getLogger().handlers))
import synthgen as sg
{work}
assert root == (logging.getLogger().level, list(logging.getLogger().handlers))
"""
DOCUMENT = 'sg.make_document("a.md", "# Pump\\n\\nThe pump needs two litres of oil every day.\\n\\n> - *quoted*", metadata={"format": "markdown"})'
CHUNKS = f"chunks = sg.chunk([{DOCUMENT}], min_tokens=2)"
WORK = {
    "import": "",
    "markdown": CHUNKS,
    "filters": f"{CHUNKS}\nsg.apply_filters(sg.generate(chunks), chunks=chunks)",
    "search": f"{CHUNKS}\nsg.add_distractors(sg.generate(chunks), chunks)",
    "data sets": f'{CHUNKS}\nsg.to_dataset(sg.generate(chunks), format="st-pair")',
    "encodings": (
        "import pathlib, tempfile\nd = pathlib.Path(tempfile.mkdtemp())\n"
        '(d / "a.txt").write_bytes("Größe des Motors, der täglich zwei Liter Öl benötigt.".encode("latin-1") * 9)\nsg.load_documents(d)'
    ),
    "calls": (
        f'from synthgen.testing import FakeOpenAI\nimport os\nos.environ["OPENAI_API_KEY"] = "k"\n{CHUNKS}\nwith FakeOpenAI() as server:\n'
        '    sg.generate(chunks, model="openai/fake-model", settings={"llm": {"base_url": server.base_url}})'
    ),
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_no_library_writes_its_chatter_into_the_log_of_the_caller(work: str, tmp_path: Path) -> None:
    told = program(PROGRAM.format(before="", work=work))
    assert [line for line in told if " DEBUG " in line or " INFO " in line if not line.startswith("synthgen ")] == []


@pytest.mark.parametrize("library", ["markdown_it", "httpx", "openai", "datasets", "py3langid"])
def test_a_level_that_the_program_has_set_stays(library: str) -> None:
    before = f'logging.getLogger("{library}").setLevel(logging.DEBUG)'
    assert program(PROGRAM.format(before=before, work=f'print(logging.getLogger("{library}").level)')) == [str(logging.DEBUG)]


def program(source: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return (done.stdout + done.stderr).splitlines()
