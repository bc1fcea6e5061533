"""The encoders of filters: the built-in one or any sentence-transformers model, cross-fitted judges, and a reranker.

Each is created at its first use, so a run whose filters need none loads none of the heavy libraries.

A judge that was tuned on its own rows (Promptagator; Dai et al. 2022) favours them. Cross-fitting separates them: the
train rows are cut into folds, and each fold is judged by an encoder tuned on the others. Folds hold whole groups of
near-duplicate documents. With fewer groups than folds, they are sections of the corpus, cut between chunks.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import heapq
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.config.settings import Training
from synthgen.errors import ModelError
from synthgen.records import Chunk, Triple, digest
from synthgen.retrieval import Hit, Retriever, index_text
from synthgen.training.encoder import Encoder, require_extra, untuned
from synthgen.training.finetune import finetune, training_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from synthgen.retrieval.dense import BiEncoder

__all__ = ["CorpusEncoders"]


class CorpusEncoders:
    """The `filters.context.Encoders` of one run, over all its `chunks`, with the base and the recipe of its training.

    Raises MissingExtraError without the train extra, ModelError for a model that cannot be loaded.
    """

    def __init__(self, settings: Training, chunks: Sequence[Chunk], *, seed: int) -> None:
        self._settings, self._chunks, self._seed = settings, chunks, seed
        self._base: Encoder | None = None
        self._dense: BiEncoder | None = None
        self._fitted: dict[int, _CrossFit] = {}
        self._rerankers: dict[str, _Reranker] = {}

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return a vector of length 1 for each query or answer: texts x dimensions."""
        return self._encoder().queries(texts)

    def dense(self) -> Retriever:
        """Return a search over the chunks by the untuned encoder."""
        if self._dense is None:
            self._dense = self._index(self._encoder())
        return self._dense

    def cross_fitted(self, triples: Sequence[Triple], *, folds: int = 5) -> Iterator[tuple[Sequence[int], Retriever]]:
        """Yield positions in `triples`, each once, with a search tuned on other rows, which never saw these rows or
        their passages.

        The searches learn from the rows of the first call and also judge rows of later calls. Each is tuned at its
        first use. With one fold, all rows are judged by one search that was tuned on them.
        """
        fit = self._fit(triples, folds)
        by_fold: dict[int, list[int]] = {}
        for position, triple in enumerate(triples):
            by_fold.setdefault(fit.fold_of[triple.chunk_id], []).append(position)
        for fold in sorted(by_fold):
            yield by_fold[fold], fit.judges[fold]

    def rerank(self, pairs: Sequence[tuple[str, str]], *, model: str) -> list[float]:
        """Return the score of each (query, text) by the named cross-encoder; larger is better."""
        if model not in self._rerankers:
            require_extra()
            self._rerankers[model] = _Reranker(model)
        return self._rerankers[model](pairs)

    def digest(self, *, triples: Sequence[Triple] = (), folds: int = 0, model: str = "") -> str:
        """Return a digest of all that scores depend on beside the chunks: those of `dense`, of `cross_fitted` with
        `folds`, or of `rerank` with `model`.

        A model in a folder is identified by the contents of its files, one on the Hub by its name.
        """
        if model:
            return _contents(model)
        start = {"base", "dimensions", "idf"}
        basis = digest([self._settings.model_dump(include=start), self._seed, _contents(self._settings.base)])
        recipe = self._settings.model_dump(exclude={"enabled", *start})
        return digest([basis, recipe, folds, self._fit(triples, folds).training_digest]) if folds else basis

    def _encoder(self) -> Encoder:
        if self._base is None:
            require_extra()
            self._base = untuned(self._settings, self._chunks, self._seed)
        return self._base

    def _index(self, encoder: Encoder) -> BiEncoder:
        from synthgen.retrieval.dense import BiEncoder

        vectors = encoder.passages([index_text(chunk) for chunk in self._chunks])
        return BiEncoder([chunk.id for chunk in self._chunks], vectors, encoder.queries, encoder.passages)

    def _fit(self, triples: Sequence[Triple], folds: int) -> _CrossFit:
        if folds not in self._fitted:
            fold_of = _folds(triples, self._chunks, folds)
            judges = []
            for fold in range(folds):
                training_triples = [t for t in triples if folds == 1 or fold_of[t.chunk_id] != fold]
                judges.append(_Judge(lambda training_triples=training_triples: self._index(self._tuned(training_triples))))  # type: ignore[misc]
            training_digest = digest(sorted([t.id, *map(list, t.masks)] for t in triples if t.split == "train"))
            self._fitted[folds] = _CrossFit(fold_of, judges, training_digest)
        return self._fitted[folds]

    def _tuned(self, triples: Sequence[Triple]) -> Encoder:
        encoder = Encoder(copy.deepcopy(self._encoder().model))
        finetune(encoder, training_rows(triples, self._chunks), settings=self._settings, seed=self._seed)
        return encoder


