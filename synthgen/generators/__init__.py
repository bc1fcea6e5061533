"""Generators: chunks to candidate triples.

Two kinds. A rule (`extractive`, the default) is `generate(chunks, *, per_chunk, seed)`; anything of your own that is called
like this works as `module:attribute`. A model (`openai/NAME`) is a paid step (`llm.Step`), whose calls are made between
`requests` and `apply`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from synthgen.errors import UnknownNameError
from synthgen.records import Skipped, Triple, digest

__all__ = ["GENERATORS", "IMPORT", "split_model", "unique_ids"]

IMPORT = "import"
"""In place of a model: the rows of the run were imported, and its candidates are in the run folder."""

GENERATORS: Mapping[str, str] = {
    "extractive": "synthgen.generators.extractive.generate:generate",
    "openai": "synthgen.generators.prompted:Prompted",
}

_KNOWN = ("extractive", "openai/NAME")


def split_model(model: str) -> tuple[str, str]:
    """`("openai", NAME)` for `openai/NAME`, else the name of a rule (or a `module:attribute`) and "".

    Split at the first slash; nothing is guessed from the rest of the name. Raises UnknownNameError.
    """
    provider, slash, name = model.partition("/")
    if (provider == "openai" and name) or (provider in ("extractive", IMPORT) and not slash):
        return provider, name
    if ":" in model and not slash:
        return model, ""
    hint = f"Write openai/{model} for a model of an OpenAI-compatible endpoint." if provider != "openai" and model else ""
    raise UnknownNameError("model", model, _KNOWN, hint=hint or "NAME is what the endpoint calls the model.")


def unique_ids(rows: Iterable[Triple | Skipped]) -> Iterator[Triple | Skipped]:
    """`rows` with an id for each triple that no other one has.

    An id is the digest of the chunk's text and the query, so a model that writes the same query twice, or two prompts that
    lead to it, give the same id twice. The later row stays a row, for the filter of duplicates to turn away; its id is that of
    its occurrence.
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
