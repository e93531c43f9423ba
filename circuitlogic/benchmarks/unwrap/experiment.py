"""Owns the experiments of one seed: studies for each base, then every arm, cached one by one."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from torch import Tensor

from circuitlogic import pipeline
from circuitlogic.activations.paired import PairedActivations
from circuitlogic.benchmarks.figures import Figure, rows
from circuitlogic.benchmarks.seed_experiment import strongest
from circuitlogic.benchmarks.unwrap.arms import Arms
from circuitlogic.benchmarks.unwrap.bases import Bases, contents, copy_study
from circuitlogic.benchmarks.unwrap.exact import Exact, solved_exactly
from circuitlogic.benchmarks.unwrap.measured import medians, network_figures
from circuitlogic.benchmarks.unwrap.rungs import (
    BUDGET,
    CURVE,
    JOINT,
    LADDER,
    LADDER_BUDGETS,
    NEURON_CURVE,
    NEURONS,
    Base,
    Rung,
    base_config,
)
from circuitlogic.benchmarks.unwrap.trials import TRIALS, TRIED_ON
from circuitlogic.config import StudyConfig, TuneConfig
from circuitlogic.progress import Progress
from circuitlogic.stages.captured import load_activations, load_labels
from circuitlogic.stages.controls import randomised_subject
from circuitlogic.stages.extracted import load_gates
from circuitlogic.stages.extracting import make_gates, make_graph
from circuitlogic.stages.feature_network import load_feature_network, true_map_of
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.selecting import make_selection
from circuitlogic.stages.subject import NETWORK, Subject
from circuitlogic.study import Study
from circuitlogic.substitute.feature_network import FeatureNetwork
from circuitlogic.substitute.tuning import tune_feature_network

Part = Literal["headline", "neurons", "curve", "random", "trials", "ladder"]
PARTS: tuple[Part, ...] = ("headline", "neurons", "curve", "random", "trials", "ladder")
"""In the order in which they are run over all seeds: the answer first."""
RANDOM = "random"
RANDOM_ARM = "randomised weights"
STUDY = "study"
"""Folder of a seed's finished study."""
GAIN = 0.05
"""Formula F1 above that of the best single input, for a gate to count."""


