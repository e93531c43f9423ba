"""Owns how a run shows itself on the terminal: the command that repeats it, and its tables."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from circuitlogic.benchmarks.logicbench.outcome import Live
from circuitlogic.benchmarks.logicbench.run import LogicBench
from circuitlogic.benchmarks.logicbench.settings import Settings
from circuitlogic.benchmarks.logicbench.summary import summarise
from circuitlogic.benchmarks.logicbench.tables import overview_rows, percent, scores_in
from circuitlogic.benchmarks.logicbench.targets import target_rows

_DEFAULTS = Settings()


def command_of(settings: Settings, out: Path) -> str:
    """The command line that repeats a run."""
    words = ["circuitlogic", "bench", "logic"]
    if settings.tiers != _DEFAULTS.tiers:
        words += ["--tier", ",".join(settings.tiers)]
    words += ["--per-kind", str(settings.sizes.per_kind)]
    words += ["--seed", ",".join(map(str, settings.seeds)), "--samples", str(settings.sizes.samples)]
    words += ["--leak", ",".join(f"{leak:g}" for leak in settings.leaks)]
    chosen = (
        ("--conditions", ",", settings.conditions),
        ("--arms", ",", settings.arms),
        ("--kinds", ";", settings.kinds),
    )
    for option, separator, names in chosen:
        if names:
            words += [option, separator.join(names)]
    return shlex.join([*words, *_knob_words(settings), *_sweep_words(settings), "--out", str(out)])


def _knob_words(settings: Settings) -> list[str]:
    knobs, words = settings.knobs, list[str]()
    if knobs.magnitudes is not None:
        words += ["--magnitudes", f"{knobs.magnitudes.shape}:{knobs.magnitudes.spread:g}"]
    if knobs.rates is not None:
        words += ["--rates", _numbers(knobs.rates)]
    if knobs.spurious is not None:
        words += ["--spurious", _numbers(knobs.spurious)]
    if knobs.spurious_weight is not None:
        words += ["--spurious-weight", f"{knobs.spurious_weight:g}"]
    if knobs.weight_noise is not None:
        words += ["--weight-noise", f"{knobs.weight_noise:g}"]
    if settings.sizes.pool != _DEFAULTS.sizes.pool:
        words += ["--pool", f"{settings.sizes.pool:g}"]
    return words


def _sweep_words(settings: Settings) -> list[str]:
    sweeps = (
        ("--twins", settings.rhos, _DEFAULTS.rhos),
        ("--fan-in", settings.fan_ins, _DEFAULTS.fan_ins),
        ("--depth", settings.depths, _DEFAULTS.depths),
    )
    return [word for option, now, usual in sweeps if now != usual for word in (option, _numbers(now))]


def _numbers(values: Sequence[float] | Sequence[int]) -> str:
    return ",".join(f"{value:g}" for value in values)


def draw_tables(bench: LogicBench) -> list[Table]:
    """What the terminal shows, each table at most 80 columns wide."""
    tables = [_arms(bench)] if scores_in(bench, "true") else []
    overview = _overview(bench)
    tables += [overview] if overview.row_count > 1 or not tables else []
    tables += [_live(bench)] if bench.live else []
    tables.append(_targets(bench))
    return [table for table in tables if table.row_count]


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> Table:
    table = Table(title=title, title_justify="left", padding=(0, 1, 0, 0), pad_edge=False, box=None)
    for at, name in enumerate(columns):
        table.add_column(name, justify="left" if at < left else "right")
    for row in rows:
        table.add_row(*row)
    return table


def _arms(bench: LogicBench) -> Table:
    columns = ("arm", "n", "strict", "95 %", "seen", "kind F1", "false", "F1", "ms")
    rows: list[tuple[str, ...]] = []
    for s in summarise(scores_in(bench, "true")):
        low, high = s.strict.interval
        rows.append(
            (
                s.arm,
                f"{s.strict.n:,}",
                percent(s.strict),
                f"{100 * low:.1f}-{100 * high:.1f}",
                percent(s.seen),
                f"{s.macro_f1:.3f}",
                percent(s.false_names),
                f"{s.firing_f1:.3f}",
                f"{s.milliseconds:.1f}",
            )
        )
    return _table("True features given", columns, rows)


def _overview(bench: LogicBench) -> Table:
    columns = ("tier", "floor", "gates", "strict", "seen", "kind F1", "edge F1", "sign", "F1")
    keep = (0, 1, 2, 3, 4, 5, 6, 9, 10)
    rows = [tuple(row[i] for i in keep) for row in overview_rows(bench)]
    return _table("circuitlogic by tier", columns, rows, 2)


def _live(bench: LogicBench) -> Table:
    columns = ("tier", "live features", "claimed", "F1 of claims", "beats one input by .05")
    rows: list[tuple[str, ...]] = []
    leak = bench.settings.leaks[0]
    for tier in dict.fromkeys(x.tier for x in bench.live):
        found = [x for x in bench.live if x.tier == tier and x.leak == leak]
        rows.append((tier, str(len(found)), *_claims(found)))
    return _table("Learned output features, planted or random", columns, rows)


def _claims(found: Sequence[Live]) -> tuple[str, str, str]:
    claims = [x for x in found if x.claimed]
    share = f"{100 * len(claims) / max(len(found), 1):.1f} %"
    mean = f"{sum(x.f1 for x in claims) / len(claims):.3f}" if claims else "-"
    beats = sum(x.beats for x in found)
    return share, mean, f"{100 * beats / max(len(found), 1):.1f} %"


def _targets(bench: LogicBench) -> Table:
    rows = [
        (row.quantity, row.target, row.reached, row.verdict.replace("no", "NO")) for row in target_rows(bench)
    ]
    return _table("Targets", ("quantity", "target", "reached", "met"), rows)
