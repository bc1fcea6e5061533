"""Read a folder into documents, in an order that depends only on the names in it.

Every file that is not read becomes a `Skipped` of stage `sources`, for one of these reasons:

    unknown_type        there is no loader for its suffix, or it has no suffix
    empty               it contains no text
    binary              it contains NUL bytes or too many control characters
    unknown_encoding    it is not UTF-8, and no guess is reliable; `sources.encoding` sets the encoding
    too_large           it has more than `sources.max_bytes`
    too_complex         a page with thousands of elements in each other, or of attributes in a tag
    unreadable          the system refuses to read it, or it is not a regular file
    hidden              its name, or a folder's, begins with a dot; such a folder is recorded once
    link                it is a symbolic link, whatever its target: files inside the folder are read under their own names

Ids are relative POSIX paths in NFC. Two names that are equal in NFC keep their own spelling.
"""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from synthgen.config.settings import Sources
from synthgen.errors import InputError
from synthgen.records import Document, Event, OnEvent, Skipped
from synthgen.registry import Contract, resolve

__all__ = ["LOADERS", "Loader", "read_folder", "reason_text"]

LOADERS: Mapping[str, str] = {
    ".htm": "synthgen.loaders.html:load_html",
    ".html": "synthgen.loaders.html:load_html",
    ".markdown": "synthgen.loaders.plain_text:load_markdown",
    ".md": "synthgen.loaders.plain_text:load_markdown",
    ".rst": "synthgen.loaders.plain_text:load_rst",
    ".txt": "synthgen.loaders.plain_text:load_text",
}
"""File suffix (lower case) -> loader."""

Loader = Callable[[bytes, str, Sources], Document | Skipped]

_CONTRACT = Contract(
    "loader",
    "be a function of (raw, id, settings) that returns a Document with the id it was given, or a Skipped with a reason",
)


def read_folder(
    folder: Path, settings: Sources, *, exclude: Path | None = None, on_event: OnEvent | None = None
) -> Iterator[Document | Skipped]:
    """Yield the documents of `folder` and the skipped files, ordered by id. `exclude` (the run folder) is ignored.

    Raises InputError when the folder does not exist or contains no readable document.
    """
    if not folder.is_dir():
        raise InputError(_no_folder(folder))
    table = {**LOADERS, **{_suffix(key): value for key, value in settings.loaders.items()}}
    loaders = {suffix: _loader(name, settings) for suffix, name in table.items()}
    entries = sorted(_entries(folder, exclude and exclude.resolve()))
    read, reasons = 0, Counter[str]()
    for done, (id, path, reason) in enumerate(entries, 1):
        found = Skipped(id, "sources", reason, detail=_DETAILS[reason]) if reason else _read(path, id, settings, loaders)
        if isinstance(found, Skipped):
            reasons[reason_text(found)] += 1
        else:
            read += 1
        yield found
        if on_event:
            on_event(Event("sources", done, len(entries)))
    if not read:
        raise InputError(_no_document(folder, reasons))


_DETAILS = {
    "hidden": "names that begin with a dot are not read",
    "link": "links are not followed",
    "unreadable": "not a regular file, or not readable",
}

_Entry = tuple[str, str, str]  # id, path, reason for skipping it


def _entries(folder: Path, exclude: Path | None) -> Iterator[_Entry]:
    found: list[tuple[str, str, str]] = []
    folders = [(str(folder), "")]
    while folders:
        path, prefix = folders.pop()
        try:
            entries = sorted(os.scandir(path), key=lambda entry: entry.name)
        except OSError:
            found.append((prefix.rstrip("/") or ".", path, "unreadable"))
            continue
        for entry in entries:
            name = prefix + entry.name
            if exclude and os.path.realpath(entry.path) == str(exclude):  # of a loop of links, too
                continue
            if entry.name.startswith("."):
                found.append((name, entry.path, "hidden"))
            elif entry.is_symlink():
                found.append((name, entry.path, "link"))
            elif entry.is_dir():
                folders.append((entry.path, name + "/"))
            else:
                found.append((name, entry.path, "" if entry.is_file() else "unreadable"))
    times = Counter(unicodedata.normalize("NFC", name) for name, _, _ in found)
    for name, path, reason in found:
        normal = unicodedata.normalize("NFC", name)
        yield _printable(normal if times[normal] == 1 else name), path, reason


