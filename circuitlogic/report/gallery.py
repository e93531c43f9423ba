"""Owns the gallery: gates of one pattern, ranked by evidence, with tokens, null baseline and interventions."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitlogic.errors import ConfigError, NothingLeftError
from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import And, Formula, Not, Or, literals_of
from circuitlogic.registry import Registry
from circuitlogic.report.gallery_causal import intervention_lines
from circuitlogic.report.gate_rows import NO_TOKENS, gate_rows
from circuitlogic.report.literal_names import literal_name
from circuitlogic.report.markdown_text import code, plain
from circuitlogic.report.numbers import score
from circuitlogic.report.rows import GAIN, GateRow
from circuitlogic.stages.extracted import load_gates, load_graph
from circuitlogic.study import CAUSAL, EVIDENCE, Study
from circuitlogic.verify.directions import Directions, directions
from circuitlogic.verify.intervention import GateIntervention

if TYPE_CHECKING:
    from circuitlogic.report.token_book import TokenBook


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One gate of the gallery."""

    row: GateRow
    f1: float
    causal: GateIntervention | None
    """None before `verify --causal`."""
    literals: tuple[str, ...]
    """The formula's literals as it writes them, in the order of `literals_of`."""

    @property
    def token_f1(self) -> float | None:
        """Held-out F1 of the current token alone; None for images."""
        return self.row.token_f1

    @property
    def gain(self) -> float | None:
        """F1 above the current token alone."""
        return self.row.token_gain

    @property
    def directions(self) -> Directions | None:
        """The two directions of its interventions."""
        return None if self.causal is None else directions(self.causal)

    @property
    def verdict(self) -> str:
        """Plainly: does it use context, or is it a list of words?"""
        if self.gain is None:
            return ""
        return "word list" if self.row.is_word_list else "uses context"

    @property
    def passed(self) -> str:
        """Which directions of intervention it passes."""
        found = self.directions
        if found is None:
            return ""
        names = [n for n, one in (("removal", found.removal), ("insertion", found.insertion)) if one.passes]
        return " and ".join(names) or "neither"


def _negative(formula: Formula) -> bool:
    match formula:
        case Not():
            return True
        case And(operands) | Or(operands):
            return any(_negative(part) for part in operands)
        case _:
            return False


def _is_or(formula: Formula) -> bool:
    """Only `or` over literals, of at least two different features."""
    return isinstance(formula, Or) and not _negative(formula) and _features(formula) > 1 and _flat(formula)


def _is_and(formula: Formula) -> bool:
    return isinstance(formula, And) and not _negative(formula) and _features(formula) > 1 and _flat(formula)


def _is_and_not(formula: Formula) -> bool:
    """Something, unless something else."""
    return isinstance(formula, And) and _negative(formula) and _features(formula) > 1


def _flat(formula: And | Or) -> bool:
    return not any(isinstance(part, And | Or) for part in formula.operands)


def _features(formula: Formula) -> int:
    return len({literal.feature for literal in literals_of(formula)})


PATTERNS: Registry[Callable[[GateRow], bool]] = Registry(
    "pattern",
    {
        "or": lambda row: row.gate.formula is not None and _is_or(row.gate.formula),
        "and-not": lambda row: row.gate.formula is not None and _is_and_not(row.gate.formula),
        "and": lambda row: row.gate.formula is not None and _is_and(row.gate.formula),
        "k-of-n": lambda row: row.gate.kind in ("k-of-n", "majority", "vote", "inhibited-k-of-n"),
        "copy": lambda row: row.gate.kind == "copy",
        "any": lambda row: row.claims,
    },
)
"""What `find --pattern` knows; by the shape of the formula, so that nested kinds are found too."""


def _asked(pattern: str, min_f1: float, min_gain: float | None, min_directions: int) -> str:
    """In words."""
    limits = [f"F1 at least {min_f1:g}"] if min_f1 > 0 else []
    if min_gain is not None:
        limits.append(f"F1 at least {min_gain:g} above the current token's")
    if min_directions:
        limits.append(f"{min_directions} direction{'s' if min_directions > 1 else ''} of intervention passed")
    shape = "has a formula" if pattern == "any" else f"is `{pattern}`"
    return f"{shape} with {', '.join(limits)}" if limits else shape


