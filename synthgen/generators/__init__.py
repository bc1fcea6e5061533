"""Generators turn chunks into candidate triples.

There are two kinds. A rule (`extractive`, the default) is a function `generate(chunks, *, per_chunk, seed)`; your own
function with this signature works as `module:attribute`. A model (`PROVIDER/NAME`) is a paid step (`llm.Step`), whose
calls are made between `requests` and `apply`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from synthgen.errors import UnknownNameError
from synthgen.llm.model_name import ModelName, known_forms, parse_model
from synthgen.llm.providers import PROVIDERS
from synthgen.records import Skipped, Triple, digest

__all__ = ["GENERATORS", "IMPORT", "named_model", "unique_ids"]

IMPORT = "import"
"""In place of a model: the rows of the run were imported, and its candidates are in the run folder."""

GENERATORS: Mapping[str, str] = {
    "extractive": "synthgen.generators.extractive.generate:generate",
}
"""Rules by name. What a model writes is `prompted.Prompted`, whichever model that is."""


def named_model(name: str) -> ModelName | None:
    """Return the model of `name`; None for the name of a rule, and for a `module:attribute` of your own.

    Raises UnknownNameError for anything else.
    """
    model = parse_model(name)
    if model is None and name not in (*GENERATORS, IMPORT) and (":" not in name or "/" in name):
        written = " or ".join(f"{provider}/{name}" for provider in PROVIDERS)
        bare = name and name.partition("/")[0] not in PROVIDERS
        hint = f"Write {written} for a model of an endpoint." if bare else "NAME is what the endpoint calls the model."
        raise UnknownNameError("model", name, (*GENERATORS, *known_forms()), hint=hint)
    return model


def unique_ids(rows: Iterable[Triple | Skipped]) -> Iterator[Triple | Skipped]:
    """Yield `rows` with a unique id for each triple.

    An id is the digest of the chunk's text and the query, so a model that writes the same query twice, or two prompts
    that lead to it, give the same id twice. The later row is kept, for the filter of duplicates to reject; its id is
    then that of its occurrence.
    """
    used: set[str] = set()
    for row in rows:
        if isinstance(row, Triple):
            unique, occurrence = row.id, 1
            while unique in used:
                occurrence += 1
                unique = digest([row.id, occurrence])[:24]
            used.add(unique)
            row = row if unique == row.id else replace(row, id=unique)
        yield row
