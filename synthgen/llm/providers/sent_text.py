"""The text of a request, to tell what a server says in an error from what it repeats of the prompt.

Servers quote the request in their errors, and a document may say "insufficient_quota" or "try again in 59 minutes". So
words are a server's own only where the request does not have them. Letters and digits alone are compared.

Not covered: a translation, and what another request had.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from itertools import islice

from synthgen.records import Request

__all__ = ["NOTHING_SENT", "UNKNOWN_TEXT", "SentText"]

_RUN = 5  # words in a row that a server does not have in common with a passage by chance
_BREAK = re.compile(r"\\+[nrt]")
_WORD = re.compile(r"[^\W_]+")


class SentText:
    """The `texts` that were sent; None where they are not known, so that any words may be theirs."""

    def __init__(self, texts: Iterable[str] | None) -> None:
        self._texts = texts

    @classmethod
    def of(cls, request: Request) -> SentText:
        """Return the text of a request, which is not read before it is needed."""
        return cls(message["content"] for message in request.messages)

    def has(self, phrase: str) -> bool:
        """Whether `phrase` may be the request's."""
        return self._texts is None or "".join(_words(phrase)) in self._squeezed

    def without(self, text: str) -> str:
        """Return `text` without every run of five words or more that the request has, too."""
        found = list(_WORD.finditer(_BREAK.sub(lambda mark: " " * len(mark[0]), text)))
        words = [word[0].casefold() for word in found]
        repeated: set[int] = set()
        for at in range(len(words) - _RUN + 1):
            if tuple(words[at : at + _RUN]) in self._runs:
                repeated.update(range(at, at + _RUN))
        parts, kept_from = [], 0
        for at in sorted(repeated):
            parts.append(text[kept_from : found[at].start()])
            kept_from = found[at].end()
        return "".join([*parts, text[kept_from:]])

    @cached_property
    def _all_words(self) -> list[str]:
        return _words("\n".join(self._texts or ()))

    @cached_property
    def _squeezed(self) -> str:
        return "".join(self._all_words)

    @cached_property
    def _runs(self) -> set[tuple[str, ...]]:
        return set(zip(*(islice(self._all_words, at, None) for at in range(_RUN)), strict=False))


NOTHING_SENT = SentText(())
UNKNOWN_TEXT = SentText(None)


def _words(text: str) -> list[str]:
    return _WORD.findall(_BREAK.sub(" ", text).casefold())
