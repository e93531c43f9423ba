"""Owns what a piece of a run hands back: scores of gates, readings of live features, chains, measures."""

from dataclasses import dataclass

from circuitlogic.benchmarks.logicbench.score import BEATS, Score


@dataclass(frozen=True, slots=True)
class Live:
    """What the product reads of one live learned output feature, planted or not."""

    tier: str
    leak: float
    seed: int
    feature: int
    match: float
    """Correlation with the planted output it is matched to; 0 where it is matched to none."""
    kind: str
    claimed: bool
    """Whether a formula is claimed."""
    f1: float
    """Held-out F1 of the formula, claimed or rejected."""
    baseline: float
    """Held-out F1 of the best single input."""
    ceiling: float
    """Held-out F1 of the best truth table on the same inputs."""
    r2: float
    """Held-out R² of the connector row."""
    edges: int
    literals: int
    causal: float | None
    """Share of the formula's literals that switch the feature in the network; None for none that could be
    tested."""

    @property
    def beats(self) -> bool:
        """Whether a formula is claimed that is better than the best single input by .05."""
        return self.claimed and self.f1 >= self.baseline + BEATS


@dataclass(frozen=True, slots=True)
class Chain:
    """A planted gate of the last layer, followed through all layers down to the inputs."""

    depth: int
    leak: float
    seed: int
    gates: int
    """In the planted cone."""
    strict: bool
    """The composed formula is the composition of the planted ones on all assignments."""
    seen: bool
    """It is, in every state of the inputs that was seen at least 5 times."""
    all_right: bool
    """Every gate of the cone was read strictly."""
    claimed: bool
    """Every gate of the cone was claimed, so that there is a composed formula."""
    f1: float
    """Held-out F1 of the composed formula against the true last output; 0 for none."""
    planted_f1: float
    """The same of the composed planted formulas: what is possible."""
    product: float
    """Product of the held-out F1 of the gates that were composed."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a piece of a run."""

    tier: str
    setting: str
    leak: float
    seed: int
    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that one unit of a run found out."""

    scores: tuple[Score, ...] = ()
    live: tuple[Live, ...] = ()
    chains: tuple[Chain, ...] = ()
    measures: tuple[Measure, ...] = ()
    missing: tuple[tuple[str, str, int], ...] = ()
    """Planted kind, setting, and how many of the wanted cases no draw could plant identifiably."""
