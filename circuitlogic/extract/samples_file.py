"""What samples show of gates, on disk: `samples.json`, schema-versioned."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from circuitlogic.errors import ConfigError, StudyError
from circuitlogic.extract.gate_on_samples import GateOnSamples
from circuitlogic.features import FeatureId
from circuitlogic.json_files import SCHEMA_KEY, read_document, write_json

SCHEMA = "circuitlogic/gates-on-samples/1"
JSON_FILE = "samples.json"
_GATES = TypeAdapter(dict[str, GateOnSamples])


def save_samples(found: Mapping[FeatureId, GateOnSamples], folder: Path) -> None:
    """Write the file."""
    gates = {str(feature): asdict(one) for feature, one in found.items()}
    write_json(folder / JSON_FILE, {SCHEMA_KEY: SCHEMA, "gates": gates})


def load_samples(folder: Path) -> dict[FeatureId, GateOnSamples]:
    """Read the file.

    Raises:
        StudyError: missing, damaged, or of another schema version.
    """
    path = folder / JSON_FILE
    document = read_document(path, SCHEMA)
    try:
        found = _GATES.validate_python(document.get("gates"))
        return {FeatureId.parse(name): one for name, one in found.items()}
    except (ValidationError, ConfigError) as error:
        raise StudyError(f"{path} is damaged: {str(error).splitlines()[0]}") from None
