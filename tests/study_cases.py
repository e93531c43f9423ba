"""A data set and settings so small that a whole study takes about a second."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from circuitlogic import pipeline
from circuitlogic.config import StudyConfig, config_from_mapping
from circuitlogic.datasets import registry
from circuitlogic.datasets.images import RawImages, RawSplit
from circuitlogic.datasets.registry import Dataset
from circuitlogic.progress import Progress
from circuitlogic.registry import Registry
from circuitlogic.study import Study

TINY: dict[str, dict[str, object]] = {
    "data": {"dataset": "tiny"},
    "network": {"hidden": [8, 8, 8], "epochs": 6, "batch_size": 60},
    "saes": {"expansion": 1.5, "k": 3, "epochs": 2, "batch_size": 100},
    "connectors": {"epochs": 2, "batch_size": 100},
    "tune": {"epochs": 2, "batch_size": 100, "edges": 60},
    "extract": {"threshold": 0.05, "bootstrap": 5, "min_firings": 5},
}


def tiny_config(**tables: dict[str, object] | int | list[str]) -> StudyConfig:
    """`TINY` with some settings changed."""
    merged: dict[str, object] = {name: dict(table) for name, table in TINY.items()}
    for name, value in tables.items():
        merged[name] = {**TINY.get(name, {}), **value} if isinstance(value, dict) else value
    return config_from_mapping(merged)


def use_tiny_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the data set `tiny` for one test: a few hundred of the embedded digits."""
    found = Dataset("tiny", "a few digits", _load)
    known = {name: registry.dataset_named(name) for name in registry.dataset_names()}
    monkeypatch.setattr(registry, "_DATASETS", Registry("dataset", {**known, found.name: found}))


def _load(_path: Path | None, _progress: Progress) -> RawImages:
    pixels, labels = load_digits(return_X_y=True)
    pixels, labels = np.asarray(pixels)[:420].astype(np.uint8), np.asarray(labels)[:420].astype(np.int64)
    return RawImages(
        (8, 8), 10, 16, RawSplit(pixels[:360], labels[:360]), RawSplit(pixels[360:], labels[360:])
    )


def run_all(root: Path, config: StudyConfig) -> Study:
    """Train and extract."""
    pipeline.extract(pipeline.train(root, config))
    return Study.open(root)


def contents(study: Study) -> dict[str, str]:
    """Each finished artefact's one hash over its files."""
    return {name: study.entry(name).content for name in study.artefacts()}


def files_below(root: Path) -> dict[str, str]:
    """SHA-256 of every file, by path."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
