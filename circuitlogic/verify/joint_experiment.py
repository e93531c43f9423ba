"""Runs noising and denoising of a gate's helping inputs in the original network."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from circuitlogic.features import FeatureId
from circuitlogic.logic.gate import Gate
from circuitlogic.verify.joint_trial import JointTrial, Side
from circuitlogic.verify.literal_states import BoolArray, FloatArray, IntArray
from circuitlogic.verify.setting import Edit, Setting, as_long, average, share, spread


def switch_together(
    gate: Gate, inputs: tuple[FeatureId, ...], setting: Setting, generator: torch.Generator
) -> JointTrial | None:
    """Take each of `inputs` away where others are on, bring each in where none is; None for fewer than two."""
    if len(inputs) < 2:
        return None
    seen = _seen(gate, inputs, setting)
    several = seen.fired & (seen.on.sum(axis=1) > 1)
    none = ~seen.fired & ~seen.on.any(axis=1)
    away = [_Switch(spread(np.flatnonzero(several & seen.on[:, k])), k, 0.0) for k in range(len(inputs))]
    brought = [
        _Switch(spread(np.flatnonzero(none)), k, float(np.median(seen.values[seen.on[:, k], k])))
        for k in np.flatnonzero(seen.on.any(axis=0)).tolist()
    ]
    noising, denoising = (
        _changes(gate, inputs, seen, switches, setting, generator) for switches in (away, brought)
    )
    lost = 1 - noising.after / np.maximum(noising.before, 1e-12)
    gained = (denoising.after - denoising.before) / (gate.scale if gate.scale > 0 else 1.0)
    off, on = noising.after <= gate.threshold, denoising.after > gate.threshold
    return JointTrial(
        inputs,
        Side(lost.size, share(off), share(noising.control <= gate.threshold), average(lost)),
        Side(gained.size, share(on), share(denoising.control > gate.threshold), average(gained)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The inputs and the output as they were."""

    values: FloatArray
    """[samples, k]"""
    on: BoolArray
    """[samples, k]"""
    before: FloatArray
    fired: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class _Switch:
    """Input number `at` set to `value` on `rows`."""

    rows: IntArray
    at: int
    value: float


@dataclass(frozen=True, slots=True, eq=False)
class _Changes:
    """The output before, after, and after the control, over all switches."""

    before: FloatArray
    after: FloatArray
    control: FloatArray


def _seen(gate: Gate, inputs: tuple[FeatureId, ...], setting: Setting) -> _Seen:
    cuts = {i.feature: i.threshold for i in gate.inputs}
    values = np.asarray(setting.inputs[:, [f.index for f in inputs]].toarray(), dtype=np.float64)
    before = setting.outputs[:, [gate.feature.index]].toarray()[:, 0].astype(np.float64)
    return _Seen(values, values > np.array([cuts[f] for f in inputs]), before, before > gate.threshold)


def _changes(
    gate: Gate,
    inputs: tuple[FeatureId, ...],
    seen: _Seen,
    switches: list[_Switch],
    setting: Setting,
    generator: torch.Generator,
) -> _Changes:
    edits: list[Edit] = []
    for switch in switches:
        size: Tensor = torch.from_numpy(switch.value - seen.values[switch.rows, switch.at]).float()
        change = size[:, None] * setting.decoder[inputs[switch.at].index]
        edits += [
            (switch.rows, change),
            (switch.rows, as_long(torch.randn(change.shape, generator=generator), change)),
        ]
    after = setting.outputs_after(edits, gate.feature.index) if edits else []
    nothing = [np.zeros(0)]
    before = [seen.before[switch.rows] for switch in switches]
    return _Changes(*(np.concatenate(part or nothing) for part in (before, after[::2], after[1::2])))
