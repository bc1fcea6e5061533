"""Files and folders that are written whole, and that only ever take the place of what synthgen wrote.

Everything is written under a scratch name that nobody has (`.synthgen-…`, created exclusively) and gets its own name in
one step. A reader sees the old state or the new one, and a kill leaves at most scratch files. No link is followed at the
end of a path that is written to.

A folder of exports holds a manifest, `.synthgen.json`, with the digest of each file that synthgen wrote there. A file
that is not in it, or was changed since, is somebody's work: it is neither replaced nor deleted.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any

import regex

from synthgen.errors import InputError, RunFolderError
from synthgen.text.data import parse_json

__all__ = [
    "MANIFEST",
    "appending",
    "check_own",
    "digest_of",
    "lock",
    "read_manifest",
    "remove_own",
    "scratch_folder",
    "sweep",
    "sweep_files",
    "write_beside",
    "write_folder",
    "writing",
]

MANIFEST = ".synthgen.json"

_SCRATCH = ".synthgen-"
_SCRATCH_FILE = regex.compile(regex.escape(_SCRATCH) + r"[0-9a-f]{16}\.part")
_BEFORE = ".before"  # the folder that is being replaced, where a file system cannot exchange two names
_WHOLE = "."  # in a manifest: the file was written with its folder, not on its own
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # a pipe in place of a file must not be waited for
_BUFFER = 1 << 18  # a row is about a kilobyte, and a larger buffer saves what the digests cost
_LOCKED_BYTE = 1 << 30  # Windows lets nobody read what is locked, so it is a byte far behind the text


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file that gets its name only when the block ends without an error."""
    part = path.with_name(f"{_SCRATCH}{secrets.token_hex(8)}.part")
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o666)
        try:
            with os.fdopen(descriptor, "wb", buffering=_BUFFER) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def appending(path: Path) -> IO[bytes]:
    """Open a binary file, made if need be, to read and to append. Raises OSError for a link, a pipe or a folder."""
    if path.is_symlink():
        raise OSError(None, "it is a link")
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _NO_LINK | _NO_WAIT, 0o666), "a+b", buffering=0)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(None, "it is not a file")
    return file


