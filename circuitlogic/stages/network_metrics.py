"""What is measured of the thresholded graph when it runs, and its file."""

from dataclasses import asdict, dataclass
from typing import Any

from circuitlogic.connectors.scores import FeatureFidelity, Sparsity
from circuitlogic.errors import StudyError
from circuitlogic.json_files import read_json, write_json
from circuitlogic.networks.scores import ClassifierScores
from circuitlogic.study import Study
from circuitlogic.verify.scores import Faithfulness

FIDELITY = "fidelity"
"""Artefact that holds the metrics at the extracted threshold."""
MEASURED = 3
"""Changes when what is measured does: older figures are then measured again."""
_METRICS = "metrics.json"


@dataclass(frozen=True, slots=True)
class DictionaryFit:
    """What one site's autoencoder leaves unexplained of its own activations."""

    site: str
    neurons: int
    fvu_before: float
    """Before the feature network was tuned."""
    fvu_after: float
    """After: another figure only where the autoencoder moved."""


@dataclass(frozen=True, slots=True)
class NetworkMetrics:
    """The feature network at one threshold on one split."""

    threshold: float
    variants: tuple[Faithfulness, ...]
    """From the last autoencoder alone down to the thresholded graph; empty of a model without next tokens."""
    sparsity: tuple[Sparsity, ...]
    """Of each thresholded connector."""
    fidelity: tuple[FeatureFidelity, ...]
    """Of each predicted site's features in the thresholded chain."""
    dictionaries: tuple[DictionaryFit, ...] = ()
    """Of every site, in order; empty where connectors stand for one layer each."""
    original: ClassifierScores | None = None
    """The classifier itself on the same samples; None for a language model."""


def save_metrics(metrics: NetworkMetrics, study: Study, artefact: str, key: str) -> None:
    """Write metrics as an artefact of the study."""
    with study.making(artefact, key) as folder:
        write_json(folder / _METRICS, asdict(metrics))


def load_metrics(study: Study, artefact: str) -> NetworkMetrics:
    """Read what `save_metrics` wrote.

    Raises:
        StudyError: missing or damaged.
    """
    path = study.folder(artefact) / _METRICS
    try:
        return metrics_from_json(read_json(path))
    except (KeyError, TypeError):
        raise StudyError(f"{path} is damaged: it does not hold feature-network metrics") from None


def metrics_from_json(value: dict[str, Any]) -> NetworkMetrics:
    """Metrics as a file holds them; KeyError or TypeError where they are something else."""
    return NetworkMetrics(
        float(value["threshold"]),
        tuple(_faithfulness(v) for v in value["variants"]),
        tuple(Sparsity(**v) for v in value["sparsity"]),
        tuple(FeatureFidelity(**v) for v in value["fidelity"]),
        tuple(DictionaryFit(**v) for v in value["dictionaries"]),
        ClassifierScores(**value["original"]) if value.get("original") else None,
    )


def _faithfulness(value: dict[str, Any]) -> Faithfulness:
    values: dict[str, Any] = {**value, "edges": tuple(value["edges"])}
    return Faithfulness(**values)