class UnwrapExperiment:
    """One seed's studies and arms; finished arms are read back."""

    def __init__(
        self, folder: Path, config: StudyConfig, progress: Progress, only_finished: bool = False
    ) -> None:
        self.folder, self.config, self.progress = folder, config, progress
        self.seed, self.threshold = config.seed, config.extract.threshold
        self.bases = Bases(folder, config, progress, only_finished)
        self.arms = Arms(folder / "arms", only_finished, progress)

    def close(self) -> None:
        """Let go of the captured test set."""
        self.bases.close()

    def part(self, name: Part) -> list[Figure]:
        """All figures of one part."""
        parts: dict[Part, Callable[[], list[Figure]]] = {
            "headline": self.headline,
            "neurons": self.neurons,
            "curve": self.curve,
            "random": self.random,
            "trials": self.trials,
            "ladder": self.ladder,
        }
        self.progress.note(f"seed {self.seed}: {name}")
        return parts[name]()

    # --- arms

    def headline(self) -> list[Figure]:
        """The recipe at the seed's budget as a whole study, gates included."""
        config = self._final_config()

        def compute() -> Iterator[Figure]:
            root = self.folder / STUDY
            if not root.exists():
                copy_study(self.bases.first.root, root)
            made = pipeline.train(root, config, self.progress, self.bases.data)
            yield from self._scored(
                "curve", str(BUDGET), made, self.bases.subject, self.bases.samples(test=True)
            )
            yield from self._gates("trained", made)

        return self.arms.figures(
            "headline", lambda: self.bases.first.key("headline", config, contents(self.bases.first)), compute
        )

    def _final_config(self) -> StudyConfig:
        return replace(base_config(self.config, "matched"), tune=replace(JOINT, edges=BUDGET))

    def curve(self) -> list[Figure]:
        """The recipe at the other budgets."""
        found: list[Figure] = []
        for edges in CURVE:
            if edges != BUDGET:
                found += self._arm("curve", str(edges), "matched", replace(JOINT, edges=edges), test=True)
        return found

    def neurons(self) -> list[Figure]:
        """The original's neurons pruned by the same recipe, by effect and by magnitude."""
        found: list[Figure] = []
        for select, budgets in NEURON_CURVE.items():
            for edges in budgets:
                tune = replace(NEURONS, edges=edges, select=select)
                found += self._arm(f"neurons by {select}", str(edges), "neurons", tune, test=True)
        return found

    def trials(self) -> list[Figure]:
        """What was tried to need fewer edges, on one seed."""
        tried = TRIALS if self.seed == TRIED_ON else ()
        return [f for trial in tried for f in self._arm("trial", trial.name, trial.base, trial.tune)]

    def ladder(self) -> list[Figure]:
        """Every rung at the seed's budget, at half and at double."""
        return [f for edges in LADDER_BUDGETS for rung in LADDER for f in self._rung(rung, edges)]

    def _rung(self, rung: Rung, edges: int) -> list[Figure]:
        tune = None if rung.tune is None else replace(rung.tune, edges=edges)
        return self._arm("ladder", f"{rung.name} | {edges}", rung.base, tune, rung.exact, budget=edges)

    def _arm(
        self,
        experiment: str,
        arm: str,
        base: Base | Literal["neurons"],
        tune: TuneConfig | tuple[TuneConfig, ...] | None,
        exact: Exact | None = None,
        *,
        test: bool = False,
        budget: int = 0,
    ) -> list[Figure]:
        def key() -> str:
            study = self.bases.first if base == "neurons" else self.bases.study(base)
            made_from = contents(study)
            return study.key(experiment, arm, tune, exact, budget, self.threshold, self.seed, made_from, test)

        def compute() -> Iterator[Figure]:
            self.progress.note(f"seed {self.seed}: {experiment}, {arm}")
            solved = self.bases.neuron_chain() if base == "neurons" else self.bases.solved(base)
            tuned = self._tuned(solved, tune, exact, budget)
            yield from network_figures(
                experiment, arm, self.seed, solved, tuned, self.threshold, self.bases.samples(test)
            )

        return self.arms.figures(f"{_slug(experiment)}--{_slug(arm)}", key, compute)

    def _tuned(
        self,
        solved: FeatureNetwork,
        tune: TuneConfig | tuple[TuneConfig, ...] | None,
        exact: Exact | None,
        budget: int,
    ) -> FeatureNetwork:
        if exact is not None:
            return solved_exactly(solved, self.bases.train_rows, exact, budget)
        if tune is None:
            return replace(solved, connectors=tuple(strongest(c, budget) for c in solved.connectors))
        seed = seed_for(self.seed, "feature_network")
        true_map = true_map_of(self.bases.subject)
        for stage in tune if isinstance(tune, tuple) else (tune,):
            solved = tune_feature_network(
                solved, self.bases.train_rows, stage, self.threshold, seed, self.progress, true_map
            )
        return solved

    # --- randomised weights

    def random(self) -> list[Figure]:
        """The whole study once more, on the classifier with shuffled weights."""
        config = self._final_config()

        def compute() -> Iterator[Figure]:
            subject = randomised_subject(self.bases.first, self.bases.subject.identity, self.bases.data)
            study = pipeline.train_on(self.folder / "random", config, subject, self.progress)
            heldout = (load_activations(study, "heldout"), load_labels(study, "heldout"))
            yield from self._scored(RANDOM, RANDOM_ARM, study, subject, {"heldout": heldout})
            yield from self._gates(RANDOM_ARM, study)

        return self.arms.figures(
            "random",
            lambda: self.bases.first.key(RANDOM, config, self.bases.first.entry(NETWORK).content),
            compute,
        )

    def _scored(
        self,
        experiment: str,
        arm: str,
        study: Study,
        subject: Subject,
        samples: dict[str, tuple[PairedActivations, Tensor]],
    ) -> Iterator[Figure]:
        """Figures of a finished study's feature network."""
        solved, tuned = (load_feature_network(study, subject, tuned=t) for t in (False, True))
        yield from network_figures(experiment, arm, self.seed, solved, tuned, self.threshold, samples)

    def _gates(self, arm: str, study: Study) -> Iterator[Figure]:
        """How well formulas predict their features, held out."""
        make_selection(study, self.config.extract)
        make_graph(study, self.config.extract)
        make_gates(study, self.config.extract, self.progress)
        gates = load_gates(study)
        scored = [gate.evidence for gate in gates if gate.evidence is not None]
        values = {
            "gates": len(gates),
            "gates scored": len(scored),
            "median formula F1": medians([e.f1 for e in scored]),
            "beat one input": sum(e.f1 - e.baseline_f1 >= GAIN for e in scored) / max(len(gates), 1),
            "F1 >= .8": sum(e.f1 >= 0.8 for e in scored) / max(len(gates), 1),
        }
        samples = len(load_labels(study, "heldout"))
        yield from rows("gates", arm, self.seed, "heldout", samples, values)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
