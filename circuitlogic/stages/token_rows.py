"""Activations of a language model, stage 2: kept tokens' rows at every site, with the tokens beside them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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
        DataError: values that are not finite.
    """
    sites = [site.text for site in subject.sites]
    capture_windows(subject.network, sites, windows, folder, dtype=config.dtype, progress=progress)
    windows.save(folder)


def check_budget(train: TokenWindows, heldout: TokenWindows, components: int, config: TextConfig) -> None:
    """Refuse more activations than may be kept, before any is computed.

    Args:
        train: Tokens to train on.
        heldout: The others; both are kept.
        components: Of all sites together.
        config: Budget and dtype.

    Raises:
        ConfigError: they take more than `text.disk_budget`.
    """
    if config.disk_budget is None:
        return
    gigabytes = components * _BYTES[config.dtype] / 1e9
    wanted, fixed = len(train.rows), len(heldout.rows)
    if (wanted + fixed) * gigabytes <= config.disk_budget:
        return
    left = int(config.disk_budget / gigabytes) - fixed
    lower = f"lower text.tokens below {left:,}" if left > 0 else "lower text.heldout_tokens and text.tokens"
    smaller = "" if config.dtype == "float16" else ", or use text.dtype = 'float16'"
    raise ConfigError(
        f"{wanted:,} tokens to train on and {fixed:,} held out need {(wanted + fixed) * gigabytes:.3g} GB, "
        f"text.disk_budget is {config.disk_budget:g}: {lower}, raise the budget{smaller}"
    )


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
