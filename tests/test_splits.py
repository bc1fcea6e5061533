"""Near copies never end up on two sides, and what has a side keeps it."""

from __future__ import annotations

import dataclasses
import itertools
import random
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synthgen as sg
from synthgen.chunking.chunker import chunk_documents, merge_identical
from synthgen.config.settings import Chunking, Splits
from synthgen.errors import ConfigError
from synthgen.records import make_document
from synthgen.splits import TOLERANCE, assign_splits, missed_shares, split_sections
from synthgen.text.words import jaccard, shingles

WORDS = [
    "kettle",
    "lid",
    "spout",
    "water",
    "steam",
    "boil",
    "handle",
    "cord",
    "switch",
    "scale",
    "vinegar",
    "minute",
    "cup",
    "tea",
    "leaf",
    "warm",
    "cold",
    "fill",
    "pour",
    "wait",
]


def prose(number, n_words=120):
    rng = random.Random(number)
    return " ".join(f"{rng.choice(WORDS)}{rng.randrange(40)}" for _ in range(n_words)) + "."


def assigned(documents, shares, *, seed, stored=None, max_tokens=256):
    """The splits of documents that are cut into chunks of this size."""
    chunks = list(chunk_documents(documents, Chunking(max_tokens=max_tokens, min_tokens=4)))
    return assign_splits(documents, chunks, shares, seed=seed, stored=stored)


def manual(n=40):
    return [make_document(f"part-{i:03}.md", prose(i)) for i in range(n)]


def splits_of(result):
    return {d.id: d.split for d in result.documents}


def stored(result):
    return {d.id: (d.sha256, d.split) for d in result.documents}


def edited(document, text=None):
    return make_document(document.id, text or document.text.replace("kettle", "pot", 1))


# --- groups -----------------------------------------------------------------------------------------------------------


def test_near_copies_are_one_group_on_one_side():
    base = manual(30)
    near = [make_document(f"copy-{d.id}", d.text + " Edited once more.") for d in base]
    assert all(jaccard(shingles(a.text), shingles(b.text)) >= 0.8 for a, b in zip(base, near, strict=True))
    result = assigned([*base, *near], Splits(), seed=3)
    assert result.n_groups == 30
    by_id = {d.id: d for d in result.documents}
    for document in base:
        assert by_id[document.id].group == by_id[f"copy-{document.id}"].group
        assert by_id[document.id].split == by_id[f"copy-{document.id}"].split


def test_alike_below_the_threshold_is_not_a_group():
    base, other = make_document("a", prose(1, 60) + prose(2, 60)), make_document("b", prose(1, 60) + prose(3, 60))
    assert 0.2 < jaccard(shingles(base.text), shingles(other.text)) < 0.8
    assert assigned([base, other], Splits(), seed=0).n_groups == 2


def test_a_chain_of_near_copies_is_one_group():
    texts = [prose(7)]
    for i in range(12):
        texts.append(texts[-1][12:] + f" addition{i}")
    assert jaccard(shingles(texts[0]), shingles(texts[-1])) < 0.8
    result = assigned([make_document(f"{i}", t) for i, t in enumerate(texts)], Splits(), seed=0)
    assert len({d.group for d in result.documents}) == 1


def test_equal_and_wordless_documents_are_grouped_by_their_text():
    documents = [make_document("a", "---"), make_document("b", "---"), make_document("c", "***"), make_document("d", "x")]
    groups = [d.group for d in assigned(documents, Splits(), seed=0).documents]
    assert groups[0] == groups[1]
    assert len(set(groups)) == 3


def test_hundreds_of_near_copies_take_no_square_of_the_time():
    head = prose(1, 200)
    documents = [make_document(f"{i}", f"{head} number {i}") for i in range(400)]
    assert assigned(documents, Splits(), seed=0).n_groups == 1


# --- sides ------------------------------------------------------------------------------------------------------------


def test_shares_are_about_right_and_no_side_is_empty():
    counts = Counter(d.split for d in assigned(manual(400), Splits(), seed=0).documents)
    assert 290 <= counts["train"] <= 350
    assert min(counts["dev"], counts["test"]) >= 20


