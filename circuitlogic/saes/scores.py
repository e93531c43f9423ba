"""What an autoencoder is judged by, as numbers: to be read without torch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SaeMetrics:
    """Quality of one autoencoder on one split."""

    mse: float
    """Mean over samples and components of (x̂ - x)²."""
    l1: float
    """Mean over samples and features of |f|."""
    fvu: float
    """Σ(x̂ - x)² / Σ(x - mean x)²; for constant x 0 if x̂ = x, else 1."""
    l0: float
    """Mean number of firing features per sample."""
    dead: float
    """Share of features that never fire on the training set."""
    samples: int
    split: str
