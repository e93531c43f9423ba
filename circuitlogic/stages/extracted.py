"""What stages 6 and 7 left: the feature graph and the gates. Reading them needs no torch."""

from circuitlogic.extract.gates_file import load_gates as read_gates
from circuitlogic.graph.store import FeatureGraph
from circuitlogic.logic.gate import Gate
from circuitlogic.study import Study

GRAPH = "graph"
GATES = "gates"


def load_graph(study: Study) -> FeatureGraph:
    """The feature graph, its nodes bearing their gate kinds once gates are read.

    Raises:
        StudyError: missing or damaged.
    """
    return study.graph


def load_gates(study: Study) -> tuple[Gate, ...]:
    """All gates, in the order of their features.

    Raises:
        StudyError: missing or damaged.
    """
    return read_gates(study.folder(GATES))