def _printable(name: str) -> str:
    """Return a name that can be stored as text. File names need not be UTF-8; other bytes become `\\xNN`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _read(path: str, id: str, settings: Sources, loaders: Mapping[str, Loader]) -> Document | Skipped:
    suffix = Path(path).suffix.lower()
    if suffix not in loaders:
        return Skipped(id, "sources", "unknown_type", detail=f"no loader for {suffix or 'a name without suffix'}")
    try:
        raw = _content(path, settings.max_bytes)
    except OSError as error:
        reason = "link" if error.errno == errno.ELOOP else "unreadable"
        return Skipped(id, "sources", reason, detail=_DETAILS["link"] if reason == "link" else error.strerror or str(error))
    if isinstance(raw, int):
        return Skipped(id, "sources", "too_large", detail=f"{raw} bytes; sources.max_bytes is {settings.max_bytes}")
    if not raw:
        return Skipped(id, "sources", "empty", detail="0 bytes")
    found = loaders[suffix](raw, id, settings)
    if isinstance(found, Document) and not found.text.strip():
        return Skipped(id, "sources", "empty", detail="no text in it")
    return found


_OPENING = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_BINARY", "O_NOCTTY", "O_NOFOLLOW", "O_NONBLOCK"))


def _content(path: str, max_bytes: int) -> bytes | int:
    """Return the bytes of a regular file, or how many there are if they are too many. Raises OSError for anything else.

    What a name stands for may have changed since it was listed, and the opening of a pipe must not wait for its writer.
    """
    with os.fdopen(os.open(path, _OPENING), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, _DETAILS["unreadable"])
        if status.st_size > max_bytes:
            return status.st_size
        raw = file.read(max_bytes + 1)  # it may grow meanwhile
    return raw if len(raw) <= max_bytes else len(raw)


def reason_text(skipped: Skipped) -> str:
    """Return the reason why a file is skipped, with its suffix where that is the reason."""
    if skipped.reason != "unknown_type":
        return skipped.reason
    return f"{skipped.reason} {Path(skipped.path).suffix.lower() or 'without suffix'}"


def _loader(name: str, settings: Sources) -> Loader:
    """Return the loader `name`. One from outside of this package is checked, and so is what it returns."""
    function = resolve("loader", name, LOADERS)
    if name in (*LOADERS, *LOADERS.values()):
        return function  # type: ignore[no-any-return]
    _CONTRACT.check_signature(name, function)
    _CONTRACT.check_call(name, function, b"", "", settings)

    def load(raw: bytes, id: str, settings: Sources) -> Document | Skipped:
        with _CONTRACT.explained(name, f" on the file {id!r}"):
            found = function(raw, id, settings)
        if not isinstance(found, Document | Skipped):
            raise _CONTRACT.broken(name, f"returned {type(found).__name__} for the file {id!r}")
        if isinstance(found, Document) and found.id != id:
            raise _CONTRACT.broken(name, f"returned a document with the id {found.id!r} for the file {id!r}")
        return found

    return load


def _suffix(key: str) -> str:
    return key.lower() if key.startswith(".") else f".{key.lower()}"


def _no_folder(folder: Path) -> str:
    if folder.exists():
        return f"{folder} is a file, not a folder of documents. Give the folder that contains it: {folder.parent}"
    return f"The folder {folder} does not exist. Give the folder that contains your documents."


def _no_document(folder: Path, reasons: Mapping[str, int]) -> str:
    allowed = ", ".join(sorted(LOADERS))
    if not reasons:
        return f"The folder {folder} contains no files. Files ending in {allowed} are read."
    counts = ", ".join(f"{n} {reason}" for reason, n in sorted(reasons.items()))
    return (
        f"No document in {folder} could be read (skipped: {counts}). Files ending in {allowed} are read; "
        "`sources.loaders` adds suffixes, and `sources.encoding` sets an encoding."
    )
