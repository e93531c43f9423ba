"""Which kernels run: compiled by numba where it is installed, else the plain versions that define them."""

import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

try:
    import numba
except ImportError:  # an optional speed-up
    numba = None

P = ParamSpec("P")
R = TypeVar("R")

COMPILES = numba is not None
"""Whether kernels are compiled in this process."""


def compiled(kernel: Callable[P, R]) -> Callable[P, R]:
    """`kernel` as machine code that releases the GIL; without numba, `kernel` itself.

    Compiled code is kept on disk where the package's folder or the user's cache can be written.
    """
    if numba is None:
        return kernel
    bare = inspect.unwrap(kernel)  # of the run-time type checks that tests add
    make: Any = numba.njit
    try:
        return make(nogil=True, cache=True)(bare)
    except RuntimeError:
        return make(nogil=True)(bare)
