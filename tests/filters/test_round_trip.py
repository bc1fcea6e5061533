"""The judges and rules of the round trip, what it stores, and that stored scores stand for a search."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import bm25s
import numpy as np
import pytest

from synthgen.errors import ConfigError
from synthgen.filters.context import FilterContext
from synthgen.filters.round_trip import round_trip
from synthgen.records import Chunk, Triple, Verdict, digest, make_triple
from synthgen.retrieval import Hit, Retriever, index_text
from synthgen.retrieval.base import best
from synthgen.retrieval.bm25 import BM25
from synthgen.retrieval.dense import BiEncoder
from synthgen.retrieval.source_rank import TOO_EASY, Copying
from synthgen.text.words import words

KETTLE = "Descale the kettle with vinegar once a month. Rinse it twice before the next tea."
TOASTER = "Empty the crumb tray of the toaster before you move it. Never wash the toaster in water."
FRIDGE = "Defrost the freezer when the ice is thicker than a finger. Put a towel under the drip tray."
OVEN = "烤箱每三个月清洗一次。先拔下插头，等待冷却。"


def chunk(name: str, text: str, **columns: Any) -> Chunk:
    return Chunk(f"{name}#0-{len(text)}", name, 0, len(text), text, digest(text), group=name, **columns)


CHUNKS = [chunk("kettle.md", KETTLE), chunk("toaster.md", TOASTER), chunk("fridge.md", FRIDGE), chunk("zh.md", OVEN)]
BOIL, TOAST, COLD, OVEN_ZH = CHUNKS


def letters(texts: Sequence[str]) -> np.ndarray:
    """A toy encoder: which of these concepts a text speaks of, in any of its words."""
    concepts = ("kettle|boil|tea", "toaster|bread|crumb", "freezer|cold|ice", "water|vinegar|rinse")
    counts = np.array([[sum(text.lower().count(w) for w in c.split("|")) for c in concepts] for text in texts], np.float32)
    counts += 0.01
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


class Toys:
    """Encoders without weights. `folds_asked` says what was asked; the judge of the second fold knows nothing."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = chunks
        self.folds_asked: list[int] = []
        self.pairs: list[tuple[str, str]] = []

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        return letters(texts)

    def dense(self) -> BiEncoder:
        return BiEncoder([c.id for c in self.chunks], letters([index_text(c) for c in self.chunks]), letters, letters)

    def cross_fitted(self, triples: Sequence[Triple], *, folds: int = 5) -> Iterator[tuple[Sequence[int], Retriever]]:
        self.folds_asked.append(folds)
        yield range(0, len(triples), 2), self.dense()
        vectors = np.roll(np.eye(4, dtype=np.float32), 1, axis=0)
        yield range(1, len(triples), 2), BiEncoder([c.id for c in self.chunks[:4]], vectors, letters, letters)

    def rerank(self, pairs: Sequence[tuple[str, str]], *, model: str) -> list[float]:
        """A reader that likes short texts."""
        self.pairs += pairs
        return [-float(len(text)) for _, text in pairs]

    def digest(self, *, triples: Sequence[Triple] = (), folds: int = 0, model: str = "") -> str:
        return digest([[t.id for t in triples], folds, model])


class Refuses:
    """A BM25 that must not be asked."""

    __module__ = BM25.__module__  # stored scores are those of the code that searches

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        raise AssertionError(f"searched for {queries}")

    def score(self, queries: Sequence[str], ids: Sequence[Sequence[str]]) -> list[list[float]]:
        raise AssertionError(f"scored {queries}")


def context(*more: Chunk, **columns: Any) -> FilterContext:
    chunks = [*CHUNKS, *more]
    index = BM25([c.id for c in chunks], [index_text(c) for c in chunks])
    return FilterContext({c.id: c for c in chunks}, index, encoders=Toys(chunks), **columns)


def judge(row: Triple, where: FilterContext | None = None, **options: Any) -> Verdict:
    [verdict] = round_trip([row], where or context(), **options)
    return verdict


