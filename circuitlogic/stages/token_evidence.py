"""Evidence for gates of a language model: the token-only baseline, contexts where a formula is right and wrong."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from circuitlogic.errors import StudyError
from circuitlogic.extract.rows_to_gates import encode_site
from circuitlogic.extract.sparse_columns import column
from circuitlogic.features import FeatureId
from circuitlogic.json_files import read_json, write_json
from circuitlogic.logic.gate import Gate
from circuitlogic.progress import Progress
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.dictionaries import load_ends
from circuitlogic.stages.extracted import GATES, load_gates
from circuitlogic.stages.subject import Subject, SubjectText
from circuitlogic.study import EVIDENCE, Study
from circuitlogic.verify.literal_states import literal_states
from circuitlogic.verify.token_baseline import TokenBaseline, TokenTables

SCHEMA = "circuitlogic/token-evidence/1"
SHOWN = 6
"""Contexts kept of each sort."""
_FILE = "evidence.json"


@dataclass(frozen=True, slots=True)
class TokenEvidence:
    """One gate on held-out tokens. Rows are numbers of held-out rows, the output's strongest first."""

    baseline: TokenBaseline
    """The current token alone."""
    right: tuple[int, ...]
    """Formula and true output fire; spread over the output's strength."""
    false_alarms: tuple[int, ...]
    """The formula fires, the true output does not; evenly spaced."""
    missed: tuple[int, ...]
    """The true output fires, the formula does not."""
    false_alarm_count: int
    missed_count: int


def make_token_evidence(study: Study, subject: Subject, progress: Progress) -> None:
    """Collect evidence for all gates that can be read; nothing for subjects that read no tokens."""
    if subject.text is None:
        return
    made_from = [study.entry(name).content for name in (GATES, activations_artefact("heldout"))]
    key = study.key(EVIDENCE, SCHEMA, SHOWN, made_from)
    if study.is_done(EVIDENCE, key):
        return
    gates = [gate for gate in load_gates(study) if gate.evidence is not None]
    train, heldout = load_activations(study, "train"), load_activations(study, "heldout")
    found: dict[str, Any] = {}
    for source, target in load_ends(study):
        inputs = encode_site(source, heldout).matrix
        outputs = (encode_site(target, train).matrix, encode_site(target, heldout).matrix)
        mine = [gate for gate in gates if gate.feature.site == target.site]
        reader = TokenReader(subject.text, inputs, outputs)
        for gate in progress.track(mine, f"token evidence of {target.site}", len(mine)):
            found[str(gate.feature)] = asdict(reader.evidence(gate))
    with study.making(EVIDENCE, key) as folder:
        write_json(folder / _FILE, {"$schema": SCHEMA, "gates": found})


class TokenReader:
    """One stretch's features on both splits."""

    def __init__(
        self, text: SubjectText, inputs: sp.csc_array, outputs: tuple[sp.csc_array, sp.csc_array]
    ) -> None:
        self._inputs, self._outputs = inputs, outputs
        self._tables = TokenTables(
            text.train.row_tokens.astype(np.int64),
            text.heldout.row_tokens.astype(np.int64),
            len(text.vocabulary),
        )

    def evidence(self, gate: Gate) -> TokenEvidence:
        """Of one gate; one without a formula has no contexts, only the baseline."""
        index = gate.feature.index
        rows, values = column(self._outputs[0], index)
        fired = rows[values > gate.threshold]
        values = self._outputs[1][:, [index]].toarray()[:, 0]
        true = values > gate.threshold
        baseline = self._tables.baseline(fired, true)
        said = np.zeros_like(true)
        if gate.formula is not None:
            states = literal_states(gate, gate.formula, self._inputs)
            said = states.holds(states.counts)
        wrong, missed = np.flatnonzero(said & ~true), np.flatnonzero(true & ~said)
        if gate.formula is None:
            wrong = missed = wrong[:0]
        right = np.flatnonzero(said & true)
        return TokenEvidence(
            baseline,
            _spread(right[np.argsort(-values[right], kind="stable")]),
            _spread(wrong),
            _spread(missed[np.argsort(-values[missed], kind="stable")]),
            len(wrong),
            len(missed),
        )


def _spread(rows: NDArray[np.int64]) -> tuple[int, ...]:
    """At most `SHOWN` of `rows`, evenly spaced, the first among them."""
    count = min(SHOWN, len(rows))
    return tuple(int(rows[i * len(rows) // count]) for i in range(count))


def load_token_evidence(study: Study) -> Mapping[FeatureId, TokenEvidence]:
    """By gate; empty where the study has none.

    Raises:
        StudyError: damaged.
    """
    if not study.has(EVIDENCE):
        return {}
    path = study.folder(EVIDENCE) / _FILE
    document = read_json(path)
    try:
        return {FeatureId.parse(name): _evidence(value) for name, value in document["gates"].items()}
    except (KeyError, TypeError, AttributeError, ValueError):
        raise StudyError(f"{path} is damaged: it does not hold token evidence") from None


def token_f1(found: Mapping[FeatureId, TokenEvidence]) -> dict[FeatureId, float]:
    """Held-out F1 of the current token alone, by gate."""
    return {feature: one.baseline.f1 for feature, one in found.items()}


def _evidence(value: dict[str, Any]) -> TokenEvidence:
    baseline = value["baseline"]
    rows = {name: tuple(int(r) for r in value[name]) for name in ("right", "false_alarms", "missed")}
    return TokenEvidence(
        TokenBaseline(
            f1=float(baseline["f1"]),
            precision=float(baseline["precision"]),
            recall=float(baseline["recall"]),
            tokens=tuple(int(t) for t in baseline["tokens"]),
            size=int(baseline["size"]),
        ),
        **rows,
        false_alarm_count=int(value["false_alarm_count"]),
        missed_count=int(value["missed_count"]),
    )
