"""Owns the facts about this machine that a bug report needs."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from circuitlogic import __version__

_PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "sympy",
    "networkx",
    "pandas",
    "pyarrow",
    "numba",
    "scikit-learn",
    "matplotlib",
    "graphviz",
    "pygraphviz",
    "rich",
    "typer",
    "pydantic",
    "safetensors",
    "transformers",
)


def diagnosis() -> dict[str, str]:
    """Name and value of each fact, without paths and names of people."""
    return {
        "circuitlogic": __version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": str(os.cpu_count()),
        "devices": _devices(),
        "layout engines": _engines(),
        "numba kernels": "yes" if _version("numba") != "missing" else "no, the plain versions run",
        "terminal": f"{'yes' if sys.stdout.isatty() else 'no'}, encoding {sys.stdout.encoding}",
        **{package: _version(package) for package in _PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _devices() -> str:
    try:
        import torch
    except ImportError as error:
        return f"torch does not load: {str(error).splitlines()[0]}"
    found = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return ", ".join(["cpu", *found])


def _engines() -> str:
    from circuitlogic.render.engines import available_engines

    return ", ".join(available_engines()) or "none: only .dot files can be written"
