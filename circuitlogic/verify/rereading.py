"""Owns the reading of gates by their causes: inputs that do nothing in the original network are dropped on one half
of the samples, and what is then read is checked on the other half."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch

from circuitlogic.features import FeatureId
from circuitlogic.logic.causal_filter import CausalReading, Reread, read_by_causes
from circuitlogic.logic.gate import Gate
from circuitlogic.saes.rows import TensorRows
from circuitlogic.verify.gate_experiment import intervene
from circuitlogic.verify.intervention import GateIntervention
from circuitlogic.verify.literal_states import IntArray
from circuitlogic.verify.setting import Setting


@dataclass(frozen=True, slots=True)
class Rereading:
    """A gate whose formula had inputs without effect, read again without them."""

    reading: CausalReading
    intervention: GateIntervention | None
    """Of the gate as it is then, on the other half of the samples; None where it has no formula left."""


def read_again(
    gate: Gate, reread: Reread, drop: Setting, confirm: Setting, generator: torch.Generator
) -> Rereading | None:
    """Drop inputs of `gate` without effect and read it again; None where every tested input has one.

    Args:
        gate: As read from data alone.
        reread: Reads it without some inputs.
        drop: Samples on which inputs are tested.
        confirm: Others, for the check of what is read then.
        generator: Of the control's directions.
    """

    def without_effect(now: Gate) -> frozenset[FeatureId]:
        found = intervene(now, drop, generator)
        return frozenset() if found is None else found.without_effect

    reading = read_by_causes(gate, reread, without_effect)
    if not reading.excluded:
        return None
    return Rereading(reading, intervene(reading.gate, confirm, generator))


def halves(setting: Setting) -> tuple[Setting, Setting]:
    """The first and the second half of the samples."""
    samples = len(setting.activations)
    middle = samples // 2
    return _part(setting, np.arange(middle)), _part(setting, np.arange(middle, samples))


def _part(setting: Setting, numbers: IntArray) -> Setting:
    rerun = setting.rerun
    return replace(
        setting,
        activations=TensorRows(torch.from_numpy(setting.activations.rows(numbers))),
        inputs=setting.inputs[numbers],
        outputs=setting.outputs[numbers],
        rerun=lambda edited, rows: rerun(edited, numbers[rows]),
    )


@dataclass(frozen=True, slots=True)
class RereadingSummary:
    """All gates that were read again."""

    gates: int
    formulas: int
    """Of these, how many still have a formula."""
    literals_decided: int
    """Of these formulas, on the other half of the samples."""
    literals_confirmed: int
    f1: float | None
    """Median held-out F1 of these formulas."""


def summarise_rereadings(found: Iterable[Rereading]) -> RereadingSummary:
    """Count what is left."""
    found = tuple(found)
    kept = [one for one in found if one.reading.gate.formula is not None]
    tests = [one.intervention for one in kept if one.intervention is not None]
    scores = [one.reading.gate.evidence.f1 for one in kept if one.reading.gate.evidence is not None]
    return RereadingSummary(
        gates=len(found),
        formulas=len(kept),
        literals_decided=sum(test.decided_literals for test in tests),
        literals_confirmed=sum(test.confirmed_literals for test in tests),
        f1=float(np.median(scores)) if scores else None,
    )
