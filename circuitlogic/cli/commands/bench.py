"""`circuitlogic bench`."""

from pathlib import Path
from typing import Annotated

import typer

from circuitlogic.cli.console import Streams, write
from circuitlogic.cli.options import NoColor, Quiet
from circuitlogic.cli.planting_options import Planting, planting_options

bench_app = typer.Typer(
    name="bench",
    help="Run the experiments behind the project's figures.\n\nExample: circuitlogic bench mnist",
    no_args_is_help=True,
)

ReportFile = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write a Markdown report.")
]
JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write settings and every figure.")
]


@bench_app.callback()
def _group() -> None:
    """Run the experiments behind the project's figures.

    Example: circuitlogic bench mnist --out reports/mnist
    """


@bench_app.command("mnist")
def mnist(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the report.")] = Path(
        "reports/mnist"
    ),
    work: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Studies and finished experiments; a second run reads them back."),
    ] = Path("runs/bench"),
    data: Annotated[str | None, typer.Option(metavar="DIR", help="Folder of the MNIST files.")] = None,
    seeds: Annotated[str, typer.Option(metavar="N,N,..", help="Seeds to run and to average over.")] = "0,1,2",
    threads: Annotated[int, typer.Option(min=1, help="Threads torch may use.")] = 1,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Repeat the MNIST experiment this project started from, with its answers.

    Takes about ten minutes per seed on one core. An interrupted run is taken up by the same command.

    Example: circuitlogic bench mnist --data mnist --out reports/mnist
    """
    from circuitlogic.benchmarks.run import reproduce
    from circuitlogic.cli.console_progress import console_progress
    from circuitlogic.cli.settings import parse_widths, with_threads
    from circuitlogic.config import config_from_mapping

    config = config_from_mapping({"data": {"dataset": "mnist", **({} if data is None else {"path": data})}})
    chosen = parse_widths(seeds, what="--seeds", lowest=0)
    command = f"circuitlogic bench mnist --seeds {seeds}"
    with with_threads(threads), console_progress(Streams(color=not no_color, quiet=quiet)) as progress:
        report = reproduce(work, out, config, chosen, command, progress)
    write(f"{report}\n")


@bench_app.command("unwrap")
def unwrap(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="Markdown; picture and JSON lie beside it.")
    ] = Path("reports/unwrapping.md"),
    work: Annotated[
        Path, typer.Option(metavar="DIR", help="Studies and finished arms; a second run reads them back.")
    ] = Path("runs/bench"),
    data: Annotated[str | None, typer.Option(metavar="DIR", help="Folder of the MNIST files.")] = None,
    seeds: Annotated[str, typer.Option(metavar="N,N,..", help="Seeds to run and to average over.")] = "0,1,2",
    parts: Annotated[
        str,
        typer.Option(
            metavar="A,B,..", help="Of headline, neurons, random, curve, trials, ladder; default: all."
        ),
    ] = "",
    finished: Annotated[
        bool, typer.Option("--finished", help="Run nothing: report on the arms an earlier run has finished.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Threads torch may use.")] = 1,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Unwrap the MNIST classifier into a sparse feature network, with its controls and the ladder of recipes.

    Takes about half an hour per seed on one core. An interrupted run is taken up by the same command.

    Example: circuitlogic bench unwrap --data mnist --seeds 0 --parts headline,neurons
    """
    from circuitlogic.benchmarks.unwrap.experiment import PARTS
    from circuitlogic.benchmarks.unwrap.run import report_finished
    from circuitlogic.benchmarks.unwrap.run import unwrap as run
    from circuitlogic.cli.console_progress import console_progress
    from circuitlogic.cli.settings import parse_widths, with_threads
    from circuitlogic.config import config_from_mapping

    config = config_from_mapping({"data": {"dataset": "mnist", **({} if data is None else {"path": data})}})
    chosen = parse_widths(seeds, what="--seeds", lowest=0)
    command = f"circuitlogic bench unwrap --seeds {seeds}" + (f" --parts {parts}" if parts else "")
    with with_threads(threads), console_progress(Streams(color=not no_color, quiet=quiet)) as progress:
        if finished:
            report = report_finished(work, out, config, chosen, command, progress)
        else:
            report = run(work, out, config, chosen, command, _names(parts, ",") or PARTS, progress)
    write(f"{report}\n")


