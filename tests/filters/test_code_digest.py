"""A digest of code: it changes with every module that could change a result, and never stays because one was moved."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from synthgen.filters import FILTERS, code_digest, filter_spec
from synthgen.filters.code_digest import imported_modules

SOURCES = {
    "__init__": "",
    "judge": "from synthgen.words import fold\nif TYPE_CHECKING:\n    from synthgen.only_types import T\n",
    "words": "def fold():\n    import synthgen.late\n",
    "late": "TABLE = {'de': 'synthgen.tables.german:WORDS', 'en': 'synthgen.no.module:WORDS'}\n",
    "tables/__init__": "from synthgen.unused import X\n",
    "tables/german": "from synthgen import rules\n",
    "rules": "",
    "only_types": "",
    "unused": "",
    "apart": "",
}
SEEN = {"judge", "words", "late", "tables/german", "rules"}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small package in place of this one."""
    for name, source in SOURCES.items():
        file = tmp_path / "synthgen" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    monkeypatch.setattr(code_digest, "_ROOT", tmp_path)
    forget()
    yield tmp_path / "synthgen"
    forget()


def forget() -> None:
    code_digest.code_digest.cache_clear()
    code_digest._imports.cache_clear()


@pytest.mark.parametrize("name", SOURCES)
def test_it_changes_with_the_modules_that_are_imported_in_any_way_and_with_no_others(package: Path, name: str) -> None:
    digests = []
    for comment in ("", "# changed\n", ""):
        (package / f"{name}.py").write_text(SOURCES[name] + comment)
        forget()
        digests.append(code_digest.code_digest("synthgen.judge"))
    assert digests[0] == digests[2]
    assert (digests[0] != digests[1]) == (name in SEEN | {"__init__"})


def test_a_module_that_is_not_there_is_refused(package: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"no module 'synthgen\.judges', so a digest of its code would never change"):
        code_digest.code_digest("synthgen.judge", "synthgen.judges")


def test_a_module_of_another_package_counts_by_its_own_source(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "theirs.py"
    monkeypatch.setitem(sys.modules, "theirs", type(sys)("theirs"))
    sys.modules["theirs"].__file__ = str(file)
    digests = []
    for text in ("a = 1", "a = 2", "a = 1"):
        file.write_text(text)
        forget()
        digests.append(code_digest.code_digest("synthgen.judge", "theirs"))
    assert digests[0] == digests[2] != digests[1]
    assert code_digest.code_digest("synthgen.judge", "__nowhere__") != digests[0]


RUN = """
import sys
from synthgen.filters import filter_spec
from synthgen.filters.context import FilterContext
from synthgen.records import Chunk, digest, make_triple
from synthgen.retrieval import index_text
before = set(sys.modules)
spec = filter_spec(sys.argv[1])
texts = {
    "en": "The lighthouse of Skagen stands 46 metres tall. The lamp was lit in 1858 by Anna Holm.",
    "de": "Der Leuchtturm von Skagen ist 46 Meter hoch. Anna Holm hat die Lampe im Jahr 1858 entzündet.",
    "zh": "灯塔高四十六米，守塔人每天晚上亮灯。",
}
chunks = {n: Chunk(f"{n}.md#0-{len(t)}", f"{n}.md", 0, len(t), t, digest(t), language=n) for n, t in texts.items()}
by_id = {c.id: c for c in chunks.values()}
asked = {"en": "How tall is the lighthouse of Skagen?", "de": "Wie hoch ist der Leuchtturm von Skagen?", "zh": "灯塔有多高？"}
rows = [make_triple(chunks[n], query, texts[n][4:30]) for n, query in asked.items()]
retriever = None
if "retriever" in spec.needs:
    from synthgen.retrieval.bm25 import BM25
    retriever = BM25(list(by_id), [index_text(c) for c in by_id.values()])
spec.function(rows, FilterContext(by_id, retriever, shots=("What is a lamp?",), queries=("Who lit the lamp?",)))
print(*(name for name in sys.modules if name.startswith("synthgen.")))
"""


@pytest.mark.parametrize("name", [name for name in FILTERS if not filter_spec(name).paid])
def test_every_module_that_a_filter_loads_is_covered(name: str) -> None:
    """Also those that are loaded by a name that no import shows."""
    done = subprocess.run([sys.executable, "-c", RUN, name], capture_output=True, text=True, check=True)
    asked = [filter_spec(name).function.__module__, "synthgen.filters.verdict_cache"]
    if "retriever" in filter_spec(name).needs:
        asked.append("synthgen.retrieval.bm25")
    loaded = set(done.stdout.split())
    packages = {name for name in loaded if any(other.startswith(f"{name}.") for other in loaded)}
    assert loaded - packages - imported_modules(asked) <= {"synthgen.registry"}, "the table of filters needs it, and no filter"
