"""Calls to models: the engine between two pure functions.

A paid step is `requests(rows)`, which returns what to ask, and `apply(rows, answers)`, which makes rows of the answers.
`fill.fill` runs between them, and its only product is the call store. So the order of arrival cannot change a result,
and a better parser costs no call. A new step (a judge, an answer check) is one file with a class like this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from synthgen.llm.call_store import Call
    from synthgen.records import Completion, Request

__all__ = ["Answers", "Check", "Step"]

RowIn = TypeVar("RowIn", contravariant=True)
RowOut = TypeVar("RowOut", covariant=True)

Check = Callable[["Completion"], tuple[str, str]]
"""The reading of an answer, as `Step.check` does it."""


class Answers(Protocol):
    """Finished calls by request key: a `CallStore` or a dictionary."""

    def get(self, key: str, /) -> Call | None: ...


class Step(Protocol[RowIn, RowOut]):
    """One paid step over rows. `output_tokens` is the expected length of an answer, for estimates."""

    @property
    def stage(self) -> str: ...

    @property
    def output_tokens(self) -> int: ...

    def requests(self, rows: Iterable[RowIn], /) -> Iterator[Request]:
        """Yield one request for each row that needs an answer, made lazily."""
        ...

    def check(self, completion: Completion, /) -> tuple[str, str]:
        """Return why an answer cannot be used, as reason and detail, or ("", "").

        An unusable call is stored as failed, with its text. The detail of an unreadable answer is shown to the model
        when it is asked once more, so it says what to correct.
        """
        ...

    def apply(self, rows: Iterable[RowIn], answers: Answers, /) -> Iterator[RowOut]:
        """Yield the rows made of the answers, in the order of `rows`; a failed call gives a row with its reason."""
        ...
