"""What a connector is judged by, as numbers: to be read without torch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sparsity:
    """How many entries a connector has."""

    entries: int
    """n_out * n_in."""
    edges: int
    """Non-zero entries."""
    above_raw: int
    """Entries with |w| > 0.1 in raw units."""
    above_unit: int
    """Entries with |w| > 0.1 between unit-scale features."""
    l1: float
    """Mean |W| over all entries, raw units."""
    in_degree_mean: float
    """Edges per live output feature."""
    in_degree_median: float
    in_degree_max: int
    reached: int
    """Live output features with at least one edge."""


@dataclass(frozen=True, slots=True)
class FeatureFidelity:
    """Agreement of predicted with true features of one site."""

    split: str
    samples: int
    mse: float
    """Mean over samples and features, raw units."""
    fvu: float
    """Σ(error²) / Σ(variance), over all features."""
    live: int
    """Features with at least 20 firings on this split."""
    r2_median: float
    """Over live features."""
    firing_f1_median: float
    """Over live features, both sides cut at the feature's θ."""
    firing_f1_share_80: float
    """Share of live features with firing F1 ≥ 0.8."""
    copy_rate: float
    """Share of live features whose true activation correlates above 0.9 with one input feature."""
    best_input_median: float
    """Median over live features of the highest correlation of the true activation with one input feature."""
    firing_rate_median: float
    """Over live features, of samples on which they fire."""
    always_f1_median: float
    """Firing F1 of saying that a feature always fires: what a median F1 has to beat."""
