"""`reports/mnist`: the seed's experiment over several seeds, as Markdown, a picture, and every figure as JSON."""

from collections.abc import Sequence
from pathlib import Path

from circuitlogic.benchmarks.figures import Figure, Table, save_figures
from circuitlogic.benchmarks.markdown_table import markdown_table
from circuitlogic.benchmarks.pages import write_page
from circuitlogic.benchmarks.seed_experiment import AXIS_COSINE, EDGES, L1_OF_GRADIENT, MAIN_ARM, WIDTHS
from circuitlogic.render.matrices import Curve, pareto_curve

SITES = ("hidden.0", "hidden.1", "hidden.2")
_CURVE_PICTURE = "accuracy-edges.png"
_DIGITS_METRICS = (
    "original accuracy",
    "accuracy",
    "agreement",
    "kl",
    "edges 1",
    "edges 2",
    "in-degree 1",
    "in-degree 2",
    "median R2 1",
    "median R2 2",
    "firing F1 1",
    "firing F1 2",
)


def write_seed_report(figures: Sequence[Figure], folder: Path, command: str) -> Path:
    """Write `README.md`, the curve and `figures.json` into `folder`.

    Args:
        figures: Of all seeds, MNIST and digits.
        folder: Made if it is not there.
        command: What regenerates the report; named in it.
    """
    digits_saes = Table(figures, "digits saes")
    _draw_curve(Table(figures, "curve"), Table(figures, "classifier"), folder / _CURVE_PICTURE)
    save_figures(folder / "figures.json", figures)
    return write_page(
        folder / "README.md",
        "seed_report.md.j2",
        command=command,
        seeds=", ".join(str(s) for s in sorted({f.seed for f in figures})),
        headline=_headline(figures),
        curve_picture=_CURVE_PICTURE,
        curve=_curve(Table(figures, "curve"), Table(figures, "main")),
        classifier=_classifier(Table(figures, "classifier")),
        wins=_untied_wins(Table(figures, "saes")),
        autoencoders=_autoencoders(Table(figures, "saes")),
        axis_cosine=AXIS_COSINE,
        axes=_axes(Table(figures, "axes")),
        recipe=_recipe(Table(figures, "seed recipe")),
        starts=_starts(Table(figures, "starts")),
        gates=_gates(Table(figures, "gates"), Table(figures, "kinds")),
        digits=_digits(Table(figures, "digits")),
        digits_saes=_sae_table(digits_saes, [(arm,) for arm in digits_saes.arms], digits_saes.arms),
    )


def _headline(figures: Sequence[Figure]) -> str:
    classifier, saes, seed = (Table(figures, name) for name in ("classifier", "saes", "seed recipe"))
    curve, main = Table(figures, "curve"), Table(figures, "main")
    recipe = _best_recipe(seed)
    rows = [
        (
            "classifier 784-64-64-64-10, held-out loss / accuracy",
            "0.09 / 97.8 %",
            "<= 0.085 / >= 98.0 %",
            f"{classifier.text('64', 'loss')} / {_percent(classifier, '64', 'accuracy')}",
        ),
        (
            "tied autoencoder, L1 / MSE at the three sites (activation units)",
            "0.04928 / 0.03970",
            "both below, L0 <= 64 of 256",
            "; ".join(_tied(saes, site) for site in SITES),
        ),
        (
            f"connector by the seed's recipe (penalty {recipe}), L1 / MSE of both",
            "0.02114 / 0.03209",
            "both below",
            "; ".join(_l1_mse(seed, f"{recipe} | {site}") for site in SITES[1:]),
        ),
        (
            "connector entries above the threshold, of 65,536",
            "458",
            "<= 458 per connector",
            f"{curve.text('458', 'edges 1', 0)} and {curve.text('458', 'edges 2', 0)}",
        ),
        ("neuron weights above 0.1, of 4,096", "2205", "", classifier.text("64", "|w| > 0.1", 0)),
        (
            "accuracy, both layers replaced and thresholded, <= 458 edges each",
            "94.0 % (thresholding not stated)",
            ">= 95.0 %",
            _both_splits(curve, "458"),
        ),
        (
            "the same, <= 10 edges per live feature",
            "",
            ">= 96.5 %",
            _both_splits(main, MAIN_ARM),
        ),
    ]
    return markdown_table(("quantity", "seed", "to reach", "measured"), rows)


def _percent(table: Table, arm: str, metric: str) -> str:
    return table.text(arm, metric, 2, percent=True)


def _both_splits(table: Table, arm: str) -> str:
    return f"held out {_percent(table, arm, 'accuracy')}, test {_percent(table, arm, 'accuracy (test)')}"


def _tied(saes: Table, site: str) -> str:
    arm = f"tied, l1 1.8 | {site}"
    return f"{_l1_mse(saes, arm)}, L0 {mean(saes, arm, 'l0', 1)}"


