"""The generator of a run whose rows were imported: they are read from the run folder, and no call is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from synthgen.config.settings import Config
from synthgen.generators import GENERATORS, IMPORT
from synthgen.importers.verdicts import REJECTED
from synthgen.llm.call_store import CallStore
from synthgen.llm.model_name import parse_model
from synthgen.pipeline.generation import Candidates, Generator, make_generator
from synthgen.pipeline.run_folder import RunFolder
from synthgen.records import Chunk, OnEvent, Rejection, Skipped, Triple

__all__ = ["IMPORT_STAGE", "ImportedRows", "stored_generator"]

IMPORT_STAGE = "import"
"""The stage at which a row of the file was skipped."""

REVIEW_STAGE = "review"
"""The stage at which a row is rejected that a reviewer rejected."""


@dataclass(frozen=True, slots=True)
class ImportedRows(Generator):
    """The rows of an import, as `candidates.parquet` of the run folder has them.

    `accepted` are the ids of those that come from a run of ours, which has judged and completed them.
    """

    folder: RunFolder = field(kw_only=True)
    accepted: frozenset[str] = field(default=frozenset(), kw_only=True)

    @property
    def makes_calls(self) -> bool:
        return False

    @property
    def lowers_thresholds(self) -> bool:
        return False  # the rows are what the user gave, however few pass

    @property
    def notes(self) -> list[str]:
        return ["The rows were imported; each names its generator where its file did."]

    @property
    def imported(self) -> dict[str, Any]:
        return dict((self.folder.stored() or {})["imported"])

    def origin(self, triple: Triple) -> str:
        """As far as the file says."""
        if parse_model(triple.generator):
            return "llm"
        return "rule" if triple.generator.partition(":")[0] in GENERATORS else "imported"

    def rows(self, chunks: Sequence[Chunk], store: CallStore | None = None, on_event: OnEvent | None = None) -> Candidates:
        return self._candidates([])

    def candidates(
        self, chunks: Sequence[Chunk], store: CallStore | None = None, on_event: OnEvent | None = None
    ) -> Candidates:
        skipped = [skip for skip in self._table("skipped") if skip.stage == IMPORT_STAGE]
        return self._candidates(skipped)

    def _candidates(self, skipped: list[Skipped]) -> Candidates:
        """The rows of the file without those that a reviewer rejected, which are rejections at the stage `review`."""
        rows: list[Triple] = self._table("candidates")
        rejected = [Rejection(row, REVIEW_STAGE, REJECTED) for row in rows if row.metadata.get("verdict") == REJECTED]
        return Candidates(
            [row for row in rows if row.metadata.get("verdict") != REJECTED], skipped, rejected=rejected, accepted=self.accepted
        )

    def _table(self, kind: str) -> list[Any]:
        return list(self.folder.read(kind)) if self.folder.has(kind) else []


def stored_generator(config: Config, folder: RunFolder) -> Generator:
    """The generator of a run that has been made, by its settings."""
    return ImportedRows(config, folder=folder) if config.model == IMPORT else make_generator(config)
