"""Owns how numbers are written in every table and report; a number that does not exist is a dash."""

import math

from circuitlogic.logic.gate import Interval

NONE = "–"


def share(value: float | None, digits: int = 1) -> str:
    """A share as per cent: `97.4 %`."""
    return NONE if value is None or not math.isfinite(value) else f"{100 * value:.{digits}f} %"


def score(value: float | None) -> str:
    """A score between 0 and 1, or about: `0.93`."""
    return NONE if value is None or not math.isfinite(value) else f"{value:.2f}"


def interval(value: Interval) -> str:
    """A 95 % interval: `0.91–0.95`."""
    return NONE if not math.isfinite(value.low + value.high) else f"{value.low:.2f}–{value.high:.2f}"


def scored(value: float, around: Interval) -> str:
    """A score with its interval: `0.93 (0.91–0.95)`."""
    return f"{score(value)} ({interval(around)})"


def small(value: float) -> str:
    """A loss or an error with three significant digits: `0.0397`, `1.2e-05`."""
    if not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e6:
        return f"{value:.2e}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"


def nats(value: float) -> str:
    """A cross-entropy: differences between language models show in its fourth decimal, `4.0243`."""
    return f"{value:.4f}" if math.isfinite(value) and value >= 1 else small(value)


def count(value: int) -> str:
    """A count, thousands apart: `65,536`."""
    return f"{value:,}"


def weight(value: float) -> str:
    """A weight between unit-scale features: `+0.26`."""
    return f"{value:+.2f}".replace("-", "−")


def split_name(split: str) -> str:
    """A split in words: `held out`, `train`."""
    return "held out" if split == "heldout" else split


def split_title(split: str) -> str:
    """The same at the start of a sentence."""
    return split_name(split).capitalize()