def span(of: Chunk, words: str) -> tuple[int, int]:
    start = of.text.index(words)
    return start, start + len(words)


# --- judges


def test_a_dense_judge_finds_what_shares_no_word() -> None:
    row = make_triple(COLD, "how cold")
    lexical, dense = judge(row), judge(row, judge="dense")
    assert lexical.triple.flags == ("round_trip:undecided",)
    assert (dense.triple.scores["round_trip"], dense.triple.scores["round_trip_rank"]) == (1.0, 1)


def test_both_takes_the_judge_that_puts_the_source_higher() -> None:
    paraphrase, copied = make_triple(BOIL, "boil and move it"), make_triple(BOIL, "bread in the kettle once a month")
    for row in (paraphrase, copied):
        ratios = {name: judge(row, judge=name).triple.scores["round_trip"] for name in ("bm25", "dense", "both")}
        assert ratios["both"] == max(ratios["bm25"], ratios["dense"])
        assert ratios["bm25"] != ratios["dense"]


def test_each_row_is_judged_by_the_judge_of_its_fold() -> None:
    where = context()
    rows = [make_triple(BOIL, "kettle"), make_triple(BOIL, "the kettle")]
    fair, blind = round_trip(rows, where, judge="self", folds=7)
    assert where.encoders.folds_asked == [7]  # type: ignore[union-attr]
    assert (fair.reason, fair.triple.scores["round_trip_rank"]) == ("", 1)
    assert (blind.reason, blind.triple.scores["round_trip_rival"]) == ("not_found", TOAST.id)


def test_a_dense_judge_scores_a_masked_sentence_against_what_the_row_shows() -> None:
    where = context(chunk("rival.md", "Water and the toaster."))
    sentence = "Never wash the toaster in water."
    scores = judge(make_triple(TOAST, sentence, masks=(span(TOAST, sentence),)), where, judge="dense").triple.scores
    whole = judge(make_triple(TOAST, sentence), where, judge="dense").triple.scores
    cosines = (
        letters([sentence]) @ letters([TOASTER.replace(sentence, ""), *(index_text(c) for c in where.chunks.values())]).T
    )[0]
    floor, rival = min(cosines), cosines[-1]
    assert scores["round_trip"] == pytest.approx((cosines[0] - floor) / (rival - floor), abs=1e-5)
    assert scores["round_trip"] < whole["round_trip"]
    assert scores["round_trip_hidden"] is True


def test_a_judge_by_encoder_needs_encoders() -> None:
    with pytest.raises(ConfigError, match="judge 'bm25'"):
        judge(make_triple(BOIL, "kettle"), replace(context(), encoders=None), judge="dense")


# --- rules


CROWDED = make_triple(BOIL, "tray of the toaster in water kettle")


def test_top_k_compares_the_rank() -> None:
    verdict = judge(CROWDED, rule="top_k", k=1)
    assert (verdict.reason, verdict.score, verdict.threshold) == ("not_found", 2, 1)
    assert judge(CROWDED, rule="top_k", k=2).reason == ""


def test_top_k_ranks_a_masked_sentence_by_what_is_left() -> None:
    where = context(chunk("pots.md", "The next tea is made twice."), chunk("jars.md", "Tea! Rinse the jar."))
    sentence = "Rinse it twice before the next tea."
    row = make_triple(BOIL, sentence, masks=(span(BOIL, sentence),))
    assert judge(row, where, rule="top_k", k=1).reason == ""
    verdict = judge(row, where, rule="top_k", k=1, hidden="judge")
    assert (verdict.reason, verdict.score) == ("not_found", 5)  # two speak of tea, two share its "the"


