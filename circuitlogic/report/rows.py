"""Owns the view model: what a report says, as frozen rows that know nothing of files, terminals or markup."""

from collections.abc import Callable
from dataclasses import dataclass, field

from circuitlogic.connectors.scores import FeatureFidelity, Sparsity
from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import Const, literals_of
from circuitlogic.logic.gate import Gate
from circuitlogic.networks.scores import ClassifierScores
from circuitlogic.saes.scores import SaeMetrics
from circuitlogic.verify.scores import ORIGINAL, Faithfulness

GAIN = 0.05
"""F1 above what needs no circuit, the best single input or the current token, from which a formula says more."""


@dataclass(frozen=True, slots=True)
class Header:
    """What was studied, and how to do it again."""

    study: str
    """Name of the study's folder."""
    dataset: str
    network: str
    """The network in words."""
    sites: tuple[str, ...]
    scores: tuple[ClassifierScores, ...]
    """The original network, by split; empty for a network brought by the caller."""
    seed: int
    threshold: float | None
    """Edges have |weight| above it, between unit-scale features; None before extraction."""
    selection: str
    """Edges kept before the threshold, in words; empty for all."""
    settings: tuple[tuple[str, str], ...]
    """Settings that shape the result: dotted name, value."""
    hashes: tuple[tuple[str, str], ...]
    """Artefact, first 12 digits of the hash of its content."""
    commands: tuple[str, ...]
    """Shell commands that make the same study again."""

    def accuracy(self, split: str) -> float | None:
        """The original network's accuracy on a split; None if nobody has measured it."""
        return next((score.accuracy for score in self.scores if score.split == split), None)


@dataclass(frozen=True, slots=True)
class SaeRow:
    """One site's sparse autoencoder."""

    site: str
    architecture: str
    width: int
    """Neurons at the site."""
    features: int
    live: int
    """Features that exceed θ on at least one training sample."""
    metrics: SaeMetrics


@dataclass(frozen=True, slots=True)
class ConnectorRow:
    """One connector in one state."""

    source: str
    target: str
    state: str
    """`as solved`, or `tuned, |w| > 0.1`."""
    thresholded: bool
    inputs: str
    """`true`: fed with true features; `chain`: fed with what the connectors before it predict."""
    sparsity: Sparsity
    fidelity: FeatureFidelity
    live: int
    """Output features that fire on training data: those that an edge can reach."""


@dataclass(frozen=True, slots=True)
class VariantRow:
    """One substituted network against the original."""

    name: str
    thresholded: bool
    """Whether its connectors are cut at the threshold."""
    scores: Faithfulness

    @property
    def edges(self) -> int | None:
        """Non-zero entries of all connectors; None where no connector is used."""
        return sum(self.scores.edges) if self.scores.edges else None


@dataclass(frozen=True, slots=True)
class KindRow:
    """How many gates are of one kind."""

    kind: str
    meaning: str
    """One sentence."""
    gates: int
    share: float
    """Of all gates."""
    f1_median: float | None
    """Held-out F1 of their formulas, median; None where the kind claims none."""


@dataclass(frozen=True, slots=True)
class GateRow:
    """One gate in words. Labels in it are foreign text."""

    gate: Gate
    label: str
    """What people call the feature; empty if nobody has said."""
    text: str
    """The gate as an English phrase."""
    expression: str
    """Its formula with labels for names; empty where none is claimed."""
    brief: str
    """The same with `IF121` for input feature 121; full ids where inputs come from several sites."""
    graded: str
    """Its row as a weighted sum between unit-scale features, with the bias."""
    graded_brief: str
    """The same, features written as in `brief`."""
    flags: tuple[str, ...]
    """Its caveats and relations in words."""
    token_f1: float | None = None
    """Held-out F1 of the best set of current tokens; None but for language models."""

    @property
    def claims(self) -> bool:
        """Whether a formula with inputs is claimed: all kinds but graded, unexplained, constant, dead ..."""
        formula = self.gate.formula
        return formula is not None and not isinstance(formula, Const) and self.gate.evidence is not None

    @property
    def used(self) -> frozenset[FeatureId]:
        """The inputs that its formula rests on."""
        formula = self.gate.formula
        return frozenset() if formula is None else frozenset(lit.feature for lit in literals_of(formula))

    @property
    def gain(self) -> float | None:
        """Held-out F1 above that of the best single input; None where no formula is claimed."""
        evidence = self.gate.evidence
        return evidence.f1 - evidence.baseline_f1 if self.claims and evidence is not None else None

    @property
    def token_gain(self) -> float | None:
        """Held-out F1 above that of the current token alone; None where there is no formula or no token."""
        evidence = self.gate.evidence
        if not self.claims or evidence is None or self.token_f1 is None:
            return None
        return evidence.f1 - self.token_f1

    @property
    def is_word_list(self) -> bool:
        """Whether a list of tokens says as much as its formula; False where nobody has asked."""
        return self.token_gain is not None and self.token_gain < GAIN


@dataclass(frozen=True, slots=True)
class StudyView:
    """Everything that tables and reports say about a study. All numbers are held out unless they say train."""

    header: Header
    saes: tuple[SaeRow, ...]
    connectors: tuple[ConnectorRow, ...]
    variants: tuple[VariantRow, ...]
    """The feature network, from one autoencoder alone to the thresholded graph; empty before extraction."""
    kinds: tuple[KindRow, ...]
    """Most frequent first."""
    gates: tuple[GateRow, ...]
    """In the order of their features; empty before extraction."""
    caveats: tuple[str, ...]
    """What a reader has to know to not be misled, one sentence each."""
    labels: dict[FeatureId, str] = field(default_factory=dict[FeatureId, str])
    """What people call features; foreign text."""
    class_f1: dict[str, float] = field(default_factory=dict[str, float])
    """Held-out F1 of the image's class alone, by id of features whose gates have a formula; else empty."""

    @property
    def final(self) -> VariantRow | None:
        """The tuned, thresholded feature network: the graph that runs; None if it cannot run, or before."""
        return self.variants[-1] if self.variants else None

    @property
    def original(self) -> VariantRow | None:
        """The original, where it was measured on the same tokens as its substitutes: language models."""
        return next((row for row in self.variants if row.name == ORIGINAL), None)

    @property
    def original_accuracy(self) -> float | None:
        """The original's accuracy on the split of the feature network; None if nobody has measured it."""
        if self.original is not None:
            return self.original.scores.accuracy
        return None if self.final is None else self.header.accuracy(self.final.scores.split)

    @property
    def cut(self) -> tuple[ConnectorRow, ...]:
        """The thresholded connectors."""
        return tuple(row for row in self.connectors if row.thresholded)

    @property
    def name(self) -> Callable[[FeatureId], str]:
        """What a feature is called: its label, else its id."""
        return lambda feature: self.labels.get(feature) or str(feature)