def lock(file: IO[bytes]) -> bool:
    """Lock a file unless somebody has it locked. The system takes the lock back when the process ends, however it ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(_LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def write_folder(path: Path, *, unlisted: str = "", changed: bool = False) -> Iterator[Path]:
    """Create an empty folder that takes the place of `path` when the block ends without an error.

    Raises InputError, and leaves `path` as it is, when that holds anything but what was written so. `unlisted` is a pattern
    for the names of files that are synthgen's although there is no manifest, as in the runs of earlier versions. With `changed`,
    a file of the manifest may have been changed: one that nobody edits is damaged then.
    """
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(path.parent, path.name) as place:
            new = place / (path.name or "new")
            new.mkdir()
            yield new
            written = _digests(new)
            _write_manifest(new, {name: ([digest], _WHOLE) for name, digest in written.items()})
            check_own(path, unlisted=unlisted, changed=changed, written=written)
            _put(new, path, place / _BEFORE)


@contextmanager
def write_beside(path: Path) -> Iterator[Path]:
    """Create an empty folder whose files move into the folder of `path` when the block ends without an error.

    Those that an earlier block for the same `path` has written, and this one has not, are deleted. Raises InputError, and
    changes nothing, when a file that synthgen did not write, or that was changed since, would be replaced or deleted.
    """
    folder = path.parent
    with _explained(path):
        folder.mkdir(parents=True, exist_ok=True)
        with scratch_folder(folder) as place:
            new = place / "new"
            new.mkdir()
            yield new
            with _alone(folder):
                _move(new, path)


def check_own(path: Path, *, unlisted: str = "", changed: bool = False, written: Mapping[str, str] | None = None) -> None:
    """Raise InputError when the folder `path` holds anything that synthgen did not write with it, or that was changed since.

    An empty folder, and one that is not there, is nobody's. A file with the digest that it will have anyway (`written`) may
    be anybody's. For `unlisted` and `changed` see `write_folder`.
    """
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_dir():
        what = "a link" if path.is_symlink() else "a file"
        raise InputError(f"{path} is {what}, and a folder would take its place. Name another folder, or move it away.")
    manifest, found = read_manifest(path), list(_listed(path))
    known = manifest or {}
    files = [*known, *(name for name in found if not name.endswith("/"))]
    parents = {parent.as_posix() for name in files for parent in PurePosixPath(name).parents}
    pattern = regex.compile(unlisted) if unlisted and not os.path.lexists(path / MANIFEST) else None
    for name in found:
        if name == MANIFEST and manifest is not None:
            continue
        if name.endswith("/"):  # a folder; one with files in it is judged by these
            if name[:-1] in parents:
                continue
        elif (changed and name in known and (path / name).is_file() and not (path / name).is_symlink()) or _is_own(
            path / name, name, known, pattern, (written or {}).get(name)
        ):
            continue
        raise InputError(
            f"{path} holds {name}, which {_why(name in known)}, and the folder would be replaced as a whole. Move it away, or name "
            "a new or empty folder."
        )


def remove_own(path: Path, *, unlisted: str = "") -> None:
    """Delete a folder that holds nothing but what synthgen wrote. Raises InputError like `check_own`."""
    check_own(path, unlisted=unlisted)
    with _explained(path), scratch_folder(path.parent) as place:
        path.rename(place / _BEFORE)


def digest_of(path: Path) -> str | None:
    """Return the SHA-256 of a file; None for anything else, such as a link, a folder or a pipe, and for what cannot be read."""
    try:
        if path.is_symlink():
            return None
        with os.fdopen(os.open(path, os.O_RDONLY | _NO_LINK | _NO_WAIT), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def read_manifest(folder: Path) -> dict[str, tuple[list[str], str]] | None:
    """Return name -> (digests, the export that it belongs to) of the files that synthgen wrote into a folder.

    None where there is no manifest, or one that is not synthgen's.
    """
    try:
        if not stat.S_ISREG(os.lstat(folder / MANIFEST).st_mode):
            return None
        files = parse_json((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return {str(name): ([str(one) for one in entry["sha256"]], str(entry["export"])) for name, entry in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@contextmanager
def scratch_folder(parent: Path, replaces: str = "") -> Iterator[Path]:
    """Create a folder in `parent` that nobody else has, and delete it at the end. `replaces` names what takes its place.

    What killed commands have left in `parent` is cleared away first.
    """
    sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=parent))
    try:
        with (folder / MANIFEST).open("x+b", buffering=0) as marker:
            lock(marker)
            marker.write(json.dumps({"scratch": replaces}).encode())
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Clear away the scratch folders that killed commands have left in a folder. One that says nothing of itself stays.

    A folder that was being replaced by a command that was killed gets its name back.
    """
    for folder in parent.glob(f"{_SCRATCH}*"):
        if folder.is_symlink() or (folder / MANIFEST).is_symlink() or not (folder / MANIFEST).is_file():
            continue
        with (
            suppress(OSError, ValueError, KeyError, TypeError),
            (folder / MANIFEST).open("r+b", buffering=0) as marker,
        ):
            if not lock(marker):  # its command is at work
                continue
            marker.seek(0)
            replaces = parse_json(marker.read().decode())["scratch"]
            if replaces == Path(replaces).name and (folder / _BEFORE).is_dir() and not os.path.lexists(parent / replaces):
                (folder / _BEFORE).rename(parent / replaces)
            shutil.rmtree(folder, ignore_errors=True)


