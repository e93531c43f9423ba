"""Owns what interventions say about a gate: the figures of every literal, and when sign and kind are confirmed.

A *move* switches one literal of a formula in the original network: the source feature is set to another value
along its decoder row, and the real layers run. A move is *pivotal* on a sample where the formula then says
something else, and *idle* where it does not. Only samples count on which the formula is right beforehand:
what it misses is in its F1, not here.

Noising and denoising in one rule: pivotal moves must flip the true output, idle ones must not. So of an AND every
removal breaks and no single insertion restores; of an OR every insertion restores and no single removal breaks.
"""

from dataclasses import dataclass
from typing import Literal as OneOf
from typing import TypeAlias

from circuitlogic.features import FeatureId
from circuitlogic.logic.scores import wilson_low
from circuitlogic.verify.joint_trial import JointTrial

MIN_SAMPLES = 5
"""Below it, nothing is decided."""
MAJORITY = 0.5
"""Share of samples that must follow."""

Verdict: TypeAlias = OneOf["yes", "no", "undecided"]


@dataclass(frozen=True, slots=True)
class Trial:
    """Pivotal moves of one literal in one direction; shares are 0 where there are no samples."""

    pivotal: int
    """Samples on which the move is pivotal and the formula right."""
    samples: int
    """Of these, how many were run."""
    flips: float
    """Share on which the true output crosses its θ as the formula says."""
    control_flips: float
    """The same under a random direction of the same norm."""
    moved: float
    """Share on which it flips, or at least moves by more than θ in the expected direction."""
    control_moved: float
    change: float
    """Mean change of the true output's activation (raw units)."""
    control_change: float
    switched_on: int
    """Samples after whose move the formula says on; the others, off. Both occur where a literal has both signs."""
    flips_on: float
    """Flips among those switched on."""
    flips_off: float
    """Flips among the others."""


NO_TRIAL = Trial(0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class IdleTrial:
    """Moves after which the formula says the same, spread evenly over its states."""

    samples: int
    flips: float
    """Share on which the true output flips all the same."""


@dataclass(frozen=True, slots=True)
class LiteralIntervention:
    """One literal of a gate, switched off and on in the original network."""

    feature: FeatureId
    level: int
    sign: int
    """+1: on, it helps the output; -1: it hinders; 0: both, or no sample tells."""
    removal: Trial
    insertion: Trial
    idle_removal: IdleTrial
    idle_insertion: IdleTrial
    kappa: float | None
    """Of a negative literal, as observed: 1 - P(output | literal) / P(output | no literal) where it decides."""

    @property
    def samples(self) -> int:
        """Pivotal samples run, both directions."""
        return self.removal.samples + self.insertion.samples

    @property
    def insufficient(self) -> bool:
        """Whether there are too few pivotal samples to decide."""
        return self.samples < MIN_SAMPLES

    @property
    def effect(self) -> float:
        """Share of pivotal samples on which the output moves as the sign says."""
        return self._pooled(self.removal.moved, self.insertion.moved)

    @property
    def control(self) -> float:
        """The same under random directions."""
        return self._pooled(self.removal.control_moved, self.insertion.control_moved)

    @property
    def confirmed(self) -> bool:
        """Whether the sign is: most pivotal samples follow, and more than under the control."""
        return not self.insufficient and self.effect >= MAJORITY and self.effect > self.control

    @property
    def kill(self) -> float | None:
        """Of a negative literal, under intervention: share of firing outputs that inserting it silences."""
        return self.insertion.flips if self.sign < 0 and self.insertion.samples >= MIN_SAMPLES else None

    @property
    def verdict(self) -> Verdict:
        """`yes`: pivotal moves flip the output and idle ones do not, wherever there are samples enough.

        `no`: one of these is reliably otherwise, its 95 % interval wholly on the wrong side of one half.
        """
        follows = [(t.samples, 1 - t.flips, 0.0) for t in (self.idle_removal, self.idle_insertion)]
        for t in (self.removal, self.insertion):
            follows += [
                (t.switched_on, t.flips_on, t.control_flips),
                (t.samples - t.switched_on, t.flips_off, t.control_flips),
            ]
        enough = [trial for trial in follows if trial[0] >= MIN_SAMPLES]
        if any(_reliably_missed(share, samples) for samples, share, _ in enough):
            return "no"
        kept = all(share >= MAJORITY and share > control for _, share, control in enough)
        return "yes" if kept and not self.insufficient else "undecided"

    def _pooled(self, removal: float, insertion: float) -> float:
        total = self.removal.samples * removal + self.insertion.samples * insertion
        return total / self.samples if self.samples else 0.0


def _reliably_missed(share: float, samples: int) -> bool:
    """Whether most samples surely do not follow: Wilson's 95 % interval of those that do not starts above half."""
    return wilson_low(round((1 - share) * samples), samples) > 1 - MAJORITY


@dataclass(frozen=True, slots=True)
class StateIntervention:
    """One state of the formula's literals: observed, and brought about."""

    state: tuple[bool, ...]
    """On or off for each literal, in `literals_of` order."""
    predicted: bool
    """What the formula says."""
    observed_samples: int
    observed: float
    """T_obs: share of samples in this state with the true output firing."""
    intervened_samples: int
    intervened: float | None
    """T_do: the same share on samples of other states whose literals are set to this one; None without samples."""


@dataclass(frozen=True, slots=True)
class GateIntervention:
    """A gate under intervention in the original network."""

    feature: FeatureId
    kind: str
    split: str
    literals: tuple[LiteralIntervention, ...]
    """In `literals_of` order."""
    states: tuple[StateIntervention, ...]
    """The most frequent states of the split, most frequent first."""
    joint: JointTrial | None = None
    """Its helping inputs taken away and brought in one by one; None for fewer than two."""

    @property
    def without_effect(self) -> frozenset[FeatureId]:
        """Inputs all of whose literals were switched on samples enough, and none confirmed."""
        tried = {literal.feature for literal in self.literals}
        kept = {li.feature for li in self.literals if li.insufficient or li.confirmed}
        return frozenset(tried - kept)

    @property
    def confirmed_literals(self) -> int:
        """Literals whose sign is confirmed."""
        return sum(literal.confirmed for literal in self.literals)

    @property
    def decided_literals(self) -> int:
        """Literals with pivotal samples enough."""
        return sum(not literal.insufficient for literal in self.literals)

    @property
    def control(self) -> float:
        """Share of all pivotal samples on which a random direction does what the literal should."""
        samples = sum(literal.samples for literal in self.literals)
        return sum(li.samples * li.control for li in self.literals) / samples if samples else 0.0

    @property
    def kind_confirmed(self) -> Verdict:
        """`no` if one literal reliably contradicts the kind, `yes` if all bear it out.

        A gate without literals (`graded`) is confirmed where its inputs add up.
        """
        if not self.literals:
            adds = None if self.joint is None else self.joint.adds
            return "undecided" if adds is None else "yes" if adds else "no"
        verdicts = {literal.verdict for literal in self.literals}
        return "no" if "no" in verdicts else "undecided" if "undecided" in verdicts else "yes"
