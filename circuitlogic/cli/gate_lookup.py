"""Owns finding the gate that a user names."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from circuitlogic.errors import UnknownNameError
from circuitlogic.features import FeatureId

if TYPE_CHECKING:
    from circuitlogic.graph.store import FeatureGraph
    from circuitlogic.logic.gate import Gate

_NEAR = 3


def gate_of(graph: "FeatureGraph", gates: Sequence["Gate"], feature: str) -> "Gate":
    """The gate of `site/index`.

    Raises:
        ConfigError: `feature` has another form.
        UnknownNameError: there is no such site or feature, or it has no gate; names near ones that have.
    """
    wanted = graph.feature(graph.node(FeatureId.parse(feature)))
    for gate in gates:
        if gate.feature == wanted:
            return gate
    if wanted.site == graph.sites[0]:
        reason = f"{wanted.site} is the first site, its features are inputs only"
    else:
        reason = "it never fires on training data"
    raise UnknownNameError(f"{wanted} has no gate: {reason}{_near(gates, wanted)}")


def _near(gates: Sequence["Gate"], wanted: FeatureId) -> str:
    same = [gate.feature for gate in gates if gate.feature.site == wanted.site]
    close = sorted(same, key=lambda feature: (abs(feature.index - wanted.index), feature.index))[:_NEAR]
    return f"; near ones that have: {', '.join(map(str, close))}" if close else ""
