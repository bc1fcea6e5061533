"""What somebody else has put somewhere, and all that stands in a folder, to see that it stays."""

from __future__ import annotations

from pathlib import Path

POEM = b"The fish hangs in his net no more.\n"


def tree(folder: Path) -> dict[str, bytes | str]:
    """All that stands in a folder, with the content of files and the targets of links."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = path.read_bytes()
        else:
            found[name] = "folder" if path.is_dir() else "other"
    return found


def put(path: Path, content: bytes = POEM) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
