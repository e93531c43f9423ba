"""Owns noising and denoising of a gate's helping inputs, one at a time: do they act jointly, each alone, or add up?

Noising takes one input away where others remain; denoising brings one in where all are absent. An AND breaks under
noising alone, an OR is restored by denoising alone, a sum answers to both (Heimersheim & Nanda 2024).
"""

from dataclasses import dataclass
from typing import Literal as OneOf
from typing import TypeAlias

from circuitlogic.features import FeatureId

MIN_SAMPLES = 5
_MAJORITY = 0.5
_NOTICEABLE = 0.1
_EVEN = (0.25, 0.75)

Role: TypeAlias = OneOf["and", "or", "both", "neither"]
ROLES: tuple[Role, ...] = ("and", "or", "both", "neither")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two directions, over all tested inputs."""

    samples: int
    flips: float
    """Share on which the true output crosses its θ."""
    control: float
    """The same under a random direction of the same norm."""
    amount: float
    """Noising: mean loss of the output as a share of what it was. Denoising: mean gain in its typical firings."""


@dataclass(frozen=True, slots=True)
class JointTrial:
    """Both directions of one gate."""

    inputs: tuple[FeatureId, ...]
    """What was tested: the formula's literals that help; of a gate without formula its strongest helping edges."""
    noising: Side
    """One input set to 0 where the output fires and another of them is on."""
    denoising: Side
    """One input set to its typical firing where the output and all of them are off."""

    @property
    def decided(self) -> bool:
        """Whether both directions had samples enough."""
        return min(self.noising.samples, self.denoising.samples) >= MIN_SAMPLES

    @property
    def role(self) -> Role | None:
        """By firing: `and` if only noising flips most samples, `or` if only denoising does."""
        if not self.decided:
            return None
        breaks, restores = (
            side.flips >= _MAJORITY and side.flips > side.control for side in (self.noising, self.denoising)
        )
        if breaks and restores:
            return "both"
        return "and" if breaks else "or" if restores else "neither"

    @property
    def adds(self) -> bool | None:
        """By amounts: whether inputs add up (ADDER): taking one away and bringing one in change about as much."""
        if not self.decided:
            return None
        lost, gained = max(self.noising.amount, 0.0), max(self.denoising.amount, 0.0)
        if min(lost, gained) < _NOTICEABLE:
            return False
        low, high = _EVEN
        return low <= lost / (lost + gained) <= high
