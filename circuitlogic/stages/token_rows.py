"""Activations of a language model, stage 2: kept tokens' rows at every site, with the tokens beside them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from circuitlogic.activations.capture import capture_in_memory
from circuitlogic.activations.token_capture import capture_windows
from circuitlogic.activations.windows import TOKENS_FILE, TokenWindows
from circuitlogic.config import TextConfig
from circuitlogic.errors import ConfigError
from circuitlogic.progress import Progress
from circuitlogic.stages.subject import Subject
from circuitlogic.study import Study

_BYTES = {"float32": 4, "float16": 2}


def capture_text(
    subject: Subject, windows: TokenWindows, config: TextConfig, folder: Path, progress: Progress
) -> None:
    """Capture all sites on `windows` into `folder`.

    Raises:
        ConfigError: the activations would take more than `text.disk_budget`.
        DataError: values that are not finite.
    """
    sites = [site.text for site in subject.sites]
    _check_budget(subject, windows, config)
    capture_windows(subject.network, sites, windows, folder, dtype=config.dtype, progress=progress)
    windows.save(folder)


def _check_budget(subject: Subject, windows: TokenWindows, config: TextConfig) -> None:
    if config.disk_budget is None:
        return
    probe = windows.first(1)
    width = sum(_widths(subject, probe))
    needed = len(windows.rows) * width * _BYTES[config.dtype] / 1e9
    if needed > config.disk_budget:
        fitting = int(config.disk_budget * 1e9 / (width * _BYTES[config.dtype]))
        raise ConfigError(
            f"{len(windows.rows):,} tokens need {needed:.2f} GB, text.disk_budget is {config.disk_budget:g}: "
            f"lower text.tokens below {fitting:,}, raise the budget, or use text.dtype = 'float16'"
        )


def _widths(subject: Subject, windows: TokenWindows) -> list[int]:
    block = next(iter(windows.batches()))[1]
    rows = capture_in_memory(subject.network, [site.text for site in subject.sites], [block])
    return [values.shape[1] for values in rows.values()]


def row_documents(study: Study, split: str) -> NDArray[np.int64] | None:
    """The document of every row; None for samples that are no tokens."""
    folder = study.folder(f"activations/{split}")
    if not (folder / TOKENS_FILE).is_file():
        return None
    return TokenWindows.load(folder).row_documents.astype(np.int64)


def load_windows(study: Study, split: str) -> TokenWindows:
    """The tokens of a split's rows.

    Raises:
        StudyError: missing or damaged, or the study is of images.
    """
    return TokenWindows.load(study.folder(f"activations/{split}"))
