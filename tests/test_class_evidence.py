"""The image's class alone as a null reading: known answers, stored once, said in the report."""

import json
from pathlib import Path

import numpy as np
import pytest

from circuitlogic import pipeline
from circuitlogic.errors import StudyError
from circuitlogic.report.view import study_view
from circuitlogic.stages.class_evidence import CLASSES, load_class_evidence
from circuitlogic.stages.extracted import load_gates
from circuitlogic.study import Study
from circuitlogic.verify.class_baseline import class_f1


def test_a_feature_of_one_class_is_said_by_its_class() -> None:
    labels = np.arange(300) % 3
    fires = labels == 1
    assert class_f1(fires, labels, fires, labels) == 1.0
    both = labels != 0
    assert class_f1(both, labels, both, labels) == 1.0


def test_classes_are_chosen_on_training_samples_and_scored_on_others() -> None:
    labels = np.arange(300) % 3
    assert class_f1(labels == 1, labels, labels == 2, labels) == 0.0
    half = (labels == 1) & (np.arange(300) < 150)
    assert class_f1(labels == 1, labels, half, labels) == pytest.approx(2 / 3)


def test_a_feature_without_classes_is_said_as_badly_as_by_chance() -> None:
    rng = np.random.default_rng(0)
    labels, fires = rng.integers(10, size=4000), rng.random(4000) < 0.1
    found = class_f1(fires[:2000], labels[:2000], fires[2000:], labels[2000:])
    assert found == pytest.approx(2 * 0.1 / 1.1, abs=0.05)
    nothing = np.zeros(2000, dtype=np.bool_)
    assert class_f1(nothing, labels[:2000], nothing, labels[2000:]) == 0.0


def test_extract_scores_every_formula_and_the_report_says_how_many_beat_the_class(study_copy: Path) -> None:
    study = Study.open(study_copy)
    pipeline.extract(study)
    found = load_class_evidence(study)
    claimed = [gate for gate in load_gates(study) if gate.formula is not None and gate.evidence is not None]
    assert set(found) == {str(gate.feature) for gate in claimed}
    assert all(0 <= f1 <= 1 for f1 in found.values())
    better = sum(g.evidence.f1 >= found[str(g.feature)] + 0.05 for g in claimed if g.evidence is not None)
    said = [line for line in study_view(study).caveats if "class alone" in line]
    assert len(said) == 1
    assert said[0].startswith(f"{better} of {len(claimed)} formulas beat")


def test_a_damaged_file_is_refused(study_copy: Path) -> None:
    study = Study.open(study_copy)
    pipeline.extract(study)
    path = study.folder(CLASSES) / "class_f1.json"
    document = json.loads(path.read_text())
    with study.making(CLASSES, "damaged") as folder:
        (folder / path.name).write_text(json.dumps(document | {"f1": ["x"]}))
    with pytest.raises(StudyError, match=r"class_f1\.json"):
        load_class_evidence(study)