def test_raw_ratio_is_the_share_of_the_best_score() -> None:
    where = context()
    hits = {hit.id: hit.score for hit in where.retriever.search([CROWDED.query], 4)[0]}  # type: ignore[union-attr]
    verdict = judge(CROWDED, where, rule="raw_ratio", min_ratio=0.9)
    assert verdict.score == pytest.approx(hits[BOIL.id] / hits[TOAST.id], abs=1e-6)
    assert (verdict.reason, verdict.threshold) == ("not_found", 0.9)
    assert judge(CROWDED, where, rule="raw_ratio", min_ratio=0.1).reason == ""


def test_a_share_of_nothing_is_undecided() -> None:
    verdict = judge(make_triple(BOIL, "zzz"), rule="raw_ratio")
    assert (verdict.reason, verdict.triple.flags) == ("", ("round_trip:undecided",))
    opposite = Toys(CHUNKS)
    opposite.dense = lambda: BiEncoder([c.id for c in CHUNKS], -letters([c.text for c in CHUNKS]), letters, letters)  # type: ignore[method-assign]
    verdict = judge(make_triple(BOIL, "kettle"), replace(context(), encoders=opposite), judge="dense", rule="raw_ratio")
    assert (verdict.reason, verdict.triple.flags) == ("", ("round_trip:undecided",))


def test_a_reranker_must_put_the_source_first() -> None:
    where = context(chunk("long.md", TOASTER + " It is hot. " * 9))
    row = make_triple(where.chunks[where.retriever.ids[-1]], "crumb tray toaster hot")  # type: ignore[union-attr]
    assert judge(row, where).reason == ""
    verdict = judge(row, where, rule="reranker", reranker="likes-short-texts")
    assert (verdict.reason, verdict.threshold) == ("not_found", 1)
    assert verdict.score == verdict.triple.scores["round_trip_reranked"] > 1
    short = make_triple(OVEN_ZH, "烤箱 kettle")
    assert judge(short, where, rule="reranker", reranker="likes-short-texts").triple.scores["round_trip_reranked"] == 1


def test_a_reranker_reads_what_the_row_shows_and_each_rival_whole() -> None:
    where = context()
    sentence = "Rinse it twice before the next tea."
    row = make_triple(BOIL, sentence, masks=(span(BOIL, sentence),))
    judge(row, where, rule="reranker", reranker="x", depth=4)
    texts = [text for _, text in where.encoders.pairs]  # type: ignore[union-attr]
    assert texts[0].strip() == "Descale the kettle with vinegar once a month."
    assert set(texts[1:]) == {TOASTER, FRIDGE, OVEN}


def test_a_source_below_the_depth_is_not_read() -> None:
    where = context()
    verdict = judge(CROWDED, where, rule="reranker", reranker="x", depth=1)
    assert (verdict.reason, verdict.score) == ("not_found", None)
    assert where.encoders.pairs == []  # type: ignore[union-attr]


def test_the_reranker_must_be_named() -> None:
    with pytest.raises(ConfigError, match="option `reranker`"):
        judge(CROWDED, rule="reranker")


@pytest.mark.parametrize(
    "options", [{}, {"rule": "top_k", "k": 1}, {"rule": "raw_ratio"}, {"rule": "reranker", "reranker": "x"}]
)
@pytest.mark.parametrize("name", ["bm25", "dense", "both"])
def test_copies_count_as_the_source_for_every_judge_and_rule(name: str, options: dict[str, Any]) -> None:
    note = " Turn it off first, please, and let it cool down. " * 4
    source, nearly = chunk("note.md", KETTLE + note), chunk("nearly.md", KETTLE + note + "Tea!")
    overlap = replace(chunk("note.md", "kettle tea kettle tea"), id="note.md#3-24", start=3, end=24)
    where = context(source, nearly, overlap)
    row = make_triple(source, "kettle tea")
    assert judge(row, where, judge=name, **options).triple.scores["round_trip_rival"] not in {nearly.id, overlap.id}
    if options.get("rule") != "reranker":  # the toy likes any short text, whatever it says
        assert judge(row, where, judge=name, **options).triple.scores["round_trip_rank"] == 1


