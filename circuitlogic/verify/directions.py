"""Owns the two directions of a gate's interventions: what follows when literals are switched off, and on."""

from collections.abc import Sequence
from dataclasses import dataclass

from circuitlogic.verify.intervention import MAJORITY, MIN_SAMPLES, GateIntervention, Trial


@dataclass(frozen=True, slots=True)
class Direction:
    """All pivotal moves of a gate's literals in one direction."""

    samples: int
    flips: float
    """Share of samples on which the true output crosses its θ as the formula says."""
    control: float
    """The same under a random direction of the same norm."""

    @property
    def passes(self) -> bool:
        """Whether most follow, more than under the control, with samples enough."""
        return self.samples >= MIN_SAMPLES and self.flips >= MAJORITY and self.flips > self.control


@dataclass(frozen=True, slots=True)
class Directions:
    """Both."""

    removal: Direction
    insertion: Direction

    @property
    def passed(self) -> int:
        """How many of the two pass."""
        return int(self.removal.passes) + int(self.insertion.passes)


def directions(gate: GateIntervention) -> Directions:
    """Pooled over literals, by samples."""
    return Directions(
        direction([literal.removal for literal in gate.literals]),
        direction([literal.insertion for literal in gate.literals]),
    )


def direction(trials: Sequence[Trial]) -> Direction:
    """Trials in one direction as one, by samples."""
    samples = sum(trial.samples for trial in trials)
    if not samples:
        return Direction(0, 0.0, 0.0)
    flips = sum(trial.samples * trial.flips for trial in trials) / samples
    control = sum(trial.samples * trial.control_flips for trial in trials) / samples
    return Direction(samples, flips, control)
