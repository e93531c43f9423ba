"""Reads a stored gate again, from the same samples as `extract`, without some of its inputs."""

from collections.abc import Callable

from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.extract.gates_to_rows import gate_to_row
from circuitlogic.extract.row_activity import Split
from circuitlogic.extract.rows_to_gates import activity_of, encode_site, reading_options
from circuitlogic.features import FeatureId
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.reading import read_gate
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.extracted import GATES
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.token_rows import row_documents
from circuitlogic.study import Study


def rereader(
    study: Study, source: Dictionary, target: Dictionary
) -> Callable[[Gate, frozenset[FeatureId]], Gate]:
    """A function of a gate of `target` and the inputs at `source` that its formula may not use."""
    options = reading_options(study.config.extract, seed_for(study.config.seed, GATES))
    parts = {name: load_activations(study, name) for name in ("train", "heldout")}
    train, heldout = (
        Split(encode_site(source, part), encode_site(target, part), row_documents(study, name))
        for name, part in parts.items()
    )

    def read(gate: Gate, excluded: frozenset[FeatureId]) -> Gate:
        row = gate_to_row(gate)
        return read_gate(row, activity_of(row, train), activity_of(row, heldout), options, excluded)

    return read
