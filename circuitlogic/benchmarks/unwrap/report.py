"""Owns `reports/unwrapping.md`: the seed's question with its answer, curve, controls, ladder and limits."""

from collections.abc import Sequence
from pathlib import Path

from circuitlogic.benchmarks.figures import Figure, Table, save_figures
from circuitlogic.benchmarks.pages import write_page
from circuitlogic.benchmarks.unwrap.against_neurons import edges_ratio, neuron_rows, tried_rows
from circuitlogic.benchmarks.unwrap.answers import short_answer, target_rows
from circuitlogic.benchmarks.unwrap.experiment import RANDOM_ARM
from circuitlogic.benchmarks.unwrap.rungs import BUDGET, CURVE, LADDER, LADDER_BUDGETS
from circuitlogic.render.matrices import Curve, pareto_curve

_NEURONS = {"neurons by effect": "neurons, pruned by effect", "neurons by weight": "neurons, largest weights"}
_PAIR = (
    ("reached", 0, False),
    ("live", 0, False),
    ("R2", 2, False),
    ("F1", 2, False),
    ("always F1", 2, False),
    ("copies", 0, True),
    ("best input", 2, False),
)
_TRIED = (
    "tried",
    "edges",
    "drop, pp",
    "neurons' edges for that drop, over ours",
    "median F1",
    "copies",
    "live",
    "reached",
    "guards met",
)
_HEADINGS = ("reached", "live", "median R²", "median F1", "F1 if always on", "copies", "median best input")


