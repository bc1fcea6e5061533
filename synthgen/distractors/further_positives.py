"""Other chunks that clearly answer a query better than the row's own passage.

Such a chunk is no distractor, and in a benchmark a search that finds it is right. The rule is meant to be right rather than to find
all of them. All of this must hold:

- it scores above the passage under every judge;
- one of its sentences has the row's own answer, which has two words of content at least (a year or a single name stands in many
  sentences that say something else), and three quarters of the query's words of content, of which there are three at least;
- that is no smaller part of them than in the best sentence of the passage that has the answer.

Of the chunks that this finds for the human questions of SQuAD and COVID-QA about nine in ten do answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from synthgen.distractors.guard import Sought, folded
from synthgen.records import Chunk, Triple, passage
from synthgen.text.sentences import sentences
from synthgen.text.words import contents, words

__all__ = ["answering"]

_ANSWER_WORDS, _QUERY_WORDS, _COVERED = 2, 3, 0.75


def answering(triple: Triple, source: Chunk, above: Iterable[Chunk]) -> Sequence[Chunk]:
    """Those of the chunks `above` the source in every search that answer the query better."""
    answer, asked = triple.answer or "", set(contents(words(triple.query)))
    if len(contents(words(answer))) < _ANSWER_WORDS or len(asked) < _QUERY_WORDS:
        return []
    sought = Sought.of([folded(answer)])
    enough = _COVERED * len(asked)
    found = [(chunk, said) for chunk in above if (said := _told(chunk.text, sought, asked)) >= enough]
    own = _told(passage(triple, source), sought, asked) if found else 0
    return [chunk for chunk, said in found if said >= own]


def _told(text: str, sought: Sought, asked: set[str]) -> int:
    """How many of the words stand in a sentence that has the answer, at most."""
    if not sought.stands_in(folded(text)):
        return 0
    told = (text[start:end] for start, end in sentences(text))
    return max((len(asked & set(words(sentence))) for sentence in told if sought.stands_in(folded(sentence))), default=0)
