"""`circuitlogic train`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from circuitlogic.cli.console import Streams, write
from circuitlogic.cli.options import NoColor, Quiet, Threads
from circuitlogic.config import Architecture, Init, Solver

ConfigFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="[CONFIG.toml]", help="Settings; see `circuitlogic config show`.", show_default=False
    ),
]
Penalties = Annotated[
    int | None,
    typer.Option(min=0, help="L1 penalties tried per output (gram, relu); 0: only connectors.l1."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Any other setting, repeatable, as in TOML."),
]


def train(
    config_file: ConfigFile = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="STUDY", help="Study folder to make or to resume.")
    ] = Path("study"),
    dataset: Annotated[str | None, typer.Option(help="digits, mnist or idx.")] = None,
    data: Annotated[str | None, typer.Option(metavar="DIR", help="Folder of the data.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice.")] = None,
    hidden: Annotated[str | None, typer.Option(metavar="N,N,..", help="Widths of the hidden layers.")] = None,
    architecture: Annotated[Architecture | None, typer.Option(help="Of the sparse autoencoders.")] = None,
    l1: Annotated[float | None, typer.Option(help="L1 weight of the autoencoders.")] = None,
    k: Annotated[int | None, typer.Option(help="Firing features per sample (topk, batch_topk).")] = None,
    solver: Annotated[Solver | None, typer.Option(help="Of the connectors.")] = None,
    penalties: Penalties = None,
    init: Annotated[Init | None, typer.Option(help="Of the connectors.")] = None,
    edges: Annotated[int | None, typer.Option(help="Edges to keep per connector.")] = None,
    tokens: Annotated[int | None, typer.Option(min=1, help="To train on (language models).")] = None,
    disk_budget: Annotated[float | None, typer.Option(metavar="GB", help="For activations of text.")] = None,
    keep_bos: Annotated[
        bool, typer.Option("--keep-bos", help="Keep special and first tokens of text.")
    ] = False,
    settings: Settings = None,
    threads: Threads = None,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Train a network, its autoencoders and connectors.

    A stage that is done and unchanged is not run again: the same command resumes a study that was interrupted.
    Without CONFIG.toml an existing study goes on with its own settings. Flags overrule both. What none of them
    says takes its default, of which the small digits have their own (`circuitlogic config show --dataset digits`).

    Example: circuitlogic train --dataset digits --out runs/digits
    """
    from circuitlogic.cli.settings import parse_settings, parse_widths

    flags: dict[str, Any] = {
        "data.dataset": dataset,
        "data.path": data,
        "seed": seed,
        "network.hidden": None if hidden is None else parse_widths(hidden),
        "saes.architecture": architecture,
        "saes.l1": l1,
        "saes.k": k,
        "connectors.solver": solver,
        "connectors.penalties": penalties,
        "connectors.init": init,
        "tune.edges": edges,
        "text.tokens": tokens,
        "text.disk_budget": disk_budget,
        **({"text.keep_special": True, "text.skip_first": 0} if keep_bos else {}),
        **parse_settings(settings or []),
    }
    _run(config_file, out, flags, threads, Streams(color=not no_color, quiet=quiet))


def _run(
    config_file: Path | None, out: Path, flags: dict[str, Any], threads: int | None, streams: Streams
) -> None:
    from circuitlogic.cli.console_progress import console_progress
    from circuitlogic.cli.settings import resolve_config, with_threads
    from circuitlogic.pipeline import train as run

    config = resolve_config(config_file, out, flags)
    with with_threads(threads), console_progress(streams) as progress:
        study = run(out, config, progress)
    streams.say(f"trained: next, `circuitlogic extract {study.root}`")
    write(f"{study.root}\n")
