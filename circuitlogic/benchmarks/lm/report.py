"""Owns the report of the language-model experiment: one table per question, the control beside every headline."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from circuitlogic.benchmarks.lm.families import FamilyFigures, family_figures
from circuitlogic.benchmarks.lm.families_report import family_lines
from circuitlogic.benchmarks.lm.figures import StretchFigures, stretch_figures
from circuitlogic.benchmarks.lm.gates_report import passing_lines, veto_lines
from circuitlogic.benchmarks.lm.settings import settings_lines
from circuitlogic.benchmarks.lm.tables import (
    Column,
    dictionary_lines,
    firing_lines,
    formula_lines,
    splice_lines,
)
from circuitlogic.config import StudyConfig
from circuitlogic.report.markdown_text import plain, table
from circuitlogic.report.numbers import NONE, count, share
from circuitlogic.study import Study
from circuitlogic.whole_files import write_bytes

TRAINED, CONTROL = "trained", "control"
REPORT_FILE = "README.md"
GALLERIES: dict[str, tuple[str, float, float | None, str]] = {
    "context": ("any", 0.8, 0.05, "gates that use context"),
    "and-not": ("and-not", 0.8, None, "A AND NOT B"),
    "or": ("or", 0.8, None, "weighted ORs"),
}
"""File -> pattern, F1 at least, F1 above the current token alone at least, title."""
_WHAT = (
    "Sparse dictionaries read the input and the output of each MLP as features; a sparse connector computes output",
    "features from input features; a formula says in logic when an output feature fires: `A OR B`, `A AND NOT B`.",
    "A formula that the current token predicts as well is a **word list**; one that beats it **uses context**.",
    "",
)
GUARD = 0.1
"""Share of live outputs lost, or copies won, or half the rise of the FVU, from which tuning is said to cost."""


def gallery_file(layer: str, name: str) -> str:
    """Such as `layers.1.mlp-or.md`."""
    return f"{short_name(layer)}-{name}.md"


def short_name(layer: str) -> str:
    """A module's path without its first part, which all layers share."""
    return layer.partition(".")[2] or layer


class LmReport:
    """Figures of the layers studied so far."""

    def __init__(self, configs: Sequence[StudyConfig], command: str) -> None:
        self._configs, self._command = configs, command
        self._columns: dict[str, list[Column]] = {TRAINED: [], CONTROL: []}
        self._families: list[tuple[str, FamilyFigures]] = []

    def add(self, role: str, study: Study) -> None:
        """Take in a finished study."""
        found = stretch_figures(study)
        names = [short_name(one.target.site.removesuffix(".out")) for one in found]
        self._columns[role] += list(zip(names, found, strict=True))
        if role == TRAINED:
            self._families += [(names[0], one) for one in family_figures(study)]

    def write(self, out: Path) -> None:
        """Write `README.md` into `out`."""
        write_bytes(out / REPORT_FILE, ("\n".join(self._lines()).rstrip() + "\n").encode())

    def _lines(self) -> Iterator[str]:
        config = self._configs[0]
        name = str(config.network.model).rstrip("/").rsplit("/", 1)[-1]
        trained, control = (sorted(self._columns[role], key=_name_of) for role in (TRAINED, CONTROL))
        yield from (f"# Circuits of {plain(name)}", "")
        yield from _WHAT
        yield from _headline(trained, control)
        yield from _threshold(config.extract.firing, trained, control)
        yield from _beyond(trained, control)
        columns = [*trained, *((f"{CONTROL} {name}", one) for name, one in control)]
        yield from _measured(config, trained, bool(control))
        yield from passing_lines(trained)
        yield from veto_lines(trained, columns)
        yield from splice_lines(columns)
        yield from dictionary_lines(columns)
        yield from _guards(columns)
        yield from formula_lines(columns)
        yield from firing_lines(columns)
        yield from family_lines(sorted(self._families, key=_name_of))
        yield from _galleries([name for name, _ in trained])
        yield from ("", "## Reproduce", "", "```sh", self._command, "```", "")
        yield from settings_lines([(_called(config), config) for config in self._configs])


def _called(config: StudyConfig) -> str:
    """After its layer: `control layers.2.mlp`."""
    layer = short_name((config.sites or ("all",))[0].removesuffix(":in"))
    return f"{CONTROL} {layer}" if config.network.random_weights else layer


def _name_of(named: tuple[str, object]) -> str:
    return named[0]


