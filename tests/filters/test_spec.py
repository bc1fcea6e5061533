"""What is known of each filter: in one place, and true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from synthgen.config.settings import Config
from synthgen.errors import UnknownNameError
from synthgen.filters import FILTERS, filter_spec, is_paid
from synthgen.filters.chain import apply_filters
from synthgen.filters.context import FilterContext
from synthgen.filters.spec import FilterSpec
from synthgen.records import Chunk, Triple, Verdict, digest, make_triple

TEXT = "Curlews nest in the marsh."
MARSH = Chunk(f"marsh.md#0-{len(TEXT)}", "marsh.md", 0, len(TEXT), TEXT, digest(TEXT))
CONTEXT = FilterContext({MARSH.id: MARSH})
ROW = make_triple(MARSH, "Where do curlews nest?", "in the marsh")


def refuses(triples: Sequence[Triple], context: FilterContext) -> list[Verdict]:
    return [Verdict(triple, "no") for triple in triples]


FLAGS = FilterSpec(refuses, scope="row", flags_held_out=True, needs=frozenset({"paid"}), reasons={"no": "it refuses all"})


def test_the_order_of_the_table_is_the_default_order_of_the_filters_that_ask_no_model() -> None:
    assert [name for name in FILTERS if not filter_spec(name).paid] == Config().filters.order


@pytest.mark.parametrize("name", FILTERS)
def test_each_entry_of_the_table_is_a_spec_whose_options_are_those_of_its_function(name: str) -> None:
    spec = filter_spec(name)
    assert FILTERS[name] == f"{spec.function.__module__}:SPEC"
    assert spec.reasons
    assert spec.scope == "corpus" or not spec.compares


def test_of_a_plain_function_the_least_is_assumed() -> None:
    spec = filter_spec(f"{__name__}:refuses")
    assert spec == FilterSpec(refuses)
    assert (spec.scope, spec.compares, spec.flags_held_out, spec.paid, spec.cacheable) == ("corpus", False, False, False, False)


def test_the_spec_of_a_filter_of_ones_own_holds() -> None:
    rows = [replace(ROW, id=split, split=split) for split in ("train", "test")]
    plain = apply_filters(rows, [f"{__name__}:refuses"], CONTEXT)
    assert [r.triple.id for r in plain.rejected] == ["train", "test"]
    flagging = apply_filters(rows, [f"{__name__}:FLAGS"], CONTEXT)
    assert [r.triple.id for r in flagging.rejected] == ["train"]
    assert [t.flags for t in flagging.kept] == [(f"{__name__}:FLAGS:no",)]


def test_a_filter_that_is_not_found_asks_no_model() -> None:
    assert [name for name in (*FILTERS, f"{__name__}:FLAGS", "nowhere:found") if is_paid(name)] == [
        "answer_check",
        "judge",
        f"{__name__}:FLAGS",
    ]
    with pytest.raises(UnknownNameError, match="nowhere:found"):
        filter_spec("nowhere:found")
