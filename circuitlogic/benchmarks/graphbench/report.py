"""Owns what is written of a run: targets met or missed, the terminal's table, Markdown and JSON."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from platform import machine, python_version
from typing import TYPE_CHECKING, Any

from circuitlogic.benchmarks.graphbench.libraries import BY_TARGET
from circuitlogic.benchmarks.graphbench.measure import COMPILED, PLAIN, Asked, Bench, Settings
from circuitlogic.benchmarks.seed_report import markdown_table
from circuitlogic.json_files import SCHEMA_KEY, write_json
from circuitlogic.whole_files import write_bytes

if TYPE_CHECKING:
    from rich.table import Table

SCHEMA = "circuitlogic/graphbench/2"
_DIAGNOSIS = """What the figures hang on:

* *First and again.* Targets are held against *first* figures: every feature is asked about once, so that lists come
  from memory, not from the processor's cache. *Again* is the same question asked once more at once.
* *NetworkX twice.* Each edge is a dictionary and a number somewhere on the heap, and asking is waiting for them.
  Added in order of their source - as NetworkX's own readers, writers and `from_scipy_sparse_array` have them - the
  in-edges of a feature are scattered, and an edge costs about a microsecond. Added in order of their target they
  lie side by side and cost a seventh of it. An earlier version of this page measured only that best case for
  ancestors; it is kept here, with the order of tests in the loop that is faster for it. The prototype behind the
  targets measured 0.6 ms for tiny and 119 ms for deep answers, which is what the other order costs.
* *Tiny answers.* The walk is a small part of ours; the rest is Python that reads the name, checks the options,
  calls the kernel and makes the answer, and at first the memory that all of these wait for.
"""


@dataclass(frozen=True, slots=True)
class Target:
    """What was to be shown, and what was."""

    quantity: str
    target: str
    measured: str
    met: bool | None
    """None: could not be measured here."""


def targets(bench: Bench) -> list[Target]:
    """The project's targets for ten million edges, held against a run of whatever size."""
    own = bench.build.get(COMPILED, bench.build[PLAIN])
    rows = [
        _at_most("build from edge arrays, s", own, 2.0, 2),
        _at_most("open from disk, ms", bench.open_milliseconds, 5.0, 1),
        _at_most("resident after 100 questions, MB", bench.megabytes[COMPILED], 20.0, 1),
        _answers_up_to(bench, 5_000),
        _at_most("full cone without threshold, ms", _own(bench, "cone"), 30.0, 1),
        _faster(bench, "NetworkX", "depth-2", 50, "tiny answers"),
        _faster(bench, "NetworkX", "deep", 300, "deep answers"),
        _faster(bench, BY_TARGET, "depth-2", 50, "tiny answers"),
        _faster(bench, BY_TARGET, "deep", 300, "deep answers"),
        _faster(bench, "NetworkX", "path", 70, "strongest path"),
        _ratio("NetworkX: load", bench.build.get("NetworkX"), bench.open_milliseconds / 1e3, 1_000),
        _ratio("NetworkX: memory", bench.megabytes.get("NetworkX"), bench.megabytes[COMPILED], 100),
        _faster(bench, "rustworkx", "deep", 10, "deep thresholded ancestors"),
        _faster(bench, "SciPy CSR", "deep", 4, "deep thresholded ancestors"),
    ]
    if COMPILED in bench.answers["deep"]:
        slowest = max(
            bench.answers[q.name][PLAIN].milliseconds / _own(bench, q.name) for q in bench.questions
        )
        rows.append(_at_most("without Numba: slowest answer, times", slowest, 12.0, 1))
    return rows


def _own(bench: Bench, question: str) -> float:
    answers = bench.answers[question]
    return answers.get(COMPILED, answers[PLAIN]).milliseconds


def _at_most(quantity: str, value: float, most: float, digits: int) -> Target:
    return Target(quantity, f"<= {most:g}", f"{value:.{digits}f}", value <= most)


def _answers_up_to(bench: Bench, nodes: int) -> Target:
    """Thresholded questions whose median answer is at most so large: the slowest of them."""
    chosen = [q.name for q in bench.questions if q.above > 0 and _nodes(bench, q.name) <= nodes]
    slowest = max((_own(bench, name) for name in chosen), default=float("nan"))
    return _at_most(f"thresholded ancestors, up to {nodes:,} nodes, ms", slowest, 1.0, 3)


def _nodes(bench: Bench, question: str) -> int:
    return next(iter(bench.answers[question].values())).nodes


def _faster(bench: Bench, peer: str, question: str, times: int, what: str) -> Target:
    theirs = bench.answers[question].get(peer)
    return _ratio(f"{peer}: {what}", theirs and theirs.milliseconds, _own(bench, question), times)


def _ratio(quantity: str, theirs: float | None, own: float, times: int) -> Target:
    if theirs is None:
        return Target(quantity, f">= {times:,.0f}x", "not installed", None)
    return Target(quantity, f">= {times:,.0f}x", f"{theirs / own:,.0f}x", theirs / own >= times)


_VERDICTS: dict[bool | None, str] = {True: "met", False: "missed", None: "-"}


