"""Rejects rows whose query mentions numbers or names that its passage does not.

Reasons: `number_not_found` and `name_not_found`: the number or name is neither in the chunk's text nor in its headings.
The score of a missing name is the share of its document's passages that show it.

A missing name is a sign of a wrong passage or of an invented fact, with two exceptions. The name may be the topic of
the document: at least `topic_share` of its passages show it, as the Normans in an article about them. Or the document
never uses it, but much of the corpus does: at least `common_share` of the documents.

A capital is evidence only where nothing else explains it. The first word of a sentence is a name if the document has it
in another passage and never in lower case. The same holds for a word of a language that capitalises its nouns, if few
documents have it as well. A function word with a capital inside a sentence ("What did The sign?") must be written so in
the passage, or inside a sentence of the document.

Not covered: names written in a script without capitals; names of one or two letters; wrong names and numbers that the
passage mentions too; German nouns in a corpus of fewer than 10 documents, where they cannot be told from names; numbers
in words.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Annotated

from pydantic import Field

from synthgen.filters.common.mentions import (
    Mention,
    Shown,
    capitalises_nouns,
    is_function_word,
    mentions,
    pieces,
    without_capitals,
)
from synthgen.filters.context import FilterContext
from synthgen.filters.spec import FilterSpec
from synthgen.records import Chunk, Triple, Verdict
from synthgen.text.fold import plain
from synthgen.text.lexicon import of_all

__all__ = ["SPEC", "entities"]

Share = Annotated[float, Field(ge=0, le=1)]

_LEAST_PASSAGES = 3  # needed for a topic
_LEAST_DOCUMENTS = 5  # needed for a common name
_LEAST_TITLES, _TITLE_SHARE = 2, 0.1  # passages needed to take a function word with a capital as part of a name
_FEW_DOCUMENTS = 10
_RARE_SHARE, _RARE_DOCUMENTS = 0.05, 2

_WORD = re.compile(r"[^\W_]+")
_JOINED = re.compile(r"[^\W_]++(?:-[^\W_]++)++|[^\W_]++")
_INSIDE = re.compile(r"(?<=[\w,] )[^\W_a-z][^\W_]*")


def entities(
    triples: Sequence[Triple],
    context: FilterContext,
    *,
    topic_share: Annotated[
        Share, Field(description="a name that this share of the document's passages show is its topic")
    ] = 0.3,
    common_share: Annotated[Share, Field(description="a name that this share of all documents show is common")] = 0.1,
    check_names: Annotated[bool, Field(description="names must occur in chunk or headings, not only numbers")] = True,
) -> list[Verdict]:
    """Numbers and names of the query are in the chunk or its headings."""
    verdicts = [Verdict(triple) for triple in triples]
    unsure: dict[int, list[Mention]] = {}
    by_chunk = sorted(range(len(triples)), key=lambda i: triples[i].chunk_id)
    for chunk_id, rows in groupby(by_chunk, key=lambda i: triples[i].chunk_id):
        chunk = context.chunks[chunk_id]
        shown = Shown("\n".join([*chunk.headings, chunk.text]), chunk.language)
        for i in rows:
            missing = [mention for mention in mentions(triples[i].query) if not _stands(mention, shown)]
            if any(mention.is_number for mention in missing):
                verdicts[i] = Verdict(triples[i], "number_not_found")
            elif missing and check_names:
                unsure[i] = missing
    corpus = _NameStatistics(
        context.chunks, [(triples[i].document_id, name) for i, missing in unsure.items() for name in missing]
    )
    for i, missing in unsure.items():
        chunk = context.chunks[triples[i].chunk_id]
        for name in missing:
            share = corpus.topic_share(name, chunk)
            if share < topic_share and corpus.is_name(name, chunk) and not corpus.is_common(name, chunk, common_share):
                verdicts[i] = Verdict(triples[i], "name_not_found", round(share, 6), topic_share)
                break
    return verdicts


def _stands(mention: Mention, shown: Shown) -> bool:
    if mention.is_number or not is_function_word(mention.text):
        return shown.has(mention)
    return mention.initial or mention.text.casefold() in of_all("polite_words") or mention.text in shown.text


class _Document:
    """Word statistics of the passages of a document: in how many a word occurs, with a capital or at all, and where."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.passages = len(texts)
        self.any, self.capital, self.inside = Counter[str](), Counter[str](), Counter[str]()
        self.lower = set[str]()
        for text in texts:
            words = set(_WORD.findall(text))
            self.any.update(_plain(words))
            self.capital.update(_plain(word for word in words if not word[0].islower()))
            self.lower |= _plain(word for word in words if word[0].islower())
            self.inside.update(_plain(word for word in _INSIDE.findall(text) if word[0].isupper()))


