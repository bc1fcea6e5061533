"""Split documents into train, dev and test by groups of near-duplicates, before anything is generated.

Near-duplicates are found by MinHash over character shingles and confirmed by their exact Jaccard similarity, so a group
never contains a false match. The digest of its content and the seed give a new group its turn, and in this order groups
fill the test split, then dev, each up to its share of the chunks; the others are train. A chunk counts once, and only
where no other group has the same text, because one that lies in two splits gives no rows. A group that would overfill a
split is passed over. So names decide nothing, another document moves only groups at the edge of a split, and each share
holds within `TOLERANCE` of itself unless whole groups make that impossible. Groups that are already placed stay.

With too few groups, documents are split inside instead (`split_sections`): every document gives one run of neighbouring
chunks to dev and test. Documents with a near-duplicate then stay completely in train, so that their copies are never on
two sides. Such a split is not document-disjoint, and reports must say so.

Near-duplicate *chunks* of documents that are not alike are not detected. Identical chunks are one chunk without a split
(`chunking.chunker.merge_identical`, which therefore comes after `split_sections`).
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from synthgen.config.settings import Splits
from synthgen.errors import ConfigError
from synthgen.records import Chunk, Document, Skipped, digest, random_for
from synthgen.text.humanize import short_repr
from synthgen.text.minhash import candidates, signatures
from synthgen.text.words import jaccard, shingles

__all__ = ["TOLERANCE", "SplitResult", "assign_splits", "missed_shares", "split_named", "split_sections"]

TOLERANCE = 0.2
"""How much of its share a split may lack or have too much, where whole groups allow it: 8 to 12 % for 10 %."""

_SYNONYMS = {
    "train": ("training",),
    "dev": ("development", "val", "valid", "validation", "eval", "evaluation"),
    "test": ("testing",),
}

Stored = Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True, repr=False)
class SplitResult:
    """`documents` and `chunks` are the given ones, in order, with group and split; what bridges two splits has the split "".

    `group` is the start of the smallest content digest in the group, so a rename does not change it.
    """

    __repr__ = short_repr

    documents: list[Document]
    chunks: list[Chunk]
    skipped: list[Skipped]
    document_disjoint: bool
    n_groups: int


def assign_splits(
    documents: Sequence[Document],
    chunks: Sequence[Chunk],
    settings: Splits,
    *,
    seed: int,
    stored: Stored | None = None,
) -> SplitResult:
    """Group near-duplicates and assign a split to every group, by shares of the chunks of the documents.

    `stored` maps the ids of an earlier run to (sha256, split). A document with the same content, or the same id, keeps
    its split, and so do new near-duplicates of it. A new or edited document whose group lies in two splits gets "" and
    a `Skipped` (`bridges_splits`). An earlier run with too few groups placed no documents and is ignored.

    Raises ConfigError when the shares of train and dev add up to more than 1.
    """
    if settings.train + settings.dev > 1:
        raise ConfigError(
            f"splits.train = {settings.train} and splits.dev = {settings.dev} add up to more than 1; the rest is the test split."
        )
    groups = _groups(documents, settings.near_duplicate)
    if not stored or all(split not in ("dev", "test") for _, split in stored.values()):
        stored = {}
    names = {id: min(d.sha256 for d in group)[:16] for group in groups for id in (d.id for d in group)}
    disjoint = bool(stored) or len(groups) >= settings.min_groups
    splits = _place(groups, chunks, settings, seed, stored) if disjoint else {d.id: "train" for d in documents}
    return SplitResult(
        [dataclasses.replace(d, group=names[d.id], split=splits[d.id]) for d in documents],
        [dataclasses.replace(c, group=names[c.document_id], split=splits[c.document_id]) for c in chunks],
        [
            Skipped(d.id, "splits", "bridges_splits", detail="near-duplicate of documents in two splits")
            for d in documents
            if not splits[d.id]
        ],
        disjoint,
        len(groups),
    )


def split_sections(chunks: Sequence[Chunk], settings: Splits, *, seed: int) -> list[Chunk]:
    """Return the chunks with a split inside each document: one run of neighbours is held out, first dev, then test.

    Its position depends on the document's content and the seed. The shares are exact over the corpus. With at least
    three chunks, neither dev nor test is empty, unless its share is 0.
    """
    by_document = {id: list(same) for id, same in itertools.groupby(chunks, key=lambda c: c.document_id)}
    members = defaultdict(set)
    for chunk in chunks:
        members[chunk.group].add(chunk.document_id)
    alone = [own for own in by_document.values() if not own[0].group or len(members[own[0].group]) == 1]
    contents = {own[0].document_id: digest([c.sha256 for c in own]) for own in alone}
    order = sorted(alone, key=lambda own: (digest([seed, contents[own[0].document_id]]), own[0].document_id))
    total = sum(map(len, order))
    dev, test = _quota(total, settings.dev), _quota(total, _test_share(settings))
    splits: dict[str, str] = {}
    chunks_seen = held = 0
    for own in order:
        chunks_seen += len(own)
        until = (dev + test) * chunks_seen // total
        n_dev = dev * until // max(1, dev + test) - dev * held // max(1, dev + test)
        start = random_for(seed, contents[own[0].document_id]).randrange(len(own) - (until - held) + 1)
        held_out = itertools.chain(itertools.repeat("dev", n_dev), itertools.repeat("test", until - held - n_dev))
        splits |= {chunk.id: split for chunk, split in zip(own[start:], held_out, strict=False)}
        held = until
    return [dataclasses.replace(chunk, split=splits.get(chunk.id, "train")) for chunk in chunks]


def _quota(total: int, share: float) -> int:
    return max(int(total >= 3), math.floor(total * share + 0.5)) if share else 0


def _test_share(settings: Splits) -> float:
    """Return the share that train and dev leave; rounded, because 1 - 0.9 - 0.1 is not 0 in binary."""
    return round(1 - settings.train - settings.dev, 9)


# --- where a group goes -----------------------------------------------------------------------------------------------


def _place(
    groups: Sequence[Sequence[Document]], chunks: Sequence[Chunk], settings: Splits, seed: int, stored: Stored
) -> dict[str, str]:
    """Return document id -> split."""
    by_content = {sha256: split for sha256, split in stored.values() if split}
    splits: dict[str, str] = {}
    fresh: dict[float, Sequence[Document]] = {}
    for group in groups:
        settled = {d.id: by_content[d.sha256] for d in group if d.sha256 in by_content}
        edited = {d.id: stored[d.id][1] for d in group if d.id not in settled and d.id in stored and stored[d.id][1]}
        previous_splits = {*settled.values(), *edited.values()}
        if not previous_splits:
            fresh[_position(group, seed)] = group
        elif len(previous_splits) == 1:
            splits |= dict.fromkeys((d.id for d in group), previous_splits.pop())
        else:  # unchanged documents stay; any other document could be the bridge
            splits |= {d.id: settled.get(d.id, "") for d in group}
    sizes = _sizes(groups, chunks)
    total = sum(sizes.values())
    order = [(sum(sizes[d.id] for d in group), group) for _, group in sorted(fresh.items(), reverse=True)]
    for split, share in (("test", _test_share(settings)), ("dev", settings.dev)):
        held = sum(size for id, size in sizes.items() if splits.get(id) == split)
        taken = _filling([size for size, _ in order], share * total, held) if share else set()
        splits |= {d.id: split for at in taken for d in order[at][1]}
        order = [one for at, one in enumerate(order) if at not in taken]
    return splits | {d.id: "train" for _, group in order for d in group}


def _sizes(groups: Sequence[Sequence[Document]], chunks: Sequence[Chunk]) -> dict[str, int]:
    """Return document id -> chunks that are its own: the first of their text, which no other group has."""
    group_of = {d.id: number for number, group in enumerate(groups) for d in group}
    owners: dict[str, str | None] = {}
    for chunk in chunks:
        owner = owners.setdefault(chunk.sha256, chunk.document_id)
        if owner is not None and group_of[owner] != group_of[chunk.document_id]:
            owners[chunk.sha256] = None
    counts = Counter(owners.values())
    return {id: counts[id] for id in group_of}


def _filling(sizes: Sequence[int], wanted: float, held: float) -> set[int]:
    """Return which groups, of these sizes in chunks, fill a split of `wanted` that already has `held`: the first that fit.

    Where these are too few, the one that comes nearest is added. A split is not left empty while two groups are there.
    """
    most, least = (1 + TOLERANCE) * wanted, (1 - TOLERANCE) * wanted
    taken: set[int] = set()
    for at, size in enumerate(sizes):
        if held >= least:
            break
        if held + size <= most:
            taken.add(at)
            held += size
    left = [at for at in range(len(sizes)) if at not in taken]
    if held < least and left:
        missing = wanted - held
        nearest = min(left, key=lambda at: abs(missing - sizes[at]))
        if abs(missing - sizes[nearest]) < missing or (not held and len(left) > 1):
            taken.add(nearest)
    return taken


def _position(group: Sequence[Document], seed: int) -> float:
    """Return a number in [0, 1) from the group's content and the seed."""
    return int(digest([seed, "split", min(d.sha256 for d in group)])[:13], 16) / 16**13


