"""The statistics of the Gram solver: they add up over chunks, workers and folds, and refuse what is no number."""

import numpy as np
import pytest
from gram_cases import rows_of, statistics_of

from circuitlogic.connectors.gram_statistics import (
    centred,
    gram_statistics,
    mean_squared_error,
    total,
)
from circuitlogic.errors import DataError


@pytest.mark.parametrize("folds", [1, 2, 5])
@pytest.mark.parametrize("chunk", [1, 37, 64, 1000])
def test_statistics_of_chunks_workers_and_folds_add_up_to_one_pass(folds: int, chunk: int) -> None:
    x, y = rows_of(9, samples=300)
    whole = statistics_of(x, y)[0]
    chunks = [(x[i : i + chunk], y[i : i + chunk]) for i in range(0, 300, chunk)]
    worker_1, worker_2 = (gram_statistics(chunks[part::2], 15, 4, folds) for part in (0, 1))
    for summed in (total(gram_statistics(chunks, 15, 4, folds)), total(worker_1) + total(worker_2)):
        assert summed.samples == whole.samples == 300
        for name in ("x", "y", "yy", "xx", "yx"):
            assert np.allclose(getattr(summed, name), getattr(whole, name), rtol=1e-12, atol=1e-12)


def test_subtracting_a_fold_leaves_the_statistics_of_the_others() -> None:
    x, y = rows_of(10, samples=320)
    folds = statistics_of(x, y, 5)
    left = total(folds) - folds[2]
    kept = np.arange(320) // 64 % 5 != 2
    direct = statistics_of(x[kept], y[kept])[0]
    assert left.samples == direct.samples == 256
    assert np.allclose(left.xx, direct.xx)
    assert np.allclose(left.yx, direct.yx)


def test_errors_by_statistics_are_those_of_the_samples() -> None:
    x, y = rows_of(19)
    weight, bias = np.random.default_rng(1).normal(size=(4, 15)), np.arange(4.0)
    expected = ((y - x @ weight.T - bias) ** 2).mean(0)
    assert np.allclose(mean_squared_error(statistics_of(x, y)[0], weight, bias), expected)


def test_numbers_that_are_not_finite_and_wrong_shapes_are_refused() -> None:
    x, y = rows_of(17)
    for broken in (np.nan, np.inf):
        with pytest.raises(DataError, match="NaN or infinite"):
            statistics_of(np.where(np.arange(15) == 2, broken, x), y)
    with pytest.raises(DataError, match="expected"):
        gram_statistics([(x, y[:-1])], 15, 4)
    with pytest.raises(DataError, match="without samples"):
        centred(gram_statistics([], 15, 4)[0])
