"""Owns the figures of one stretch of a language model's study; all held out."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

import numpy as np

from circuitlogic.benchmarks.lm.contextual_gates import VetoFigures, beyond_context, passing, veto_figures
from circuitlogic.benchmarks.lm.site_figures import SiteFigures, site_figures
from circuitlogic.logic.formula import literals_of
from circuitlogic.report.gallery import Exhibit, every_exhibit
from circuitlogic.report.rows import GAIN
from circuitlogic.stages.connecting import load_connector_metrics
from circuitlogic.stages.extracted import load_gates
from circuitlogic.stages.firing_ladder import FiringRung, load_firing_ladder
from circuitlogic.stages.linear_share import load_linearity
from circuitlogic.stages.network_metrics import FIDELITY, load_metrics
from circuitlogic.stages.splicing import (
    CUT,
    FIRING,
    READOUT,
    SAE_BOTH,
    SAE_IN,
    SAE_OUT,
    SOLVED,
    TRAINED_TRANSCODER,
)
from circuitlogic.stages.stretches import stretches
from circuitlogic.stages.subject import load_card
from circuitlogic.stages.token_evidence import load_token_evidence
from circuitlogic.stages.token_rows import load_windows
from circuitlogic.study import Study
from circuitlogic.verify.linearity import Linearity
from circuitlogic.verify.scores import BEFORE_TUNING, MEAN, ORIGINAL, ZERO, Faithfulness

GOOD = 0.8
"""F1 from which a formula counts."""


@dataclass(frozen=True, slots=True)
class StretchFigures:
    """One layer."""

    source: SiteFigures
    target: SiteFigures
    target_before: SiteFigures
    """The output's dictionary before it was tuned with the connector; the same where it was not."""
    copies: float
    """Share of live output features that correlate above 0.9 with one input feature."""
    copies_before: float
    live_before: int
    firing_f1_before: float
    """Median of the connector as solved, on the dictionary as it was."""
    linear: Linearity | None
    """None where it was not measured."""
    documents: int
    """That held-out tokens are from."""
    heldout: int
    """Held-out tokens that dictionaries, connectors and formulas are scored on."""
    tokens: int
    """Scored by the splice test."""
    original: float
    """Cross-entropy of the whole model, nats."""
    worth: float
    """What zero ablation adds, nats: what `recovered` is a share of."""
    worth_mean: float
    """The same for mean ablation."""
    recovered: dict[str, float]
    """By variant, against zero ablation."""
    agreement: float
    """Of the thresholded connector with the original's next token."""
    in_degree: float
    edges: int
    live: int
    """Output features with at least 20 held-out firings."""
    r2: float
    firing_f1: float
    firing_f1_share: float
    """Live features with firing F1 >= 0.8."""
    gates: int
    """Output features that could be read."""
    claimed: int
    """Of these, with a formula."""
    kept_f1: float | None
    """Median over gates with formula of at most 5 literals: F1 of the formula over that of the connector row."""
    good: int
    """Formulas with F1 >= 0.8."""
    good_negative: int
    """Of these, with a literal that vetoes."""
    contextual: tuple[Exhibit, ...]
    """Of these, beating the current token alone by >= 0.05; best evidence first."""
    vetoes: VetoFigures | None
    """Of the contextual; None where interventions were not run on any."""
    contextual_one: int | None
    """Of the contextual, passing interventions in at least one direction; None where they were not run on any."""
    contextual_both: int | None
    beyond: tuple[Exhibit, ...] | None
    """Of the contextual, beating by >= 0.05 also the token with its place and the token with the one before.

    None where these were not measured.
    """
    beyond_one: int | None
    """Of these, passing interventions in at least one direction."""
    token_f1: float | None
    """Median held-out F1 of the current token alone, over gates that could be read."""
    firings: tuple[FiringRung, ...]
    """The same gates counted at other firing thresholds."""


def stretch_figures(study: Study) -> tuple[StretchFigures, ...]:
    """Every stretch of an extracted study whose gates were intervened on."""
    ends = stretches(load_card(study).sites)
    return tuple(_figures(study, *pair, number, len(ends)) for number, pair in enumerate(ends))


def _figures(study: Study, source: str, target: str, number: int, of: int) -> StretchFigures:
    metrics = load_metrics(study, FIDELITY)
    prefix = f"{target.removesuffix('.out')}: " if of > 1 else ""
    rows = {
        row.variant.removeprefix(prefix): row for row in metrics.variants if row.variant.startswith(prefix)
    }
    solved = load_connector_metrics(study, source, target).fidelity
    original = next(row for row in metrics.variants if row.variant == ORIGINAL)
    fidelity, sparsity = metrics.fidelity[number], metrics.sparsity[number]
    gates = [g for g in load_gates(study) if g.feature.site == target and g.evidence is not None]
    found = [one for one in every_exhibit(study) if one.row.gate.feature.site == target]
    good = [one for one in found if one.f1 >= GOOD]
    contextual = [one for one in good if one.gain is not None and one.gain >= GAIN]
    beyond = beyond_context(study, contextual)
    evidence = load_token_evidence(study)
    windows = load_windows(study, "heldout")
    tokens = [evidence[g.feature].baseline.f1 for g in gates if g.feature in evidence]
    return StretchFigures(
        source=site_figures(study, source),
        target=site_figures(study, target),
        target_before=site_figures(study, target, tuned=False),
        linear=load_linearity(study, target),
        copies=fidelity.copy_rate,
        copies_before=solved.copy_rate,
        live_before=solved.live,
        firing_f1_before=solved.firing_f1_median,
        documents=len(np.unique(windows.row_documents)),
        heldout=len(windows.rows),
        tokens=original.samples,
        original=original.loss,
        worth=rows[ZERO].loss - original.loss,
        worth_mean=rows[MEAN].loss - original.loss,
        recovered=_recovered(rows),
        agreement=rows[CUT].agreement,
        in_degree=sparsity.in_degree_mean,
        edges=sparsity.edges,
        live=fidelity.live,
        r2=fidelity.r2_median,
        firing_f1=fidelity.firing_f1_median,
        firing_f1_share=fidelity.firing_f1_share_80,
        gates=len(gates),
        claimed=len(found),
        kept_f1=_kept(found),
        good=len(good),
        good_negative=sum("NOT" in one.row.expression for one in good),
        contextual=tuple(contextual),
        vetoes=veto_figures(contextual),
        contextual_one=passing(contextual, 1),
        contextual_both=passing(contextual, 2),
        beyond=beyond,
        beyond_one=None if beyond is None else passing(beyond, 1),
        token_f1=median(tokens) if tokens else None,
        firings=load_firing_ladder(study, target),
    )


def _recovered(rows: dict[str, Faithfulness]) -> dict[str, float]:
    names = (SAE_IN, SAE_OUT, SAE_BOTH, SOLVED, CUT, FIRING, TRAINED_TRANSCODER, READOUT)
    names += tuple(f"{name}{BEFORE_TUNING}" for name in (SAE_OUT, SAE_BOTH, CUT))
    return {name: rows[name].loss_recovered for name in names if name in rows}


def _kept(found: Iterable[Exhibit]) -> float | None:
    """What reading a row as a formula of at most 5 literals leaves of its F1."""
    shares = [
        one.f1 / one.row.gate.evidence.connector_f1
        for one in found
        if one.row.gate.formula is not None
        and len(literals_of(one.row.gate.formula)) <= 5
        and one.row.gate.evidence is not None
        and one.row.gate.evidence.connector_f1 > 0
    ]
    return median(shares) if shares else None
