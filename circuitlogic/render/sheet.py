"""Owns the look of a diagram: the sheet, its boxes and wires, colours and line styles.

Sign is never shown by colour alone: negative wires are dashed and end in a bubble or a bar.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import graphviz

from circuitlogic.features import FeatureId
from circuitlogic.render.boxes import UNKNOWN
from circuitlogic.render.text import clean, css_class, dot_label, weight_text, wrapped

FONT = "Helvetica,Arial,sans-serif"
POSITIVE = "#1b6ca8"
NEGATIVE = "#b5451b"
NEUTRAL = "#5f6b76"
FAINT = "70"
"""Alpha (hex) of wires that the gate's reading does not rest on."""
FEATURE_FILL = "#eef3f8"
GATE_FILL = "#fff6dd"
OUTPUT_FILL = "#e4f2e7"
UNKNOWN_FILL = "#eceff1"
SITE_FILL = "#f7f9fb"
FRAME = "#d5dde5"
INLINE_CSS = """\
.diagram text{fill:CanvasText}
.diagram .positive text{fill:#1b6ca8}.diagram .negative text{fill:#b5451b}
@media (prefers-color-scheme:dark){
.diagram .feature>path{fill:#1f2a35;stroke:#9aa7b3}
.diagram .output>path{fill:#1c3322}
.diagram .gate>polygon{fill:#3a3213;stroke:#d8c98a}
.diagram .unknown>*{fill:#2a2f34;stroke:#9aa7b3}
.diagram .unknown>text{fill:CanvasText;stroke:none}
.diagram .site>path{fill:#171b20;stroke:#171b20}.diagram .frame>path{fill:#171b20;stroke:#2a333c}
.diagram .plain>*{stroke:#9aa7b3}
.diagram .positive>path,.diagram .positive>polygon,.diagram .positive>ellipse{stroke:#6db3e8}
.diagram .positive>polygon{fill:#6db3e8}.diagram .positive text{fill:#6db3e8}
.diagram .negative>path,.diagram .negative>polygon,.diagram .negative>ellipse{stroke:#f0956b}
.diagram .negative>polygon{fill:#f0956b}.diagram .negative text{fill:#f0956b}}
"""
"""For inline SVGs inside an element of class `diagram`: text and lines follow the page's colour scheme."""


@dataclass(frozen=True, slots=True)
class Wire:
    """How one edge of a diagram looks."""

    weight: float | None = None
    """Signed weight, which gives sign, width and label; None: a plain wire."""
    strongest: float = 1.0
    """The largest |weight| of the diagram, which is drawn widest."""
    bubble: bool = False
    """Whether it ends in a negation bubble."""
    bar: bool = False
    """Whether it ends in a bar: it weakens, but does not switch off."""
    faint: bool = False
    """Whether the gate's reading does without it."""
    label: str | None = None
    """Text on the wire; None: the weight."""
    crowded: bool = False
    """Whether it is one of many, so that its label has to be small."""

    def attributes(self) -> dict[str, str]:
        """The DOT attributes of the edge."""
        negative = self.weight is not None and self.weight < 0
        colour = NEUTRAL if self.weight is None else NEGATIVE if negative else POSITIVE
        share = abs(self.weight) / self.strongest if self.weight is not None and self.strongest > 0 else 0.0
        text = (
            self.label if self.label is not None else "" if self.weight is None else weight_text(self.weight)
        )
        attributes = {
            "color": colour + (FAINT if self.faint else ""),
            "penwidth": f"{0.9 + 2.3 * min(share, 1.0):.2f}",
            "style": "dashed" if negative or self.bar else "solid",
            "arrowhead": "tee" if self.bar else "odot" if self.bubble else "normal",
            "arrowsize": "1.3" if self.bar else "1.05" if self.bubble else "0.75",
            "class": " ".join(self._classes(negative)),
        }
        if text:
            attributes |= {"label": dot_label(f" {text} "), "fontcolor": colour}
            if self.crowded:
                attributes["fontsize"] = "8.5"
        return attributes

    def _classes(self, negative: bool) -> list[str]:
        sign = "plain" if self.weight is None else "negative" if negative else "positive"
        marks = {"negated": self.bubble, "bar": self.bar, "unused": self.faint}
        return [sign, *(name for name, is_set in marks.items() if is_set)]