def _measured(config: StudyConfig, trained: Sequence[Column], controlled: bool) -> Iterator[str]:
    """On what, and after what threshold."""
    yield f"All figures are held out, and after thresholding at {config.extract.threshold:g} where they do not say"
    yield "otherwise: on documents that no dictionary, connector or formula was trained on (what the model itself"
    yield "was trained on is not known here)."
    sizes: dict[tuple[int, int, int], list[str]] = {}
    for name, one in trained:
        sizes.setdefault((one.heldout, one.documents, one.tokens), []).append(f"`{name}`")
    for (heldout, documents, tokens), names in sizes.items():
        whose = ", ".join(names) if len(sizes) > 1 else "Held out"
        yield f"{whose}: {count(heldout)} tokens of {count(documents)} documents, cross-entropy on"
        yield f"{count(tokens)}."
    if controlled:
        yield f"`{CONTROL}` is the same architecture untrained, through the same stages with the settings printed"
        yield "below: what it scores too says nothing about the model."
    yield ""


def _headline(trained: Sequence[Column], control: Sequence[Column]) -> Iterator[str]:
    """Outputs that count, summed over layers, the control beside them."""
    yield "**Output features whose formula has F1 ≥ 0.8, beats the best set of current tokens by ≥ 0.05, and passes"
    yield from ("interventions in the original layer:**", "")
    columns = [*trained, ("all layers", None), *((f"{CONTROL} {name}", one) for name, one in control)]

    def cells(of: Callable[[StretchFigures], int | None]) -> list[str]:
        every = [of(one) for _, one in trained]
        total = None if None in every else sum(n for n in every if n is not None)
        found = [total if one is None else of(one) for _, one in columns]
        return [NONE if n is None else count(n) for n in found]

    rows = [
        ["F1 ≥ 0.8", *cells(lambda one: one.good)],
        ["and beat the current token by ≥ 0.05", *cells(lambda one: len(one.contextual))],
        ["**and pass in one direction**", *cells(lambda one: one.contextual_one)],
        ["and pass in both", *cells(lambda one: one.contextual_both)],
    ]
    yield from table(["", *(plain(name) for name, _ in columns)], rows)
    yield "A formula's literals are switched off (one direction) and on (the other) in the original layer; a"
    yield "direction passes if most outputs follow the formula, and more than under random directions of the same"
    yield from (f"norm. {NONE}: not measured.", "")


def _threshold(own: float, trained: Sequence[Column], control: Sequence[Column]) -> Iterator[str]:
    """Above what a feature fires, and the headline where that is defined otherwise."""
    yield f"A feature fires above its θ, here {own:g} of the 95 % quantile of its positive activations."
    for level in sorted({rung.firing for _, one in trained for rung in one.firings} - {own}):
        sums = [
            sum(rung.one for _, one in columns for rung in one.firings if rung.firing == level)
            for columns in (trained, control)
        ]
        beside = f" (control {count(sums[1])})" if control else ""
        yield f"At {level:g} of it, {count(sums[0])}{beside} pass in one direction."
    yield ""


def _beyond(trained: Sequence[Column], control: Sequence[Column]) -> Iterator[str]:
    """The headline held against more than the current token; nothing where that was not measured."""
    passing = [[one.beyond_one for _, one in columns] for columns in (trained, control)]
    if any(found is None for column in passing for found in column):
        return
    sums = [sum(found or 0 for found in column) for column in passing]
    beside = f" (control {count(sums[1])})" if control else ""
    yield "Attention that never learnt averages what it sees, which tells a layer how far into the text a token"
    yield "stands, and the token before. Of the outputs that pass in one direction, those that beat by ≥ 0.05 the"
    yield f"current token with its place too, and the current token with the one before: {count(sums[0])}{beside}."
    yield ""


def _guards(columns: Sequence[Column]) -> Iterator[str]:
    """What tuning paid for agreement, where it is more than a little."""
    held: list[str] = []
    for name, one in columns:
        fewer = 1 - one.live / max(one.live_before, 1)
        more = one.copies - one.copies_before
        worse = one.target.fvu / max(one.target_before.fvu, 1e-9) - 1
        if max(fewer, more, worse / 2) <= GUARD:
            held.append(plain(name))
            continue
        yield f"**Guard, {plain(name)}**: tuning bought agreement with the dictionary. Live outputs"
        yield f"{count(one.live_before)} → {count(one.live)}, copies of one input {share(one.copies_before)} →"
        yield f"{share(one.copies)}, FVU {one.target_before.fvu:.3f} → {one.target.fvu:.3f}: its firing F1 is"
        yield from ("not of the dictionary that was trained for the layer alone.", "")
    if held:
        yield f"Guards held in {', '.join(held)}: tuning lost at most {share(GUARD)} of the live outputs, turned at"
        yield f"most {share(GUARD)} of them into copies of one input, and raised the FVU by at most a fifth."
        yield ""


def _galleries(layers: Sequence[str]) -> Iterator[str]:
    yield from ("## Galleries", "")
    yield "Each gate with the contexts of its inputs and output, counter-examples, the current token's score, and"
    yield from ("what was observed beside what was brought about.", "")
    for layer in layers:
        links = [f"[{title}]({plain(layer)}-{file}.md)" for file, (*_, title) in GALLERIES.items()]
        yield f"- `{layer}`: {', '.join(links)}"