def target_table(bench: Bench) -> "Table":
    """The targets, as wide as a terminal of 80 columns."""
    return _table(
        ("quantity", "target", "measured", ""),
        [(t.quantity, t.target, t.measured, _VERDICTS[t.met]) for t in targets(bench)],
    )


def answer_table(bench: Bench) -> "Table":
    """CPU milliseconds per question and library."""
    return _table(("CPU ms", *(q.name for q in bench.questions)), _answer_rows(bench, _first))


def _first(asked: Asked) -> float:
    return asked.milliseconds


def _again(asked: Asked) -> float:
    return asked.again


def _answer_rows(bench: Bench, figure: Callable[[Asked], float]) -> list[tuple[str, ...]]:
    libraries = list(bench.answers[bench.questions[0].name])
    rows = [("nodes", *(f"{_nodes(bench, q.name):,}" if not q.goals else "-" for q in bench.questions))]
    for library in libraries:
        values = (figure(bench.answers[q.name][library]) for q in bench.questions)
        rows.append((library, *(_short(value) for value in values)))
    return rows


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number == 0 else "right")
    for row in rows:
        table.add_row(*row)
    return table


def document(bench: Bench) -> dict[str, Any]:
    """The run as plain JSON values."""
    return {SCHEMA_KEY: SCHEMA, **asdict(bench), "targets": [asdict(target) for target in targets(bench)]}


def write_json_document(bench: Bench, path: Path) -> None:
    """Write the run as JSON."""
    write_json(path, document(bench))


def command_of(settings: Settings) -> str:
    """The command line that repeats a run."""
    words = f"circuitlogic bench graph --edges {settings.shape.edges} --seed {settings.seed}"
    return f"{words} --rounds {settings.rounds}"


def write_report(bench: Bench, path: Path) -> None:
    """Write the Markdown report."""
    shape = bench.settings.shape
    verdicts = [(t.quantity, t.target, t.measured, _VERDICTS[t.met]) for t in targets(bench)]
    memory = [(name, f"{bench.build[name]:.2f}", _megabytes(bench, name)) for name in bench.build]
    absent = f"Not installed here, so not measured: {', '.join(bench.absent)}.\n\n" if bench.absent else ""
    missed = [t.quantity for t in targets(bench) if t.met is False]
    text = f"""# The feature graph against its peers

{shape.sites} sites of {shape.features:,} features, {bench.edges:,} edges between consecutive sites, hubs among the
sources (Pareto 1.5), seed {bench.settings.seed}. All libraries in one process, asked in turn, round by round, about
other features in every round; CPU time of one call, median of {bench.settings.rounds} rounds
({bench.settings.slow_rounds} for calls beyond half a second). Every answer was compared with ours: same
nodes, same strength. Python {python_version()}, {machine()}. {_load_text(bench)}Repeat with

```sh
{command_of(bench.settings)}
```

{absent}## Targets

{markdown_table(("quantity", "target", "measured", ""), verdicts)}

{"Missed: " + "; ".join(missed) + "." if missed else "All that could be measured were met."}

{_DIAGNOSIS}
## Questions

CPU milliseconds of one call, what is asked about in hand. Ours include reading the feature's name and making the
answer; the peers are given node numbers and give node numbers. A round asks each library about
{", ".join(str(q.batch) for q in bench.questions)} features (by column), one after the other.

{markdown_table(("first", *(q.text for q in bench.questions)), _answer_rows(bench, _first))}

{markdown_table(("again", *(q.text for q in bench.questions)), _answer_rows(bench, _again))}

How many times faster than NetworkX, tiny / deep answers: {_factors(bench)}.

On top of the full cone's nodes, if they are asked for: its edges as arrays {bench.edges_milliseconds:.0f} ms,
the influence of each of its features {bench.influence_milliseconds:.0f} ms.

## Building and memory

{markdown_table(("", "build, CPU s", "memory, MB"), memory)}

Build is from edge arrays in memory to a graph that can be asked. Memory of the peers is the growth of the
process while they were built; ours is the growth of a fresh process that opens the graph from disk and asks 100
questions (ancestors at depth 2 and 3 with the threshold above). Saving took {bench.save_seconds:.1f} CPU s with
checksums, of which the Parquet copies {bench.parquet_seconds:.1f}. A peer has to be built from the arrays again in
every process: that is the load it is compared by.
"""
    write_bytes(path, text.encode())


def _load_text(bench: Bench) -> str:
    """CPU time grows, too, where processes share caches and memory."""
    if bench.load is None:
        return ""
    return f"Load average {bench.load:.0f} on {bench.cores} cores. "


def _factors(bench: Bench) -> str:
    """Against both orders of NetworkX's edges, first and again."""
    found: list[str] = []
    for peer in ("NetworkX", BY_TARGET):
        for word, figure in (("first", _first), ("again", _again)):
            pair = [(bench.answers[q].get(peer), bench.answers[q]) for q in ("depth-2", "deep")]
            factors = [
                f"{figure(theirs) / figure(own.get(COMPILED, own[PLAIN])):,.0f}x"
                for theirs, own in pair
                if theirs
            ]
            found += [f"{peer} {word} {' / '.join(factors)}"] if factors else []
    return "; ".join(found) or "not installed"


def _megabytes(bench: Bench, name: str) -> str:
    return f"{bench.megabytes[name]:,.0f}" if name in bench.megabytes else "-"
