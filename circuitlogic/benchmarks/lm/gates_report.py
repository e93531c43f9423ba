"""Owns what the report says of single gates: those behind the headline, and vetoes that were brought about."""

from collections.abc import Callable, Iterator, Sequence

from circuitlogic.benchmarks.lm.contextual_gates import VetoFigures
from circuitlogic.benchmarks.lm.figures import StretchFigures
from circuitlogic.benchmarks.lm.tables import Column
from circuitlogic.report.gallery import Exhibit
from circuitlogic.report.gallery_causal import both_ways, followed
from circuitlogic.report.markdown_text import code, plain, table
from circuitlogic.report.numbers import NONE, count, score
from circuitlogic.verify.directions import Direction, direction
from circuitlogic.verify.intervention import LiteralIntervention

_MOST = 6
"""Gates shown of each layer, and vetoes."""


def passing_lines(columns: Sequence[Column]) -> Iterator[str]:
    """The best gates of every layer that pass a direction; all that are contextual stand in the galleries."""
    rows = [row for name, one in columns for row in _passing_rows(name, one)]
    if not rows:
        return
    yield from ("## Gates behind the headline", "")
    yield f"Of each layer up to {_MOST} that pass, most directions first, then by F1. In brackets: what the output"
    yield "is called after its tokens. `_high`: above the median of its firings. Off and on: the share of outputs"
    yield "that follow the formula when its literals are switched so, of how many, and the share that do for random"
    yield from ("directions of the same norm; bold: passes.", "")
    heads = ("output", "formula", "F1", "current token alone", "literals off", "literals on")
    yield from table(heads, rows, left=2)


def _passing_rows(name: str, one: StretchFigures) -> Iterator[list[str]]:
    passing = [gate for gate in one.contextual if gate.directions is not None and gate.directions.passed]
    for gate in passing[:_MOST]:
        ways = gate.directions
        cells = (NONE, NONE) if ways is None else (followed(ways.removal), followed(ways.insertion))
        yield [
            _output(name, gate),
            code(gate.row.expression, 160),
            score(gate.f1),
            score(gate.token_f1),
            *cells,
        ]


def _output(name: str, gate: Exhibit) -> str:
    label = f" ({plain(gate.row.label, 40)})" if gate.row.label else ""
    return f"`{name}.out/{gate.row.gate.feature.index}`{label}"


def veto_lines(trained: Sequence[Column], columns: Sequence[Column]) -> Iterator[str]:
    """How many vetoes hold when they are brought about, and the best of them.

    Args:
        trained: Layers of the trained model.
        columns: These and the controls.
    """
    if all(one.vetoes is None or not one.vetoes.tried for _, one in columns):
        return
    yield from ("## A AND NOT B, brought about", "")
    yield "Every vetoing literal of the contextual gates, alone, in the original layer: switched off where only it"
    yield "keeps the output silent, the output should fire; switched on where the output fires, it should fall"
    yield from ("silent. That a veto is seen in the data does not make it the cause.", "")
    rows = [[words, *(_count(one.vetoes, of) for _, one in columns)] for words, of in _COUNTED]
    yield from table(["", *(plain(name) for name, _ in columns)], rows)
    found = sorted(_vetoes(trained), key=lambda veto: veto[0])
    if found:
        yield f"The best {min(_MOST, len(found))} that pass, both ways first:"
        yield ""
        heads = ("output", "formula", "veto", "switched off: fires", "switched on: silent")
        yield from table(heads, [row for _, row in found[:_MOST]], left=3)


_COUNTED: tuple[tuple[str, Callable[[VetoFigures], int]], ...] = (
    ("vetoes with samples enough", lambda one: one.tried),
    ("pass switched off", lambda one: one.removal),
    ("pass switched on", lambda one: one.insertion),
    ("**pass both ways**", lambda one: one.both),
)


def _count(found: VetoFigures | None, of: Callable[[VetoFigures], int]) -> str:
    return NONE if found is None else count(of(found))


def _vetoes(trained: Sequence[Column]) -> Iterator[tuple[tuple[object, ...], list[str]]]:
    """Vetoes that pass a direction, each with its rank: both ways first, then the larger weaker side."""
    for name, one in trained:
        for gate in one.contextual:
            for literal, called in zip(
                gate.causal.literals if gate.causal else (), gate.literals, strict=False
            ):
                ways = _ways(literal)
                passed = sum(way.passes for way in ways)
                if literal.sign < 0 and passed:
                    best = sorted((way.flips for way in ways), reverse=True)
                    cells = [_output(name, gate), code(gate.row.expression, 160), code(called, 60)]
                    yield (-passed, *(-flips for flips in best[::-1]), *cells), [*cells, *both_ways(literal)]


def _ways(literal: LiteralIntervention) -> tuple[Direction, Direction]:
    return direction([literal.removal]), direction([literal.insertion])
