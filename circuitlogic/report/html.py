"""Owns the HTML report: one file, no address outside it, the same bytes for the same study."""

import base64
import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from circuitlogic.features import FeatureId
from circuitlogic.progress import SILENT, Progress
from circuitlogic.render.images import png_data_uri
from circuitlogic.render.matrices import matrix_strip
from circuitlogic.render.sheet import INLINE_CSS
from circuitlogic.report import numbers
from circuitlogic.report.cards import Card, SpriteSheet, gate_card, weight_path
from circuitlogic.report.columns import (
    CONNECTOR_COLUMNS,
    SAE_COLUMNS,
    gate_numbers,
)
from circuitlogic.report.connector_pictures import connector_frames, thinned, without_many_colours
from circuitlogic.report.definitions import DEFINITIONS
from circuitlogic.report.diagrams import cone_picture, cone_roots, logic_cone, svg_or_nothing
from circuitlogic.report.edge_rows import EdgeList, edge_list
from circuitlogic.report.examples import ExampleBook
from circuitlogic.report.expansion import MEASURED_HEADS
from circuitlogic.report.gate_figures import (
    FIDELITY_COLUMNS,
    FIDELITY_NOTE,
    STABILITY_COLUMNS,
    fidelity_rows,
    stability_rows,
    stability_text,
)
from circuitlogic.report.gate_rows import best_across_kinds, best_first, sorted_gates
from circuitlogic.report.looks import Looks
from circuitlogic.report.network_lines import NETWORK_COLUMNS, network_lines
from circuitlogic.report.rows import GateRow, StudyView
from circuitlogic.report.sweep_section import HEADS, TITLE, SweepView, sweep_view
from circuitlogic.report.tables import KIND_STYLES
from circuitlogic.report.tiles import Tile, tiles
from circuitlogic.report.token_book import TokenBook
from circuitlogic.report.view import check_extracted
from circuitlogic.study import Study
from circuitlogic.whole_files import write_bytes

MAX_CARDS = 150
MAX_ROWS = 1000
BUDGET = 1_900_000
"""Bytes that the page may reach by adding cards; what every page has comes first."""
CONES = 3
TABLES: dict[str, object] = {
    "network": NETWORK_COLUMNS,
    "network_lines": network_lines,
    "sweep": HEADS,
    "sweep_title": TITLE,
    "connector": CONNECTOR_COLUMNS,
    "sae": SAE_COLUMNS,
    "gate": gate_numbers,
    "fidelity": FIDELITY_COLUMNS,
    "fidelity_rows": fidelity_rows,
    "stability": STABILITY_COLUMNS,
    "stability_rows": stability_rows,
    "stability_text": stability_text,
}
NESTED = 24
"""Cards whose expansion is drawn; the others say it in words."""
_STRIP_PANELS = 6


@dataclass(frozen=True, slots=True)
class Strip:
    """The picture of one connector."""

    source: str
    target: str
    uri: str


@dataclass(frozen=True, slots=True)
class Cone:
    """The picture of what feeds one gate."""

    row: GateRow
    below: tuple[GateRow, ...]
    """The other gates of the cone, by feature, those nearest the gate first."""
    diagram: Markup


@dataclass(frozen=True, slots=True)
class Swept:
    """Accuracy against edges."""

    view: SweepView
    uri: str


@dataclass(frozen=True, slots=True)
class Page:
    """What the template lays out besides the view."""

    tiles: tuple[Tile, ...]
    table: tuple[GateRow, ...]
    """Rows of the gate table, best evidence first."""
    cards: tuple[Card, ...]
    carded: frozenset[FeatureId]
    cones: tuple[Cone, ...]
    strips: tuple[Strip, ...]
    edges: EdgeList
    sweep: Swept | None
    sprite_rules: tuple[Markup, ...]
    aspect: float


def write_html(view: StudyView, study: Study, path: Path, progress: Progress = SILENT) -> Path:
    """Write the report to `path`.

    Raises:
        StudyError: the study is not extracted yet, or an artefact is damaged.
    """
    write_bytes(path, html_report(view, study, progress).encode())
    return path


def html_report(view: StudyView, study: Study, progress: Progress = SILENT, budget: int | None = None) -> str:
    """The page, of at most about `budget` bytes (None: `BUDGET`).

    Raises:
        StudyError: as `write_html`.
    """
    check_extracted(view, study)
    sprites = SpriteSheet(ExampleBook(study))
    drawn = (_cones(view), _strips(view, study), _swept(study))
    table = sorted_gates(view.gates)[:MAX_ROWS]
    bare = _rendered(view, _page(view, table, (), drawn, SpriteSheet(ExampleBook(study))))
    room = (BUDGET if budget is None else budget) - len(bare.encode())
    books = (Looks(study, view), TokenBook(study, view.labels))
    cards = tuple(_cards_within(view, sprites, books, room, progress))
    return _rendered(view, _page(view, table, cards, drawn, sprites))


