"""Owns the drawing of a cone as a tree: the feature asked about, below it what feeds it or what it feeds."""

from collections import defaultdict
from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from circuitlogic.cli.console import one_line

if TYPE_CHECKING:
    from circuitlogic.graph.subgraph import SubGraph

_BAR = 8
_MOST = 400
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def cone_tree(answer: "SubGraph", upstream: bool) -> Tree:
    """A tree of the cone, inputs (`upstream`) or outputs below each feature.

    A feature that is reached again is not opened again; its line says so.
    """
    return _ConeTree(answer, upstream).tree


class _ConeTree:
    def __init__(self, answer: "SubGraph", upstream: bool) -> None:
        self._nodes = dict(answer.node_items())
        (start,) = (str(feature) for feature in answer.asked)
        self._next: dict[str, list[tuple[float, str]]] = defaultdict(list)
        for source, target, data in answer.edge_items():
            near, far = (target, source) if upstream else (source, target)
            self._next[near].append((data["weight"], far))
        for branches in self._next.values():
            branches.sort(key=lambda branch: (-abs(branch[0]), branch[1]))
        self._strongest = max((abs(w) for b in self._next.values() for w, _ in b), default=1.0)
        self._opened = {start}
        self._lines = 0
        self._cut = 0
        self.tree = Tree(self._line(start, None), guide_style="dim")
        self._grow(self.tree, start)
        self._add_loose()
        if self._cut:
            self.tree.add(Text(f"… {self._cut} more lines: use --limit, --depth or --format", style="dim"))

    def _grow(self, branch: Tree, feature: str) -> None:
        """Breadth first, so that near features are opened where they are nearest."""
        waiting = [(branch, feature)]
        while waiting:
            at, name = waiting.pop(0)
            for weight, far in self._next[name]:
                if self._lines >= _MOST:
                    self._cut += 1
                    continue
                self._lines += 1
                again = far in self._opened and bool(self._next[far])
                child = at.add(self._line(far, weight, again))
                if far not in self._opened:
                    self._opened.add(far)
                    waiting.append((child, far))

    def _add_loose(self) -> None:
        """Features whose way to the start is not in the answer (a filter dropped it)."""
        loose = [name for name in self._nodes if name not in self._opened]
        if loose and not self._cut:
            further = self.tree.add(Text("through features that are not shown", style="dim italic"))
            for name in loose:
                further.add(self._line(name, None))

    def _line(self, name: str, weight: float | None, again: bool = False) -> Text:
        data = self._nodes[name]
        line = Text()
        if weight is not None:
            line.append(f"{weight:+.2f} ", style="green" if weight > 0 else "red")
            line.append(f"{_bar(abs(weight) / self._strongest)} ", style="green" if weight > 0 else "red")
        line.append(name, style="bold")
        if label := data.get("label"):
            line.append(f" {one_line(label)}")
        if kind := data.get("kind"):
            line.append(f"  {one_line(kind)}", style="cyan")
        if again:
            line.append("  (opened elsewhere)", style="dim italic")
        return line


def _bar(share: float) -> str:
    """A bar of `_BAR` characters, in eighths."""
    eighths = round(share * _BAR * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(_BAR)
