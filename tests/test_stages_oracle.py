"""The thresholded graph as a network, recomputed from the files alone with numpy."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from circuitlogic.study import Study

Array = NDArray[np.float32]


def _encoded(folder: Path, x: Array) -> Array:
    sae = load_file(folder / "sae_weights.safetensors")
    z = (x - sae["b_dec"]) @ sae["W_enc"] + sae["b_enc"]
    return np.where(z > sae["threshold"], np.maximum(z, 0), 0)


def _decoded(folder: Path, features: Array) -> Array:
    sae = load_file(folder / "sae_weights.safetensors")
    return features @ sae["W_dec"] + sae["b_dec"]


def _through_the_graph(folder: Path, features: Array) -> Array:
    """Features of the last site, by the edges and biases that the graph's folder holds."""
    indptr, neighbour, weight, bias, scale = (
        np.load(folder / f"{name}.npy")
        for name in ("in_indptr", "in_neighbour", "in_weight", "bias", "scale")
    )
    sizes = [site["size"] for site in json.loads((folder / "graph.json").read_text())["sites"]]
    values = np.zeros((len(features), sum(sizes)))
    values[:, : sizes[0]] = features / scale[: sizes[0]]
    for node in range(sizes[0], sum(sizes)):
        edges = slice(indptr[node], indptr[node + 1])
        values[:, node] = np.maximum(values[:, neighbour[edges]] @ weight[edges] + bias[node], 0)
    return (values * scale)[:, -sizes[-1] :]


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def test_metrics_of_the_thresholded_graph(small_study_folder: Path) -> None:
    root = small_study_folder
    heldout = root / "activations" / "heldout"
    x, original = (np.load(heldout / name / "shard-00000.npy") for name in ("hidden.0", "outputs"))
    labels = load_file(heldout / "labels.safetensors")["labels"]
    features = _through_the_graph(root / "graph", _encoded(root / "saes" / "hidden.0", x))
    network = load_file(root / "network" / "weights.safetensors")
    hidden = _decoded(root / "saes" / "hidden.2", features.astype(np.float32))
    logits = hidden @ network["readout.weight"].T + network["readout.bias"]

    metrics = json.loads((root / "fidelity" / "metrics.json").read_text())
    stored = metrics["variants"][-1]
    assert stored["variant"] == "tuned, thresholded"
    one = 1 / len(labels)
    assert stored["samples"] == len(labels)
    assert stored["accuracy"] == pytest.approx((logits.argmax(1) == labels).mean(), abs=one * 1.01)
    assert stored["agreement"] == pytest.approx(
        (logits.argmax(1) == original.argmax(1)).mean(), abs=one * 1.01
    )
    ours, theirs = _log_softmax(logits.astype("f8")), _log_softmax(original.astype("f8"))
    assert stored["kl"] == pytest.approx((np.exp(theirs) * (theirs - ours)).sum(1).mean(), rel=1e-3)
    assert stored["loss"] == pytest.approx(-ours[np.arange(len(labels)), labels].mean(), rel=1e-3)
    weights = np.load(root / "graph" / "in_weight.npy")
    assert sum(stored["edges"]) == len(weights)
    assert np.abs(weights).min() > metrics["threshold"]


def test_the_graph_beats_guessing(small_study_folder: Path) -> None:
    """So that the equality above is not one of two broken networks."""
    variants = json.loads((small_study_folder / "fidelity" / "metrics.json").read_text())["variants"]
    assert all(v["agreement"] > 0.3 for v in variants)


def test_finished_study_is_undamaged(small_study_folder: Path) -> None:
    assert Study.open(small_study_folder).damaged() == ()
