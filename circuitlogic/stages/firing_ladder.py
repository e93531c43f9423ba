"""How many formulas of a language model hold under other firing thresholds than the study's own, kept in the study.

What fires is a matter of definition: a higher threshold leaves out weak firings, which formulas follow worst. Gates
are read again from the same samples and connectors at every threshold, scored and intervened on as the study's own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median

import torch

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.config import ExtractConfig
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.connectors.model import Connector
from circuitlogic.errors import StudyError
from circuitlogic.extract.row_activity import Split
from circuitlogic.extract.rows_to_gates import encode_site, rows_to_gates
from circuitlogic.json_files import read_json, write_json
from circuitlogic.logic.gate import Gate
from circuitlogic.progress import Progress
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.causal import setting_between
from circuitlogic.stages.dictionaries import load_ends
from circuitlogic.stages.extracted import GATES
from circuitlogic.stages.feature_network import load_selected
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.subject import Subject, SubjectText
from circuitlogic.stages.token_evidence import TokenReader
from circuitlogic.stages.token_rows import row_documents
from circuitlogic.study import Study
from circuitlogic.verify.directions import directions
from circuitlogic.verify.gate_experiment import intervene

FIRING_LADDER = "firing_ladder"
_FILE = "ladder.json"


@dataclass(frozen=True, slots=True)
class FiringRung:
    """Formulas under one firing threshold, held out."""

    firing: float
    """A feature fires above this share of the 95 % quantile of its positive activations."""
    read: int
    """Output features that could be read."""
    row_f1: float | None
    """Median over these of the connector row's F1."""
    good: int
    """Formulas whose F1 is at least the one asked for."""
    contextual: int
    """Of these, better than the current token alone by the gain asked for."""
    one: int
    """Of the contextual, passing interventions in one direction at least."""
    both: int


def make_firing_ladder(
    study: Study,
    subject: Subject,
    firings: Sequence[float],
    least_f1: float,
    least_gain: float,
    progress: Progress,
) -> None:
    """Read, score and intervene on the gates of an extracted text study at every one of `firings`."""
    if subject.text is None:
        raise StudyError(
            f"{study.root} is not the study of a language model: it has no tokens to compare with"
        )
    made_from = study.entry(GATES).content
    key = study.key(FIRING_LADDER, list(firings), least_f1, least_gain, study.config.extract, made_from)
    if study.is_done(FIRING_LADDER, key):
        return
    parts = {name: load_activations(study, name) for name in ("train", "heldout")}
    rungs: dict[str, list[FiringRung]] = {}
    for (source, target), connector in zip(load_ends(study), load_selected(study), strict=True):
        layer = _Layer(study, subject, subject.text, (source, target), connector, parts)
        rungs[target.site] = [layer.rung(firing, least_f1, least_gain, progress) for firing in firings]
    with study.making(FIRING_LADDER, key) as folder:
        write_json(folder / _FILE, {site: [asdict(rung) for rung in found] for site, found in rungs.items()})


class _Layer:
    """One connector with the true features of its ends on both splits."""

    def __init__(
        self,
        study: Study,
        subject: Subject,
        text: SubjectText,
        ends: tuple[Dictionary, Dictionary],
        connector: Connector,
        parts: dict[str, PairedActivations],
    ) -> None:
        self._config, self._seed = study.config.extract, study.config.seed
        self._live = ends[1].statistics.live.numpy()
        self._connector = connector.thresholded(self._config.threshold)
        self._train, self._heldout = (
            Split(encode_site(ends[0], part), encode_site(ends[1], part), row_documents(study, name))
            for name, part in parts.items()
        )
        outputs = (self._train.target.matrix, self._heldout.target.matrix)
        self._tokens = TokenReader(text, self._heldout.source.matrix, outputs)
        self._setting = setting_between(subject, "heldout", ends, parts["heldout"])

    def rung(self, firing: float, least_f1: float, least_gain: float, progress: Progress) -> FiringRung:
        """All gates at one threshold."""
        gates = self._gates(replace(self._config, firing=firing, bootstrap=0), progress)
        scored = [(gate, gate.evidence) for gate in gates if gate.evidence is not None]
        good = [gate for gate, found in scored if gate.formula is not None and found.f1 >= least_f1]
        contextual = [gate for gate in good if self._gain(gate) >= least_gain]
        passed = self._passed(contextual)
        f1s = [found.connector_f1 for _, found in scored]
        return FiringRung(
            firing,
            len(scored),
            median(f1s) if f1s else None,
            len(good),
            len(contextual),
            sum(count >= 1 for count in passed),
            sum(count == 2 for count in passed),
        )

    def _gates(self, config: ExtractConfig, progress: Progress) -> Iterable[Gate]:
        seed = seed_for(self._seed, GATES)
        return rows_to_gates(self._connector, self._live, self._train, self._heldout, config, seed, progress)

    def _gain(self, gate: Gate) -> float:
        f1 = 0.0 if gate.evidence is None else gate.evidence.f1
        return f1 - self._tokens.evidence(gate).baseline.f1

    def _passed(self, gates: Sequence[Gate]) -> list[int]:
        """Directions that each gate passes."""
        generator = torch.Generator().manual_seed(seed_for(self._seed, FIRING_LADDER))
        found = [intervene(gate, self._setting, generator) for gate in gates]
        return [0 if one is None else directions(one).passed for one in found]


def load_firing_ladder(study: Study, target: str) -> tuple[FiringRung, ...]:
    """Of one site, in the order asked for; empty where it was not measured.

    Raises:
        StudyError: damaged.
    """
    if not study.has(FIRING_LADDER):
        return ()
    path = study.folder(FIRING_LADDER) / _FILE
    try:
        return tuple(FiringRung(**rung) for rung in read_json(path)[target])
    except (KeyError, TypeError):
        raise StudyError(f"{path} is damaged: it does not hold the formulas of {target}") from None
