"""The Gram solver's compiled kernels: equal to their plain source, on any number of threads."""

import numpy as np
import pytest
from gram_cases import problem_of, rows_of
from scipy import sparse

from circuitlogic.connectors import lasso_kernel, products
from circuitlogic.connectors.lasso import solve_lasso
from circuitlogic.connectors.penalty_path import refitted


@pytest.mark.parametrize("rate", [0.02, 0.2, 1.0])
def test_compiled_and_plain_products_are_equal(rate: float) -> None:
    rng = np.random.default_rng(0)
    x, y = (
        sparse.csr_array(((rng.random((500, n)) < rate) * rng.random((500, n))).astype(np.float32))
        for n in (30, 40)
    )
    fast, plain, square = np.zeros((30, 40)), np.zeros((30, 40)), np.zeros((30, 30))
    products.add_product(x, y, fast)
    products.add_product_plain(x, y, plain)
    products.add_square(x, square)
    expected = x.toarray().astype(np.float64)
    assert np.allclose(fast, plain, rtol=1e-13, atol=1e-13)
    assert np.allclose(products.mirror(square), expected.T @ expected, rtol=1e-12)


def test_the_compiled_kernel_and_its_plain_source_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = rows_of(11, n_in=30)
    problem = problem_of(x, y)
    fast = solve_lasso(problem, 3e-3, gap=1e-12)
    for name in ("slack_ratio", "_gap", "joining", "descend", "_solve_row"):
        kernel = getattr(lasso_kernel, name)
        monkeypatch.setattr(lasso_kernel, name, getattr(kernel, "py_func", kernel))
    monkeypatch.setattr(lasso_kernel, "solve_rows", lasso_kernel._solve_rows)
    plain = solve_lasso(problem, 3e-3, gap=1e-12)
    assert np.allclose(fast.weight, plain.weight, atol=1e-9)
    assert np.array_equal(fast.weight != 0, plain.weight != 0)
    assert (plain.gaps <= 1e-12).all()


def test_threads_change_no_byte() -> None:
    x, y = rows_of(12, n_in=20, n_out=100)
    one, four = (solve_lasso(problem_of(x, y), 1e-3, gap=1e-8, threads=t) for t in (1, 4))
    assert one.weight.tobytes() == four.weight.tobytes()
    assert one.gaps.tobytes() == four.gaps.tobytes()
    refits = [refitted(problem_of(x, y), one.weight, threads=t).tobytes() for t in (1, 4)]
    assert refits[0] == refits[1]