class Sheet:
    """A left-to-right diagram in the making. Names and ids are its own (`n0`, `e2`), never a user's text."""

    def __init__(self, prefix: str, separation: float = 0.7) -> None:
        self.prefix = prefix
        self.graph = graphviz.Digraph(
            graph_attr={
                "rankdir": "LR",
                "bgcolor": "white",
                "fontname": FONT,
                "fontsize": "11",
                "nodesep": "0.25",
                "ranksep": f"{separation}",
                "pad": "0.12",
            },
            node_attr={
                "shape": "box",
                "fontname": FONT,
                "fontsize": "11",
                "margin": "0.14,0.07",
                "height": "0.4",
                "color": NEUTRAL,
            },
            edge_attr={"fontname": FONT, "fontsize": "9.5"},
        )
        self._edges = 0
        self._gates = 0

    def note(self, *lines: str) -> None:
        """Write below the diagram."""
        self.graph.attr(label=dot_label(*lines), labelloc="b", labeljust="l")

    def feature(
        self,
        name: str,
        feature: FeatureId,
        label: str,
        box: str,
        classes: str,
        fill: str,
        dotted: bool = False,
    ) -> None:
        """Draw a feature: its gate's symbol if it has one, its label in words, its id."""
        words = wrapped(label)
        lines = ([clean(box, 32)] if box else []) + [line for line in words if line != str(feature)]
        self.graph.node(
            name,
            label=dot_label(*lines, clean(str(feature), 48)),
            style=f"rounded,filled{',dotted' * dotted}",
            fillcolor=fill,
            id=self.prefix + name,
            **{"class": f"feature {css_class('site', feature.site)} {classes}".strip()},
        )

    @contextmanager
    def column(self) -> Generator[None]:
        """Nodes drawn meanwhile share one column, wherever their wires end."""
        self.graph.body.append("\t{ rank=same\n")
        yield
        self.graph.body.append("\t}\n")

    @contextmanager
    def named_column(self, number: int, title: str) -> Generator[None]:
        """As `column`, on a ground that carries `title`; its id is `s{number}`."""
        self.graph.body.append(f"\tsubgraph cluster_{number} {{\n\trank=same\n")
        style = {"label": dot_label(clean(title, 40)), "style": "rounded,filled", "color": SITE_FILL}
        self.graph.attr(id=f"{self.prefix}s{number}", **style, **{"class": "site"})
        yield
        self.graph.body.append("\t}\n")

    @contextmanager
    def frame(self, number: int, kind: str) -> Generator[None]:
        """Nodes drawn meanwhile share a frame; its id is `f{number}`. Draw no wires meanwhile."""
        self.graph.body.append(f"\tsubgraph cluster_f{number} {{\n")
        style = {
            "label": "",
            "style": "rounded,filled",
            "fillcolor": SITE_FILL,
            "color": FRAME,
            "margin": "8",
        }
        self.graph.attr(
            id=f"{self.prefix}f{number}", **style, **{"class": f"frame {css_class('kind', kind)}"}
        )
        yield
        self.graph.body.append("\t}\n")

    def gate(self, text: str, impossible: bool = False, operands: int = 1) -> str:
        """Draw a gate box: dashed grey if nobody knows what it does, thickly framed if no row can do it.

        Returns:
            Its name and id: `g0`, `g1`, ...
        """
        name = f"g{self._gates}"
        self._gates += 1
        unknown = text == UNKNOWN
        self.graph.node(
            name,
            label=dot_label(clean(text, 16)),
            style="filled,dashed" if unknown else "filled",
            fillcolor=UNKNOWN_FILL if unknown else GATE_FILL,
            color=NEGATIVE if impossible else NEUTRAL if unknown else "black",
            penwidth="2.5" if impossible else "1",
            fontsize="15",
            height=f"{min(max(0.62, 0.34 * operands), 4.0):.2f}",
            width="0.52",
            id=self.prefix + name,
            **{"class": "gate" + " unknown" * unknown + " impossible" * impossible},
        )
        return name

    def wire(self, tail: str, head: str, wire: Wire, number: int | None = None) -> None:
        """Draw an edge with id `e{number}`; without a number, the next free one."""
        name = f"e{self._edges if number is None else number}"
        self._edges += 1
        self.graph.edge(tail, head, id=self.prefix + name, **wire.attributes())

    def labelled_wire(self, tail: str, head: str, wire: Wire) -> None:
        """As `wire`, its label being a piece of the wire itself, id `w{number}`, so that it touches no other."""
        attributes = wire.attributes()
        text = attributes.pop("label", "")
        colour = attributes.pop("fontcolor", NEUTRAL)
        if not text:
            self.wire(tail, head, wire)
            return
        label = f"w{self._edges}"
        look = {"shape": "plain", "fontsize": "9.5", "fontcolor": colour, "margin": "0.04,0.02"}
        classes = attributes["class"]
        self.graph.node(label, label=text, id=self.prefix + label, **look, **{"class": f"weight {classes}"})
        near = {**attributes, "arrowhead": "none", "class": f"{classes} near"}
        self.graph.edge(tail, label, id=f"{self.prefix}t{self._edges}", **near)
        self.graph.edge(label, head, id=f"{self.prefix}e{self._edges}", weight="3", **attributes)
        self._edges += 1