@pytest.mark.parametrize("seed", range(8))
def test_twenty_groups_are_enough_for_all_three_sides(seed):
    result = assigned(manual(20), Splits(), seed=seed)
    assert result.document_disjoint
    assert {d.split for d in result.documents} == {"train", "dev", "test"}


def test_a_share_of_zero_stays_empty():
    result = assigned(manual(30), Splits(train=0.9, dev=0.1), seed=0)
    assert {d.split for d in result.documents} == {"train", "dev"}


def test_names_and_order_decide_nothing():
    documents = manual(60)
    renamed = [dataclasses.replace(d, id=f"x/{i}") for i, d in enumerate(reversed(documents))]
    sides = {d.sha256: (d.split, d.group) for d in assigned(documents, Splits(), seed=1).documents}
    assert {d.sha256: (d.split, d.group) for d in assigned(renamed, Splits(), seed=1).documents} == sides


def test_another_seed_gives_other_sides():
    documents = manual(60)
    assert splits_of(assigned(documents, Splits(), seed=1)) != splits_of(assigned(documents, Splits(), seed=2))


def test_shares_above_one_are_refused():
    with pytest.raises(ConfigError, match="more than 1"):
        assigned(manual(3), Splits(train=0.8, dev=0.3), seed=0)


def test_another_process_gives_the_same_sides():
    script = (
        "from synthgen.config.settings import Splits; from synthgen.records import make_document; from synthgen.splits import assign_splits\n"
        "docs = [make_document(str(i), 'water boils ' * i) for i in range(30)]\n"
        "print([(d.group, d.split) for d in assign_splits(docs, [], Splits(min_groups=5), seed=0).documents])"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


# --- growing folders --------------------------------------------------------------------------------------------------


def test_one_edited_renamed_or_added_file_moves_no_other():
    before = assigned(manual(40), Splits(), seed=0)
    kept = splits_of(before)
    documents = manual(40)
    documents[3] = edited(documents[3])
    documents[4] = edited(documents[4], prose(1004))
    documents[5] = dataclasses.replace(documents[5], id="renamed.md")
    after = splits_of(assigned([*documents, make_document("new.md", prose(999))], Splits(), seed=0, stored=stored(before)))
    assert after.pop("renamed.md") == kept.pop("part-005.md")
    assert after.pop("new.md") in ("train", "dev", "test")
    assert after == kept


def test_a_new_copy_goes_where_its_original_is():
    before = assigned(manual(40), Splits(), seed=0)
    test = next(d for d in before.documents if d.split == "test")
    copy = make_document("copy.md", test.text + " Edited once more.")
    assert splits_of(assigned([*manual(40), copy], Splits(), seed=0, stored=stored(before)))["copy.md"] == "test"


def test_a_file_that_bridges_two_splits_is_kept_out_and_said():
    left, right = prose(500, 100), prose(501, 100)
    before = assigned([*manual(40), make_document("l", left), make_document("r", right)], Splits(), seed=0)
    placed = stored(before) | {"l": (before.documents[-2].sha256, "train"), "r": (before.documents[-1].sha256, "test")}
    bridge = make_document("bridge", left + " " + right)
    loose = Splits(near_duplicate=0.45)
    documents = [*manual(40), make_document("l", left), make_document("r", right), bridge]
    after = assigned(documents, loose, seed=0, stored=placed)
    assert (splits_of(after)["l"], splits_of(after)["r"], splits_of(after)["bridge"]) == ("train", "test", "")
    assert [(s.path, s.stage, s.reason) for s in after.skipped] == [("bridge", "splits", "bridges_splits")]
    again = assigned(documents, loose, seed=0, stored=stored(after))
    assert splits_of(again) == splits_of(after)


def test_an_edited_file_that_becomes_a_copy_from_another_side_is_kept_out():
    before = assigned(manual(40), Splits(), seed=0)
    train = next(d for d in before.documents if d.split == "train")
    test = next(d for d in before.documents if d.split == "test")
    documents = [edited(d, test.text + " Edited.") if d.id == train.id else d for d in manual(40)]
    after = splits_of(assigned(documents, Splits(), seed=0, stored=stored(before)))
    assert (after[train.id], after[test.id]) == ("", "test")


def test_files_that_go_away_do_not_undo_the_split():
    before = assigned(manual(30), Splits(), seed=0)
    after = assigned(manual(12), Splits(), seed=0, stored=stored(before))
    assert after.document_disjoint
    assert splits_of(after) == {id: split for id, split in splits_of(before).items() if id in splits_of(after)}


def test_a_folder_that_has_grown_enough_is_split_by_document():
    before = assigned(manual(12), Splits(), seed=0)
    assert not before.document_disjoint
    after = assigned(manual(40), Splits(), seed=0, stored=stored(before))
    assert after.document_disjoint
    assert {d.split for d in after.documents} == {"train", "dev", "test"}


# --- small folders ----------------------------------------------------------------------------------------------------


def sections(documents, **options):
    result = assigned(documents, Splits(), seed=0)
    assert not result.document_disjoint
    assert {d.split for d in result.documents} == {"train"}
    return split_sections(list(chunk_documents(result.documents, Chunking(max_tokens=32, min_tokens=4))), Splits(), seed=0)


def long(number, n=40):
    return "\n\n".join(prose(number * 1000 + i, 8) for i in range(n))


def test_a_small_folder_is_split_inside_its_documents():
    chunks = sections([make_document(f"{i}.md", long(i)) for i in range(4)])
    counts = Counter(chunk.split for chunk in chunks)
    assert counts["dev"] == counts["test"] == int(len(chunks) * 0.1 + 0.5)
    for id in {chunk.document_id for chunk in chunks}:
        runs = [chunk.split for chunk in chunks if chunk.document_id == id]
        borders = sum(a != b for a, b in itertools.pairwise(runs))
        assert borders <= 3
        assert {"train", "dev", "test"} == set(runs)


def test_near_copies_stay_in_train_when_sections_are_split():
    chunks = sections([make_document(f"{i}.md", long(i)) for i in range(3)] + [make_document("copy.md", long(0) + " Edited.")])
    splits = {id: {c.split for c in chunks if c.document_id == id} for id in ("0.md", "1.md", "copy.md")}
    assert splits["0.md"] == splits["copy.md"] == {"train"}
    assert "test" in {c.split for c in chunks}


def test_an_identical_chunk_on_two_sides_gives_no_rows():
    shared = "The same paragraph stands here, and it is long enough to be a chunk of its own in every file of the folder."
    chunks = sections([make_document(f"{i}.md", "\n\n".join([shared, long(i, 8)] * 3)) for i in range(4)])
    same = [c for c in merge_identical(chunks) if c.places]
    assert same
    assert {c.split for c in same} <= {"train", "dev", "test", ""}
    by_text = {c.sha256: {x.split for x in chunks if x.sha256 == c.sha256} for c in same}
    assert all((c.split == "") == (len(by_text[c.sha256]) > 1) for c in same)


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_a_very_small_folder_still_has_what_it_can(n):
    chunks = sections([make_document(f"{i}.md", prose(i, 8)) for i in range(n)])
    assert {c.split for c in chunks} == ({"train"} if n < 3 else {"train", "dev", "test"})


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=12), st.integers(0, 9))
def test_shares_inside_documents_are_exact(lengths, seed):
    documents = [make_document(f"{i}.md", long(i, n)) for i, n in enumerate(lengths)]
    chunks = list(chunk_documents(documents, Chunking(max_tokens=64, min_tokens=4)))
    counts = Counter(c.split for c in split_sections(chunks, Splits(), seed=seed))
    expected = max(int(len(chunks) >= 3), int(len(chunks) * 0.1 + 0.5))
    assert (counts["dev"], counts["test"]) == (expected, expected)


