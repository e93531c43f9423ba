"""Owns the rows of the experiment's tables: what is said of every layer, with the words that explain it."""

from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import TypeAlias

from circuitlogic.benchmarks.lm.figures import StretchFigures
from circuitlogic.report.markdown_text import plain, table
from circuitlogic.report.numbers import NONE, count, score, share
from circuitlogic.stages.firing_ladder import FiringRung
from circuitlogic.stages.splicing import (
    CUT,
    FIRING,
    READOUT,
    SAE_BOTH,
    SAE_IN,
    SAE_OUT,
    TRAINED_TRANSCODER,
)
from circuitlogic.verify.scores import BEFORE_TUNING

Column: TypeAlias = tuple[str, StretchFigures]
"""What a layer is called, and its figures."""
Row: TypeAlias = tuple[str, Callable[[StretchFigures], str]]

_RECOVERED = (
    "Recovered: (loss with the layer's output zero − loss spliced) / (that − original); 1 is as good as the layer.",
    "A share of a small number of nats is a small thing: read it beside the first rows. Of an untrained model,",
    "which a layer does not help, it means nothing. θ: a feature fires above its θ; below, the graph says nothing.",
)
_DICTIONARIES = (
    "FVU: share of the variance that a dictionary does not explain. Live: at least 20 held-out firings. A copy",
    "correlates above 0.9 with one input feature. Firing F1: whether the connector's output fires where the true",
    "feature does. Tuning moves the output's dictionary with the connector; the input's stays. With `tune.splice`",
    "it also lowers what the layer's output costs the training text's next tokens. A feature is linear",
    "if a small MLP of the layer's input explains at most 0.05 more of its variance than one linear map with a",
    "ReLU does, both trained on the same tokens.",
)
_READ = (
    "A veto is a literal that silences its output (`A AND NOT B`). Contextual: at least 0.05 of F1 above the best",
    "set of current tokens; every other formula is a word list. Place: in its window, by octaves",
    "(1, 2-3, 4-7, ...). The best set of such pairs is found on training tokens, as that of tokens is.",
)


_FIRINGS = (
    "A feature fires above its θ, a share of the 95 % quantile of its positive activations: a higher share leaves",
    "out weak firings. The same connectors and samples read, scored and intervened on at each; dictionaries and",
    "connectors do not depend on it. The study's own θ is among its settings.",
)
_RUNGS: tuple[tuple[str, Callable[[FiringRung], str]], ...] = (
    ("connector's firing F1, median", lambda rung: score(rung.row_f1)),
    ("F1 ≥ 0.8", lambda rung: count(rung.good)),
    ("contextual", lambda rung: count(rung.contextual)),
    ("**and pass in one direction**", lambda rung: count(rung.one)),
    ("and pass in both", lambda rung: count(rung.both)),
)


def _recovered(name: str) -> Callable[[StretchFigures], str]:
    return lambda one: score(one.recovered.get(name))


_SPLICE: tuple[Row, ...] = (
    ("original cross-entropy, nats per token", lambda one: f"{one.original:.4f}"),
    ("layer's output zero, nats more", lambda one: f"{one.worth:+.4f}"),
    ("layer's output at its mean, nats more", lambda one: f"{one.worth_mean:+.4f}"),
    ("recovered: input's dictionary alone", _recovered(SAE_IN)),
    ("recovered: output's dictionary alone", _recovered(SAE_OUT)),
    ("recovered: both, true layer between", _recovered(SAE_BOTH)),
    ("**recovered: both, connector between, thresholded**", _recovered(CUT)),
    ("recovered: the same, silent below θ", _recovered(FIRING)),
    ("before tuning: output's dictionary alone", _recovered(f"{SAE_OUT}{BEFORE_TUNING}")),
    ("before tuning: both, true layer between", _recovered(f"{SAE_BOTH}{BEFORE_TUNING}")),
    ("before tuning: both, connector between", _recovered(f"{CUT}{BEFORE_TUNING}")),
    ("recovered: a transcoder trained instead", _recovered(TRAINED_TRANSCODER)),
    ("recovered: the input's features, read out linearly", _recovered(READOUT)),
    ("same next token as the original", lambda one: share(one.agreement)),
)


def _linear(one: StretchFigures) -> str:
    return NONE if one.linear is None else f"{share(one.linear.share)} of {count(len(one.linear.features))}"


def _linear_fvus(one: StretchFigures) -> str:
    if one.linear is None:
        return NONE
    return f"{median(one.linear.fvu_linear):.3f}; {median(one.linear.fvu_mlp):.3f}"


