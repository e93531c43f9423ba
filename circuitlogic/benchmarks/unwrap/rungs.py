"""Owns the ladder: each rung adds one thing to the rung before, from the seed's recipe to joint tuning.

Everything was settled on the held-out samples of seed 0.
"""

from dataclasses import dataclass, replace
from typing import Literal

from circuitlogic.benchmarks.unwrap.exact import Exact
from circuitlogic.config import ConnectorConfig, SaeConfig, StudyConfig, TuneConfig

BUDGET = 458
"""Edges per connector that the seed counted."""
LADDER_BUDGETS = (BUDGET, BUDGET // 2, 2 * BUDGET)
CURVE = (115, 229, 458, 916, 1832)
NEURON_CURVE = {"effect": (458, 115, 229, 916, 1832), "weight": (458, 916)}
"""Budgets of the pruned neurons, by how they are pruned."""

Base = Literal["seed", "wide", "matched"]
"""Dictionaries and solver: the seed's; 256 features at every site; as many later ones as the edges can feed."""

SEED_SAES = SaeConfig(architecture="relu_tied", l1=1.8)
SEED_CONNECTORS = ConnectorConfig("gradient", "random", 1.0, 8, 128, 1e-3)
MATCHED = {"later_expansion": 1.5, "later_k": 12}
"""96 features at the later sites: the fewest that count as more than the 64 neurons."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One recipe."""

    name: str
    base: Base
    tune: TuneConfig | None
    """None: nothing is tuned."""
    exact: Exact | None = None
    """What is solved instead; None, where nothing is tuned: the solver's strongest entries, untouched."""


_LAYERWISE = TuneConfig(select="weight", divergence=0.0, student=0.0, epochs=8)
_KL = replace(_LAYERWISE, select="effect", divergence=1.0, student=1.0, epochs=15)
_ANCHORED = replace(_KL, anchor_by="feature", min_edges=2, divergence=2.0)
_EDITED = replace(_ANCHORED, interventions=0.25)
JOINT = replace(
    _ANCHORED,
    dictionaries="later",
    live_rate=0.08,
    dictionary_lr=1.0,
    copy_weight=1.0,
    interventions=0.25,
    batch_size=256,
    epochs=20,
)
"""The study's own recipe."""
NEURONS = replace(JOINT, dictionaries="readout")
"""The same for pruned neurons: their readout moves, the neurons stay what they are."""

LADDER = (
    Rung("seed recipe", "seed", None),
    Rung("+ bias", "seed", replace(_LAYERWISE, train="biases", epochs=4)),
    Rung("+ proximal", "wide", replace(_LAYERWISE, train="biases", epochs=4)),
    Rung("+ refit", "wide", None, "refit"),
    Rung("+ penalty path", "wide", None, "path"),
    Rung("+ student inputs", "wide", None, "student"),
    Rung("+ KL, pruned by effect", "wide", _KL),
    Rung("+ error per feature", "wide", _ANCHORED),
    Rung("+ interventional", "wide", _EDITED),
    Rung("+ 96 later features", "matched", _EDITED),
    Rung("+ joint", "matched", JOINT),
)


def base_config(config: StudyConfig, base: Base) -> StudyConfig:
    """The study behind a rung; nothing is tuned in it."""
    config = replace(config, tune=replace(config.tune, epochs=0))
    match base:
        case "seed":
            return replace(config, saes=SEED_SAES, connectors=SEED_CONNECTORS)
        case "wide":
            return config
        case "matched":
            return replace(config, saes=replace(config.saes, **MATCHED))
