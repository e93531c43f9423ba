"""What is measured of the thresholded graph when it runs, and its file."""

from dataclasses import asdict, dataclass
from typing import Any

from circuitlogic.connectors.metrics import FeatureFidelity, Sparsity
from circuitlogic.errors import StudyError
from circuitlogic.json_files import read_json, write_json
from circuitlogic.study import Study
from circuitlogic.verify.faithfulness import Faithfulness

FIDELITY = "fidelity"
"""Artefact that holds the metrics at the extracted threshold."""
_METRICS = "metrics.json"


@dataclass(frozen=True, slots=True)
class NetworkMetrics:
    """The feature network at one threshold on one split."""

    threshold: float
    variants: tuple[Faithfulness, ...]
    """From the last autoencoder alone down to the thresholded graph."""
    sparsity: tuple[Sparsity, ...]
    """Of each thresholded connector."""
    fidelity: tuple[FeatureFidelity, ...]
    """Of each predicted site's features in the thresholded chain."""


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
    value = read_json(path)
    try:
        return NetworkMetrics(
            float(value["threshold"]),
            tuple(_faithfulness(v) for v in value["variants"]),
            tuple(Sparsity(**v) for v in value["sparsity"]),
            tuple(FeatureFidelity(**v) for v in value["fidelity"]),
        )
    except (KeyError, TypeError):
        raise StudyError(f"{path} is damaged: it does not hold feature-network metrics") from None


def _faithfulness(value: dict[str, Any]) -> Faithfulness:
    values: dict[str, Any] = {**value, "edges": tuple(value["edges"])}
    return Faithfulness(**values)
