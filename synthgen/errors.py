"""The errors that callers can catch.

    SynthgenError                    base of all others; the command line prints it as one paragraph
    ├── InputError                   documents, queries or files that cannot be used
    ├── ConfigError                  a setting that is unknown, missing or out of range
    ├── UnknownNameError             a model, prompt, filter, format … that does not exist
    ├── MissingExtraError            a feature whose optional packages are not installed
    ├── RunFolderError               a run folder that is in use, foreign, unwritable or incomplete
    │   └── DamagedFileError         a file of it that is not as it was written
    ├── ModelError                   a key, model or endpoint that cannot work, so no call is made
    ├── HubError                     the Hub rejects a push or cannot be reached
    ├── ExportError                  a written file that its reader would reject
    ├── EmptyResultError             a stage left nothing to continue with
    └── StoppedEarly                 a cap or systematic failures ended the run; its state is saved

A message states what was given, what is allowed and what to do. A bad *row* is never an exception: it becomes a row of
`skipped` or `rejected` with its reason.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "DISTRIBUTION",
    "ConfigError",
    "DamagedFileError",
    "EmptyResultError",
    "ExportError",
    "HubError",
    "InputError",
    "MissingExtraError",
    "ModelError",
    "RunFolderError",
    "StoppedEarly",
    "SynthgenError",
    "UnknownNameError",
    "nearest",
]


DISTRIBUTION = "synthgen-rag"  # the name on the package index; the package and the command are called synthgen


class SynthgenError(Exception):
    """Base of every error that is raised on purpose. `exit_code` is the exit code of the command line."""

    exit_code = 1


class InputError(SynthgenError):
    """Documents, queries or files that cannot be used."""


class ConfigError(SynthgenError):
    """A setting that is unknown, missing or out of range."""


class UnknownNameError(SynthgenError):
    """A name that is not in its table. `hint` is the last sentence of its message."""

    def __init__(
        self, kind: str, given: str, allowed: Iterable[str], hint: str = "A 'module:attribute' of your own works too."
    ) -> None:
        names = sorted(allowed)
        self.hint = hint
        super().__init__(
            f"There is no {kind} called {given!r}.{nearest(given, names)} Known: {', '.join(names) or 'none'}. {hint}"
        )


class MissingExtraError(SynthgenError):
    """A feature whose optional packages are not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs packages that are not installed. Run: pip install '{DISTRIBUTION}[{extra}]'")


class RunFolderError(SynthgenError):
    """A run folder that is in use, foreign, unwritable or incomplete."""


class DamagedFileError(RunFolderError):
    """A file of a run folder that is not as it was written: cut, emptied, overwritten, or gone.

    `what` says what is wrong, the message also what to do.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what = what
        super().__init__(f"{what} {remedy}".rstrip())


class ModelError(SynthgenError):
    """A key, model or endpoint that cannot work; it ends the run at once."""


class HubError(SynthgenError):
    """The Hub rejects a push or cannot be reached; the folder of the data set is complete."""


class ExportError(SynthgenError):
    """A written file that its reader would reject or misread."""


class EmptyResultError(SynthgenError):
    """A stage left nothing to continue with."""


class StoppedEarly(SynthgenError):
    """A cap or systematic failures ended the run; state is saved and the same command resumes."""

    exit_code = 3


def nearest(given: str, names: Iterable[str]) -> str:
    """Return `" Did you mean 'x'?"`, or "" when no name is close."""
    close = difflib.get_close_matches(given, list(names), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
