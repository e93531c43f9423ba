"""Which output features of a language model's layers are linear, kept in the study."""

from dataclasses import asdict

from circuitlogic.errors import StudyError
from circuitlogic.json_files import read_json, write_json
from circuitlogic.progress import Progress
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.dictionaries import holder, load_ends
from circuitlogic.stages.seeds import seed_for
from circuitlogic.study import Study
from circuitlogic.verify.linearity import Linearity, measure_linearity

_FILE = "linearity.json"


def artefact(target: str) -> str:
    """Name of a site's."""
    return f"linearity/{target}"


def make_linearity(study: Study, progress: Progress) -> None:
    """Measure every stretch that is not measured yet."""
    train, heldout = load_activations(study, "train"), load_activations(study, "heldout")
    for source, target in load_ends(study):
        name = artefact(target.site)
        parts = (holder(study, target.site), *(activations_artefact(s) for s in ("train", "heldout")))
        key = study.key("linearity", study.config.seed, [study.entry(part).content for part in parts])
        if study.is_done(name, key):
            continue
        seed = seed_for(study.config.seed, name)
        found = measure_linearity(source.site, target, train, heldout, seed, progress)
        with study.making(name, key) as folder:
            write_json(folder / _FILE, asdict(found))


def load_linearity(study: Study, target: str) -> Linearity | None:
    """Of one site; None where it was not measured.

    Raises:
        StudyError: damaged.
    """
    if not study.has(artefact(target)):
        return None
    path = study.folder(artefact(target)) / _FILE
    value = read_json(path)
    try:
        return Linearity(
            tuple(int(i) for i in value["features"]),
            tuple(float(v) for v in value["fvu_linear"]),
            tuple(float(v) for v in value["fvu_mlp"]),
            int(value["live"]),
        )
    except (KeyError, TypeError, ValueError):
        raise StudyError(f"{path} is damaged: it does not say which features are linear") from None