@dataclass(frozen=True, slots=True)
class _CrossFit:
    """The fold of each chunk, the judge of each fold, and a digest of the rows that the judges learn from."""

    fold_of: Mapping[str, int]
    judges: Sequence[_Judge]
    training_digest: str


class _Judge:
    """A search that is created at its first use."""

    def __init__(self, make: Callable[[], BiEncoder]) -> None:
        self._make = make
        self._made: BiEncoder | None = None

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        return self._search.search(queries, k)

    def score(self, queries: Sequence[str], ids: Sequence[Sequence[str]]) -> list[list[float]]:
        return self._search.score(queries, ids)

    def score_texts(self, queries: Sequence[str], texts: Sequence[str]) -> list[float]:
        return self._search.score_texts(queries, texts)

    @property
    def _search(self) -> BiEncoder:
        if self._made is None:
            self._made = self._make()
        return self._made


class _Reranker:
    """A sentence-transformers CrossEncoder. It returns logits, because a sigmoid rounds the best ones to the same 1."""

    def __init__(self, name: str) -> None:
        from sentence_transformers import CrossEncoder
        from torch.nn import Identity

        try:
            with contextlib.redirect_stderr(io.StringIO()):  # hides the loading bar; errors are still raised
                self._model = CrossEncoder(name, num_labels=1, activation_fn=Identity())
        except (OSError, ValueError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ModelError(
                f"The reranker {name!r} could not be loaded: {reason} Give a folder or the name on the Hugging Face Hub of a "
                f"cross-encoder with one output."
            ) from error

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        if not pairs:
            return []
        found: list[float] = self._model.predict(list(pairs), show_progress_bar=False).tolist()
        return found


def _folds(triples: Sequence[Triple], chunks: Sequence[Chunk], folds: int) -> dict[str, int]:
    """Return the fold of each chunk, with about as many rows in each fold. Content decides, not names or order."""
    earliest: dict[str, str] = {}
    for chunk in chunks:
        earliest[chunk.document_id] = min(chunk.sha256, earliest.get(chunk.document_id, chunk.sha256))
    group = {chunk.id: chunk.group or earliest[chunk.document_id] for chunk in chunks}
    rows = Counter(t.chunk_id for t in triples if t.split == "train")
    weight = Counter[str]()
    for name, count in rows.items():
        weight[group[name]] += count
    if len(weight) < folds:
        return _sections(sorted(chunks, key=lambda c: (earliest[c.document_id], c.document_id, c.start)), rows, folds)
    lightest = [(0, fold) for fold in range(folds)]
    fold_of_group = {}
    for name in sorted({*group.values()}, key=lambda name: (-weight[name], name)):
        size, fold = heapq.heappop(lightest)
        fold_of_group[name] = fold
        heapq.heappush(lightest, (size + weight[name], fold))
    return {chunk.id: fold_of_group[group[chunk.id]] for chunk in chunks}


def _sections(chunks: Sequence[Chunk], rows: Mapping[str, int], folds: int) -> dict[str, int]:
    """Return the fold of each chunk for runs of neighbours with about as many rows each."""
    total, before, found = max(1, sum(rows.values())), 0, {}
    for chunk in chunks:
        found[chunk.id] = min(folds - 1, before * folds // total)
        before += rows.get(chunk.id, 0)
    return found


def _contents(name: str) -> str:
    """Return the name of a model, or a digest of its files."""
    folder = Path(name)
    if not folder.is_dir():
        return name
    files = sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())
    return digest([[relative, hashlib.sha256(path.read_bytes()).hexdigest()] for relative, path in files])
