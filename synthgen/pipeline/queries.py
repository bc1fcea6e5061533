"""The human queries that a run is measured on."""

from __future__ import annotations

from pathlib import Path

from synthgen.errors import RunFolderError
from synthgen.pipeline.corpus import Corpus
from synthgen.pipeline.run_folder import RunFolder

__all__ = ["check_queries", "human_queries"]


def check_queries(queries: str | Path | None, corpus: Corpus) -> None:
    """Raises InputError for human queries that cannot be used, before anything is paid for."""
    if queries is not None:
        from synthgen.evaluation.queries import read_queries

        read_queries(Path(queries), corpus.chunks)


def human_queries(folder: RunFolder) -> list[str]:
    """The texts of the queries that the run is measured on. Raises RunFolderError when they have been moved."""
    path = folder.queries()
    if path is None:
        return []
    from synthgen.evaluation.queries import read_texts

    if not path.is_dir():
        raise RunFolderError(
            f"The queries {path.resolve()} of this run are not there, and its rows must not repeat one of them. "
            "Put them back, or name where they are: `synthgen run … --queries DIR`."
        )
    return list(read_texts(path).values())
