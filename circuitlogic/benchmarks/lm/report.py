"""Owns the report of the language-model experiment: one table per question, the control beside every headline."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import TypeAlias

from circuitlogic.benchmarks.lm.families import FamilyFigures, family_figures
from circuitlogic.benchmarks.lm.families_report import family_lines
from circuitlogic.benchmarks.lm.figures import SiteFigures, StretchFigures, stretch_figures
from circuitlogic.config import StudyConfig, config_to_toml
from circuitlogic.report.markdown_text import plain, table
from circuitlogic.report.numbers import NONE, count, score, share
from circuitlogic.stages.splicing import (
    BEFORE_TUNING,
    CUT,
    FIRING,
    READOUT,
    SAE_BOTH,
    SAE_IN,
    SAE_OUT,
    TRAINED_TRANSCODER,
)
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
_RECOVERED = (
    "Recovered: (loss with the layer's output zero − loss spliced) / (that − original). A share of a small number",
    "of nats is a small thing: read it beside the first rows. Of an untrained model, which a layer does not help,",
    "it means nothing.",
)
_LINEAR = (
    "A feature is linear if a small MLP of the layer's input explains at most 0.05 more of its variance than one",
    "linear map with a ReLU does, both trained on the same tokens. Tuning moves the output's dictionary with the",
    "connector; the input's stays.",
)
GUARD = 0.1
"""Share of live outputs lost, or copies won, or half the rise of the FVU, from which tuning is said to cost."""
_Column: TypeAlias = tuple[str, StretchFigures]
_Row: TypeAlias = tuple[str, Callable[[StretchFigures], str]]


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
        self._columns: dict[str, list[_Column]] = {TRAINED: [], CONTROL: []}
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
        yield from _headline(trained, control)
        columns = [*trained, *((f"{CONTROL} {name}", one) for name, one in control)]
        first = columns[0][1]
        yield "Features of each layer's output are read from features of its input. All figures are held out and"
        yield f"after thresholding at {config.extract.threshold:g} unless they say otherwise; cross-entropy on"
        yield f"{count(first.tokens)} tokens of documents that no dictionary, connector or formula was trained on."
        yield f"`{CONTROL}` is the same architecture untrained, through the same stages with its own settings"
        yield from ("(below): what it scores too says nothing about the model.", "")
        yield from _table("What each layer is worth, and what is recovered of it", columns, _SPLICE)
        yield from (*_RECOVERED, "")
        yield from _table("Dictionaries and connectors", columns, _FIT)
        yield from (*_LINEAR, "")
        yield from _guards(columns)
        yield from _table("Formulas", columns, _FORMULAS)
        yield from family_lines(sorted(self._families, key=_name_of))
        yield from _galleries([name for name, _ in trained])
        yield from ("", "## Reproduce", "", "```sh", self._command, "```")
        for config in self._configs:
            yield from ("", "```toml", config_to_toml(config).rstrip(), "```")


def _name_of(named: tuple[str, object]) -> str:
    return named[0]


def _headline(trained: Sequence[_Column], control: Sequence[_Column]) -> Iterator[str]:
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
        ["and beat the current token by ≥ 0.05", *cells(lambda one: one.contextual)],
        ["**and pass in one direction**", *cells(lambda one: one.contextual_one)],
        ["and pass in both", *cells(lambda one: one.contextual_both)],
    ]
    yield from table(["", *(plain(name) for name, _ in columns)], rows)
    yield "A formula's literals are switched off (one direction) and on (the other) in the original layer; a"
    yield "direction passes if most outputs follow the formula, and more than under random directions of the same"
    yield from (f"norm. {NONE}: not measured.", "")


def _guards(columns: Sequence[_Column]) -> Iterator[str]:
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


def _table(title: str, columns: Sequence[_Column], rows: Sequence[_Row]) -> Iterator[str]:
    yield from (f"## {title}", "")
    heads = ["", *(plain(name) for name, _ in columns)]
    yield from table(heads, [[words, *(cell(one) for _, one in columns)] for words, cell in rows])


def _recovered(name: str) -> Callable[[StretchFigures], str]:
    return lambda one: score(one.recovered.get(name))


def _before(one: StretchFigures) -> str:
    return "; ".join(score(one.recovered.get(f"{name}{BEFORE_TUNING}")) for name in (SAE_OUT, SAE_BOTH, CUT))


_SPLICE: tuple[_Row, ...] = (
    ("original cross-entropy, nats", lambda one: f"{one.original:.4f}"),
    ("layer's output zero, nats more", lambda one: f"{one.worth:+.4f}"),
    ("layer's output at its mean, nats more", lambda one: f"{one.worth_mean:+.4f}"),
    ("recovered: input's dictionary alone", _recovered(SAE_IN)),
    ("recovered: output's dictionary alone", _recovered(SAE_OUT)),
    ("recovered: both, true layer between", _recovered(SAE_BOTH)),
    ("**recovered: connector, thresholded**", _recovered(CUT)),
    ("recovered: the same, silent below θ", _recovered(FIRING)),
    ("before tuning: output's dictionary; both; connector", _before),
    ("recovered: a transcoder trained instead", _recovered(TRAINED_TRANSCODER)),
    ("recovered: the input's features, read out linearly", _recovered(READOUT)),
    ("same next token as the original", lambda one: share(one.agreement)),
)


def _of_site(one: SiteFigures) -> str:
    return f"{count(one.features)}; {one.fvu:.3f}; {one.l0:.1f}; {share(one.dead)}; {share(one.rare)}"


def _linear(one: StretchFigures) -> str:
    return NONE if one.linear is None else f"{share(one.linear.share)}; {count(len(one.linear.features))}"


def _linear_fvus(one: StretchFigures) -> str:
    if one.linear is None:
        return NONE
    return f"{median(one.linear.fvu_linear):.3f}; {median(one.linear.fvu_mlp):.3f}"


_FIT: tuple[_Row, ...] = (
    ("input: features; FVU; L0; dead; under 100 firings", lambda one: _of_site(one.source)),
    ("output: the same", lambda one: _of_site(one.target)),
    ("output before it was tuned with the connector", lambda one: _of_site(one.target_before)),
    (
        "live outputs; copies of one input; both before tuning",
        lambda one: (
            f"{count(one.live)}; {share(one.copies)}; {count(one.live_before)}; {share(one.copies_before)}"
        ),
    ),
    ("edges; per live output feature", lambda one: f"{count(one.edges)}; {one.in_degree:.1f}"),
    ("R², median", lambda one: score(one.r2)),
    (
        "**firing F1, median**; share ≥ 0.8",
        lambda one: f"{score(one.firing_f1)}; {share(one.firing_f1_share)}",
    ),
    ("linear output features; of how many looked at", _linear),
    ("their FVU, median: linear; small MLP", _linear_fvus),
    ("firing F1 before tuning", lambda one: score(one.firing_f1_before)),
)
_FORMULAS: tuple[_Row, ...] = (
    (
        "output features that could be read; with a formula",
        lambda one: f"{count(one.gates)}; {count(one.claimed)}",
    ),
    ("formula F1 / connector F1, ≤ 5 literals, median", lambda one: score(one.kept_f1)),
    ("current token alone: F1, median", lambda one: score(one.token_f1)),
    ("formulas with F1 ≥ 0.8", lambda one: count(one.good)),
    ("of these with a veto", lambda one: _part(one.good_negative, one.good)),
    ("**of these contextual**", lambda one: count(one.contextual)),
)


def _part(some: int, of: int) -> str:
    return f"{count(some)} ({share(some / of)})" if of else NONE
