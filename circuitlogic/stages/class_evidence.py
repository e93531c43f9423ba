"""How well the image's class alone says when each gate's output fires: the null reading of an image classifier."""

from itertools import groupby

from circuitlogic.errors import StudyError
from circuitlogic.extract.rows_to_gates import encode_site
from circuitlogic.json_files import SCHEMA_KEY, read_document, write_json
from circuitlogic.stages.captured import load_activations, load_labels
from circuitlogic.stages.dictionaries import load_ends
from circuitlogic.stages.extracted import GATES, load_gates
from circuitlogic.stages.subject import load_card
from circuitlogic.study import Study
from circuitlogic.verify.class_baseline import class_f1

CLASSES = "class_evidence"
"""Artefact of a study of an image classifier."""
SCHEMA = "circuitlogic/class-evidence/1"
_FILE = "class_f1.json"


def make_class_evidence(study: Study) -> None:
    """Score the class alone for every gate with a formula; nothing, where samples have no classes."""
    if load_card(study).kind != "image-classifier":
        return
    key = study.key(CLASSES, SCHEMA, study.entry(GATES).content)
    if study.is_done(CLASSES, key):
        return
    train, heldout = load_activations(study, "train"), load_activations(study, "heldout")
    labels = [load_labels(study, split).numpy() for split in ("train", "heldout")]
    targets = {target.site: target for _, target in load_ends(study)}
    found: dict[str, float] = {}
    claimed = [gate for gate in load_gates(study) if gate.formula is not None and gate.evidence is not None]
    for site, gates in groupby(claimed, key=lambda gate: gate.feature.site):
        before, after = (encode_site(targets[site], part) for part in (train, heldout))
        for gate in gates:
            fires = [part.column(gate.feature.index) > gate.threshold for part in (before, after)]
            found[str(gate.feature)] = class_f1(fires[0], labels[0], fires[1], labels[1])
    with study.making(CLASSES, key) as folder:
        write_json(folder / _FILE, {SCHEMA_KEY: SCHEMA, "f1": found})


def load_class_evidence(study: Study) -> dict[str, float]:
    """Held-out F1 of the class alone, by feature id; empty where there is none.

    Raises:
        StudyError: damaged, or of another schema version.
    """
    if not study.has(CLASSES):
        return {}
    path = study.folder(CLASSES) / _FILE
    found = read_document(path, SCHEMA).get("f1")
    if not isinstance(found, dict) or not all(isinstance(value, float | int) for value in found.values()):
        raise StudyError(f"{path} is damaged: it holds no table `f1` of numbers")
    return {str(feature): float(value) for feature, value in found.items()}
