"""One run of the connector benchmark: the race and the planted edges, and how they are written down."""

import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from circuitlogic.benchmarks.seed_report import markdown_table
from circuitlogic.benchmarks.solverbench.on_digits import OnDigits, on_digits
from circuitlogic.benchmarks.solverbench.peers import ARMS, FURTHER, OURS
from circuitlogic.benchmarks.solverbench.planted_rows import plant_rows
from circuitlogic.benchmarks.solverbench.race import Race, course, race
from circuitlogic.benchmarks.solverbench.recall import Found, found_edges
from circuitlogic.errors import ConfigError, unknown_name
from circuitlogic.json_files import write_json
from circuitlogic.progress import Progress
from circuitlogic.whole_files import write_bytes

SCHEMA = "circuitlogic/solverbench/1"
_LARGEST_DENSE = 1 << 25


@dataclass(frozen=True, slots=True)
class Settings:
    """What is run."""

    samples: int
    n_in: int
    n_out: int
    rows: int
    """Rows on which peers are timed and all arms are certified."""
    repeats: int
    penalty: float
    linear_gap: float
    relu_gap: float
    seeds: tuple[int, ...]
    arms: tuple[str, ...]
    """Names; none: all that this size allows."""
    recall: bool
    """Whether planted edges are counted, too."""
    digits: bool
    """Whether every solver is tried on the digits, too."""

    def __post_init__(self) -> None:
        """Refuse settings without meaning, and unknown names."""
        sizes = (self.samples, self.n_in, self.n_out, self.rows, self.repeats)
        if min(sizes) < 1 or not self.seeds or min(self.penalty, self.linear_gap, self.relu_gap) <= 0:
            raise ConfigError("sizes must be at least 1, penalty and gaps above 0, with at least one seed")
        names = [arm.name for arm in ARMS]
        for name in self.arms:
            if name not in names:
                raise unknown_name("solver", name, names)


@dataclass(frozen=True, slots=True)
class SolverBench:
    """A finished run."""

    settings: Settings
    races: tuple[Race, ...]
    found: tuple[Found, ...]
    digits: tuple[OnDigits, ...]


def run_solverbench(settings: Settings, progress: Progress) -> SolverBench:
    """Race on the first seed's data, then count planted edges on every seed's."""
    where = course(
        settings.samples, settings.n_in, settings.n_out, settings.penalty, settings.rows, settings.seeds[0]
    )
    small = settings.samples * settings.n_in <= _LARGEST_DENSE
    arms = [
        arm for arm in ARMS if arm.name in settings.arms or (not settings.arms and (small or not arm.dense))
    ]
    gaps = {"linear": settings.linear_gap, "relu": settings.relu_gap}
    races = race(where, arms, gaps, settings.repeats, progress)
    found: list[Found] = []
    for seed in progress.track(settings.seeds if settings.recall else (), "planted edges"):
        found += found_edges(plant_rows(settings.samples, settings.n_in, settings.n_out, seed), seed)
    digits: list[OnDigits] = []
    for seed in progress.track(settings.seeds if settings.digits else (), "digits"):
        digits += on_digits(seed)
    return SolverBench(settings, tuple(races), tuple(found), tuple(digits))


RACE = ("solver", "gap reached", "CPU s", "x ours", "x a further penalty", "rows timed")
DIGITS = ("solver", "seed", "connector", "edges", "fvu", "firing F1", "CPU s")
FOUND = ("solver", "seed", "edges", "precision", "recall", "inhibitory recall")


def race_rows(bench: SolverBench) -> list[tuple[str, ...]]:
    """One row of `RACE` per arm."""
    seconds = {r.arm: r.seconds for r in bench.races}
    found: list[tuple[str, ...]] = []
    for r in bench.races:
        if r.seconds is None or r.gap is None:
            found.append((r.arm, "-", "-", "-", "-", r.note))
            continue
        own = seconds.get(OURS[r.loss])
        further = seconds.get(FURTHER) if r.loss == "linear" else None
        ratios = [_ratio(r.seconds, own), _ratio(r.seconds, further)]
        found.append((r.arm, f"{r.gap:.1e}", f"{r.seconds:.3g}", *ratios, r.note))
    return found