# --- shares of the chunks ---------------------------------------------------------------------------------------------


def sized(sizes):
    """Documents of about these numbers of words, all different."""
    return [make_document(f"{i:03}.md", prose(1_000 + i, size)) for i, size in enumerate(sizes)]


def share_of(chunks, split):
    counts = Counter(chunk.split for chunk in merge_identical(chunks) if chunk.split)
    return counts[split] / counts.total()


@pytest.mark.parametrize(
    "sizes",
    [
        [40] * 60,
        [20] * 50 + [400] * 10,
        [30 * (1 + i % 7) for i in range(60)],
        [2_000] + [40] * 99,
        [int(10 * 1.08**i) for i in range(60)],
        [3_000, 1_500, 800] + [60] * 80,
    ],
    ids=["equal", "two sizes", "seven sizes", "one large", "growing", "three large"],
)
@pytest.mark.parametrize("seed", range(5))
def test_shares_hold_by_chunks_whatever_the_sizes_of_the_documents(sizes, seed):
    chunks = assigned(sized(sizes), Splits(), seed=seed, max_tokens=32).chunks
    for split in ("dev", "test"):
        assert share_of(chunks, split) == pytest.approx(0.1, abs=0.1 * TOLERANCE + 0.001)
    assert missed_shares(merge_identical(chunks), Splits()) == {}


