"""How well the current token, with its place or the token before, predicts a language model's features; kept."""

from collections.abc import Mapping

from circuitlogic.errors import StudyError
from circuitlogic.extract.rows_to_gates import encode_site
from circuitlogic.extract.sparse_columns import column
from circuitlogic.features import FeatureId
from circuitlogic.json_files import read_json, write_json
from circuitlogic.progress import Progress
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.dictionaries import load_ends
from circuitlogic.stages.extracted import GATES, load_gates
from circuitlogic.stages.token_rows import load_windows
from circuitlogic.study import Study
from circuitlogic.verify.token_classes import COMPANIONS, class_tables

CONTEXT_BASELINES = "context_baselines"
_FILE = "baselines.json"


def make_context_baselines(study: Study, progress: Progress) -> None:
    """Score every companion of the current token, as the token alone is scored, on all gates with a formula."""
    made_from = [study.entry(name).content for name in (GATES, activations_artefact("heldout"))]
    key = study.key(CONTEXT_BASELINES, sorted(COMPANIONS), made_from)
    if study.is_done(CONTEXT_BASELINES, key):
        return
    parts = [load_activations(study, split) for split in ("train", "heldout")]
    windows = {split: load_windows(study, split) for split in ("train", "heldout")}
    tables = {name: class_tables(windows["train"], windows["heldout"], name) for name in COMPANIONS}
    gates = [gate for gate in load_gates(study) if gate.formula is not None and gate.evidence is not None]
    found: dict[str, dict[str, float]] = {}
    for _, target in load_ends(study):
        train, heldout = (encode_site(target, part).matrix for part in parts)
        mine = [gate for gate in gates if gate.feature.site == target.site]
        for gate in progress.track(mine, f"tokens in their place, {target.site}", len(mine)):
            rows, values = column(train, gate.feature.index)
            fired = rows[values > gate.threshold]
            true = heldout[:, [gate.feature.index]].toarray()[:, 0] > gate.threshold
            found[str(gate.feature)] = {name: t.baseline(fired, true).f1 for name, t in tables.items()}
    with study.making(CONTEXT_BASELINES, key) as folder:
        write_json(folder / _FILE, found)


def load_context_baselines(study: Study) -> Mapping[FeatureId, float]:
    """By gate the better of its held-out F1s; empty where none was measured.

    Raises:
        StudyError: damaged.
    """
    if not study.has(CONTEXT_BASELINES):
        return {}
    path = study.folder(CONTEXT_BASELINES) / _FILE
    try:
        return {
            FeatureId.parse(name): max(float(f1s[companion]) for companion in COMPANIONS)
            for name, f1s in read_json(path).items()
        }
    except (KeyError, TypeError, AttributeError, ValueError):
        raise StudyError(f"{path} is damaged: it does not hold baselines of gates") from None