# --- too easy


@pytest.mark.parametrize(
    ("where", "query", "share"),
    [
        (BOIL, "Descale the kettle with vinegar", 1.0),
        (BOIL, "kettle tea vinegar rinse", 4 / 7),
        (BOIL, "How do I clean a water boiler?", 0.0),
        (BOIL, "what is it", 0.33333),
        (BOIL, "!?", 0.0),
        (OVEN_ZH, "烤箱每三个月清洗一次", 1.0),
    ],
)
def test_easy_is_the_share_of_words_and_neighbours_copied(where: Chunk, query: str, share: float) -> None:
    assert judge(make_triple(where, query)).triple.scores["easy"] == pytest.approx(share, abs=1e-4)


def test_a_masked_sentence_is_no_copy_of_itself() -> None:
    sentence = "Descale the kettle with vinegar once a month."
    copying = Copying({BOIL.id: BOIL})
    assert copying.share(make_triple(BOIL, sentence)) == 1.0 >= TOO_EASY
    assert copying.share(make_triple(BOIL, sentence, masks=(span(BOIL, sentence),))) == 0.0


# --- the lowered threshold


def crowd(found: int, nearly: int, lost: int) -> list[Triple]:
    """Rows with a ratio of 1, of about .6 and of 0."""
    good = [make_triple(BOIL, f"kettle vinegar {n}") for n in range(found)]
    fair = [
        make_triple(BOIL, f"descale kettle vinegar month defrost freezer when ice thicker finger towel {n}")
        for n in range(nearly)
    ]
    return good + fair + [make_triple(BOIL, f"toaster {n}") for n in range(lost)]


STRICT: dict[str, Any] = {"min_ratio": 0.7, "fallback": 0.5}


def test_the_crowd_is_as_it_says() -> None:
    ratios = [v.triple.scores["round_trip"] for v in round_trip(crowd(1, 1, 1), context())]
    assert ratios == [1.0, pytest.approx(0.6, abs=0.1), 0.0]


def test_where_too_few_survive_the_threshold_is_lowered_once_and_said() -> None:
    where = context(lowers=True)
    verdicts = round_trip(crowd(2, 2, 6), where, **STRICT)
    assert [v.reason for v in verdicts] == [""] * 4 + ["not_found"] * 6
    assert {v.threshold for v in verdicts if v.reason} == {0.5}
    assert where.lowered == {"round_trip": 0.5}
    [note] = where.notes
    assert "from 0.7 to 0.5" in note
    assert "2 of 10 rows" in note
    assert "4 reach" in note
    later = round_trip(
        crowd(1, 1, 0), replace(where, lowers=False, notes=[]), **STRICT
    )  # what was decided is not read from prose
    assert [v.reason for v in later] == ["", ""]
    assert len(where.notes) == 1


@pytest.mark.parametrize(
    ("rows", "columns", "options"),
    [
        (crowd(3, 0, 7), {"lowers": True}, {}),
        (crowd(2, 2, 6), {"lowers": False}, {}),
        (crowd(2, 2, 6), {"lowers": True}, {"fallback": 0.7}),
        ([], {"lowers": True}, {}),
    ],
    ids=["30 % survive", "a benchmark", "no lower step", "no row"],
)
def test_the_threshold_stays(rows: list[Triple], columns: dict[str, Any], options: dict[str, Any]) -> None:
    where = context(**columns)
    assert {v.threshold for v in round_trip(rows, where, **(STRICT | options)) if v.reason} <= {0.7}
    assert where.notes == []


def test_rows_that_cannot_fall_do_not_count() -> None:
    safe = [replace(row, split="test") for row in crowd(0, 0, 9)] + [replace(row, reviewed=True) for row in crowd(0, 0, 9)]
    sentence = "Rinse it twice before the next tea."
    safe += [make_triple(BOIL, sentence, masks=(span(BOIL, sentence),))] * 9
    where = context(lowers=True)
    round_trip([*crowd(1, 0, 1), *safe], where, **STRICT)
    assert where.notes == []