def _l1_mse(table: Table, arm: str) -> str:
    return f"{mean(table, arm, 'l1', 4)} / {mean(table, arm, 'mse', 4)}"


def _best_recipe(table: Table) -> str:
    """The penalty of the seed's recipe whose L1 and MSE, relative to the seed's own, have the lowest maximum."""

    def worst(arm: str) -> float:
        goals = [(s, m, g) for s in SITES[1:] for m, g in (("l1", 0.02114), ("mse", 0.03209))]
        cells = [(table.cell(f"{arm} | {site}", metric), goal) for site, metric, goal in goals]
        return max((cell.mean / goal for cell, goal in cells if cell is not None), default=float("inf"))

    return min((f"l1 {l1:g}" for l1 in L1_OF_GRADIENT), key=worst)


def _curve(table: Table, main: Table) -> str:
    columns = (
        "budget",
        "edges kept",
        "accuracy held out",
        "accuracy test",
        "agreement",
        "KL",
        "loss recovered",
        "reached / live",
        "median R²",
        "median firing F1",
        "copy rate",
    )
    rows = [_chain_row(table, edges, edges) for edges in map(str, EDGES)]
    return markdown_table(columns, [*rows, _chain_row(main, MAIN_ARM, "10 per live feature")])


def _chain_row(table: Table, arm: str, budget: str) -> tuple[str, ...]:
    return (
        budget,
        _two(table, arm, "edges", 0),
        _percent(table, arm, "accuracy"),
        _percent(table, arm, "accuracy (test)"),
        _percent(table, arm, "agreement"),
        table.text(arm, "kl"),
        table.text(arm, "loss recovered"),
        ", ".join(
            f"{mean(table, arm, f'reached {n}', 0)} / {mean(table, arm, f'live {n}', 0)}" for n in (1, 2)
        ),
        _two(table, arm, "median R2", 2),
        _two(table, arm, "firing F1", 2),
        _two(table, arm, "copy rate", 3),
    )


def _draw_curve(curve: Table, classifier: Table, path: Path) -> None:
    series: list[Curve] = []
    for name, metric in (("held out", "accuracy"), ("official test set", "accuracy (test)")):
        cells = [(curve.cell(arm, "edges 1"), curve.cell(arm, metric)) for arm in curve.arms]
        found = [(edges, accuracy) for edges, accuracy in cells if edges is not None and accuracy is not None]
        points = tuple((edges.mean, accuracy.mean) for edges, accuracy in found)
        series.append(Curve(name, points, tuple((a.high - a.low) / 2 for _, a in found)))
    original = classifier.cell("64", "accuracy")
    path.parent.mkdir(parents=True, exist_ok=True)
    pareto_curve(series, path, None if original is None else original.mean)


def _classifier(table: Table) -> str:
    columns = (
        "network",
        "accuracy held out",
        "loss held out",
        "accuracy test",
        "loss test",
        "hidden weights above 0.1, per layer",
    )
    rows = [
        (
            f"784-{w}-{w}-{w}-10",
            _percent(table, str(w), "accuracy"),
            table.text(str(w), "loss"),
            _percent(table, str(w), "accuracy (test)"),
            table.text(str(w), "loss (test)"),
            table.text(str(w), "|w| > 0.1", 0),
        )
        for w in WIDTHS
    ]
    return markdown_table(columns, rows)


def _autoencoders(table: Table) -> str:
    return _sae_table(table, [tuple(arm.split(" | ")) for arm in table.arms], table.arms, spliced=True)


def _sae_table(
    table: Table, heads: Sequence[tuple[str, ...]], arms: Sequence[str], spliced: bool = False
) -> str:
    metrics = (("l1", "L1", 4), ("mse", "MSE", 4), ("fvu", "FVU", 3), ("l0", "L0", 1))
    rows = [
        (
            *head,
            *(table.text(arm, metric, digits) for metric, _, digits in metrics),
            table.text(arm, "dead", 1, percent=True),
            *([_percent(table, arm, "accuracy")] if spliced else []),
        )
        for head, arm in zip(heads, arms, strict=True)
    ]
    first = ("autoencoder", "site") if spliced else ("site",)
    last = ("dead", "accuracy, reconstruction spliced in") if spliced else ("dead",)
    return markdown_table((*first, *(name for _, name, _ in metrics), *last), rows)


def _axes(table: Table) -> str:
    cells = (
        (site, *(table.text(site, m, 1, percent=True) for m in ("features", "firings"))) for site in SITES
    )
    return "; ".join(
        f"{site} {features} of features, {firings} of firings" for site, features, firings in cells
    )


