"""Owns how a run shows itself on the terminal: the command that repeats it, and the table of its arms."""

import shlex
from pathlib import Path

from rich.table import Table

from circuitlogic.benchmarks.logicbench.report import HEADLINE, headline
from circuitlogic.benchmarks.logicbench.run import LogicBench, Settings


def command_of(settings: Settings, out: Path) -> str:
    """The command line that repeats a run."""
    words = ["circuitlogic", "bench", "logic", "--per-kind", str(settings.sizes.per_kind)]
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
    return shlex.join([*words, "--out", str(out)])


def draw_table(bench: LogicBench) -> Table:
    """One row per arm, at the lowest noise floor."""
    table = Table()
    for name in HEADLINE:
        table.add_column(name, justify="left" if name == "arm" else "right")
    for row in headline(bench):
        table.add_row(*row)
    return table
