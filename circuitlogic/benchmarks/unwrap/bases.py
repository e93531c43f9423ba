"""Owns the studies of one seed behind the arms: its classifier, activations, dictionaries and solved connectors."""

import os
import shutil
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from circuitlogic import pipeline
from circuitlogic.activations.paired import PairedActivations
from circuitlogic.benchmarks.unwrap.rungs import Base, base_config
from circuitlogic.config import StudyConfig
from circuitlogic.datasets.images import ImageData
from circuitlogic.errors import StudyError
from circuitlogic.progress import Progress
from circuitlogic.stages.captured import captured, load_activations, load_labels
from circuitlogic.stages.feature_network import load_feature_network
from circuitlogic.stages.subject import Subject, image_samples, load_data
from circuitlogic.stages.subject_kinds import stored_subject
from circuitlogic.study import Study
from circuitlogic.substitute.feature_network import FeatureNetwork
from circuitlogic.verify.controls import neuron_network


class Bases:
    """Studies that arms start from, made when first asked for; where only finished ones are wanted, only opened."""

    def __init__(self, folder: Path, config: StudyConfig, progress: Progress, only_finished: bool) -> None:
        self.folder, self.config, self.progress = folder, config, progress
        self.only_finished = only_finished
        self._held = ExitStack()
        self._test: PairedActivations | None = None

    def close(self) -> None:
        """Let go of the captured test set."""
        self._held.close()

    @cached_property
    def data(self) -> ImageData:
        """All images."""
        return load_data(self.config, self.progress)

    @cached_property
    def first(self) -> Study:
        """The study that the others take their network and activations from."""
        return self._trained("matched")

    def _trained(self, base: Base) -> Study:
        """The study of a base, trained as far as it is not; where only finished arms are wanted, as it is.

        Raises:
            StudyError: it is not there, or was made with other settings.
        """
        config = base_config(self.config, base)
        if not self.only_finished:
            return pipeline.train(self.folder / base, config, self.progress, self.data)
        found = Study.open(self.folder / base)
        if replace(found.config, data=config.data) != config:
            raise StudyError(f"{found.root} was made with other settings")
        return found

    @cached_property
    def subject(self) -> Subject:
        """The classifier with its images."""
        return stored_subject(self.first, self.progress)

    def study(self, base: Base) -> Study:
        """The study behind a rung."""
        if base == "matched":
            return self.first
        root = self.folder / base
        if not root.exists() and not self.only_finished:
            copy_study(self.first.root, root)
        return self._trained(base)

    def solved(self, base: Base) -> FeatureNetwork:
        """The chain as its solver left it."""
        return load_feature_network(self.study(base), self.subject, tuned=False)

    @cached_property
    def train_rows(self) -> PairedActivations:
        """Activations that everything is trained on."""
        return load_activations(self.first, "train")

    def samples(self, test: bool) -> dict[str, tuple[PairedActivations, Tensor]]:
        """Held-out samples, and the official test set where final figures are made."""
        found = {"heldout": (load_activations(self.first, "heldout"), load_labels(self.first, "heldout"))}
        if test:
            if self._test is None:
                stack = captured(self.subject, image_samples(self.data.test), self.progress)
                self._test = self._held.enter_context(stack)
            found["test"] = (self._test, torch.from_numpy(self.data.test.labels))
        return found

    def neuron_chain(self) -> FeatureNetwork:
        """The original's own neurons as a feature network, all weights still there."""
        tail = self.solved("matched").tail
        firing = self.config.extract.firing
        return neuron_network(self.subject.network, self.subject.sites, tail, self.train_rows, firing)


def contents(study: Study) -> list[str]:
    """A hash of each of its artefacts."""
    return [study.entry(artefact).content for artefact in study.artefacts()]


def copy_study(source: Path, target: Path) -> None:
    """Copy a study whole or not at all."""
    building = target.with_name(f"{target.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    shutil.copytree(source, building)
    os.replace(building, target)
