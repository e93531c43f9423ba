"""Interventions on disk: `causal.json`, schema-versioned; shares of nothing are null."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from circuitlogic.errors import ConfigError, StudyError
from circuitlogic.features import FeatureId
from circuitlogic.json_files import SCHEMA_KEY, read_document, write_json
from circuitlogic.verify.intervention import GateIntervention

SCHEMA = "circuitlogic/causal/1"
JSON_FILE = "causal.json"

_GATE = TypeAdapter(GateIntervention)


def save_interventions(gates: Sequence[GateIntervention], folder: Path) -> None:
    """Write the file."""
    write_json(folder / JSON_FILE, {SCHEMA_KEY: SCHEMA, "gates": [intervention_to_json(g) for g in gates]})


def load_interventions(folder: Path) -> tuple[GateIntervention, ...]:
    """Read what `save_interventions` wrote.

    Raises:
        StudyError: missing, damaged, or of another schema version.
    """
    path = folder / JSON_FILE
    document = read_document(path, SCHEMA)
    try:
        return tuple(_intervention(value) for value in document["gates"])
    except (KeyError, TypeError, AttributeError, ValueError, ValidationError, ConfigError) as error:
        raise StudyError(f"{path} is damaged: {str(error).splitlines()[0]}") from None


def intervention_to_json(gate: GateIntervention) -> dict[str, Any]:
    """A gate's interventions as plain JSON values, with what is concluded from them."""
    literals = [
        {
            **asdict(literal),
            "feature": str(literal.feature),
            "effect": literal.effect,
            "control": literal.control,
            "kill": literal.kill,
            "confirmed": literal.confirmed,
            "insufficient": literal.insufficient,
            "verdict": literal.verdict,
        }
        for literal in gate.literals
    ]
    return {
        "feature": str(gate.feature),
        "kind": gate.kind,
        "split": gate.split,
        "kind_confirmed": gate.kind_confirmed,
        "confirmed_literals": gate.confirmed_literals,
        "decided_literals": gate.decided_literals,
        "literals": literals,
        "states": [asdict(state) for state in gate.states],
    }


_CONCLUDED = ("effect", "control", "kill", "confirmed", "insufficient", "verdict")


def _intervention(value: Mapping[str, Any]) -> GateIntervention:
    """Conclusions are drawn again, not read."""
    literals = [
        {**{k: v for k, v in one.items() if k not in _CONCLUDED}, "feature": FeatureId.parse(one["feature"])}
        for one in value["literals"]
    ]
    return _GATE.validate_python(
        {
            "feature": FeatureId.parse(value["feature"]),
            "kind": value["kind"],
            "split": value["split"],
            "literals": literals,
            "states": value["states"],
        }
    )