_FIT: tuple[Row, ...] = (
    ("input: features", lambda one: count(one.source.features)),
    ("input: FVU; features firing per token", lambda one: f"{one.source.fvu:.3f}; {one.source.l0:.1f}"),
    (
        "input: dead; under 100 training firings",
        lambda one: f"{share(one.source.dead)}; {share(one.source.rare)}",
    ),
    ("output: features", lambda one: count(one.target.features)),
    ("output: FVU; features firing per token", lambda one: f"{one.target.fvu:.3f}; {one.target.l0:.1f}"),
    (
        "output: dead; under 100 training firings",
        lambda one: f"{share(one.target.dead)}; {share(one.target.rare)}",
    ),
    ("edges; per live output feature", lambda one: f"{count(one.edges)}; {one.in_degree:.1f}"),
    ("R² of output features, median", lambda one: score(one.r2)),
    ("**firing F1, median**", lambda one: score(one.firing_f1)),
    ("firing F1 of at least 0.8", lambda one: share(one.firing_f1_share)),
    ("before → after tuning: FVU", lambda one: f"{one.target_before.fvu:.3f} → {one.target.fvu:.3f}"),
    ("before → after tuning: live outputs", lambda one: f"{count(one.live_before)} → {count(one.live)}"),
    (
        "before → after tuning: copies of one input",
        lambda one: f"{share(one.copies_before)} → {share(one.copies)}",
    ),
    (
        "before → after tuning: firing F1",
        lambda one: f"{score(one.firing_f1_before)} → {score(one.firing_f1)}",
    ),
    ("linear output features, of those looked at", _linear),
    ("their FVU, median: linear; small MLP", _linear_fvus),
)


_BEYOND = "of these ≥ 0.05 above token and place, and above token and the one before"


def _part(some: int, of: int) -> str:
    return f"{count(some)} ({share(some / of)})" if of else NONE


_FORMULAS: tuple[Row, ...] = (
    ("output features that could be read", lambda one: count(one.gates)),
    ("of these with a formula", lambda one: count(one.claimed)),
    ("formula F1 / connector F1, ≤ 5 literals, median", lambda one: score(one.kept_f1)),
    ("current token alone: F1, median", lambda one: score(one.token_f1)),
    ("formulas with F1 ≥ 0.8", lambda one: count(one.good)),
    ("of these with a veto", lambda one: _part(one.good_negative, one.good)),
    ("of these word lists", lambda one: _part(one.good - len(one.contextual), one.good)),
    ("**of these contextual**", lambda one: _part(len(one.contextual), one.good)),
    (_BEYOND, lambda one: NONE if one.beyond is None else _part(len(one.beyond), len(one.contextual))),
    ("and pass in one direction", lambda one: NONE if one.beyond_one is None else count(one.beyond_one)),
)


def splice_lines(columns: Sequence[Column]) -> Iterator[str]:
    """What a layer is worth, and what is recovered of it."""
    yield from _section("What each layer is worth, and what is recovered of it", columns, _SPLICE, _RECOVERED)


def dictionary_lines(columns: Sequence[Column]) -> Iterator[str]:
    """Dictionaries and connectors."""
    yield from _section("Dictionaries and connectors", columns, _FIT, _DICTIONARIES)


def formula_lines(columns: Sequence[Column]) -> Iterator[str]:
    """What was read."""
    yield from _section("Formulas", columns, _FORMULAS, _READ)


def firing_lines(columns: Sequence[Column]) -> Iterator[str]:
    """What the headline is under other firing thresholds; nothing where it was not measured."""
    levels = sorted({rung.firing for _, one in columns for rung in one.firings})
    if not levels:
        return
    rows = [
        [f"{level:g} · q95: {words}", *(_at(one, level, cell) for _, one in columns)]
        for level in levels
        for words, cell in _RUNGS
    ]
    yield from ("## What fires: other thresholds", "")
    yield from table(["", *(plain(name) for name, _ in columns)], rows)
    yield from (*_FIRINGS, "")


def _at(one: StretchFigures, level: float, cell: Callable[[FiringRung], str]) -> str:
    return next((cell(rung) for rung in one.firings if rung.firing == level), NONE)


def _section(
    title: str, columns: Sequence[Column], rows: Sequence[Row], words: Sequence[str]
) -> Iterator[str]:
    heads = ["", *(plain(name) for name, _ in columns)]
    yield from (f"## {title}", "")
    yield from table(heads, [[name, *(cell(one) for _, one in columns)] for name, cell in rows])
    yield from (*words, "")