# --- stored scores


ROWS = [
    make_triple(BOIL, "kettle vinegar"),
    CROWDED,
    make_triple(COLD, "zzz"),
    make_triple(TOAST, "Never wash the toaster in water.", masks=(span(TOAST, "Never wash the toaster in water."),)),
]
BY_RULE = [
    {},
    {"judge": "both"},
    {"rule": "top_k", "hidden": "judge"},
    {"rule": "raw_ratio"},
    {"rule": "reranker", "reranker": "x"},
]


def stored(verdicts: Sequence[Verdict]) -> dict[str, dict[str, Any]]:
    """The scores as they come back from a table."""
    return {v.triple.id: Triple.from_dict(json.loads(json.dumps(v.triple.to_dict()))).scores for v in verdicts}


@pytest.mark.parametrize("options", BY_RULE)
def test_stored_scores_give_the_same_verdicts_without_a_search(options: dict[str, Any]) -> None:
    first = round_trip(ROWS, context(), **options)
    again = replace(context(), known=stored(first), retriever=Refuses())
    assert round_trip(ROWS, again, **options) == first


def test_another_threshold_needs_no_search() -> None:
    known = stored(round_trip(ROWS, context()))
    strict = round_trip(ROWS, replace(context(), known=known, retriever=Refuses()), min_ratio=1.0)
    assert strict == round_trip(ROWS, context(), min_ratio=1.0)


def test_only_rows_that_changed_are_searched() -> None:
    known = stored(round_trip(ROWS[1:], context()))
    rows = [ROWS[0], *ROWS[1:]]
    with pytest.raises(AssertionError, match="searched for \\['kettle vinegar'\\]"):
        round_trip(rows, replace(context(), known=known, retriever=Refuses()))
    assert round_trip(rows, replace(context(), known=known)) == round_trip(rows, context())


@pytest.mark.parametrize(
    ("row", "more", "options"),
    [
        (replace(ROWS[0], query="kettle tea"), [], {}),
        (replace(ROWS[0], masks=((0, 9),)), [], {}),
        (replace(ROWS[0], positives=(*ROWS[0].positives, TOAST.id)), [], {}),
        (ROWS[0], [chunk("new.md", "Vinegar.")], {}),
        (ROWS[0], [], {"judge": "both"}),
        (ROWS[0], [], {"rule": "raw_ratio"}),
        (ROWS[0], [], {"rule": "reranker", "reranker": "x"}),
    ],
    ids=["query", "mask", "positives", "index", "judge", "rule", "reranker"],
)
def test_stored_scores_are_void_when_anything_changed_that_they_depend_on(
    row: Triple, more: list[Chunk], options: dict[str, Any]
) -> None:
    known = stored(round_trip([ROWS[0]], context()))
    with pytest.raises(AssertionError, match=r"searched|scored"):
        round_trip([row], replace(context(*more), known=known, retriever=Refuses()), **options)


def test_stored_scores_are_void_when_the_code_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    known = stored(round_trip([ROWS[0]], context()))
    monkeypatch.setattr("synthgen.filters.round_trip.code_digest", lambda *modules: "of another version")
    with pytest.raises(AssertionError, match="searched"):
        round_trip([ROWS[0]], replace(context(), known=known, retriever=Refuses()))


def test_stored_scores_are_void_when_something_else_searches() -> None:
    class Other(Refuses):
        __module__ = "synthgen.retrieval.dense"

    known = stored(round_trip([ROWS[0]], context()))
    with pytest.raises(AssertionError, match="searched"):
        round_trip([ROWS[0]], replace(context(), known=known, retriever=Other()))


def test_scores_of_one_judge_are_not_taken_for_those_of_another() -> None:
    known = stored(round_trip([ROWS[0]], context(), judge="dense"))
    with pytest.raises(AssertionError, match="searched"):
        round_trip([ROWS[0]], replace(context(), known=known, retriever=Refuses()), judge="both")


