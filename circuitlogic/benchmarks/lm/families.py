"""Owns the figures of word families: the gate that stands for each, chosen on training tokens, scored held out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Int

from circuitlogic.config import WordFamily
from circuitlogic.extract.rows_to_gates import encode_site
from circuitlogic.extract.sparse_columns import column
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.scores import count
from circuitlogic.report.gallery import PATTERNS, Exhibit, every_exhibit
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.dictionaries import load_ends
from circuitlogic.stages.text_subject import load_vocabulary
from circuitlogic.stages.token_rows import load_windows
from circuitlogic.study import Study
from circuitlogic.verify.literal_states import literal_states
from circuitlogic.verify.word_families import FamilyRows, family_rows, frequent_words

WORDS = 2
"""A family's gate fires on so many different words of it at least, each in a twentieth of its firings. Forms
that differ in case alone (`it`, `It`) are one word."""
_SHARE = 0.05
STANDS = 0.3
"""Training F1 against the family in its context below which no output stands for it."""
MEANS = 0.8
"""Share of an output's training firings that are words of the family, from which it means them."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How one set of tokens covers another."""

    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class FamilyFigures:
    """A family and the gate of one layer that stands for it; held out unless it says otherwise."""

    family: WordFamily
    exhibit: Exhibit
    chosen_by: float
    """Training F1 by which it was chosen. Of an OR: the formula against the true output, among outputs that mean
    the family. With an exclusion: the true output against the family's tokens."""
    words: tuple[str, ...]
    """Those it fires on, most frequent first."""
    output: Agreement
    """The true output against the family."""
    formula: Agreement
    """The formula against the true output."""
    within: Agreement
    """The same on the family's words alone, in whatever context: what the context decides."""
    meaning: Agreement
    """The formula against the family's tokens."""
    apart: tuple[float, int, float, int] | None
    """Families with an exclusion: how often the output fires on their words in the right context and how many
    these are, then the same in the excluded one."""


def family_figures(study: Study) -> tuple[FamilyFigures, ...]:
    """For every family of the config an OR that means it; of one with an exclusion, the nearest gate of any kind.

    All are chosen on training tokens. Families that no gate stands for are left out.
    """
    families = study.config.text.families
    if not families:
        return ()
    found = {one.row.gate.feature.index: one for one in every_exhibit(study)}
    source, target = load_ends(study)[0]
    splits = {name: load_activations(study, name) for name in ("train", "heldout")}
    train = encode_site(target, splits["train"]).matrix
    heldout = encode_site(target, splits["heldout"]).matrix
    inputs = encode_site(source, splits["heldout"]).matrix
    vocabulary = load_vocabulary(study)
    windows = {name: load_windows(study, name) for name in splits}
    results: list[FamilyFigures] = []
    for family in families:
        rows = {name: family_rows(family, w, vocabulary) for name, w in windows.items()}
        tokens = windows["train"].row_tokens
        chosen = _chosen(family, found, train, tokens, vocabulary, rows["train"])
        if chosen is not None:
            index, f1, words = chosen
            sides = (inputs, np.asarray(heldout[:, [index]].toarray())[:, 0])
            results.append(_figures(family, found[index], f1, words, sides, rows["heldout"]))
    return tuple(results)


def _chosen(
    family: WordFamily,
    found: Mapping[int, Exhibit],
    outputs: sp.csc_array,
    tokens: Int[np.ndarray, " rows"],
    vocabulary: Sequence[str],
    rows: FamilyRows,
) -> tuple[int, float, tuple[str, ...]] | None:
    """Index, training F1 and words of the gate that stands for the family, among gates of the right pattern."""
    fits = PATTERNS["any" if family.unless else "or"]
    best: tuple[int, float, tuple[str, ...]] | None = None
    for index, one in sorted(found.items()):
        if not fits(one.row):
            continue
        at, values = column(outputs, index)
        fired = at[values > one.row.gate.threshold]
        f1 = _near_context(fired, rows) if family.unless else _well_read(fired, rows, one)
        if f1 is not None and (best is None or f1 > best[1]):
            words = frequent_words(tokens[fired[rows.words[fired]]], vocabulary, _SHARE * len(fired))
            if len(words) >= WORDS:
                best = (index, f1, words)
    return best


def _near_context(fired: Int[np.ndarray, " n"], rows: FamilyRows) -> float | None:
    """F1 of an output's firings against the family in its context; None where it does not stand for it."""
    hits, meant = int(rows.meant[fired].sum()), int(rows.meant.sum())
    f1 = 2 * hits / max(len(fired) + meant, 1)
    return f1 if f1 >= STANDS else None


def _well_read(fired: Int[np.ndarray, " n"], rows: FamilyRows, one: Exhibit) -> float | None:
    """Training F1 of the formula; None where the output means something else than the family."""
    evidence = one.row.gate.evidence
    return None if evidence is None or _mean(rows.words[fired]) < MEANS else evidence.train_f1


def _figures(
    family: WordFamily,
    one: Exhibit,
    chosen_by: float,
    words: tuple[str, ...],
    sides: tuple[sp.csc_array, np.ndarray],
    rows: FamilyRows,
) -> FamilyFigures:
    gate = one.row.gate
    true, said = sides[1] > gate.threshold, _said(gate, sides[0])
    apart = None
    if family.unless:
        other = rows.words & ~rows.meant
        apart = (_mean(true[rows.meant]), int(rows.meant.sum()), _mean(true[other]), int(other.sum()))
    return FamilyFigures(
        family,
        one,
        chosen_by,
        words,
        output=_agreement(true, rows.meant),
        formula=_agreement(said, true),
        within=_agreement(said[rows.words], true[rows.words]),
        meaning=_agreement(said, rows.meant),
        apart=apart,
    )


def _said(gate: Gate, inputs: sp.csc_array) -> Bool[np.ndarray, " rows"]:
    if gate.formula is None:
        raise ValueError(gate.feature)
    states = literal_states(gate, gate.formula, inputs)
    return states.holds(states.counts)


def _agreement(says: Bool[np.ndarray, " n"], true: Bool[np.ndarray, " n"]) -> Agreement:
    scored = count(says, true)
    return Agreement(scored.precision, scored.recall)


def _mean(values: Bool[np.ndarray, " n"]) -> float:
    return float(values.mean()) if len(values) else 0.0