@pytest.mark.parametrize("seed", range(3))
def test_shares_hold_by_the_chunks_that_give_rows(seed):
    """Large documents that are mostly what others have, too: their bytes say nothing of their chunks."""
    common = [prose(n, 20) for n in range(25)]
    documents = [
        make_document(
            f"{i:03}.md", "\n\n".join([*(common if i % 3 else []), *(prose(5_000 + 10 * i + n, 20) for n in range(1 + i % 5))])
        )
        for i in range(80)
    ]
    chunks = assigned(documents, Splits(near_duplicate=1.0), seed=seed, max_tokens=64).chunks
    for split in ("dev", "test"):
        assert share_of(chunks, split) == pytest.approx(0.1, abs=0.1 * TOLERANCE + 0.005)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(10, 400), min_size=20, max_size=40), st.integers(0, 5))
def test_a_share_is_missed_only_where_whole_groups_make_it_so(sizes, seed):
    result = assigned(sized(sizes), Splits(), seed=seed, max_tokens=32)
    counts = Counter(chunk.document_id for chunk in result.chunks)
    total = counts.total()
    for split in ("dev", "test"):
        found = share_of(result.chunks, split)
        smallest = min((counts[d.id] / total for d in result.documents if d.split == "train"), default=1.0)
        assert found <= 0.1 * (1 + TOLERANCE) or sum(d.split == split for d in result.documents) == 1 or found - 0.1 < smallest
        assert found >= 0.1 * (1 - TOLERANCE) - 1e-9 or found + smallest > 0.1 * (1 + TOLERANCE) - 1e-9


def test_one_group_of_half_the_chunks_stays_in_train():
    documents = assigned(sized([4_000] + [40] * 99), Splits(), seed=0, max_tokens=32).documents
    assert documents[0].split == "train"


def test_another_document_moves_few():
    before = splits_of(assigned(manual(200), Splits(), seed=0))
    after = splits_of(assigned([*manual(200), make_document("new.md", prose(999))], Splits(), seed=0))
    assert sum(after[id] != split for id, split in before.items()) <= 4


def test_a_missed_share_is_reported():
    chunks = [chunk for d in sized([60] * 30) for chunk in chunk_documents([d], Chunking(max_tokens=64))]
    all_train = [dataclasses.replace(chunk, split="train") for chunk in chunks]
    assert missed_shares(all_train, Splits()) == {"dev": (0.0, 0.1), "test": (0.0, pytest.approx(0.1))}
    assert missed_shares(all_train, Splits(train=1.0, dev=0.0)) == {}


@pytest.mark.parametrize("count", [1, 3, 8, 16, 19, 20, 40])
def test_python_and_command_split_alike(tmp_path, count):
    folder = tmp_path / "docs"
    folder.mkdir()
    for document in sized([150 + 30 * (i % 5) for i in range(count)]):
        (folder / document.id).write_text(document.text)
    chunks = sg.chunk(sg.split(sg.load_documents(folder)))
    report = sg.run(folder, tmp_path / "run", settings={"training": {"enabled": False}}).report
    assert dict(Counter(chunk.split for chunk in chunks)) == {k: v for k, v in report["chunks"]["splits"].items() if v}
    if count >= 3:
        assert {chunk.split for chunk in chunks} == {"train", "dev", "test"}