def sweep_files(parent: Path) -> None:
    """Clear away scratch files that killed commands have left in a folder of synthgen's own that no other command works on."""
    for file in parent.glob(f"{_SCRATCH}*.part"):
        if _SCRATCH_FILE.fullmatch(file.name) and not file.is_symlink() and file.is_file():
            file.unlink(missing_ok=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunFolderError(f"{path} could not be written: {reason}. Free disk space or choose another folder.") from error


def _is_own(file: Path, name: str, known: Mapping[str, Any], unlisted: regex.Pattern[str] | None, written: str | None) -> bool:
    if unlisted and unlisted.fullmatch(name):
        return not file.is_symlink() and file.is_file()
    digests, group = known.get(name, ([], ""))
    own = [*(digests if written or group == _WHOLE else []), written]  # another export's file may be replaced, and not deleted
    found = digest_of(file)
    return found is not None and found in own


def _why(known: bool, it: str = "") -> str:
    """Return why a file is not synthgen's, after `which`, or as a clause of its own about `it`."""
    return f"{it} was changed since synthgen wrote it".lstrip() if known else f"synthgen did not write {it}".rstrip()


def _move(new: Path, path: Path) -> None:
    """Move the files of the folder `new` beside `path`, as `write_beside` says."""
    folder, written, manifest = path.parent, _digests(new), read_manifest(path.parent)
    known = manifest or {}
    if manifest is None and os.path.lexists(folder / MANIFEST):
        raise InputError(f"{folder / MANIFEST} is in the way: {_why(False, 'it')}. Name another file, or move it away.")
    stale = [name for name, (_, group) in known.items() if group == path.name and name not in written]
    for name in [*written, *stale]:
        own = [*known.get(name, ([], ""))[0], *([written[name]] if name in written else [])]
        if name == MANIFEST or (os.path.lexists(folder / name) and digest_of(folder / name) not in own):
            raise InputError(f"{folder / name} is in the way: {_why(name in known, 'it')}. Name another file, or move it away.")
    both = {name: ([digest, *known.get(name, ([], ""))[0]], path.name) for name, digest in written.items()}
    _write_manifest(folder, known | both)  # a kill from here on leaves files that are known
    for name in written:
        (new / name).replace(folder / name)
    for name in stale:
        (folder / name).unlink(missing_ok=True)
    rest = {name: entry for name, entry in known.items() if name not in stale}
    _write_manifest(folder, rest | {name: ([digest], path.name) for name, digest in written.items()})


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time change the manifest of a folder, where the system can lock folders."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _listed(folder: Path) -> Iterator[str]:
    """Yield what a folder holds at any depth, by relative names; those of folders end in a slash. No link is followed."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if not entry.is_dir(follow_symlinks=False):
            yield entry.name
            continue
        yield f"{entry.name}/"
        yield from (f"{entry.name}/{name}" for name in _listed(Path(entry.path)))


def _digests(folder: Path) -> dict[str, str]:
    """Return the digest of each file below a folder."""
    found = {name: digest_of(folder / name) for name in _listed(folder) if not name.endswith("/")}
    return {name: digest for name, digest in found.items() if digest is not None}


def _write_manifest(folder: Path, files: Mapping[str, tuple[Collection[str], str]]) -> None:
    entries = {name: {"export": group, "sha256": sorted(set(digests))} for name, (digests, group) in sorted(files.items())}
    about = "Files that synthgen wrote here. It replaces and deletes these alone, and only as long as they are unchanged."
    with writing(folder / MANIFEST) as file:
        file.write(json.dumps({"about": about, "files": entries}, indent=1, ensure_ascii=False).encode("utf-8") + b"\n")


def _put(new: Path, path: Path, before: Path) -> None:
    """Give the folder `new` the name `path`; what has that name goes to `new`, or to `before`."""
    if not os.path.lexists(path):
        new.rename(path)
    elif not _exchanged(new, path):
        path.rename(before)
        try:
            new.rename(path)
        except OSError:
            before.rename(path)
            raise


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two names in one step. Returns False where the system, or the file system, cannot."""
    libc: Any = None if sys.platform == "win32" else ctypes.CDLL(None)
    names = os.fsencode(one), os.fsencode(other)
    here, swap = -100, 2  # AT_FDCWD; RENAME_EXCHANGE and RENAME_SWAP
    if hasattr(libc, "renameat2"):
        return bool(libc.renameat2(here, names[0], here, names[1], swap) == 0)
    if hasattr(libc, "renamex_np"):
        return bool(libc.renamex_np(*names, swap) == 0)
    return False
