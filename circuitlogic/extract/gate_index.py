"""What a feature graph wants to know of the gates on disk, read without building a single one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from circuitlogic.errors import StudyError
from circuitlogic.json_files import read_document

SCHEMA = "circuitlogic/gates/2"
JSON_FILE = "gates.json"


@dataclass(frozen=True, slots=True)
class GateIndex:
    """Kinds and scores by feature (`site/index`)."""

    kinds: Mapping[str, str]
    fidelity: Mapping[str, float]
    """Held-out F1 of the formula; only of features whose gate has one."""


def read_gate_index(folder: Path) -> GateIndex:
    """Look through `gates.json`.

    Raises:
        StudyError: missing, damaged, or of another schema version.
    """
    path = folder / JSON_FILE
    document = read_document(path, SCHEMA)
    kinds: dict[str, str] = {}
    fidelity: dict[str, float] = {}
    try:
        gates: list[dict[str, Any]] = document["gates"]
        for gate in gates:
            name = str(gate["feature"])
            kinds[name] = str(gate["kind"])
            if gate["formula"] is not None and gate["evidence"] is not None:
                f1 = gate["evidence"]["f1"]
                fidelity |= {} if f1 is None else {name: float(f1)}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StudyError(f"{path} is damaged: {type(error).__name__} {error}") from None
    return GateIndex(kinds, fidelity)
