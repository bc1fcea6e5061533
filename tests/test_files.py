"""Nothing of anybody's is replaced or deleted: what is synthgen's is known by digests, scratch names by being created."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from synthgen import files
from synthgen.errors import InputError, RunFolderError
from synthgen.files import MANIFEST, appending, check_own, remove_own, sweep, write_beside, write_folder, writing
from tests.support.own_files import POEM, link, put, tree


def export(folder: Path, rows: str = "rows") -> None:
    with write_folder(folder) as new:
        (new / "qrels").mkdir()
        for name in ("queries.jsonl", "qrels/test.tsv", "README.md"):
            (new / name).write_text(f"{name} {rows}", encoding="utf-8")


BEFORE_ANY: dict[str, Callable[[Path], object]] = {
    "a file of the name of an export's": lambda out: put(out / "queries.jsonl"),
    "one in the folder of judgments": lambda out: put(out / "qrels" / "test.tsv"),
    "a note beside the judgments": lambda out: put(out / "qrels" / "note.txt"),
    "a companion's name": lambda out: put(out / "README.md"),
    "a folder named like a file": lambda out: put(out / "queries.jsonl" / "poem.txt"),
    "an empty folder named like a file": lambda out: (out / "queries.jsonl").mkdir(parents=True),
    "a hidden file": lambda out: put(out / ".netrc"),
    "a link to nowhere": lambda out: link(out / "queries.jsonl", "nowhere"),
    "a link to a folder": lambda out: link(out / "qrels", "../other"),
    "a pipe": lambda out: (out.mkdir(), os.mkfifo(out / "queries.jsonl")),
    "the manifest of another program": lambda out: put(out / MANIFEST, b'{"files": ["queries.jsonl"]}'),
    "a manifest that is no JSON": lambda out: put(out / MANIFEST, b"\xff"),
    "a manifest nested too deep": lambda out: put(out / MANIFEST, b"[" * 100_000),
    "a link to the folder itself": lambda out: link(out, "other"),
    "a file in place of the folder": lambda out: put(out),
}
AFTER_ONE: dict[str, Callable[[Path], object]] = {
    "a changed file": lambda out: put(out / "queries.jsonl"),
    "a changed byte": lambda out: put(out / "qrels" / "test.tsv", b"qrels/test.tsv rowz"),
    "a row more": lambda out: put(out / "queries.jsonl", b"queries.jsonl rows\n{}"),
    "an emptied file": lambda out: put(out / "README.md", b""),
    "a new file": lambda out: put(out / "corpus.jsonl"),
    "a new file in a folder of ours": lambda out: put(out / "qrels" / "dev.tsv"),
    "a new folder": lambda out: (out / "notes").mkdir(),
    "a link in place of a file": lambda out: link(out / "queries.jsonl", "../other/queries.jsonl"),
    "no manifest any more": lambda out: (out / MANIFEST).unlink(),
    "an emptied manifest": lambda out: put(out / MANIFEST, b'{"files": {}}'),
    "an export to a file of its own": lambda out: beside(out / "mine.jsonl"),
}


def beside(path: Path, *texts: str) -> None:
    with write_beside(path) as new:
        for number, text in enumerate(texts or ("rows",), 1):
            (new / (path.name if number == 1 else f"{path.stem}-{number}{path.suffix}")).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("what", [*BEFORE_ANY, *AFTER_ONE])
def test_a_folder_with_anything_of_somebody_else_stays_as_it_is(what: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(tmp_path / "other" / "queries.jsonl", b"queries.jsonl rows")
    if what in AFTER_ONE:
        export(out)
        AFTER_ONE[what](out)
    else:
        BEFORE_ANY[what](out)
    before = tree(tmp_path)
    for verb in (lambda: export(out, "new rows"), lambda: remove_own(out), lambda: check_own(out)):
        with pytest.raises(InputError, match="Move it away|move it away"):
            verb()
        assert tree(tmp_path) == before


OWN: dict[str, Callable[[Path], object]] = {
    "as it was written": lambda out: None,
    "written twice": lambda out: export(out, "other rows"),
    "a file that somebody deleted": lambda out: (out / "queries.jsonl").unlink(),
    "all files of a folder deleted": lambda out: (out / "qrels" / "test.tsv").unlink(),
    "an old export under another name": lambda out: (out.rename(out.with_name("x")), out.with_name("x").rename(out)),
    "touched": lambda out: os.utime(out / "queries.jsonl", (0, 0)),
    "nothing at all": lambda out: remove_own(out),
}


@pytest.mark.parametrize("what", OWN)
def test_an_export_takes_the_place_of_an_earlier_one(what: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(out)
    OWN[what](out)
    export(out, "new rows")
    assert set(tree(out)) == {MANIFEST, "README.md", "queries.jsonl", "qrels", "qrels/test.tsv"}
    assert {p.name for p in tmp_path.iterdir()} == {"out"}
    remove_own(out)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_what_would_be_written_may_be_anybodys(tmp_path: Path) -> None:
    export(tmp_path / "out")
    (tmp_path / "out" / MANIFEST).unlink()
    export(tmp_path / "out")
    assert (tmp_path / "out" / MANIFEST).exists()


def test_files_that_nobody_edits_are_damaged_when_they_change_and_written_anew(tmp_path: Path) -> None:
    out = tmp_path / "model"
    export(out)
    put(out / "queries.jsonl", b"cut")
    with write_folder(out, changed=True) as new:
        (new / "queries.jsonl").write_text("whole", encoding="utf-8")
    assert set(tree(out)) == {MANIFEST, "queries.jsonl"}
    for spoil in (lambda: put(out / "note.txt"), lambda: link(out / "queries.jsonl", "note.txt")):
        spoil()
        with pytest.raises(InputError, match="synthgen did not write|was changed"):
            check_own(out, changed=True)
        (out / "note.txt").unlink(missing_ok=True)


BESIDE: dict[str, Callable[[Path], object]] = {
    "the file itself": lambda path: put(path),
    "a part": lambda path: put(path.with_name("rows-2.jsonl")),
    "a link": lambda path: link(path, "poem.txt"),
    "a link to nowhere": lambda path: link(path, "nowhere"),
    "a folder": lambda path: path.mkdir(),
    "a file of the manifest's name": lambda path: put(path.with_name(MANIFEST)),
    "a pipe": lambda path: os.mkfifo(path),
    "an export that was changed": lambda path: (beside(path, "a", "b"), put(path)),
    "a part that was changed": lambda path: (beside(path, "a", "b"), put(path.with_name("rows-2.jsonl"))),
    "a part that was changed and would be deleted": lambda path: (
        beside(path, "a", "b", "c", "d"),
        put(path.with_name("rows-4.jsonl")),
    ),
}


@pytest.mark.parametrize("what", BESIDE)
def test_a_file_of_somebody_else_stays_as_it_is(what: str, tmp_path: Path) -> None:
    put(tmp_path / "poem.txt")
    path = tmp_path / "rows.jsonl"
    BESIDE[what](path)
    before = tree(tmp_path)
    with pytest.raises(InputError, match="Name another file, or move it away"):
        beside(path, "new", "rows", "here")
    assert tree(tmp_path) == before


def test_a_file_takes_the_place_of_an_earlier_one_and_its_parts(tmp_path: Path) -> None:
    put(tmp_path / "rows-9.jsonl")
    put(tmp_path / "rows.jsonl.part")
    for texts in (("a", "b", "c"), ("d",), ("e", "f"), ("e", "f"), ("g",)):
        beside(tmp_path / "rows.jsonl", *texts)
        beside(tmp_path / "others.jsonl", *texts)
    assert {p.name: p.read_bytes() for p in tmp_path.glob("*.*") if p.name != MANIFEST} == {
        "rows.jsonl": b"g",
        "others.jsonl": b"g",
        "rows-9.jsonl": POEM,
        "rows.jsonl.part": POEM,
    }


def test_files_of_several_exports_at_once_are_all_known(tmp_path: Path) -> None:
    for _ in range(2):
        threads = [threading.Thread(target=beside, args=(tmp_path / f"{n}.jsonl", str(n), "b")) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(files.read_manifest(tmp_path) or {}) == 16


SCRATCH = ["a.part", "rows.jsonl.part", ".synthgen-mine", ".synthgen-0123456789abcdef.part", ".synthgen-abcdefgh/poem.txt"]


@pytest.mark.parametrize("name", SCRATCH)
def test_names_of_scratch_files_are_nobodys(name: str, tmp_path: Path) -> None:
    put(tmp_path / name)
    link(tmp_path / "l.jsonl.part", name)
    for _ in range(2):
        export(tmp_path / "a")
        beside(tmp_path / "rows.jsonl")
        with writing(tmp_path / "l.jsonl") as file:
            file.write(b"rows")
    assert (tmp_path / name).read_bytes() == POEM
    assert (tmp_path / "l.jsonl.part").is_symlink()
    assert {p.name for p in tmp_path.iterdir()} - {name.partition("/")[0]} == {
        "a",
        "l.jsonl",
        "l.jsonl.part",
        "rows.jsonl",
        MANIFEST,
    }


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    put(tmp_path / "poem.txt")
    link(tmp_path / "run.log", "poem.txt")
    link(tmp_path / "table", "poem.txt")
    with writing(tmp_path / "table") as file:
        file.write(b"rows")
    os.mkfifo(tmp_path / "pipe")
    for name in ("run.log", "pipe", "."):
        with pytest.raises(OSError):
            appending(tmp_path / name)
    assert (tmp_path / "poem.txt").read_bytes() == POEM
    assert not (tmp_path / "table").is_symlink()


class Killed(BaseException):
    """A kill, after which no code of the process runs: nothing of it is caught below."""


def killed_at(step: str, monkeypatch: pytest.MonkeyPatch, out: Path) -> None:
    """Export to a folder, and die at one step without clearing up; the lock is taken back by the system."""

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(files.shutil, "rmtree", lambda *_, **__: None)
        if step == "second rename":
            whole, moved = Path.rename, []
            patch.setattr(files, "_exchanged", lambda *_: False)
            patch.setattr(Path, "rename", lambda path, to: die() if moved else (moved.append(path), whole(path, to)))
        elif step == "removal":
            patch.setattr(files, "remove_tree", die, raising=False)
            patch.setattr(files.shutil, "rmtree", die)
        else:
            patch.setattr(files, step, die)
        with pytest.raises(Killed):
            export(out, "new rows")


@pytest.mark.parametrize(
    ("step", "rows"),
    [("_digests", "rows"), ("check_own", "rows"), ("_put", "rows"), ("second rename", "rows"), ("removal", "new rows")],
)
def test_a_kill_leaves_the_old_folder_or_the_new_one(
    step: str, rows: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    export(out)
    killed_at(step, monkeypatch, out)
    sweep(tmp_path)
    assert (out / "queries.jsonl").read_text(encoding="utf-8") == f"queries.jsonl {rows}"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    export(out, "newest rows")
    assert (out / "queries.jsonl").read_text(encoding="utf-8") == "queries.jsonl newest rows"


def test_without_an_exchange_of_names_a_folder_is_replaced_in_two_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_exchanged", lambda *_: False)
    for rows in ("rows", "new rows"):
        export(tmp_path / "out", rows)
        assert (tmp_path / "out" / "README.md").read_text(encoding="utf-8") == f"README.md {rows}"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_the_scratch_of_a_command_at_work_stays(tmp_path: Path) -> None:
    with files.scratch_folder(tmp_path) as mine:
        export(tmp_path / "out")
        assert mine.is_dir()
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    put(tmp_path / "file")
    for write in (lambda: export(tmp_path / "file" / "out"), lambda: beside(tmp_path / "file" / "rows.jsonl")):
        with pytest.raises(RunFolderError, match="could not be written"):
            write()
