"""Owns what people call features: automatic labels, and over them those that somebody wrote down.

Written labels lie beside the study's artefacts in `annotations.json`; no command but `label` changes them.
Reading them needs no torch.
"""

from collections import Counter
from collections.abc import Mapping

from circuitlogic.errors import ConfigError, StudyError, unknown_name
from circuitlogic.features import FeatureId
from circuitlogic.json_files import read_json, write_json
from circuitlogic.render.text import clean
from circuitlogic.study import ANNOTATIONS, CONTEXTS, Study

SCHEMA = "circuitlogic/annotations/1"

AUTOMATIC = "labels.json"
"""File among a site's contexts."""
LONGEST = 200
"""Characters of a label that are kept."""


def load_labels(study: Study) -> dict[str, str]:
    """Label by feature id; foreign text on one line, without control characters.

    Raises:
        StudyError: `annotations.json` or the automatic labels are damaged.
    """
    found: dict[str, str] = {}
    for name in study.artefacts():
        kind, _, site = name.partition("/")
        automatic = load_automatic_labels(study, site) if kind == CONTEXTS else {}
        often = Counter(automatic.values())
        for index, text in automatic.items():
            # a formula of two features with one name would say nothing
            found[f"{site}/{index}"] = f"{text} #{index}" if often[text] > 1 else text
    return {name: clean(text, LONGEST) for name, text in (found | written_labels(study)).items()}


def load_automatic_labels(study: Study, site: str) -> dict[int, str]:
    """Automatic labels of the features of a site that has contexts.

    Raises:
        StudyError: missing or damaged.
    """
    path = study.folder(f"{CONTEXTS}/{site}") / AUTOMATIC
    try:
        return {int(index): str(text) for index, text in read_json(path).items()}
    except ValueError:
        raise StudyError(f"{path} is damaged: its keys must be numbers of features") from None


def written_labels(study: Study) -> dict[str, str]:
    """Only those that somebody wrote down; an empty one hides the automatic label.

    Raises:
        StudyError: damaged, or of another schema version.
    """
    path = study.root / ANNOTATIONS
    if not path.exists():
        return {}
    document = read_json(path)
    if document.get("$schema") != SCHEMA:
        raise StudyError(f"{path} has schema {document.get('$schema')!r}; this version reads {SCHEMA!r}")
    labels = document.get("labels")
    if not isinstance(labels, dict):
        raise StudyError(f"{path} is damaged: it holds no table `labels`")
    return {str(feature): str(text) for feature, text in labels.items()}


def known_feature(name: str, sizes: Mapping[str, int]) -> FeatureId:
    """The feature of this id, checked against how many each site has.

    Raises:
        ConfigError: no feature id.
        UnknownNameError: a feature that the study does not have.
    """
    feature = FeatureId.parse(name)
    if feature.site not in sizes:
        raise unknown_name("site", feature.site, sizes)
    if feature.index >= sizes[feature.site]:
        raise unknown_name("feature", name, [f"{feature.site}/{sizes[feature.site] - 1}"])
    return feature


def write_labels(study: Study, labels: Mapping[str, str | None], sizes: Mapping[str, int]) -> None:
    """Keep labels; None takes a written one back, so that the automatic one is shown again.

    Args:
        study: The study.
        labels: By feature id.
        sizes: Features of each site, against which ids are checked.

    Raises:
        ConfigError: a label of more than 200 characters, or no feature id.
        UnknownNameError: a feature that the study does not have.
    """
    kept = written_labels(study)
    for name, text in labels.items():
        feature = known_feature(name, sizes)
        if text is None:
            kept.pop(str(feature), None)
        elif text and not text.strip():
            raise ConfigError(f"the label of {name} is blank: write words, or '' to hide the automatic label")
        elif len(text) > LONGEST:
            raise ConfigError(f"the label of {name} has {len(text)} characters: at most {LONGEST} are kept")
        else:
            kept[str(feature)] = text
    write_json(study.root / ANNOTATIONS, {"$schema": SCHEMA, "labels": dict(sorted(kept.items()))})
