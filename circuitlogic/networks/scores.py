"""What a classifier is judged by, as numbers: to be read without torch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClassifierScores:
    """A classifier's quality on one split."""

    split: str
    samples: int
    accuracy: float
    loss: float
    """Mean cross-entropy, nats."""
