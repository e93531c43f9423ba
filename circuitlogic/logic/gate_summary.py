"""Owns what the gates of a site, or of a study, reach together: fidelity to the true features, and how far kinds
depend on the firing threshold."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from circuitlogic.logic.formula import Const, Formula, literals_of
from circuitlogic.logic.gate import Evidence, Gate

NEAR_COPIES = ("copy", "damped-copy")
GOOD, BEST = 0.8, 0.9


@dataclass(frozen=True, slots=True)
class GateFidelity:
    """How well formulas predict the firing of true features, held out. Means are over the features read."""

    site: str
    """Where the features are; empty for all sites together."""
    live: int
    """Features that fire in training."""
    read: int
    """Of these, those that fire often enough to be read."""
    f1: float | None
    """Mean F1 of the formulas, rejected ones among them."""
    connector_f1: float | None
    """The same of the connector rows' own firing, fed with true features."""
    baseline_f1: float | None
    """The same of the best single inputs."""
    literals: float | None
    """Mean literals per formula, rejected ones among them."""
    good: float | None
    """Share of the live features whose formula has F1 of .8 or more."""
    best: float | None
    """The same from .9."""
    copies: float | None
    """Share of the live features that are claimed to be copies, damped ones among them, of one input."""
    best_copies: float | None
    """Share of the features with F1 of .8 or more that are such copies."""

    @property
    def of_connector(self) -> float | None:
        """F1 of formulas per F1 of rows."""
        return self.f1 / self.connector_f1 if self.f1 is not None and self.connector_f1 else None


@dataclass(frozen=True, slots=True)
class Stability:
    """Whether half and twice the firing threshold make the same of one gate."""

    same_kind: bool
    same_function: bool


@dataclass(frozen=True, slots=True)
class KindStability:
    """Gates of one kind, read at other firing thresholds."""

    kind: str
    """At the gate's own threshold."""
    gates: int
    same_kind: int
    """Of the same kind at all thresholds."""
    same_function: int
    """With an equivalent formula at all thresholds, or without one at all."""
    becomes: tuple[tuple[float, str, int], ...]
    """Firing threshold, kind there, and how many gates: the cross table's row."""


def fidelity_of(gates: Sequence[Gate]) -> tuple[GateFidelity, ...]:
    """One row per site, in order of appearance, and one for all where there are several."""
    sites = list(dict.fromkeys(gate.feature.site for gate in gates))
    rows = [_fidelity(site, [gate for gate in gates if gate.feature.site == site]) for site in sites]
    return (*rows, _fidelity("", gates)) if len(rows) > 1 else tuple(rows)


def _fidelity(site: str, gates: Sequence[Gate]) -> GateFidelity:
    live = [gate for gate in gates if gate.kind != "dead"]
    read = [(gate, gate.evidence) for gate in live if gate.evidence is not None]
    good = [gate for gate, evidence in read if evidence.f1 >= GOOD]
    best = sum(evidence.f1 >= BEST for _, evidence in read)
    return GateFidelity(
        site=site,
        live=len(live),
        read=len(read),
        f1=_mean(evidence.f1 for _, evidence in read),
        connector_f1=_mean(evidence.connector_f1 for _, evidence in read),
        baseline_f1=_mean(evidence.baseline_f1 for _, evidence in read),
        literals=_mean(float(_literals(gate, evidence)) for gate, evidence in read),
        good=_share(len(good), len(live)),
        best=_share(best, len(live)),
        copies=_share(sum(gate.kind in NEAR_COPIES for gate in live), len(live)),
        best_copies=_share(sum(gate.kind in NEAR_COPIES for gate in good), len(good)),
    )


def _literals(gate: Gate, evidence: Evidence) -> int:
    """Of the formula that the evidence is about."""
    formula: Formula | None = gate.formula
    if formula is None and gate.runner_up is not None and gate.runner_up.train_f1 == evidence.train_f1:
        formula = gate.runner_up.formula
    return 0 if formula is None or isinstance(formula, Const) else len(literals_of(formula))


def stability_of(gate: Gate) -> Stability | None:
    """None where the gate was read at its own threshold alone."""
    if not gate.at_thresholds:
        return None
    return Stability(
        all(reading.kind == gate.kind for reading in gate.at_thresholds),
        all(reading.same_function for reading in gate.at_thresholds),
    )


def stability_by_kind(gates: Iterable[Gate]) -> tuple[KindStability, ...]:
    """One row per kind, most frequent first; only of gates that were read at several thresholds."""
    groups: dict[str, list[tuple[Gate, Stability]]] = {}
    for gate in gates:
        stable = stability_of(gate)
        if stable is not None:
            groups.setdefault(gate.kind, []).append((gate, stable))
    rows = [_row(kind, group) for kind, group in groups.items()]
    return tuple(sorted(rows, key=lambda row: (-row.gates, row.kind)))


def _row(kind: str, group: Sequence[tuple[Gate, Stability]]) -> KindStability:
    told = Counter((reading.firing, reading.kind) for gate, _ in group for reading in gate.at_thresholds)
    becomes = sorted(told.items(), key=lambda one: (one[0][0], -one[1], one[0][1]))
    return KindStability(
        kind=kind,
        gates=len(group),
        same_kind=sum(stable.same_kind for _, stable in group),
        same_function=sum(stable.same_function for _, stable in group),
        becomes=tuple((firing, name, number) for (firing, name), number in becomes),
    )


def _mean(values: Iterable[float]) -> float | None:
    kept = list(values)
    return fmean(kept) if kept else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
