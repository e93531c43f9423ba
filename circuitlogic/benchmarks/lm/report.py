"""Owns the report of the language-model experiment: one table per question, the control beside every headline."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from circuitlogic.benchmarks.lm.figures import SiteFigures, StretchFigures
from circuitlogic.config import StudyConfig, config_to_toml
from circuitlogic.report.markdown_text import plain, table
from circuitlogic.report.numbers import NONE, count, score, share
from circuitlogic.stages.splicing import CUT, FIRING, SAE_BOTH, SAE_IN, SAE_OUT, SOLVED
from circuitlogic.whole_files import write_bytes

GALLERIES: dict[str, tuple[str, float, float | None, str]] = {
    "and-not": ("and-not", 0.8, None, "A AND NOT B"),
    "or": ("or", 0.8, None, "Weighted ORs"),
    "context": ("any", 0.7, 0.05, "Gates that use context"),
}
"""File -> pattern, F1 at least, F1 above the current token alone at least, title."""
Figures: TypeAlias = Mapping[str, Sequence[StretchFigures]]
_Row: TypeAlias = tuple[str, Callable[[StretchFigures], str]]


def write_lm_report(out: Path, figures: Figures, config: StudyConfig, command: str) -> Path:
    """Write `README.md` into `out`."""
    path = out / "README.md"
    write_bytes(path, ("\n".join(_lines(figures, config, command)).rstrip() + "\n").encode())
    return path


def _lines(figures: Figures, config: StudyConfig, command: str) -> Iterator[str]:
    name = str(config.network.model).rstrip("/").rsplit("/", 1)[-1]
    yield from (f"# Circuits of {plain(name)}", "")
    first = next(iter(figures.values()))[0]
    yield "Features of each MLP's output read from features of its input. All figures are held out and after"
    yield f"thresholding at {config.extract.threshold:g} unless they say otherwise; cross-entropy on"
    yield f"{count(first.tokens)} tokens of documents that no dictionary, connector or formula was trained on."
    yield "`control` is the same"
    yield "architecture untrained, through the same pipeline: what it scores too says nothing about the model."
    yield ""
    yield from _table("What each layer is worth, and what is recovered of it", figures, _SPLICE)
    yield "Recovered: (loss with the layer's output zero − loss spliced) / (that − original). A share of a small"
    yield from ("number of nats is a small thing: read it beside the first rows.", "")
    yield from _table("Dictionaries and connectors", figures, _FIT)
    yield from _table("Formulas", figures, _FORMULAS)
    yield "A formula counts as contextual if its F1 is at least 0.05 above the best set of current tokens. The"
    yield "interventions switch its literals off and on in the original layer; a direction passes if most outputs"
    yield from ("follow, and more than under random directions of the same norm.", "")
    yield from ("## Galleries", "")
    yield from (f"- [{title}]({file}.md)" for file, (_, _, _, title) in GALLERIES.items())
    yield from ("", "## Reproduce", "", "```sh", command, "```", "", "```toml")
    yield from (config_to_toml(config).rstrip(), "```")


def _table(title: str, figures: Figures, rows: Sequence[_Row]) -> Iterator[str]:
    columns = [(name, one) for name, stretches in figures.items() for one in stretches]
    heads = ["", *(f"{name} {plain(one.target.site.removesuffix('.out'))}" for name, one in columns)]
    yield from (f"## {title}", "")
    yield from table(heads, [[words, *(cell(one) for _, one in columns)] for words, cell in rows])


def _recovered(name: str) -> Callable[[StretchFigures], str]:
    return lambda one: score(one.recovered.get(name))


_SPLICE: tuple[_Row, ...] = (
    ("original cross-entropy, nats", lambda one: f"{one.original:.4f}"),
    ("layer's output zero, nats more", lambda one: f"{one.worth:+.4f}"),
    ("layer's output at its mean, nats more", lambda one: f"{one.worth_mean:+.4f}"),
    ("recovered: input's dictionary alone", _recovered(SAE_IN)),
    ("recovered: output's dictionary alone", _recovered(SAE_OUT)),
    ("recovered: both, true layer between", _recovered(SAE_BOTH)),
    ("recovered: connector", _recovered(SOLVED)),
    ("**recovered: connector, thresholded**", _recovered(CUT)),
    ("recovered: the same, silent below θ", _recovered(FIRING)),
    ("same next token as the original", lambda one: share(one.agreement)),
)


def _of_site(one: SiteFigures) -> str:
    return f"{count(one.features)}; {one.fvu:.3f}; {one.l0:.1f}; {share(one.dead)}; {share(one.rare)}"


_FIT: tuple[_Row, ...] = (
    ("input: features; FVU; L0; dead; under 100 firings", lambda one: _of_site(one.source)),
    ("output: the same", lambda one: _of_site(one.target)),
    ("edges; per live output feature", lambda one: f"{count(one.edges)}; {one.in_degree:.1f}"),
    ("live output features (20 held-out firings)", lambda one: count(one.live)),
    ("R², median", lambda one: score(one.r2)),
    ("firing F1, median; share ≥ 0.8", lambda one: f"{score(one.firing_f1)}; {share(one.firing_f1_share)}"),
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
    ("**contextual and passing an intervention in one direction**", lambda one: count(one.contextual_one)),
    ("contextual and passing both", lambda one: count(one.contextual_both)),
)


def _part(some: int, of: int) -> str:
    return f"{count(some)} ({share(some / of)})" if of else NONE
