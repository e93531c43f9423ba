"""Splitting the rows of a connector over threads; every row is solved alone, so the split changes no digit."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

BLOCK = 32


def over_row_blocks(solve: Callable[[int, int], None], rows: int, threads: int) -> None:
    """Call `solve(first, last)` for consecutive blocks that cover `rows`; it writes into arrays of its own rows."""
    starts = range(0, rows, BLOCK)
    if threads <= 1 or rows <= BLOCK:
        for start in starts:
            solve(start, min(start + BLOCK, rows))
        return
    with ThreadPoolExecutor(threads) as pool:
        done = [pool.submit(solve, start, min(start + BLOCK, rows)) for start in starts]
        for block in done:
            block.result()
