"""How kernels are compiled: by Numba where it is installed; where it is missing the plain versions run.

Importing this file imports Numba, which takes most of a second: only files of kernels do, loaded when they pay.
"""

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
    """`kernel` as machine code that releases the GIL; without Numba, `kernel` itself.

    Compiled code is kept on disk where the package's folder or the user's cache can be written.
    """
    if numba is None:
        return kernel
    bare = inspect.unwrap(kernel)  # of the run-time type checks that tests add
    make: Any = numba.njit
    try:
        return make(nogil=True, cache=True)(bare)
    except RuntimeError:  # no folder for the cache can be written: a read-only installation
        return make(nogil=True)(bare)
