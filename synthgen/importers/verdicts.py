"""What a reviewer decided about a row: accepted, rejected, edited, or nothing yet.

The column `reviewed` always says so, as does one that is mapped to it. Columns that labelling tools write (`verdict`, `approved`, `decision`,
`status`, …) say so where the first value in them is a verdict: a column `verdict` of SUPPORTED and REFUTED is one of another kind.
With several such columns a rejection counts most, then an edit.

An accepted or edited row is a reviewed one, which filters only flag. A rejected row is not trained on. `no` under `reviewed` means that
nobody has reviewed the row; under any other column, it rejects the row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthgen.importers.values import BadValue

__all__ = ["ACCEPTED", "EDITED", "REJECTED", "Verdicts"]

ACCEPTED, REJECTED, EDITED = "accepted", "rejected", "edited"

_WORDS = {
    ACCEPTED: (
        "accepted",
        "accept",
        "approved",
        "approve",
        "submitted",
        "keep",
        "kept",
        "good",
        "ok",
        "okay",
        "pass",
        "passed",
    ),
    REJECTED: (
        *("rejected", "reject", "discarded", "discard", "disapproved", "declined", "dropped", "drop", "deleted", "delete"),
        *("removed", "remove", "bad", "fail", "failed", "ignore", "ignored", "skip", "skipped"),
    ),
    EDITED: ("edited", "edit", "corrected", "correct", "changed", "modified", "fixed", "revised", "rewritten"),
    "": ("", "nan", "none", "null", "n/a", "na", "-", "?", "pending", "draft", "todo", "open", "unreviewed", "not reviewed"),
}
_MEANING = {word: verdict for verdict, words in _WORDS.items() for word in words}
_YES, _NO = ("true", "yes", "y", "1", "1.0", "x", "t", "✓", "✔"), ("false", "no", "n", "0", "0.0", "f", "✗", "✘")

_DONE = ("reviewed", "is_reviewed")
_USUAL = (
    "verdict",
    "review_verdict",
    "review_status",
    "review_decision",
    "approved",
    "is_approved",
    "accepted",
    "is_accepted",
    "keep",
)
_STRICT = ("decision", "status", "response_status", "record_status")  # their yes, ok and 1 are those of something else
_STRICT_WORDS = ("accept", "approve", "reject", "discard", "submitted", "edited")


class Verdicts:
    """Reads the verdicts of a file's rows, whose first values decide which of the usual columns hold verdicts."""

    def __init__(self, mapped: str | None = None) -> None:
        self._mapped = mapped
        self._holds: dict[str, bool] = {}

    def of(self, columns: Mapping[str, Any]) -> tuple[str, list[str]]:
        """Return the verdict on a row, "" for none, and the columns that give it. Raises BadValue for an unknown value."""
        found = {name: _verdict(name, columns[name]) for name in columns if self._is_verdict(name, columns)}
        verdict = next((verdict for verdict in (REJECTED, EDITED, ACCEPTED) if verdict in found.values()), "")
        return verdict, list(found)

    def _is_verdict(self, name: str, columns: Mapping[str, Any]) -> bool:
        if self._mapped is not None:
            return name == self._mapped
        plain, value = _plain(name), columns[name]
        if plain in _DONE:
            return True
        if plain == "answer" and "_task_hash" in columns:  # Prodigy's accept, reject or ignore
            return True
        if plain not in _USUAL and plain not in _STRICT:
            return False
        word = _word(value)
        if name not in self._holds and _MEANING.get(word) != "":
            known = word in _MEANING or word in _YES or word in _NO
            self._holds[name] = known and (plain in _USUAL or word.startswith(_STRICT_WORDS))
        return self._holds.get(name, False)


def _verdict(name: str, value: Any) -> str:
    word = _word(value)
    if word in _MEANING:
        return _MEANING[word]
    if word in _YES:
        return ACCEPTED
    if word in _NO:
        return "" if _plain(name) in _DONE else REJECTED
    raise BadValue(
        f"{name} is {str(value)[:40]!r}, which is no verdict. Allowed: {ACCEPTED}, {REJECTED}, {EDITED}, yes, no, or empty for rows "
        "that nobody has reviewed"
    )


def _plain(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def _word(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return "" if value is None else " ".join(str(value).split()).strip("'\"!. ").casefold()
