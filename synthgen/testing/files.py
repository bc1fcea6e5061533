"""Uploaded files and batch outputs, in a temporary folder that is deleted with the server."""

from __future__ import annotations

import hashlib
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any

__all__ = ["FileStore", "StoredFile"]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of `/v1/files`. `sha256` is the digest of its bytes."""

    id: str
    path: Path
    name: str
    purpose: str
    bytes: int
    sha256: str
    created: int

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "file",
            "bytes": self.bytes,
            "created_at": self.created,
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
        }


class Draft:
    """A file being written, with its length and digest."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self.size = 0
        self._file = file
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)


class FileStore:
    """Files by id, each of at most `max_bytes`. The folder is created with the first file."""

    def __init__(self, *, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._files: dict[str, StoredFile] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._numbers = count(1)
        self._life = secrets.token_hex(4)  # an id of an earlier server must not match a file of this one

    def new_id(self, kind: str) -> str:
        """Return `file-…` or `batch_…`, globally unique and ascending within this server's life."""
        return f"{kind}{self._life}{next(self._numbers):06}"

    @contextmanager
    def draft(self) -> Iterator[Draft]:
        """Open a new file for writing; `keep` stores it."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="synthgen-testing-", ignore_cleanup_errors=True)
        path = Path(self._folder.name) / f"{next(self._numbers):06}"
        with path.open("wb") as file:
            yield Draft(path, file)

    def keep(self, draft: Draft, name: str, purpose: str) -> StoredFile:
        stored = StoredFile(self.new_id("file-"), draft.path, name, purpose, draft.size, draft.sha256, int(time.time()))
        self._files[stored.id] = stored
        return stored

    def get(self, id: str) -> StoredFile | None:
        return self._files.get(id)

    def all(self) -> list[StoredFile]:
        return list(self._files.values())

    def delete(self, id: str) -> bool:
        stored = self._files.pop(id, None)
        if stored:
            stored.path.unlink(missing_ok=True)
        return stored is not None

    def close(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
