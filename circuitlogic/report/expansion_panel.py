"""Owns an expanded gate in the terminal: words, formula, tree, what its proof is worth, what was measured."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text
from rich.tree import Tree

from circuitlogic.logic.branches import Branch
from circuitlogic.render.text import clean
from circuitlogic.report.expansion import (
    MEASURED_HEADS,
    Expansion,
    branch_line,
    evidence_lines,
    measured_lines,
    telling_parts,
)
from circuitlogic.report.fitting import Column, FittingTable, cells
from circuitlogic.report.tables import kind_text

_LONG = 4000
MAX_LINES = 120
"""Branches that the tree shows."""


def expansion_panel(expansion: Expansion) -> RenderableType:
    """An expanded gate."""
    gate = expansion.composition.gates[0]
    layers = expansion.composition.layers
    title = Text(str(gate.feature), style="bold")
    if label := expansion.labels.get(gate.feature):
        title.append(f" {clean(label, 40)}", style="not bold")
    title.append(" · ", style="dim").append_text(kind_text(gate.kind))
    title.append(f" · {layers} layer{'s' * (layers > 1)}", style="dim")
    return Panel(
        Group(*_parts(expansion)), title=title, title_align="left", border_style="dim", padding=(1, 1)
    )


def _parts(expansion: Expansion) -> Iterator[RenderableType]:
    gate = expansion.composition.gates[0]
    yield Text(clean(expansion.text, _LONG), style="bold")
    yield Text()
    if gate.formula is not None:
        yield _line("formula", expansion.symbols(gate.formula))
    yield _line("expanded", expansion.expression)
    yield _line("SymPy", expansion.sympy)
    yield Text()
    yield _tree(expansion)
    yield Text()
    yield Text("What the gates' own held-out scores say", style="bold")
    for name, value, meaning in evidence_lines(expansion):
        yield Text.assemble((f"{name:<13}", "dim"), (f"{value:<10}", ""), (meaning, "dim"))
    yield Text()
    yield _measured(expansion)


def _line(name: str, words: str) -> Text:
    return Text.assemble((f"{name}  ", "dim"), clean(words, _LONG))


def _tree(expansion: Expansion) -> Tree:
    root = expansion.composition.tree
    tree = Tree(_branch_text(root, expansion), guide_style="dim")
    waiting = [(tree, root)]
    lines = cut = 0
    while waiting:
        at, branch = waiting.pop(0)
        for part in telling_parts(branch):
            if lines == MAX_LINES:
                cut += 1
                continue
            lines += 1
            waiting.append((at.add(_branch_text(part, expansion)), part))
    if cut:
        tree.add(Text(f"… {cut} more: use --json", style="dim"))
    return tree


def _branch_text(branch: Branch, expansion: Expansion) -> Text:
    line = branch_line(branch, expansion)
    text = Text(clean(line.name, 48), style="bold" if line.is_open else "")
    if line.is_open:
        text.append("  ").append_text(kind_text(line.kind))
        text.append(f"  {line.score}", style="not bold")
        text.append(f"  = {clean(line.words, 300)}", style="not bold dim")
    else:
        text.append(f"  {clean(line.words, 120)}", style="not bold dim italic")
    return text


def _measured(expansion: Expansion) -> RenderableType:
    rows = measured_lines(expansion)
    if not rows:
        return Text("Not measured: the study has no cached held-out activations.", style="yellow")
    importance = (0, 0, 1, 1, 2, 2)
    columns = tuple(Column(name, rank) for name, rank in zip(MEASURED_HEADS, importance, strict=True))
    samples = expansion.measured[-1].samples
    notes = ("1 layer: the gate's own formula. Deeper: evaluated on the deepest features alone.",)
    title = f"The formula itself, held out ({samples:,} samples)"
    return FittingTable(title, columns, tuple(cells(*row) for row in rows), notes)
