"""The vocabulary of reasons: every one is documented, occurs, and is the only change a filter makes to what was checked."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import pytest
from support.fills import at

from synthgen.errors import ConfigError
from synthgen.filters import FILTERS, filter_spec
from synthgen.filters.chain import apply_filters
from synthgen.filters.context import FilterContext
from synthgen.llm.call_store import Call
from synthgen.llm.endpoint import Endpoint
from synthgen.records import Chunk, Completion, Triple, Verdict, digest, make_triple
from synthgen.retrieval import index_text
from synthgen.retrieval.bm25 import BM25

LIGHTHOUSE = (
    "The lighthouse at Skagen was lit in 1858 and stands 46 metres tall. Its lamp turns once every 4 seconds. "
    "The keeper Anna Holm logged each passing ship in a green book."
)
BAKERY = "Sourdough rises for twelve hours at room temperature. Bake the loaf at 230 degrees until the crust is dark."
TWIN = LIGHTHOUSE.replace("a green book", "one green book")


def chunk(name: str, text: str, **columns: Any) -> Chunk:
    return Chunk(f"{name}#0-{len(text)}", name, 0, len(text), text, digest(text), language="en", group=name, **columns)


SKAGEN, BREAD, COPY = chunk("skagen.md", LIGHTHOUSE), chunk("bread.md", BAKERY), chunk("copy.md", TWIN)
CHUNKS = {c.id: c for c in (SKAGEN, BREAD, COPY)}
INDEX = BM25(list(CHUNKS), [index_text(c) for c in CHUNKS.values()])
SHOT = "How many pilots does the harbour of Esbjerg employ?"
EVALUATED = "How tall is the lighthouse that stands at Skagen?"
TALL = "How tall is the lighthouse at Skagen?"


def row(query: str = TALL, answer: str | None = "46 metres", where: Chunk = SKAGEN, **columns: Any) -> Triple:
    return replace(make_triple(where, query, answer), **columns)


def mark(*rows: Triple) -> list[Triple]:
    """Rows with ids of their own."""
    return [replace(one, id=f"{one.id}.{n}") for n, one in enumerate(rows)]


class Vectors:
    """An encoder for which all texts are the same."""

    def vectors(self, texts: Sequence[str]) -> Any:
        import numpy as np

        return np.ones((len(texts), 1), dtype=np.float32)


class Says:
    """A model that says one thing, or nothing."""

    def __init__(self, said: Mapping[str, str] | None) -> None:
        self.said = said

    def model(self, stage: str, given: str | None) -> tuple[str, Endpoint]:
        return "reader", at(base_url="http://skagen")

    def answers(self, step: Any, rows: Sequence[Triple]) -> dict[str, Call]:
        import json

        if self.said is None:
            return {}
        text = json.dumps({"items": [self.said]})
        return {request.key: Call(Completion(request.key, text, "stop")) for request in step.requests(rows)}


YES = {"reason": "fine", "self_contained": "yes", "clear": "yes", "answerable": "yes", "supported": "yes"}
Case = tuple[list[Triple], dict[str, Any], Any]  # rows, options, who is asked

EXAMPLES: Mapping[str, Mapping[str, Case | list[Triple]]] = {
    "format": {
        "unknown_chunk": [row(positives=("nowhere.md#0-9",))],
        "wrong_span": [row(end=SKAGEN.end - 1)],
        "not_encodable": [row("What \ud800?")],
        "control_character": [row("What \x07?")],
        "empty_query": [row(" ")],
        "multiline_query": [row("What?\nAnd when?")],
        "query_too_short": [row("?")],
        "query_too_long": [row("long " * 300)],
        "empty_answer": [row(answer=" ")],
        "answer_too_long": [row(answer="long " * 2_000)],
        "answer_is_query": [row(answer=TALL.upper())],
    },
    "lint": {
        "passage_reference": [row("According to the passage, how tall is the lighthouse?")],
        "chatter": [row("Here are two questions about the lighthouse:")],
        "numbering": [row("2) How tall is the lighthouse at Skagen?")],
        "malformed": [row("lighthouse lighthouse lighthouse lighthouse lighthouse?")],
        "generic": [row("What is the main topic?")],
        "double_question": [row("How tall is the lighthouse at Skagen? When was it lit?")],
        "needs_passage": [row("What did he do after this?")],
        "too_short": ([row("?")], {}, None),
        "too_long": [row("why is the lamp so very old " * 30)],
        "copied_run": [row("Why was the lighthouse at Skagen was lit in 1858 and stands 46 metres tall?")],
        "shot_copied": [row(SHOT)],
        "placeholder": [row(answer="{answer}")],
        "no_answer": [row(answer="The passage does not mention it.")],
        "answer_malformed": [row(answer='{"height": 46, "unit": "metres"}')],
        "run_on": [row(answer="User: How tall? Assistant: 46 metres")],
    },
    "leaks": {"eval_query": [row(EVALUATED.lower())]},
    "exact_duplicates": {
        "same_answer": mark(row(), row(where=BREAD)),
        "same_passage": mark(row(), row(answer="50 metres")),
        "conflicting_labels": mark(
            row(LIGHTHOUSE, "sea", kind="classification"), row(LIGHTHOUSE, "land", kind="classification")
        ),
    },
    "language": {
        "query_language": [row("Wie hoch ist der Leuchtturm, der dort an der Küste steht?")],
        "answer_language": [row(answer="Der Leuchtturm ist nicht so hoch, wie man es von der Küste aus glaubt.")],
    },
    "entities": {
        "number_not_found": [row("Which lighthouse stands 73 metres tall?")],
        "name_not_found": [row("Which lighthouse did Winston Churchill light in 1858?")],
    },
    "grounding": {
        "answer_not_found": [row(answer="in a hurry", generator="extractive:sentence")],
        "quote_not_found": [row(metadata={"quote": "it was never there at all, said the mayor"})],
        "number_not_found": [row(answer="64 metres")],
        "name_not_found": [row(answer="It was lit by Winston Churchill.")],
    },
    "round_trip": {"not_found": [row(where=BREAD)]},
    "duplicates": {
        "near_duplicate": mark(row(), row("How tall is a lighthouse at Skagen, please?")),
        "semantic_duplicate": (mark(row(), row("How high up does the tower near Skagen reach?")), {"semantic": 0.9}, None),
    },
    "answer_check": {
        "no_answer": ([row()], {}, {"quote": "none", "answer": "none"}),
        "disagrees": ([row()], {}, {"quote": "in 1858", "answer": "in 1858"}),
        "undecided": ([row()], {}, {"nonsense": "x"}),
        "not_asked": ([row()], {}, None),
    },
    "judge": {
        "not_self_contained": ([row()], {}, {**YES, "self_contained": "no"}),
        "unclear": ([row()], {}, {**YES, "clear": "no"}),
        "not_answerable": ([row()], {}, {**YES, "answerable": "no"}),
        "unsupported": ([row()], {}, {**YES, "supported": "no"}),
        "undecided": ([row()], {}, {**YES, "clear": "unsure"}),
        "not_asked": ([row()], {}, None),
    },
    "ambiguous": {"merged": mark(row(), row(where=COPY))},
    "balance": {
        "chunk_full": (mark(*(row() for _ in range(3))), {"max_per_chunk": 2}, None),
        "kind_full": (mark(*(row(kind="question") for _ in range(4)), row(kind="keyword")), {"max_kind_share": 0.5}, None),
        "lead_full": (
            mark(*(row(quotes=((0, 9),)) for _ in range(4)), row(quotes=((160, 165),))),
            {"max_lead_share": 0.5},
            None,
        ),
    },
}
REASONS = {name: filter_spec(name).reasons for name in FILTERS}
CASES = [(stage, reason) for stage, reasons in REASONS.items() for reason in reasons]


def judged(stage: str, reason: str) -> tuple[list[Triple], Sequence[Verdict]]:
    given = EXAMPLES[stage][reason]
    rows, options, said = given if isinstance(given, tuple) else (given, {}, None)
    context = FilterContext(CHUNKS, INDEX, (SHOT,), (EVALUATED,), encoders=Vectors(), paid=Says(said))  # type: ignore[arg-type]
    return rows, filter_spec(stage).function(rows, context, **options)


def test_every_filter_has_its_reasons_and_every_reason_an_example() -> None:
    assert {stage: set(reasons) for stage, reasons in EXAMPLES.items()} == {s: set(r) for s, r in REASONS.items()}


@pytest.mark.parametrize(("stage", "reason"), CASES)
def test_a_filter_reads_only_what_its_spec_says_that_it_needs(stage: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read: set[str] = set()

    class Watched(FilterContext):
        def __getattribute__(self, name: str) -> Any:
            read.add(name)
            return super().__getattribute__(name)

    monkeypatch.setattr(f"{__name__}.FilterContext", Watched)
    judged(stage, reason)
    given = {field.name for field in fields(FilterContext)} - {"chunks", "known", "lowers", "lowered", "notes"}
    assert read & given <= filter_spec(stage).needs


@pytest.mark.parametrize(("stage", "reason"), CASES)
def test_every_reason_occurs(stage: str, reason: str) -> None:
    _, verdicts = judged(stage, reason)
    assert reason in [verdict.reason for verdict in verdicts]


@pytest.mark.parametrize("stage", REASONS)
def test_every_reason_is_told_where_the_filter_is(stage: str) -> None:
    told = inspect.getmodule(filter_spec(stage).function).__doc__ or ""  # type: ignore[union-attr]
    assert set(REASONS[stage]) <= set(re.findall(r"`(\w+)`", told))


@pytest.mark.parametrize("stage", REASONS)
def test_a_filter_gives_no_reason_that_is_not_in_the_vocabulary(stage: str) -> None:
    module = inspect.getmodule(filter_spec(stage).function)
    assert module is not None
    assert set(verdict_reasons(inspect.getsource(module))) <= set(REASONS[stage])


def verdict_reasons(source: str) -> Iterator[str]:
    """The literal reasons of `Verdict(row, "reason", …)`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Verdict" and len(node.args) > 1:
            for inner in ast.walk(node.args[1]):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and inner.value:
                    yield inner.value


@pytest.mark.parametrize(("stage", "reason"), CASES)
def test_no_filter_changes_what_was_checked_before(stage: str, reason: str) -> None:
    rows, verdicts = judged(stage, reason)
    for given, verdict in zip(rows, verdicts, strict=True):
        found = replace(verdict.triple, scores=given.scores, flags=given.flags, quotes=given.quotes, positives=given.positives)
        assert found == given
        assert verdict.triple.chunk_id == given.chunk_id


def rewrites(triples: Sequence[Triple], context: FilterContext) -> list[Verdict]:
    return [Verdict(replace(triple, query=triple.query.upper())) for triple in triples]


def scores(triples: Sequence[Triple], context: FilterContext) -> list[Verdict]:
    return [Verdict(replace(triple, scores={"mine": 1.0})) for triple in triples]


def test_a_filter_of_ones_own_that_rewrites_rows_is_refused() -> None:
    assert apply_filters([row()], [f"{__name__}:scores"], FilterContext(CHUNKS)).kept[0].scores == {"mine": 1.0}
    with pytest.raises(ConfigError, match="changed the row"):
        apply_filters([row()], [f"{__name__}:rewrites"], FilterContext(CHUNKS))