def _untied_wins(table: Table) -> dict[str, int]:
    """In how many pairs of penalty and site the untied autoencoder has the lower figure."""
    wins = {"pairs": 0, "objective": 0, "fvu": 0, "l0": 0}
    for arm in (a for a in table.arms if a.startswith("tied")):
        penalty = float(arm.split("l1 ")[1].split(" ")[0])
        tied, untied = (_values(table, a, penalty) for a in (arm, f"un{arm}"))
        wins["pairs"] += 1
        for name in ("objective", "fvu", "l0"):
            wins[name] += untied[name] < tied[name]
    return wins


def _values(table: Table, arm: str, penalty: float) -> dict[str, float]:
    cells = {metric: table.cell(arm, metric) for metric in ("l1", "mse", "fvu", "l0")}
    value = {metric: float("inf") if cell is None else cell.mean for metric, cell in cells.items()}
    return {**value, "objective": value["mse"] + penalty * value["l1"]}


def _recipe(table: Table) -> str:
    columns = (
        "penalty",
        "first connector, L1 / MSE",
        "second connector, L1 / MSE",
        "entries above 0.1 (raw)",
        "accuracy, unthresholded",
        "accuracy, thresholded",
        "median R²",
    )
    rows = [
        (
            arm,
            *(_l1_mse(table, f"{arm} | {site}") for site in SITES[1:]),
            " + ".join(mean(table, f"{arm} | {site}", "|w| > 0.1 raw", 0) for site in SITES[1:]),
            _percent(table, f"{arm} | both", "accuracy"),
            _percent(table, f"{arm} | both", "accuracy raw threshold"),
            " + ".join(mean(table, f"{arm} | {site}", "median R2", 2) for site in SITES[1:]),
        )
        for arm in (f"l1 {l1:g}" for l1 in L1_OF_GRADIENT)
    ]
    return markdown_table(columns, rows)


def _starts(table: Table) -> dict[str, object]:
    rows: list[tuple[str, ...]] = []
    wins = pairs = 0
    for setting in dict.fromkeys(arm.split(" | ")[0] for arm in table.arms):
        for site in SITES[1:]:
            random, analytic = (
                table.cell(f"{setting} | {s} | {site}", "mse") for s in ("random", "analytic")
            )
            if random is not None and analytic is not None:
                pairs += 1
                wins += random.mean < analytic.mean
        rows += [_start_row(table, setting, start) for start in ("random", "analytic")]
    columns = (
        "dictionaries, solver, length",
        "start",
        "MSE, first",
        "MSE, second",
        "entries above 0.1 (unit scale)",
        "accuracy",
        "accuracy, thresholded",
        "accuracy, strongest 2,000 each",
    )
    return {"random_wins": wins, "pairs": pairs, "table": markdown_table(columns, rows)}


def _start_row(table: Table, setting: str, start: str) -> tuple[str, ...]:
    arm = f"{setting} | {start}"
    return (
        setting,
        start,
        *(mean(table, f"{arm} | {site}", "mse", 4) for site in SITES[1:]),
        " + ".join(mean(table, f"{arm} | {site}", "|w| > 0.1 unit", 0) for site in SITES[1:]),
        _percent(table, f"{arm} | both", "accuracy"),
        _percent(table, f"{arm} | both", "accuracy thresholded"),
        _percent(table, f"{arm} | both", "accuracy at 2000 edges"),
    )


def _gates(gates: Table, kinds: Table) -> dict[str, str]:
    cells = [(kind, kinds.cell(kind, "gates")) for kind in kinds.arms]
    seeds = max(
        (cell.seeds for _, cell in cells if cell is not None), default=1
    )  # a kind may be absent in some
    counts = sorted(
        ((kind, cell.mean * cell.seeds / seeds) for kind, cell in cells if cell is not None),
        key=lambda c: (-c[1], c[0]),
    )
    return {
        "scored": gates.text("all", "gates scored", 0),
        "median": gates.text("all", "median formula F1", 2),
        "good": gates.text("all", "formula F1 >= .8", 1, percent=True),
        "beat": gates.text("all", "beats best single input by .05", 1, percent=True),
        "kinds": ", ".join(f"{kind} {count:.1f}" for kind, count in counts),
    }


def _digits(table: Table) -> str:
    rows = [
        (m, *(table.text("demo", name, 0 if "edges" in m else 3) for name in (m, f"{m} (test)")))
        for m in _DIGITS_METRICS
    ]
    return markdown_table(("quantity", "held out", "test"), rows)


def _two(table: Table, arm: str, metric: str, digits: int) -> str:
    """The means of both connectors."""
    return " + ".join(mean(table, arm, f"{metric} {number}", digits) for number in (1, 2))


def mean(table: Table, arm: str, metric: str, digits: int) -> str:
    """The mean alone, for crowded cells."""
    cell = table.cell(arm, metric)
    return "-" if cell is None else f"{cell.mean:,.{digits}f}"