class _NameStatistics:
    """Statistics about missing names in the rest of the corpus. Each text is read once, on first use."""

    def __init__(self, chunks: Mapping[str, Chunk], missing: Sequence[tuple[str, Mention]]) -> None:
        self.chunks, self.missing = chunks, missing
        texts: dict[str, list[str]] = {document_id: [] for document_id, _ in missing}
        for chunk in chunks.values() if missing else ():
            if chunk.document_id in texts:
                texts[chunk.document_id].append(chunk.text)
        self.documents = {document_id: _Document(of_document) for document_id, of_document in texts.items()}

    def topic_share(self, name: Mention, chunk: Chunk) -> float:
        """Return the share of the document's passages that show the name; 0 when there are too few passages for a topic."""
        document = self.documents[chunk.document_id]
        shown = document.any if without_capitals(chunk.text) else document.capital
        shown = document.inside if is_function_word(name.text) else shown
        passages = min(shown[piece] for piece in pieces(name.text))
        return passages / document.passages if passages >= _LEAST_PASSAGES else 0.0

    def is_name(self, name: Mention, chunk: Chunk) -> bool:
        """Whether the capital can only be explained by a name."""
        document, parts = self.documents[chunk.document_id], pieces(name.text)
        if is_function_word(name.text):
            return min(document.inside[part] for part in parts) < max(_LEAST_TITLES, _TITLE_SHARE * document.passages)
        nouns = capitalises_nouns(chunk)
        if not (name.initial or nouns):
            return True
        elsewhere = [part for part in parts if document.capital[part] and part not in document.lower]
        if not nouns:
            return bool(elsewhere)
        rare = max(_RARE_DOCUMENTS, _RARE_SHARE * self.total)
        return (
            self.total >= _FEW_DOCUMENTS and bool(elsewhere) and all(self.document_counts[part] <= rare for part in elsewhere)
        )

    def is_common(self, name: Mention, chunk: Chunk, common_share: float) -> bool:
        """Whether the document never uses the name but much of the corpus does."""
        document, parts = self.documents[chunk.document_id], _as_known(name)
        if all(document.any[part] for part in parts):
            return False
        return min(self.document_counts[part] for part in parts) >= max(_LEAST_DOCUMENTS, common_share * self.total)

    @functools.cached_property
    def total(self) -> int:
        return len({chunk.document_id for chunk in self.chunks.values()})

    @functools.cached_property
    def document_counts(self) -> Counter[str]:
        """Return the number of documents in which each missing name occurs."""
        wanted = {piece for _, name in self.missing for piece in [*pieces(name.text), *_as_known(name)]}
        pairs = {(chunk.document_id, word) for chunk in self.chunks.values() for word in wanted & _words(chunk.text)}
        return Counter(word for _, word in pairs)


def _as_known(name: Mention) -> list[str]:
    """Return the parts of a name, or the joined name where a number is part of it: COVID-19 is not COVID-91."""
    parts = pieces(name.text)
    return ["".join(parts)] if any(part.isdecimal() for part in parts) else parts


def _words(text: str) -> set[str]:
    """Return the words of a text, with hyphenated compounds as one word too."""
    folded = plain(text)
    found = set(_WORD.findall(folded))
    if "-" in folded:
        found.update(joined.replace("-", "") for joined in _JOINED.findall(folded))
    return found


def _plain(words: Iterable[str]) -> set[str]:
    return set(plain(" ".join(words)).split())


SPEC = FilterSpec(
    entities,
    scope="row",
    reasons={
        "number_not_found": "a number of the query is not in the passage",
        "name_not_found": "a name of the query is not in the passage",
    },
)
