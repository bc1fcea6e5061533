"""Token vectors by latent semantic analysis (Deerwester et al. 1990), the start of the built-in encoder.

The token x chunk matrix of `(1 + log tf) * idf`, with columns of length 1, is reduced to its strongest directions. A
token's vector is its row of the left singular vectors times its idf. The *mean* of a text's token vectors, which is all
that a static encoder computes, is then the direction of the text's projection (up to damped repetition).

The decomposition is the randomised one (Halko, Martinsson and Tropp 2011) with seeded noise and fixed signs. Equal
input gives equal vectors on the same machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["latent_vectors"]

_OVERSAMPLE = 16
_PASSES = 5


def latent_vectors(
    token_ids: Sequence[Sequence[int]], n_tokens: int, dimensions: int, *, seed: int, idf: bool = True
) -> NDArray[np.float32]:
    """Return `n_tokens` x `dimensions`, with a mean square row length of 1. `token_ids` are those of each chunk.

    Without `idf` the rows are the left singular vectors, and a common word weighs as much as a rare one. With fewer
    chunks or tokens than dimensions, the last columns are zero. A token in no chunk has a zero row.
    """
    import numpy as np

    matrix, weights = _matrix(token_ids, n_tokens)
    vectors = np.zeros((n_tokens, dimensions))
    rank = min(dimensions, *matrix.shape)
    if rank and matrix.nnz:
        found = _left_singular_vectors(matrix, rank, seed)
        vectors[:, : found.shape[1]] = found * weights[:, None] if idf else found
        vectors /= np.sqrt((vectors**2).sum(axis=1).mean())
    return vectors.astype(np.float32)


def _matrix(token_ids: Sequence[Sequence[int]], n_tokens: int) -> tuple[Any, NDArray[np.float64]]:
    """Return the weighted token x chunk matrix, and the idf of each token (0 for a token in no chunk)."""
    import numpy as np
    from scipy.sparse import csr_array

    rows, values = [], []
    for ids in token_ids:
        tokens, counts = np.unique(np.asarray(ids, dtype=np.int64), return_counts=True)
        rows.append(tokens)
        values.append(1 + np.log(counts))
    row = np.concatenate([np.zeros(0, dtype=np.int64), *rows])
    column = np.repeat(np.arange(len(rows)), [len(tokens) for tokens in rows])
    frequency, total = np.bincount(row, minlength=n_tokens), len(rows)
    idf = np.where(frequency > 0, np.log1p((total - frequency + 0.5) / (frequency + 0.5)), 0.0)
    value = np.concatenate([np.zeros(0), *values]) * idf[row]
    lengths = np.sqrt(np.bincount(column, weights=value**2, minlength=total))
    value = value / np.maximum(lengths, 1e-12)[column]
    return csr_array((value, (row, column)), shape=(n_tokens, total)), idf


def _left_singular_vectors(matrix: Any, rank: int, seed: int) -> NDArray[np.float64]:
    import numpy as np

    width = min(rank + _OVERSAMPLE, matrix.shape[1])
    start = np.random.Generator(np.random.PCG64(seed)).standard_normal((matrix.shape[1], width))
    basis = np.linalg.qr(start)[0]
    for _ in range(_PASSES):
        basis = np.linalg.qr(matrix.T @ (matrix @ basis))[0]
    projected = matrix @ basis
    squares, rotation = np.linalg.eigh(projected.T @ projected)
    order = np.argsort(-squares, kind="stable")[:rank]
    order = order[squares[order] > 1e-9 * squares.max()]
    vectors = (projected @ rotation[:, order]) / np.sqrt(squares[order])
    strongest = vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])]
    signed: NDArray[np.float64] = vectors * np.where(strongest < 0, -1.0, 1.0)
    return signed
