"""What a feature network is judged by, as numbers: to be read without torch."""

from dataclasses import dataclass

ORIGINAL = "original"
"""The network that nothing is spliced into."""
MEAN, ZERO = "mean ablation", "zero ablation"
ABLATIONS = (MEAN, ZERO)
BEFORE_TUNING = ", before tuning"
"""Ends the name of a variant that tuning changed, as it was before."""


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """How closely a substituted network follows the original."""

    variant: str
    """What was substituted, e.g. `thresholded`."""
    split: str
    samples: int
    edges: tuple[int, ...]
    """Non-zero entries of each connector; empty where no connector is used."""
    accuracy: float
    agreement: float
    """Share of samples with the original's argmax."""
    kl: float
    """Mean KL(original ‖ substitute), nats."""
    loss: float
    """Mean cross-entropy against the labels, nats."""
    loss_recovered: float
    """(L_zero - L) / (L_zero - L_original), the last site zero-ablated; 0 where ablation changes nothing."""
    loss_recovered_mean: float
    """The same against the last site replaced by its mean."""
