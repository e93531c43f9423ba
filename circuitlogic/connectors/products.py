"""XᵀX and XᵀY of sparse features, added chunk by chunk.

Where both sides are sparse, each input feature's row of the product is a scatter of the samples on which it fires,
so that the row stays in the first cache; where they are dense, one matrix product does it.
"""

from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float
from scipy import sparse

from circuitlogic.compiling import COMPILES, compiled

SparseRows: TypeAlias = Any
"""A `scipy.sparse.csr_matrix` or `csr_array` (scipy ships no types)."""

_DENSE_FROM = 0.04
_CHUNK = 4096


def _scatter(
    starts: np.ndarray,
    samples: np.ndarray,
    values: np.ndarray,
    other_starts: np.ndarray,
    other_columns: np.ndarray,
    other_values: np.ndarray,
    out: np.ndarray,
) -> None:
    """out[i] += Σ over samples on which input i fires of its value times the other side's row."""
    for i in range(len(starts) - 1):
        row = out[i]
        for p in range(starts[i], starts[i + 1]):
            sample, value = samples[p], np.float64(values[p])
            for at in range(other_starts[sample], other_starts[sample + 1]):
                row[other_columns[at]] += value * other_values[at]


_scatter_compiled = compiled(_scatter)


def _scatter_upper(
    starts: np.ndarray,
    samples: np.ndarray,
    values: np.ndarray,
    row_starts: np.ndarray,
    columns: np.ndarray,
    row_values: np.ndarray,
    out: np.ndarray,
) -> None:
    """The same of a side with itself, without what lies left of the diagonal; columns of a row are in order."""
    here = row_starts[:-1].copy()  # where, in each row, the column that its inputs have come to stands
    for i in range(len(starts) - 1):
        row = out[i]
        for p in range(starts[i], starts[i + 1]):
            sample, value = samples[p], np.float64(values[p])
            for at in range(here[sample], row_starts[sample + 1]):
                row[columns[at]] += value * row_values[at]
            here[sample] += 1


_scatter_upper_compiled = compiled(_scatter_upper)


def add_product(left: SparseRows, right: SparseRows, out: Float[np.ndarray, "n_left n_right"]) -> None:
    """out += leftᵀ · right, in float64; both sides hold the same samples as rows."""
    for start in range(0, left.shape[0], _CHUNK):
        rows = slice(start, start + _CHUNK)
        _add_chunk(left[rows], right[rows], out, False)


def add_square(rows: SparseRows, out: Float[np.ndarray, "n n"]) -> None:
    """out += rowsᵀ · rows on and above the diagonal; below it `out` is meaningless until `mirror`."""
    for start in range(0, rows.shape[0], _CHUNK):
        chunk = rows[start : start + _CHUNK]
        _add_chunk(chunk, chunk, out, True)


def mirror(square: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """The symmetric matrix whose upper triangle is that of `square`."""
    upper = np.triu(square)
    return upper + np.triu(square, 1).T


def _add_chunk(left: SparseRows, right: SparseRows, out: np.ndarray, upper: bool) -> None:
    if _density(left) * _density(right) > _DENSE_FROM:
        out += left.toarray().astype(np.float64).T @ right.toarray().astype(np.float64)
    elif COMPILES:
        by_feature = left.tocsc()
        # Unsigned and short: numba need not look for negative indices, and more entries fit into the cache.
        narrow = np.uint16 if right.shape[1] <= 1 << 16 else np.uint32
        rows = (right.indptr.astype(np.uint32), right.indices.astype(narrow), right.data)
        scatter = _scatter_upper_compiled if upper else _scatter_compiled
        scatter(
            by_feature.indptr.astype(np.uint32), by_feature.indices.astype(np.uint32), by_feature.data, *rows, out
        )  # fmt: skip
    else:
        add_product_plain(left, right, out)


def add_product_plain(left: SparseRows, right: SparseRows, out: np.ndarray) -> None:
    """What `add_product` computes, by scipy."""
    out += (left.astype(np.float64).T @ right.astype(np.float64)).toarray()


def _density(matrix: SparseRows) -> float:
    return matrix.nnz / max(matrix.shape[0] * matrix.shape[1], 1)


def as_sparse_rows(values: Any) -> SparseRows:
    """Samples as rows of a CSR array, columns in order and without stored zeros; the given is left as it is."""
    if not sparse.issparse(values):
        return sparse.csr_array(np.atleast_2d(values))
    rows = values.tocsr()
    if not rows.has_canonical_format or (rows.data == 0).any():
        rows = rows.copy()
        rows.sum_duplicates()
        rows.eliminate_zeros()
    return rows
