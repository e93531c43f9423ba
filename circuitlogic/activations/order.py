"""The order in which rows are visited: as stored, or shuffled by a generator the caller gives.

Shuffling mixes a pool of shards at a time, chosen at random; data of at most `POOL_SHARDS` shards is mixed
whole. So a pass over data larger than memory touches only one pool's pages at once.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np
from jaxtyping import Int
from numpy.random import Generator

from circuitlogic.errors import ConfigError

POOL_SHARDS = 8


def batched_rows(
    shard_rows: Sequence[int], batch_size: int, generator: Generator | None
) -> Iterator[Int[np.ndarray, " batch"]]:
    """Every row number once, in batches of `batch_size`; only the last may be smaller.

    Args:
        shard_rows: number of rows of each shard.
        generator: draws the order; None keeps the rows as stored.

    Raises:
        ConfigError: `batch_size` is below 1.
    """
    if batch_size < 1:
        raise ConfigError(f"batch size {batch_size} is too small: give at least 1")
    return _batches(_pools(shard_rows, generator), batch_size)


def _batches(
    pools: Iterator[Int[np.ndarray, " pool"]], batch_size: int
) -> Iterator[Int[np.ndarray, " batch"]]:
    left: Int[np.ndarray, " left"] = np.empty(0, dtype=np.int64)
    for pool in pools:
        rows = np.concatenate([left, pool])
        whole = len(rows) - len(rows) % batch_size
        for start in range(0, whole, batch_size):
            yield rows[start : start + batch_size]
        left = rows[whole:]
    if len(left):
        yield left


def _pools(shard_rows: Sequence[int], generator: Generator | None) -> Iterator[Int[np.ndarray, " pool"]]:
    ends = list(accumulate(shard_rows))
    count = len(shard_rows)
    shards = generator.permutation(count) if generator and count > POOL_SHARDS else np.arange(count)
    for start in range(0, count, POOL_SHARDS):
        chosen = shards[start : start + POOL_SHARDS]
        pool = np.concatenate(
            [np.arange(ends[at] - shard_rows[at], ends[at], dtype=np.int64) for at in chosen]
        )
        yield generator.permutation(pool) if generator else pool
