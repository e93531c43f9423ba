"""What extraction says about one output feature: its inputs, its kind, its formula,
and the evidence for it."""

from dataclasses import dataclass

from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import Formula


@dataclass(frozen=True, slots=True)
class GateInput:
    """One edge into a gate, as the gate sees it."""

    feature: FeatureId
    """The input feature."""
    weight: float
    """Weight between unit-scale features."""
    raw_weight: float
    """The connector's own entry."""
    threshold: float
    """Activation above which the input counts as firing (raw units)."""
    firing_rate: float
    """Share of training samples on which the input fires."""
    level_thresholds: tuple[float, ...] = ()
    """Thresholds of the magnitude levels 1, 2, ... (raw units), where the reading used them."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % confidence interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """How well a gate's formula predicts the *true* output feature's firing, on held-out samples."""

    samples: int
    """Held-out samples scored."""
    support: int
    """Held-out samples on which the true feature fires."""
    precision: float
    recall: float
    f1: float
    f1_interval: Interval
    """Bootstrap over samples (images) or documents (text)."""
    mcc: float
    """Matthews correlation."""
    coverage: float
    """Share of the feature's held-out firings in truth-table states that training data had shown."""
    r2: float
    """Of the graded form (the connector row itself) against the true activation."""
    connector_f1: float
    """F1 of the connector's own firing: what the graded row achieves, with no formula."""
    ceiling_f1: float
    """F1 of the best truth table on the same inputs, cut fitted on training data."""
    baseline_f1: float
    """F1 of the best single input, the null reading that needs no circuit."""
    train_f1: float
    """The formula's F1 on the training samples it was chosen on."""

    @property
    def iou(self) -> float:
        """Firings that are both said and true, per firing of either."""
        return self.f1 / (2 - self.f1)


@dataclass(frozen=True, slots=True)
class TableRow:
    """One observed state of a gate's inputs."""

    state: tuple[bool, ...]
    """On or off for each literal of the gate's formula, in `literals_of` order."""
    samples: int
    """Training samples in this state."""
    firing: int
    """Of these, how many have the true output feature firing."""
    mean: float
    """Mean activation of the true output feature in this state (raw units)."""
    predicted: bool
    """What the formula says."""


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """The next best formula of another meaning."""

    formula: Formula
    kind: str
    train_f1: float


@dataclass(frozen=True, slots=True)
class ThresholdReading:
    """What the row is called when features fire from another share of their activations on."""

    firing: float
    """Share of the 95 % quantile of positive training activations from which a feature fires, inputs and output."""
    kind: str
    formula: Formula | None
    """None where none is claimed."""
    f1: float | None
    """Held-out F1 of the formula, claimed or rejected, against firing at this threshold; None: too few firings."""
    same_function: bool
    """Whether the claimed formula is the gate's own function; also where neither claims one."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The reading of one output feature."""

    feature: FeatureId
    """The output feature."""
    kind: str
    """Name of a registered gate kind, e.g. `and-not`."""
    formula: Formula | None
    """When it fires; None where no Boolean reading is claimed (`graded`, `unexplained`)."""
    inputs: tuple[GateInput, ...]
    """All edges into the feature, strongest |weight| first; a formula may use fewer of them."""
    bias: float
    """The connector's bias for this feature, in the output's unit scale."""
    threshold: float
    """θ: the output counts as firing above it (raw units)."""
    scale: float
    """Mean activation of the output feature where it fires (raw units)."""
    evidence: Evidence | None
    """None only for features with too few firings to score. Where no formula is claimed, the scores are
    those of the rejected one, which is then the runner-up."""
    table: tuple[TableRow, ...] = ()
    """Observed truth table over the formula's literals, most frequent states first."""
    flags: tuple[str, ...] = ()
    """Caveats (`weak`, `by-weights`, `unstable-threshold`, `connector-disagrees`, and `other-causes:0.22`: of the
    firings, 22 % come with no input of the formula on), relations between inputs
    (`subset:A<B`, `exclusive:A,B`, `twin:A,B`) and brakes (`damped:B=0.69` keeps 69 %,
    `partial:B=0.45` blocks 45 %), with A and B feature ids."""
    runner_up: RunnerUp | None = None
    """None if nothing else came near."""
    at_thresholds: tuple[ThresholdReading, ...] = ()
    """The readings at half, once and twice the firing threshold, where these were wanted; lowest first."""
