"""Queries that nobody would type.

Reasons: `passage_reference` ("according to the text"), `chatter` ("Here are two questions"), `numbering` ("2) How …"),
`too_short`, `too_long` (in words), `copied_run` (a run of words copied from what the row shows), `shot_copied` (a shot's
text, again or nearly so).

Words are counted for every script: a letter of a script without spaces is half a word, so 8 words are 16 such letters.
Only the query is linted; what an answer may look like is for grounding and judges to say.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import regex
from pydantic import Field

from synthgen.filters import Context
from synthgen.filters.phrases import CHATTER, REFERENCES
from synthgen.records import Triple, Verdict, passage
from synthgen.text import copies, jaccard, shingles, spelled_out, units

__all__ = ["lint"]

Length = Annotated[float, Field(ge=0)]

# "2) …", "(3) …", "Q4. …", "- …": a mark, then space. Not "2023 budget", "3.5 GHz" or "-v prints nothing".
_NUMBERING = regex.compile(
    r"^\s*(?:[-*•–]\s+|\(?\d{1,2}[.)]\s+|\d{1,2}[、．）]\s*|[（(]\d{1,2}[）)]\s*|Q\s?\d*\s*[.:)]\s+|#{1,6}\s+)",
    regex.IGNORECASE,
)


def lint(
    triples: Sequence[Triple],
    context: Context,
    *,
    min_words: Annotated[Length, Field(description="shortest query, in words")] = 1,
    max_words: Annotated[Length, Field(description="longest query, in words")] = 120,
    max_copied_words: Annotated[Length, Field(description="a copied run of this many words is too long")] = 8,
    max_shot_similarity: Annotated[float, Field(gt=0, le=1, description="as similar to a shot, by shingles, is a copy")] = 0.8,
) -> list[Verdict]:
    """Queries that point at their passage, copy it, copy a shot, or carry the model's chatter."""
    similarity_to_shots = _shot_matcher(context.shots, max_shot_similarity)
    shown = functools.lru_cache(maxsize=4_096)(spelled_out)
    verdicts = []
    for triple in triples:
        query = triple.query.strip()
        parts = units(query)
        length = sum(weight for _, weight in parts)
        if _matcher("references").search(query):
            verdicts.append(Verdict(triple, "passage_reference"))
        elif _matcher("chatter").search(query):
            verdicts.append(Verdict(triple, "chatter"))
        elif _NUMBERING.match(query):
            verdicts.append(Verdict(triple, "numbering"))
        elif length < min_words:
            verdicts.append(Verdict(triple, "too_short", length, min_words))
        elif length > max_words:
            verdicts.append(Verdict(triple, "too_long", length, max_words))
        elif length >= max_copied_words and copies(
            parts, shown(passage(triple, context.chunks[triple.chunk_id])), max_copied_words
        ):
            verdicts.append(Verdict(triple, "copied_run", None, max_copied_words))
        elif (similarity := similarity_to_shots(query)) >= max_shot_similarity:
            verdicts.append(Verdict(triple, "shot_copied", round(similarity, 6), max_shot_similarity))
        else:
            verdicts.append(Verdict(triple))
    return verdicts


@functools.cache
def _matcher(which: str) -> regex.Pattern[str]:
    table: Mapping[str, Sequence[str]] = {"references": REFERENCES, "chatter": CHATTER}[which]
    patterns = [pattern for language in table.values() for pattern in language]
    return regex.compile("|".join(f"(?:{pattern})" for pattern in patterns), regex.IGNORECASE)


def _shot_matcher(shots: Sequence[str], threshold: float) -> Callable[[str], float]:
    """A function that gives the similarity of a query to the nearest shot."""
    known = [shingles(shot) for shot in shots]

    def similarity(query: str) -> float:
        own = shingles(query)
        near = (k for k in known if len(own) >= threshold * len(k) and len(k) >= threshold * len(own))
        return max((jaccard(own, k) for k in near), default=0.0)

    return similarity
