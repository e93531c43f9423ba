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
        str, typer.Option(metavar="A,B,..", help="Of headline, neurons, random, curve, ladder; default: all.")
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
    if finished:
        write(f"{report_finished(work, out, chosen, command)}\n")
        return
    with with_threads(threads), console_progress(Streams(color=not no_color, quiet=quiet)) as progress:
        report = run(work, out, config, chosen, command, _names(parts, ",") or PARTS, progress)
    write(f"{report}\n")


@bench_app.command("logic")
def logic(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write a Markdown report.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write settings, summaries and every score.")
    ] = None,
    tier: Annotated[
        str, typer.Option(metavar="A,B,..", help="Tiers: true, rotated, superposed, sgd, ...; or all.")
    ] = "true",
    seed: Annotated[str, typer.Option(metavar="N,N,..", help="Seeds of the draws.")] = "101",
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Processes; the result is the same.")] = 1,
    per_kind: Annotated[int, typer.Option(min=1, help="Cases per kind, condition, floor and seed.")] = 6,
    samples: Annotated[int, typer.Option(min=1000, help="For reading, and as many for judging.")] = 30_000,
    conditions: Annotated[str, typer.Option(metavar="A,B,..", help="Conditions; default: all.")] = "",
    arms: Annotated[str, typer.Option(metavar="A,B,..", help="Readers to compare; default: all.")] = "",
    kinds: Annotated[str, typer.Option(metavar="A;B;..", help="Kinds to plant; default: all.")] = "",
    leak: Annotated[
        str, typer.Option(metavar="X,X,..", help="Noise floors: weak activations per true firing.")
    ] = "0",
    pool: Annotated[float, typer.Option(help="Size of the pool; 1: about 500 inputs to draw from.")] = 1.0,
    rates: Annotated[str, typer.Option(metavar="LO,HI", help="Firing rates of groups of inputs.")] = "",
    magnitudes: Annotated[
        str, typer.Option(metavar="SHAPE", help="log-normal:SPREAD or exponential, in all conditions.")
    ] = "",
    spurious: Annotated[str, typer.Option(metavar="N,N", help="Weights of inputs that do nothing.")] = "",
    spurious_weight: Annotated[float | None, typer.Option(help="Largest of them, typical firings.")] = None,
    weight_noise: Annotated[float | None, typer.Option(help="Spread of the factor on weights.")] = None,
    twins: Annotated[
        str, typer.Option(metavar="X,X,..", help="Correlations of tier twins.")
    ] = ".8,.9,.95,.98",
    fan_in: Annotated[
        str, typer.Option(metavar="N,N,..", help="Inputs per gate of tier wide.")
    ] = "8,12,16,20,25,30",
    depth: Annotated[str, typer.Option(metavar="N,N,..", help="Layers of tier deep.")] = "2,3,4",
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Plant gates and count how often readers find them.

    Takes about two minutes on one core, all tiers about fifteen. Equal options give equal scores.

    Example: circuitlogic bench logic --tier true,rotated --out reports/logicbench.md
    """
    from circuitlogic.benchmarks.logicbench.command import command_of, draw_tables
    from circuitlogic.benchmarks.logicbench.conditions import Knobs, magnitudes_named
    from circuitlogic.benchmarks.logicbench.report import write_json_document, write_report
    from circuitlogic.benchmarks.logicbench.run import run_logicbench
    from circuitlogic.benchmarks.logicbench.settings import Settings, Sizes
    from circuitlogic.cli.console_progress import console_progress
    from circuitlogic.cli.settings import parse_widths, with_threads

    settings = Settings(
        seeds=tuple(parse_widths(seed, what="--seed", lowest=0)),
        sizes=Sizes(samples=samples, per_kind=per_kind, pool=pool),
        leaks=_numbers(leak, "--leak"),
        kinds=_names(kinds, ";"),
        conditions=_names(conditions, ","),
        arms=_names(arms, ","),
        tiers=_names(tier, ","),
        knobs=Knobs(
            magnitudes=magnitudes_named(magnitudes) if magnitudes else None,
            rates=_pair(rates, "--rates"),
            weight_noise=weight_noise,
            spurious=_whole_pair(spurious, "--spurious"),
            spurious_weight=spurious_weight,
        ),
        rhos=_numbers(twins, "--twins"),
        fan_ins=tuple(parse_widths(fan_in, what="--fan-in")),
        depths=tuple(parse_widths(depth, what="--depth")),
    )
    streams = Streams(color=not no_color, quiet=quiet)
    with with_threads(1), console_progress(streams) as progress:
        bench = run_logicbench(settings, progress, jobs)
    for table in draw_tables(bench):
        streams.draw(table)
    if json_file is not None:
        write_json_document(bench, json_file)
    if out is not None:
        write_report(bench, out, command_of(settings, out))
        write(f"{out}\n")


@bench_app.command("lm")
def lm(
    config_file: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="Of a language model's study.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the report.")] = Path(
        "reports/lm"
    ),
    work: Annotated[
        Path, typer.Option(metavar="DIR", help="Its studies; a second run takes them up.")
    ] = Path("runs/bench-lm"),
    control: Annotated[bool, typer.Option(help="Study the untrained copy of the model too.")] = True,
    threads: Annotated[int, typer.Option(min=1, help="Threads torch may use.")] = 1,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Study a language model and its untrained copy side by side, with galleries of its gates.

    Example: circuitlogic bench lm novels.toml --out reports/novels
    """
    from circuitlogic.benchmarks.lm.run import run_lm
    from circuitlogic.cli.console_progress import console_progress
    from circuitlogic.cli.settings import with_threads
    from circuitlogic.config import load_config

    command = f"circuitlogic bench lm {config_file.name}{'' if control else ' --no-control'}"
    config = load_config(config_file)
    with with_threads(threads), console_progress(Streams(color=not no_color, quiet=quiet)) as progress:
        report = run_lm(work, out, config, control, command, progress)
    write(f"{report}\n")


def _names(text: str, separator: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(separator) if name.strip())


def _numbers(text: str, what: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"{what} {text!r}: write numbers, for example 0,1,3") from None


def _pair(text: str, what: str) -> tuple[float, float] | None:
    if not text:
        return None
    values = _numbers(text, what)
    if len(values) != 2:
        raise ConfigError(f"{what} {text!r}: write a lowest and a highest, for example 0.01,0.1")
    return values[0], values[1]


def _whole_pair(text: str, what: str) -> tuple[int, int] | None:
    pair = _pair(text, what)
    if pair is None:
        return None
    if any(value != int(value) for value in pair):
        raise ConfigError(f"{what} {text!r}: write whole numbers, for example 6,14")
    return int(pair[0]), int(pair[1])