@bench_app.command("logic")
@planting_options
def logic(
    planting: Planting,
    out: ReportFile = None,
    json_file: JsonFile = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Processes; the result is the same.")] = 1,
    parts: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Keep finished parts here; the same command goes on from them.",
            file_okay=False,
        ),
    ] = None,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Plant gates and count how often readers find them.

    Takes about two minutes on one core, all tiers about fifteen. Equal options give equal scores.

    Example: circuitlogic bench logic --tier true,rotated --out reports/logicbench.md
    """
    from circuitlogic.benchmarks.logicbench.command import command_of, draw_tables
    from circuitlogic.benchmarks.logicbench.report import write_json_document, write_report
    from circuitlogic.benchmarks.logicbench.run import run_logicbench
    from circuitlogic.cli.console_progress import console_progress
    from circuitlogic.cli.settings import with_threads

    settings = planting.settings()
    streams = Streams(color=not no_color, quiet=quiet)
    with with_threads(1), console_progress(streams) as progress:
        bench = run_logicbench(settings, progress, jobs, parts)
    for table in draw_tables(bench):
        streams.draw(table)
    if json_file is not None:
        write_json_document(bench, json_file)
    if out is not None:
        write_report(bench, out, command_of(settings, out))
        write(f"{out}\n")


@bench_app.command("graph")
def graph(
    edges: Annotated[int, typer.Option(min=1_000, help="How many edges to draw.")] = 10_000_000,
    features: Annotated[int, typer.Option(min=64, help="Features per site; there are six sites.")] = 32_768,
    seed: Annotated[int, typer.Option(min=0, help="Of the graph and of the features asked about.")] = 0,
    rounds: Annotated[int, typer.Option(min=1, help="Features asked about per question.")] = 9,
    out: ReportFile = None,
    json_file: JsonFile = None,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Ask a large graph with hubs the same questions in every library.

    Ours, NetworkX, rustworkx and SciPy, as far as they are installed. Ten million edges take some minutes and
    about 8 GB, most of it NetworkX.

    Example: circuitlogic bench graph --edges 1000000
    """
    from circuitlogic.benchmarks.graphbench.hubs import Shape
    from circuitlogic.benchmarks.graphbench.measure import Settings, run_graphbench
    from circuitlogic.benchmarks.graphbench.report import (
        answer_table,
        target_table,
        write_json_document,
        write_report,
    )
    from circuitlogic.cli.console_progress import console_progress

    settings = Settings(Shape(features=features, edges=edges), seed, rounds)
    streams = Streams(color=not no_color, quiet=quiet)
    with console_progress(streams) as progress:
        bench = run_graphbench(settings, progress)
    streams.draw(target_table(bench))
    streams.draw(answer_table(bench))
    if json_file is not None:
        write_json_document(bench, json_file)
    if out is not None:
        write_report(bench, out)
        write(f"{out}\n")


