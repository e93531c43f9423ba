"""What stages 6 and 7 left: the feature graph and the gates. Reading them needs no torch."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from circuitlogic.extract.gates_file import load_gates as read_gates
from circuitlogic.features import FeatureId
from circuitlogic.graph.store import FeatureGraph
from circuitlogic.logic.gate import Gate
from circuitlogic.study import ANNOTATIONS, CONTEXTS, SAMPLES, Study

if TYPE_CHECKING:
    from circuitlogic.extract.gate_on_samples import GateOnSamples

GRAPH = "graph"
GATES = "gates"


def load_graph(study: Study) -> FeatureGraph:
    """The feature graph, its nodes bearing their labels, and their gate kinds once gates are read.

    Raises:
        StudyError: missing or damaged.
    """
    graph = study.graph
    if not ((study.root / ANNOTATIONS).exists() or (study.root / CONTEXTS).exists()):
        return graph
    from circuitlogic.stages.labels import load_labels

    inside = dict(zip(graph.sites, graph.site_sizes, strict=True))
    return graph.with_labels(
        {name: text for name, text in load_labels(study).items() if _is_inside(name, inside)}
    )


def _is_inside(feature: str, sizes: Mapping[str, int]) -> bool:
    """Whether a label's feature is one of the graph's: labels outlive dictionaries."""
    site, _, index = feature.rpartition("/")
    return index.isdecimal() and int(index) < sizes.get(site, 0)


def load_gates(study: Study) -> tuple[Gate, ...]:
    """All gates, in the order of their features.

    Raises:
        StudyError: missing or damaged.
    """
    return read_gates(study.folder(GATES))


def load_samples(study: Study) -> "dict[FeatureId, GateOnSamples]":
    """What held-out samples show of each gate; empty where the study was extracted without.

    Raises:
        StudyError: damaged.
    """
    if not study.has(SAMPLES):
        return {}
    from circuitlogic.extract.samples_file import load_samples as read_samples

    return read_samples(study.folder(SAMPLES))
