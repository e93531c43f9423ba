"""Pictures of single features as a study keeps them. Reading them needs no torch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from circuitlogic.errors import StudyError
from circuitlogic.study import Study


@dataclass(frozen=True, slots=True, eq=False)
class SiteExamples:
    """Pictures of every feature of one site."""

    images: NDArray[np.uint8]
    """[m, k, h, w], the strongest held-out examples, strongest first; black where there are fewer."""
    values: NDArray[np.float32]
    """[m, k], their activations; 0 = no example."""
    rows: NDArray[np.int64]
    """[m, k], their row numbers in the held-out split."""
    optimised: NDArray[np.uint8]
    """[m, h, w], the input found by gradient ascent on the feature's pre-activation."""


def artefact(site: str) -> str:
    """Name of a site's examples."""
    return f"examples/{site}"


def load_examples(study: Study, site: str) -> SiteExamples | None:
    """A site's pictures; None if the study has none.

    Raises:
        StudyError: damaged.
    """
    if not study.has(artefact(site)):
        return None
    folder = study.folder(artefact(site))
    return SiteExamples(
        images=_read(folder / "images.npy").astype(np.uint8),
        values=_read(folder / "values.npy").astype(np.float32),
        rows=_read(folder / "rows.npy").astype(np.int64),
        optimised=_read(folder / "optimised.npy").astype(np.uint8),
    )


def _read(path: Path) -> NDArray[np.generic]:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise StudyError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