def test_a_rank_that_was_not_stored_is_found_out() -> None:
    options: dict[str, Any] = {"rule": "top_k", "hidden": "judge", "k": 1}
    known = stored(round_trip([ROWS[3]], context(), rule="ratio"))
    assert judge(ROWS[3], replace(context(), known=known), **options) == judge(ROWS[3], **options)
    assert "round_trip_rank" in judge(ROWS[3], **options).triple.scores


def test_a_heading_of_the_source_or_an_equal_place_is_part_of_the_index() -> None:
    known = stored(round_trip([ROWS[0]], context()))
    for other in (replace(COLD, headings=("Kettle",)), replace(COLD, places=("elsewhere.md#0-3",))):
        where = context()
        where = replace(where, chunks=dict(where.chunks) | {other.id: other}, known=known, retriever=Refuses())
        with pytest.raises(AssertionError, match="searched"):
            round_trip([ROWS[0]], where)


def test_scores_of_another_round_trip_do_not_stay_behind() -> None:
    hidden = round_trip([ROWS[3]], context(), rule="raw_ratio")[0].triple
    plain = judge(replace(hidden, masks=())).triple.scores
    assert set(plain) == {"round_trip", "round_trip_rank", "round_trip_rival", "easy", "round_trip_by"}


# --- the search


def zipf(n_texts: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    weights = [1 / (rank + 1) for rank in range(900)]
    return [" ".join(f"w{n}" for n in draw.choices(range(900), weights, k=draw.randint(1, 40))) for _ in range(n_texts)]


def test_bm25_scores_are_the_sums_of_its_columns_to_the_last_bit() -> None:
    texts = zipf(1_500, seed=1)
    queries = [*zipf(60, seed=2), "w0 w0 w1", "w899", "", "unknown w3"]
    index = BM25([str(n) for n in range(len(texts))], texts)
    numbers: dict[str, int] = {}
    tokens = [[numbers.setdefault(word, len(numbers)) for word in words(text)] for text in texts]
    plain = bm25s.BM25(k1=1.2, b=0.75, method="lucene", backend="numpy")
    plain.index((tokens, numbers), create_empty_token=False, show_progress=False)
    for query in queries:
        known = [numbers[word] for word in words(query) if word in numbers]
        expected = plain.get_scores_from_ids(known) if known else np.zeros(len(texts), np.float32)
        hits = index.search([query], 51)[0]
        order = np.argsort(-expected, kind="stable")[:51]
        assert hits == [(str(at), expected[at]) for at in order.tolist()]
        assert index.score([query], [["3", "700"]])[0] == [expected[3], expected[700]]


@pytest.mark.parametrize(("size", "k"), [(0, 5), (1, 1), (51, 51), (400, 51), (5_000, 51), (5_003, 3), (817, 1)])
def test_the_best_are_those_of_a_stable_sort_however_many_are_equal(size: int, k: int) -> None:
    draw = np.random.default_rng(size)
    for levels in (1, 2, 7, 100_000):
        scores = draw.integers(0, levels, size).astype(np.float32)
        assert best(scores, k).tolist() == np.argsort(-scores, kind="stable")[:k].tolist()


def test_dense_scores_do_not_depend_on_what_is_searched_with_them() -> None:
    draw = np.random.default_rng(0)
    vectors, asked = (draw.standard_normal((n, 48)).astype(np.float32) for n in (300, 70))
    where = {str(n): vector for n, vector in enumerate(asked)}
    index = BiEncoder([str(n) for n in range(300)], vectors, lambda texts: np.stack([where[t] for t in texts]), letters)
    together = index.search(list(where), 51)
    for query in ("0", "41", "69"):
        alone = index.search([query], 51)[0]
        assert together[int(query)] == alone
        assert index.score([query], [[hit.id for hit in alone[3:5]]])[0] == [hit.score for hit in alone[3:5]]