def _ratio(seconds: float, own: float | None) -> str:
    return f"{seconds / own:,.1f}" if own else "-"


def found_rows(bench: SolverBench) -> list[tuple[str, ...]]:
    """One row of `FOUND` per solver and seed."""
    return [
        (
            f.solver,
            str(f.seed),
            f"{f.edges:,}",
            f"{f.precision:.3f}",
            f"{f.recall:.3f}",
            f"{f.inhibitory:.3f}",
        )
        for f in bench.found
    ]


def digits_rows(bench: SolverBench) -> list[tuple[str, ...]]:
    """One row of `DIGITS` per solver, seed and connector."""
    return [
        (
            d.solver,
            str(d.seed),
            d.connector,
            str(d.edges),
            f"{d.fvu:.3f}",
            f"{d.firing_f1:.3f}",
            f"{d.seconds:.2f}",
        )
        for d in bench.digits
    ]


def tables(bench: SolverBench) -> list[Table]:
    """For the terminal."""
    made: list[Table] = []
    for names, rows in ((RACE, race_rows(bench)), (FOUND, found_rows(bench)), (DIGITS, digits_rows(bench))):
        table = Table()
        for name in names:
            table.add_column(
                name, justify="left" if name in ("solver", "rows timed", "connector") else "right"
            )
        for row in rows:
            table.add_row(*row)
        if rows:
            made.append(table)
    return made


def document(bench: SolverBench) -> dict[str, Any]:
    """The run as plain JSON values."""
    return {"schema": SCHEMA, **asdict(bench)}


def write_document(bench: SolverBench, path: Path) -> None:
    """Write `document` to `path`."""
    write_json(path, document(bench))


def command_of(settings: Settings) -> str:
    """The command line that repeats a run."""
    words = ["circuitlogic", "bench", "connectors", "--samples", str(settings.samples)]
    words += ["--inputs", str(settings.n_in), "--outputs", str(settings.n_out), "--rows", str(settings.rows)]
    words += ["--repeats", str(settings.repeats), "--penalty", f"{settings.penalty:g}"]
    words += ["--seeds", ",".join(map(str, settings.seeds))]
    if settings.arms:
        words += ["--arms", ";".join(settings.arms)]
    words += [] if settings.recall else ["--no-recall"]
    return shlex.join(words if settings.digits else [*words, "--no-digits"])


def write_report(bench: SolverBench, path: Path) -> None:
    """Write the Markdown report."""
    s = bench.settings
    text = f"""# Connector solvers

Planted rows: {s.samples:,} samples, {s.n_in:,} inputs, {s.n_out:,} outputs, five inputs per output, one in five
inhibitory. Repeat with

```
{command_of(s)}
```

## Time to an equal, certified gap

L1 penalty {s.penalty:g}. Median CPU seconds for all rows, of {s.repeats} interleaved runs on one thread,
statistics and arranging of samples included. Each solver runs at the loosest of its settings that reaches the gap:
at most {s.linear_gap:g} (linear) or {s.relu_gap:g} (ReLU) by one common certificate, summed over {s.rows} rows
and as a share of half their variance. Proximal Adam runs at the first of 24 schedules, from cheap to dear, that
comes within 1e-4 (linear) or the same {s.relu_gap:g} (ReLU) of the least objective: its true distance, which is
shorter than any certificate's bound.
*A further penalty*: all rows from zero at another λ, once their statistics are at hand.

{markdown_table(RACE, race_rows(bench))}
"""
    if bench.found:
        text += f"""
## Planted edges found

Penalties chosen by left-out error, refitted on the support, then |w| > 0.1.

{markdown_table(FOUND, found_rows(bench))}
"""
    if bench.digits:
        text += f"""
## On the digits

The demo's network and dictionaries, one connector after the other: true features in, cut at |w| > 0.1, held out.
CPU time from features to refit; the first connector of `gram` and `relu` may include compiling their kernels.

{markdown_table(DIGITS, digits_rows(bench))}
"""
    write_bytes(path, text.encode())
