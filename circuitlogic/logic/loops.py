"""Owns the choice between the reader's plain and its compiled loops."""

from functools import cache

from circuitlogic.logic.kernels import PLAIN, Kernels


@cache
def kernels(compiled: bool) -> Kernels:
    """The compiled set where it is wanted and Numba is there, else the plain one."""
    if not compiled:
        return PLAIN
    try:
        from circuitlogic.logic.compiled import COMPILED
    except ImportError:
        return PLAIN
    return COMPILED
