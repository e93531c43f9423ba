"""Gates to rows: the connector row that a stored gate was read from."""

import numpy as np

from circuitlogic.logic.activity import Row
from circuitlogic.logic.gate import Gate


def gate_to_row(gate: Gate) -> Row:
    """The row, its edges in the order of the gate's inputs; scales of inputs follow from the two weights."""
    weights = np.array([i.weight for i in gate.inputs], dtype=np.float64)
    raw = np.array([i.raw_weight for i in gate.inputs], dtype=np.float64)
    scale = gate.scale if gate.scale > 0 else 1.0
    return Row(
        feature=gate.feature,
        sources=tuple(i.feature for i in gate.inputs),
        weights=weights,
        raw_weights=raw,
        bias=gate.bias * scale,
        scale=gate.scale,
        source_scales=weights * scale / np.where(raw == 0, 1.0, raw),
    )
