"""`circuitlogic bench`."""

from pathlib import Path
from typing import Annotated

import typer

from circuitlogic.cli.console import Streams, write
from circuitlogic.cli.options import NoColor, Quiet
from circuitlogic.errors import ConfigError

bench_app = typer.Typer(
    name="bench",
    help="Run the experiments behind the project's figures.\n\nExample: circuitlogic bench mnist",
    no_args_is_help=True,
)


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


@bench_app.command("logic")
def logic(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write a Markdown report.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write settings, summaries and every score.")
    ] = None,
    per_kind: Annotated[int, typer.Option(min=1, help="Cases per kind, condition, floor and seed.")] = 6,
    seed: Annotated[str, typer.Option(metavar="N,N,..", help="Seeds of the draws.")] = "101",
    samples: Annotated[int, typer.Option(min=1000, help="For reading, and as many for judging.")] = 30_000,
    conditions: Annotated[str, typer.Option(metavar="A,B,..", help="Conditions; default: all.")] = "",
    arms: Annotated[str, typer.Option(metavar="A,B,..", help="Readers to compare; default: all.")] = "",
    kinds: Annotated[str, typer.Option(metavar="A;B;..", help="Kinds to plant; default: all.")] = "",
    leak: Annotated[
        str, typer.Option(metavar="X,X,..", help="Noise floors: weak activations per true firing.")
    ] = "0",
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Plant gates and count how often readers find them.

    Takes about two minutes on one core. Equal options give equal scores.

    Example: circuitlogic bench logic --out reports/logicbench.md
    """
    from circuitlogic.benchmarks.logicbench.cases import Sizes
    from circuitlogic.benchmarks.logicbench.command import command_of, draw_table
    from circuitlogic.benchmarks.logicbench.report import write_json_document, write_report
    from circuitlogic.benchmarks.logicbench.run import Settings, run_logicbench
    from circuitlogic.cli.console_progress import console_progress
    from circuitlogic.cli.settings import parse_widths, with_threads

    settings = Settings(
        seeds=tuple(parse_widths(seed, what="--seed", lowest=0)),
        sizes=Sizes(samples=samples, per_kind=per_kind),
        leaks=_numbers(leak, "--leak"),
        kinds=_names(kinds, ";"),
        conditions=_names(conditions, ","),
        arms=_names(arms, ","),
    )
    streams = Streams(color=not no_color, quiet=quiet)
    with with_threads(1), console_progress(streams) as progress:
        bench = run_logicbench(settings, progress)
    streams.draw(draw_table(bench))
    if json_file is not None:
        write_json_document(bench, json_file)
    if out is not None:
        write_report(bench, out, command_of(settings, out))
        write(f"{out}\n")


@bench_app.command("connectors")
def connectors(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write a Markdown report.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write settings and every figure.")
    ] = None,
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


def _numbers(text: str, what: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"{what} {text!r}: write numbers, for example 0,1,3") from None