@bench_app.command("connectors")
def connectors(
    out: ReportFile = None,
    json_file: JsonFile = None,
    samples: Annotated[int, typer.Option(min=100, help="Planted samples.")] = 20_000,
    inputs: Annotated[int, typer.Option(min=8, help="Input features.")] = 512,
    outputs: Annotated[int, typer.Option(min=1, help="Output features.")] = 512,
    rows: Annotated[int, typer.Option(min=1, help="Rows on which peers are timed.")] = 8,
    repeats: Annotated[int, typer.Option(min=1, help="Interleaved runs behind each median.")] = 3,
    penalty: Annotated[float, typer.Option(help="L1 penalty of the race.")] = 4e-4,
    linear_gap: Annotated[float, typer.Option(help="Gap of linear solvers.")] = 1e-6,
    relu_gap: Annotated[float, typer.Option(help="Gap of ReLU solvers.")] = 1e-3,
    seeds: Annotated[str, typer.Option(metavar="N,N,..", help="Draws; the race is on the first.")] = "0,1,2",
    arms: Annotated[str, typer.Option(metavar="A;B;..", help="Solvers to race; default: all.")] = "",
    recall: Annotated[bool, typer.Option(help="Count the planted edges that are found.")] = True,
    digits: Annotated[bool, typer.Option(help="Try every solver on the embedded digits.")] = True,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Race the connector solvers and their peers, and count the planted edges they find.

    Takes a few minutes on one core. Peers that are not installed (celer, skglm) are named as absent.

    Example: circuitlogic bench connectors --out reports/connectors.md
    """
    from circuitlogic.benchmarks.solverbench.run import (
        Settings,
        run_solverbench,
        tables,
        write_document,
        write_report,
    )
    from circuitlogic.cli.console_progress import console_progress
    from circuitlogic.cli.settings import parse_widths, with_threads

    chosen = tuple(parse_widths(seeds, what="--seeds", lowest=0))
    settings = Settings(
        samples,
        inputs,
        outputs,
        rows,
        repeats,
        penalty,
        linear_gap,
        relu_gap,
        chosen,
        _names(arms, ";"),
        recall,
        digits,
    )
    streams = Streams(color=not no_color, quiet=quiet)
    with with_threads(1), console_progress(streams) as progress:
        bench = run_solverbench(settings, progress)
    for table in tables(bench):
        streams.draw(table)
    if json_file is not None:
        write_document(bench, json_file)
    if out is not None:
        write_report(bench, out)
        write(f"{out}\n")


def _names(text: str, separator: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(separator) if name.strip())


@bench_app.command("reading")
def reading(
    rows: Annotated[int, typer.Option(min=100, help="Output features to read.")] = 2000,
    samples: Annotated[int, typer.Option(min=1000, help="For reading, and as many for judging.")] = 100_000,
    inputs: Annotated[int, typer.Option(min=12, help="Input features at the site.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draw.")] = 0,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Measure how fast rows are read as gates, by plain and by compiled loops.

    Example: circuitlogic bench reading --rows 500
    """
    from circuitlogic.benchmarks.readspeed import draw_speed, measure_reading
    from circuitlogic.cli.console_progress import console_progress
    from circuitlogic.cli.settings import with_threads

    streams = Streams(color=not no_color, quiet=quiet)
    with with_threads(1), console_progress(streams) as progress:
        speed = measure_reading(rows, samples, inputs, seed, progress)
    streams.draw(draw_speed(speed))


@bench_app.command("lm")
def lm(
    config_files: Annotated[
        list[Path],
        typer.Argument(
            metavar="CONFIG.toml...", help="Of a language model; one with random_weights is a control."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the report.")] = Path(
        "reports/lm"
    ),
    work: Annotated[
        Path, typer.Option(metavar="DIR", help="Its studies; a second run takes them up.")
    ] = Path("runs/bench-lm"),
    control: Annotated[bool, typer.Option(help="Study the untrained copy of the model too.")] = True,
    control_of: Annotated[
        str, typer.Option(metavar="TEXT", help="Of the copy only layers whose name contains this.")
    ] = "",
    threads: Annotated[int, typer.Option(min=1, help="Threads torch may use.")] = 1,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Study a language model and its untrained copy side by side, layer by layer, with galleries of its gates.

    Layers that need settings of their own get a file of their own.

    Example: circuitlogic bench lm novels.toml --out reports/novels
    """
    from circuitlogic.benchmarks.lm.run import run_lm
    from circuitlogic.cli.console_progress import console_progress
    from circuitlogic.cli.settings import with_threads
    from circuitlogic.config import load_config

    only = f" --control-of {control_of}" if control and control_of else "" if control else " --no-control"
    command = f"circuitlogic bench lm {' '.join(map(str, config_files))}{only} --out {out}"
    configs = [load_config(path) for path in config_files]
    wanted = control_of if control and not any(c.network.random_weights for c in configs) else None
    with with_threads(threads), console_progress(Streams(color=not no_color, quiet=quiet)) as progress:
        report = run_lm(work, out, configs, wanted, command, progress)
    write(f"{report}\n")


@bench_app.command("tokens")
def tokens(
    config_file: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="Of a language model.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Markdown.")] = Path(
        "reports/tokens.md"
    ),
    work: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the study; it must not exist.")] = Path(
        "runs/bench-tokens"
    ),
    threads: Annotated[int, typer.Option(min=1, help="Threads torch may use.")] = 1,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Time a study of a language model, stage by stage, from its text to its connectors: tokens per second, memory.

    Example: circuitlogic bench tokens large.toml --out tokens.md
    """
    from circuitlogic.benchmarks.lm.throughput import measure_throughput, write_throughput
    from circuitlogic.cli.console_progress import console_progress
    from circuitlogic.cli.settings import with_threads
    from circuitlogic.config import load_config

    config = load_config(config_file)
    with with_threads(threads), console_progress(Streams(color=not no_color, quiet=quiet)) as progress:
        found = measure_throughput(work, config, progress)
    write_throughput(found, config, f"circuitlogic bench tokens {config_file} --out {out}", out)
    write(f"{out}\n")