def exhibits(
    study: Study,
    pattern: str = "any",
    min_f1: float = 0.0,
    min_gain: float | None = None,
    min_directions: int = 0,
) -> tuple[Exhibit, ...]:
    """Gates of a pattern with a formula, best evidence first: directions passed, F1 over tokens, F1.

    Args:
        study: An extracted study.
        pattern: One of `PATTERNS`.
        min_f1: Held-out F1 at least.
        min_gain: F1 above the current token alone at least (language models).
        min_directions: Directions of intervention that it passes, 0 to 2.

    Raises:
        UnknownNameError: no such pattern.
        ConfigError: interventions or token scores are asked for that the study does not have.
        NothingLeftError: no gate is left.
    """
    fits = PATTERNS[pattern]
    labels = load_graph(study).labels()
    book = _tokens(study, labels)
    rows = gate_rows(load_gates(study), labels, NO_TOKENS if book is None else book.baselines)
    found = _interventions(study)
    causal = {one.feature: one for one in found or ()}
    if min_directions and found is None:
        raise ConfigError(
            f"{study.root} has no interventions yet: run `circuitlogic verify {study.root} --causal`"
        )
    if min_gain is not None and (book is None or not book.has_tokens):
        raise ConfigError(f"{study.root} has no token-only scores: it is not of a language model")
    kept = [
        one
        for one in _candidates(rows, fits, causal, labels)
        if one.f1 >= min_f1
        and (min_gain is None or (one.gain is not None and one.gain >= min_gain))
        and (one.directions.passed if one.directions else 0) >= min_directions
    ]
    if not kept:
        asked = _asked(pattern, min_f1, min_gain, min_directions)
        raise NothingLeftError(f"none of {len(rows)} gates {asked}: ask for less")
    return tuple(sorted(kept, key=_key))


def every_exhibit(study: Study) -> tuple[Exhibit, ...]:
    """All gates with a formula, best evidence first; none where nothing could be read."""
    try:
        return exhibits(study)
    except NothingLeftError:
        return ()


def _interventions(study: Study) -> tuple[GateIntervention, ...] | None:
    """None before `verify --causal`. What runs a network takes seconds to load: only where there is something."""
    if not any(name.startswith(f"{CAUSAL}/") for name in study.artefacts()):
        return None
    from circuitlogic.stages.causal import load_causal

    return load_causal(study)


def _tokens(study: Study, labels: Mapping[FeatureId, str]) -> "TokenBook | None":
    """None for images."""
    if not study.has(EVIDENCE):
        return None
    from circuitlogic.report.token_book import TokenBook

    return TokenBook(study, labels)


def _candidates(
    rows: Iterable[GateRow],
    fits: Callable[[GateRow], bool],
    causal: Mapping[FeatureId, GateIntervention],
    labels: Mapping[FeatureId, str],
) -> Iterator[Exhibit]:
    def name(feature: FeatureId) -> str:
        return labels.get(feature) or str(feature)

    for row in rows:
        evidence = row.gate.evidence
        if row.claims and evidence is not None and fits(row):
            literals = () if row.gate.formula is None else literals_of(row.gate.formula)
            names = tuple(literal_name(literal, name) for literal in literals)
            yield Exhibit(row, evidence.f1, causal.get(row.gate.feature), names)


def _key(one: Exhibit) -> tuple[object, ...]:
    passed = 0 if one.directions is None else one.directions.passed
    return (-passed, one.row.is_word_list, -one.f1, one.row.gate.feature)


def gallery_lines(study: Study, shown: tuple[Exhibit, ...], title: str) -> Iterator[str]:
    """The gallery as Markdown."""
    book = _tokens(study, load_graph(study).labels())
    yield from (f"# {plain(title)}", "")
    if book is None:
        yield "All numbers are held out. Ranked by interventions passed, then by F1."
    else:
        yield "All numbers are held out. Ranked by interventions passed, then by use of context, then by F1. A"
        yield f"gate *uses context* if its F1 is at least {GAIN:.2f} above the best set of current tokens; else it"
        yield "is a word list."
    yield "Interventions: literals switched off (removal) and on (insertion) in the original network;"
    yield "a direction passes if most outputs follow the formula, and more than under a random direction. A"
    yield "literal that *vetoes* must let the output fire where it alone is switched off, and silence it where it"
    yield "is switched on. Both tables number the literals in the formula's order; what passes is bold."
    yield ""
    for number, one in enumerate(shown, start=1):
        yield from _exhibit(number, one, book)


def _exhibit(number: int, one: Exhibit, book: "TokenBook | None") -> Iterator[str]:
    gate, row = one.row.gate, one.row
    samples = "samples" if book is None else "tokens"
    label = f" {plain(row.label, 60)}" if row.label else ""
    yield from (f"## {number}. {code(str(gate.feature))}{label}", "")
    yield f"- {plain(gate.kind)}: {code(row.expression)}"
    yield f"- weighted: {code(row.graded, 300)}"
    evidence = gate.evidence
    if evidence is not None:
        yield (
            f"- F1 {score(evidence.f1)}, precision {score(evidence.precision)}, recall {score(evidence.recall)}, "
            f"{evidence.support} firings of {evidence.samples} {samples}; best single input "
            f"{score(evidence.baseline_f1)}, connector {score(evidence.connector_f1)}"
        )
    if one.verdict:
        yield f"- **{one.verdict}**"
    if one.causal is None:
        yield "- interventions: not run"
    else:
        yield from intervention_lines(one.causal, one.literals)
    tokens = None if book is None else book.gate(gate)
    if tokens is not None:
        from circuitlogic.report.token_markdown import gate_lines

        yield from gate_lines(tokens, one.f1)
    yield ""
