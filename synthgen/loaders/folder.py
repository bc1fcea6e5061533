"""A folder to documents, in an order that depends on nothing but the names in it.

Every file that is not read becomes a `Skipped` of stage `sources`, for one of these reasons:

    unknown_type        no loader for its suffix (or it has none)
    empty               no text in it
    binary              NUL bytes, or too many control characters
    unknown_encoding    neither UTF-8 nor a guess to rely on; `sources.encoding` says what it is
    too_large           more than `sources.max_bytes`
    unreadable          the system refuses to read it, or it is no regular file
    hidden              its name, or a folder's, begins with a dot; such a folder is recorded once
    link                a symbolic link, wherever it points: what lies in the folder is read under its own name

Ids are relative POSIX paths in NFC. Two names that are equal in NFC keep their own spelling.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from synthgen.config.settings import Sources
from synthgen.errors import InputError
from synthgen.records import Document, Event, OnEvent, Skipped
from synthgen.registry import resolve

__all__ = ["LOADERS", "Loader", "read_folder"]

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


def read_folder(
    folder: Path, settings: Sources, *, exclude: Path | None = None, on_event: OnEvent | None = None
) -> Iterator[Document | Skipped]:
    """The documents of `folder` and what was skipped, ordered by id. `exclude` (the run folder) is as if not there.

    Raises InputError when there is no such folder, or not one readable document in it.
    """
    if not folder.is_dir():
        raise InputError(_no_folder(folder))
    table = {**LOADERS, **{_suffix(key): value for key, value in settings.loaders.items()}}
    loaders: dict[str, Loader] = {suffix: resolve("loader", name, LOADERS) for suffix, name in table.items()}
    entries = sorted(_entries(folder, exclude and exclude.resolve()))
    reasons: Counter[str] = Counter()
    for done, (id, path, reason) in enumerate(entries, 1):
        found = Skipped(id, "sources", reason, detail=_DETAILS[reason]) if reason else _read(path, id, settings, loaders)
        reasons[found.reason if isinstance(found, Skipped) else ""] += 1
        yield found
        if on_event:
            on_event(Event("sources", done, len(entries)))
    if not reasons.pop("", 0):
        raise InputError(_no_document(folder, reasons))


_DETAILS = {
    "hidden": "names that begin with a dot are not read",
    "link": "links are not followed",
    "unreadable": "not a regular file, or not readable",
}

_Entry = tuple[str, str, str]  # id, path, reason not to read it


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
            if exclude and Path(entry.path).resolve() == exclude:
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
    """File names need not be UTF-8; a byte that is not becomes `\\xNN`, since ids are stored as text."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _read(path: str, id: str, settings: Sources, loaders: Mapping[str, Loader]) -> Document | Skipped:
    suffix = Path(path).suffix.lower()
    if suffix not in loaders:
        return Skipped(id, "sources", "unknown_type", detail=f"no loader for {suffix or 'a name without suffix'}")
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a path with undecodable bytes stays as the system gave it
            status = os.fstat(file.fileno())
            if status.st_size > settings.max_bytes:
                detail = f"{status.st_size} bytes; sources.max_bytes is {settings.max_bytes}"
                return Skipped(id, "sources", "too_large", detail=detail)
            raw = file.read() if stat.S_ISREG(status.st_mode) else b""
    except OSError as error:
        return Skipped(id, "sources", "unreadable", detail=error.strerror or str(error))
    if not raw:
        return Skipped(id, "sources", "empty", detail="0 bytes")
    found = loaders[suffix](raw, id, settings)
    if isinstance(found, Document) and not found.text.strip():
        return Skipped(id, "sources", "empty", detail="no text in it")
    return found


def _suffix(key: str) -> str:
    return key.lower() if key.startswith(".") else f".{key.lower()}"


def _no_folder(folder: Path) -> str:
    if folder.exists():
        return f"{folder} is a file, but a folder of documents is wanted. Give the folder that holds it: {folder.parent}"
    return f"The folder {folder} does not exist. Give the folder that holds your documents."


def _no_document(folder: Path, reasons: Mapping[str, int]) -> str:
    allowed = ", ".join(sorted(LOADERS))
    if not reasons:
        return f"The folder {folder} holds no file. Files ending in {allowed} are read."
    counts = ", ".join(f"{n} {reason}" for reason, n in sorted(reasons.items()))
    return (
        f"Not one document in {folder} could be read (skipped: {counts}). Files ending in {allowed} are read; "
        "`sources.loaders` adds suffixes and `sources.encoding` names an encoding."
    )