# --- near-duplicates --------------------------------------------------------------------------------------------------


def _groups(documents: Sequence[Document], threshold: float) -> list[list[Document]]:
    """Return lists of documents with equal content or linked by near-duplicates."""
    same: defaultdict[str, list[Document]] = defaultdict(list)
    for document in documents:
        same[document.sha256].append(document)
    # Sorted, so that the order of files does not decide which pairs of a very large bucket are compared.
    contents = sorted(same)
    texts = [same[sha256][0].text for sha256 in contents]
    parents = list(range(len(texts)))
    for one, other in _alike(texts, threshold, parents):
        parents[_root(parents, other)] = _root(parents, one)
    groups: defaultdict[int, list[Document]] = defaultdict(list)
    for index, sha256 in enumerate(contents):
        groups[_root(parents, index)].extend(same[sha256])
    return [sorted(group, key=lambda d: d.id) for group in groups.values()]


def _root(parents: list[int], index: int) -> int:
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index


def _alike(texts: Sequence[str], threshold: float, parents: list[int]) -> Iterator[tuple[int, int]]:
    """Yield pairs of texts with a Jaccard similarity of at least `threshold`, except pairs that `parents` already joins."""

    @lru_cache(maxsize=64)
    def of(index: int) -> set[str]:
        return shingles(texts[index])

    for other, index in candidates(signatures(map(shingles, texts)), threshold):
        if _root(parents, index) != _root(parents, other) and jaccard(of(index), of(other)) >= threshold:
            yield other, index


def missed_shares(chunks: Sequence[Chunk], settings: Splits) -> dict[str, tuple[float, float]]:
    """Return split -> (share of the chunks, share asked for) of the held-out splits that miss theirs by more than `TOLERANCE`."""
    counts = Counter(chunk.split for chunk in chunks if chunk.split)
    total = max(1, counts.total())
    wanted = {"dev": settings.dev, "test": _test_share(settings)}
    found = {split: (counts[split] / total, share) for split, share in wanted.items()}
    return {
        split: (has, share) for split, (has, share) in found.items() if abs(has - share) > max(TOLERANCE * share, 1 / total)
    }


def split_named(name: str) -> str:
    """Return the split of a name, which may be the one that other libraries use (`validation`). Raises ConfigError."""
    given = str(name).strip().lower()
    for split, others in _SYNONYMS.items():
        if given in (split, *others):
            return split
    raise ConfigError(f"There is no split {name!r}. Known: {', '.join(_SYNONYMS)}; validation is dev.")
