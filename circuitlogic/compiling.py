"""How kernels are compiled: by Numba where it is installed; where it is missing the plain versions run.

Importing this file imports Numba, which takes most of a second: only files of kernels do, loaded when they pay.
"""

import hashlib
import inspect
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import platformdirs

try:
    import numba
except ImportError:  # an optional speed-up
    numba = None

P = ParamSpec("P")
R = TypeVar("R")

COMPILES = numba is not None
"""Whether kernels are compiled in this process."""
_PACKAGE = Path(__file__).parent


def compiled(kernel: Callable[P, R]) -> Callable[P, R]:
    """`kernel` as machine code that releases the GIL; without Numba, `kernel` itself.

    Compiled code is kept on disk where the package's folder or the user's cache can be written.
    """
    if numba is None:
        return kernel
    bare: Any = inspect.unwrap(kernel)  # of the run-time type checks that tests add
    make: Any = numba.njit
    try:
        with _kept_in(cache_folder(Path(bare.__code__.co_filename))):
            return make(nogil=True, cache=True)(bare)
    except RuntimeError:  # no folder for the cache can be written: a read-only installation
        return make(nogil=True)(bare)


def cache_folder(source: Path) -> Path:
    """Where machine code of kernels in the file `source` is kept: one folder for each content of its package.

    Numba looks at a kernel's own file alone; code that calls a kernel or reads a constant of another file would
    survive a change there.
    """
    inside = source.is_relative_to(_PACKAGE)
    package = _PACKAGE / source.relative_to(_PACKAGE).parts[0] if inside else source
    home = source.parent / "__pycache__"
    if not os.access(source.parent, os.W_OK):
        home = Path(platformdirs.user_cache_dir("circuitlogic", appauthor=False)) / "kernels"
    return home / f"kernels-{content_of(package)}"


@cache
def content_of(package: Path) -> str:
    """A digest of the Python files below `package`, or of that one file."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(package.rglob("*.py")) if package.is_dir() else (package,):
        digest.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@contextmanager
def _kept_in(folder: Path) -> Generator[None]:
    """Numba settles on a folder when it is handed a function: it is told of this one for just that long."""
    settings: Any = getattr(numba, "config")  # noqa: B009 it has no types
    before = settings.CACHE_DIR
    if not before:  # a folder that the user names stays the user's choice
        settings.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        settings.CACHE_DIR = before
