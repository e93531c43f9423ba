"""Owns what was tried to need fewer edges than pruned neurons: settings, each run once, on seed 0."""

from dataclasses import dataclass, replace
from typing import Literal

from circuitlogic.benchmarks.unwrap.rungs import BUDGET, JOINT, NEURONS
from circuitlogic.config import TuneConfig

TRIED_ON = 0
"""The seed on whose held-out samples settings are chosen."""
_HALF = BUDGET // 2


@dataclass(frozen=True, slots=True)
class Trial:
    """One variant of the recipe."""

    name: str
    tune: TuneConfig | tuple[TuneConfig, ...]
    """Several: one after the other, each from where the one before left off."""
    base: Literal["matched", "neurons"] = "matched"


UNGUARDED = replace(JOINT, anchor=0.0, min_edges=0, live_rate=0.0, copy_weight=0.0)
"""Accuracy alone: what the guards cost."""
FREE = replace(UNGUARDED, reconstruction=0.0)
"""Nor need later features describe their site: any sparse network on the first site's features."""

FREE_NEURONS = replace(NEURONS, anchor=0.0, min_edges=0)
"""The control without a guard."""

TRIALS = (
    Trial(f"unguarded {BUDGET}", replace(UNGUARDED, edges=BUDGET)),
    Trial(f"unguarded {_HALF}", replace(UNGUARDED, edges=_HALF)),
    Trial(f"free {BUDGET}", replace(FREE, edges=BUDGET)),
    Trial(f"free {_HALF}", replace(FREE, edges=_HALF)),
    Trial(f"KL x4 {_HALF}", replace(JOINT, divergence=8.0, edges=_HALF)),
    Trial(f"interventions .5 {_HALF}", replace(JOINT, interventions=0.5, edges=_HALF)),
    Trial(f"KL x4 {BUDGET}", replace(JOINT, divergence=8.0, edges=BUDGET)),
    Trial(f"neurons, free {_HALF}", replace(FREE_NEURONS, edges=_HALF), "neurons"),
    Trial(f"neurons, free {BUDGET}", replace(FREE_NEURONS, edges=BUDGET), "neurons"),
    Trial(f"copies for one edge {_HALF}", replace(JOINT, copy_weight=0.0, min_edges=1, edges=_HALF)),
    Trial(
        f"free, then guarded {_HALF}",
        (replace(FREE, epochs=10, edges=4 * _HALF), replace(JOINT, edges=_HALF)),
    ),
    Trial(f"copies for one edge, priced {BUDGET}", replace(JOINT, min_edges=1, edges=BUDGET)),
    Trial(f"copies for one edge, priced {_HALF}", replace(JOINT, min_edges=1, edges=_HALF)),
    Trial(f"free, 60 epochs {_HALF}", replace(FREE, epochs=60, edges=_HALF)),
    Trial(f"neurons, 60 epochs {_HALF}", replace(NEURONS, epochs=60, edges=_HALF), "neurons"),
    Trial(f"KL x4, 60 epochs {BUDGET}", replace(JOINT, divergence=8.0, epochs=60, edges=BUDGET)),
    Trial(
        f"KL x2, 60 epochs, copies for one edge, priced {_HALF}",
        replace(JOINT, divergence=4.0, epochs=60, min_edges=1, edges=_HALF),
    ),
)