def write_unwrap_report(figures: Sequence[Figure], path: Path, command: str) -> Path:
    """Write `path`, and beside it the picture and every figure as JSON, under the same stem."""
    curve, gates = Table(figures, "curve"), Table(figures, "gates")
    picture, numbers = path.with_suffix(".png"), path.with_suffix(".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    _draw(figures, picture)
    save_figures(numbers, figures)
    return write_page(
        path,
        "unwrapping.md.j2",
        command=command,
        seeds=", ".join(str(s) for s in sorted({f.seed for f in figures})),
        original=curve.text(str(BUDGET), "original", 2, percent=True),
        budget=BUDGET,
        picture=picture.name,
        numbers=numbers.name,
        answer=short_answer(figures),
        targets=markdown(("quantity", "before", "target", "stretch", "measured"), target_rows(figures)),
        curve=_curve(curve),
        neurons="\n\n".join(
            f"*{title}*\n\n{_neurons(Table(figures, name))}" for name, title in _NEURONS.items()
        ),
        ratio=edges_ratio(figures),
        against=markdown(("our budget", "at equal drop", "at equal drop, R² and F1"), neuron_rows(figures)),
        tried=markdown(_TRIED, tried_rows(figures)),
        random=_random(curve, Table(figures, "random"), gates),
        ladders=_ladders(Table(figures, "ladder")),
    )


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _scores(table: Table, arm: str) -> list[str]:
    return [
        table.both(arm, "edges", 0),
        table.text(arm, "accuracy", 2, percent=True),
        points(table, arm, "drop"),
        table.text(arm, "agreement", 2, percent=True),
        table.text(arm, "kl", 3),
    ]


_SCORES = ("edges", "accuracy", "drop, pp", "same answer", "KL")


def points(table: Table, arm: str, metric: str) -> str:
    """A difference of accuracies in percentage points, with its range over seeds."""
    cell = table.cell(arm, metric)
    if cell is None:
        return "-"
    mean, low, high = (f"{100 * v:.2f}" for v in (cell.mean, cell.low, cell.high))
    return mean if cell.seeds == 1 else f"{mean} ({low} to {high})"


def _curve(table: Table) -> str:
    rows: list[list[str]] = []
    for arm in (str(edges) for edges in CURVE):
        if table.cell(arm, "accuracy") is None:
            continue
        guards = [table.both(arm, *metric) for metric in _PAIR]
        fvu = [f"{table.both(arm, 'fvu before', 3)} → {table.both(arm, 'fvu after', 3)}"]
        test = [table.text(arm, "accuracy (test)", 2, percent=True), points(table, arm, "drop (test)")]
        rows.append([arm, *_scores(table, arm), *test, *guards, *fvu])
    columns = ("budget", *_SCORES, "accuracy test", "drop test, pp", *_HEADINGS, "FVU of autoencoders")
    return markdown(columns, rows)


def _neurons(table: Table) -> str:
    rows = [
        [arm, *_scores(table, arm), points(table, arm, "drop (test)"), table.both(arm, "R2", 2)]
        for arm in sorted(table.arms, key=int)
        if table.cell(arm, "accuracy") is not None
    ]
    return markdown(("budget", *_SCORES, "drop test, pp", "median R² of neurons"), rows)


def _ladders(table: Table) -> list[tuple[int, str]]:
    """Of every budget whose last rung is measured, its table."""
    last = LADDER[-1].name
    return [
        (b, _ladder(table, b)) for b in LADDER_BUDGETS if table.cell(f"{last} | {b}", "accuracy") is not None
    ]


def _ladder(table: Table, budget: int) -> str:
    rows: list[list[str]] = []
    for rung in LADDER:
        arm = f"{rung.name} | {budget}"
        if table.cell(arm, "accuracy") is not None:
            cell = table.cell(arm, "accuracy")
            guards = [
                table.both(arm, name, digits, percent)
                for name, digits, percent in _PAIR
                if name != "always F1"
            ]
            rows.append([rung.name, *_scores(table, arm), *guards, str(0 if cell is None else cell.seeds)])
    headings = [h for h in _HEADINGS if h != "F1 if always on"]
    return markdown(("recipe", *_SCORES, *headings, "seeds"), rows)


def _random(curve: Table, random: Table, gates: Table) -> str:
    """Trained and randomised weights side by side."""
    arms = ((curve, str(BUDGET), "trained"), (random, RANDOM_ARM, RANDOM_ARM))
    lines: list[tuple[str, list[str]]] = [
        ("accuracy of the network itself", [t.text(a, "original", 2, percent=True) for t, a, _ in arms]),
        ("accuracy as a feature network", [t.text(a, "accuracy", 2, percent=True) for t, a, _ in arms]),
        ("drop, pp", [points(t, a, "drop") for t, a, _ in arms]),
        ("same answer", [t.text(a, "agreement", 2, percent=True) for t, a, _ in arms]),
        ("KL", [t.text(a, "kl", 3) for t, a, _ in arms]),
        ("loss recovered", [t.text(a, "loss recovered", 3) for t, a, _ in arms]),
    ]
    for metric, heading in zip(_PAIR, _HEADINGS, strict=True):
        lines.append((heading, [t.both(a, *metric) for t, a, _ in arms]))
    for metric, name in (
        ("median formula F1", "median F1 of the gates' formulas"),
        ("beat one input", "formulas better than the best single input by 0.05"),
        ("F1 >= .8", "formulas with F1 ≥ 0.8"),
    ):
        percent = metric != "median formula F1"
        cells = [gates.text(a, metric, 0 if percent else 2, percent=percent) for _, _, a in arms]
        lines.append((name, cells))
    return markdown(("quantity", "trained", "randomised"), [[name, *cells] for name, cells in lines])


def _draw(figures: Sequence[Figure], path: Path) -> None:
    series: list[Curve] = []
    for experiment, metric, name in (
        ("curve", "accuracy", "features, held out"),
        ("curve", "accuracy (test)", "features, official test set"),
        ("neurons by effect", "accuracy", "neurons pruned by effect, held out"),
        ("neurons by weight", "accuracy", "neurons, largest weights, held out"),
    ):
        table = Table(figures, experiment)
        cells = [(table.cell(arm, "edges 1"), table.cell(arm, metric)) for arm in table.arms]
        found = [(edges, accuracy) for edges, accuracy in cells if edges is not None and accuracy is not None]
        if found:
            points = tuple((edges.mean, accuracy.mean) for edges, accuracy in found)
            series.append(Curve(name, points, tuple((a.high - a.low) / 2 for _, a in found)))
    original = Table(figures, "curve").cell(str(BUDGET), "original")
    if series:
        pareto_curve(series, path, None if original is None else original.mean)
