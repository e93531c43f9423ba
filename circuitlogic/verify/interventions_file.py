"""Interventions on disk: `causal.json`, schema-versioned; shares of nothing are null."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from circuitlogic.errors import StudyError
from circuitlogic.extract.gates_file import DAMAGE, gate_from_json, gate_to_json
from circuitlogic.features import FeatureId
from circuitlogic.json_files import SCHEMA_KEY, read_document, write_json
from circuitlogic.logic.causal_filter import CausalReading
from circuitlogic.verify.intervention import GateIntervention
from circuitlogic.verify.joint_trial import JointTrial, Side
from circuitlogic.verify.rereading import Rereading

SCHEMA = "circuitlogic/causal/2"
JSON_FILE = "causal.json"

_GATE = TypeAdapter(GateIntervention)
_SIDE = TypeAdapter(Side)
_T = TypeVar("_T")


def save_interventions(
    gates: Sequence[GateIntervention], folder: Path, rereadings: Sequence[Rereading] = ()
) -> None:
    """Write the file."""
    document = {
        SCHEMA_KEY: SCHEMA,
        "gates": [intervention_to_json(gate) for gate in gates],
        "rereadings": [rereading_to_json(one) for one in rereadings],
    }
    write_json(folder / JSON_FILE, document)


def load_interventions(folder: Path) -> tuple[GateIntervention, ...]:
    """Read the interventions that `save_interventions` wrote.

    Raises:
        StudyError: missing, damaged, or of another schema version.
    """
    return _load(folder, "gates", _intervention)


def load_rereadings(folder: Path) -> tuple[Rereading, ...]:
    """Read the gates that were read again; errors as `load_interventions`."""
    return _load(folder, "rereadings", _rereading)


def _load(folder: Path, part: str, read: Callable[[Mapping[str, Any]], _T]) -> tuple[_T, ...]:
    path = folder / JSON_FILE
    document = read_document(path, SCHEMA)
    try:
        return tuple(read(value) for value in document[part])
    except DAMAGE as error:
        raise StudyError(f"{path} is damaged: {str(error).splitlines()[0]}") from None


def rereading_to_json(one: Rereading) -> dict[str, Any]:
    """A gate read again as plain JSON values."""
    return {
        "excluded": [str(feature) for feature in one.reading.excluded],
        "rounds": one.reading.rounds,
        "settled": one.reading.settled,
        "gate": gate_to_json(one.reading.gate),
        "intervention": None if one.intervention is None else intervention_to_json(one.intervention),
    }


def _rereading(value: Mapping[str, Any]) -> Rereading:
    excluded = tuple(FeatureId.parse(feature) for feature in value["excluded"])
    gate, test = gate_from_json(value["gate"]), value["intervention"]
    reading = CausalReading(gate, excluded, int(value["rounds"]), bool(value["settled"]))
    return Rereading(reading, None if test is None else _intervention(test))


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
        "joint": None if gate.joint is None else _joint_to_json(gate.joint),
    }


def _joint_to_json(joint: JointTrial) -> dict[str, Any]:
    inputs = [str(feature) for feature in joint.inputs]
    return {**asdict(joint), "inputs": inputs, "role": joint.role, "adds": joint.adds}


def _joint(value: Mapping[str, Any]) -> JointTrial:
    inputs = tuple(FeatureId.parse(feature) for feature in value["inputs"])
    return JointTrial(
        inputs, *(_SIDE.validate_python(value[direction]) for direction in ("noising", "denoising"))
    )


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
            "joint": None if value["joint"] is None else _joint(value["joint"]),
        }
    )
