"""Shared fixtures: one small digits study per test run, made once and copied for tests that change it."""

import fcntl
import shutil
from pathlib import Path

import pytest
import torch

from circuitlogic.config import StudyConfig, config_from_mapping

torch.set_num_threads(1)  # tests run side by side, one per core

SMALL = {
    "network": {"hidden": [24, 24, 24], "epochs": 12, "batch_size": 64},
    "saes": {"expansion": 2.0, "k": 6, "epochs": 8, "batch_size": 64},
    "connectors": {"epochs": 8, "batch_size": 64},
    "tune": {"epochs": 12, "batch_size": 64, "edges": 120},
    "extract": {"bootstrap": 20},
}


@pytest.fixture(scope="session")
def small_config() -> StudyConfig:
    """Settings of a study that trains in seconds."""
    return config_from_mapping(SMALL)


@pytest.fixture(scope="session")
def small_study_folder(tmp_path_factory: pytest.TempPathFactory, small_config: StudyConfig) -> Path:
    """A finished small digits study. Never write into it: copy it (`study_copy`)."""
    from circuitlogic import pipeline

    shared = tmp_path_factory.getbasetemp()
    if "popen-gw" in shared.name or shared.name.startswith("popen-"):
        shared = shared.parent
    root = shared / "small-digits"
    with (shared / "small-digits.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "done").exists():
            study = pipeline.train(root / "study", small_config)
            pipeline.extract(study)
            (root / "done").touch()
    return root / "study"


@pytest.fixture
def study_copy(small_study_folder: Path, tmp_path: Path) -> Path:
    """A copy of the small study that the test may change."""
    target = tmp_path / "study"
    shutil.copytree(small_study_folder, target)
    return target


@pytest.fixture(scope="session")
def text_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny language model, its text and a finished study of them; never write into it."""
    pytest.importorskip("transformers", reason="language models need the extra `hf`")
    from text_cases import tiny_settings, write_subject

    from circuitlogic import pipeline

    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    root = shared / "tiny-text"
    with (shared / "tiny-text.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "done").exists():
            root.mkdir(exist_ok=True)
            study = pipeline.train(root / "study", config_from_mapping(tiny_settings(write_subject(root))))
            pipeline.extract(study)
            (root / "done").touch()
    return root