def _page(
    view: StudyView,
    table: tuple[GateRow, ...],
    cards: tuple[Card, ...],
    drawn: tuple[tuple[Cone, ...], tuple[Strip, ...], Swept | None],
    sprites: SpriteSheet,
) -> Page:
    cones, strips, sweep = drawn
    return Page(
        tiles=tiles(view),
        table=table,
        cards=cards,
        carded=frozenset(card.row.gate.feature for card in cards),
        cones=cones,
        strips=strips,
        edges=edge_list(view),
        sweep=sweep,
        sprite_rules=tuple(Markup(rule) for rule in sprites.rules),  # noqa: S704
        aspect=sprites.aspect,
    )


def _rendered(view: StudyView, page: Page) -> str:
    return _environment().get_template("report.html.j2").render(view=view, page=page)


def _cards_within(
    view: StudyView, sprites: SpriteSheet, books: tuple[Looks, TokenBook], room: int, progress: Progress
) -> Iterator[Card]:
    """Cards of the gates that matter most, as many as fit into `room` bytes."""
    looks, tokens = books
    rows = best_across_kinds(view.gates, MAX_CARDS)
    template = _environment().get_template("card.html.j2")
    carded = frozenset(row.gate.feature for row in rows)
    page = _CardedOnly(carded)
    for number, row in enumerate(progress.track(rows, "gate cards", len(rows))):
        rules = len(sprites.rules)
        card = gate_card(row, view, sprites, looks, number, nested=number < NESTED)
        card = replace(card, tokens=tokens.gate(row.gate))
        text = template.render(card=card, page=page, place=number + 1)
        room -= len(text.encode()) + sum(len(rule) + 1 for rule in sprites.rules[rules:])
        if room < 0:
            del sprites.rules[rules:]
            return
        yield card


@dataclass(frozen=True, slots=True)
class _CardedOnly:
    carded: frozenset[FeatureId]


def _cones(view: StudyView) -> tuple[Cone, ...]:
    rows = {row.gate.feature: row for row in view.gates}
    gates = {feature: row.gate for feature, row in rows.items()}
    found: list[Cone] = []
    for number, row in enumerate(cone_roots(view, CONES)):
        picture = cone_picture(row.gate.feature, gates, view.labels, f"c{number}-")
        svg = svg_or_nothing(picture, f"What feeds {row.gate.feature}")
        if svg:
            inside = [node.feature for node in logic_cone(row.gate.feature, gates).nodes[1:]]
            below = tuple(rows[feature] for feature in inside if feature in rows and rows[feature].claims)
            found.append(Cone(row, below, Markup(svg)))  # noqa: S704
    return tuple(found)


def _swept(study: Study) -> Swept | None:
    view = sweep_view(study)
    return None if view is None else Swept(view, png_data_uri(view.picture))


def _strips(view: StudyView, study: Study) -> tuple[Strip, ...]:
    threshold = view.header.threshold or 0.0
    found: list[Strip] = []
    with tempfile.TemporaryDirectory() as folder:
        png = Path(folder) / "strip.png"
        for (source, target), (frames, titles) in connector_frames(
            study, view.header.sites, threshold
        ).items():
            matrix_strip(*thinned(frames, titles, _STRIP_PANELS), png)
            found.append(Strip(source, target, png_data_uri(without_many_colours(png))))
    return tuple(found)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("circuitlogic.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for name in ("score", "interval", "small", "nats", "count", "weight"):
        environment.filters[name] = getattr(numbers, name)
    environment.filters["unbroken"] = _unbroken
    environment.filters["share"] = _unbroken_share
    script = _static("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    shared: dict[str, object] = {
        "definitions": {one.anchor: one.text for one in DEFINITIONS},
        "all_definitions": DEFINITIONS,
        "quiet_kinds": frozenset(KIND_STYLES),
        "weight_path": weight_path,
        "columns": TABLES,
        "best_first": best_first,
        "fidelity_note": FIDELITY_NOTE,
        "measured_heads": MEASURED_HEADS,
        "split": numbers.split_title,
        "dash": numbers.NONE,
        "css": Markup(_static("report.css") + _static("tokens.css") + INLINE_CSS),  # noqa: S704
        "js": Markup(script),  # noqa: S704
        "script_hash": f"sha256-{digest}",
    }
    cast(dict[str, object], environment.globals).update(shared)
    return environment


def _unbroken_share(value: float | None, digits: int = 1) -> str:
    return _unbroken(numbers.share(value, digits))


def _unbroken(text: str) -> str:
    """`text` in which a number and its `%` stay on one line."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def _static(name: str) -> str:
    return (files("circuitlogic.report") / "static" / name).read_text(encoding="utf-8")
