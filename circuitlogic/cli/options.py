"""Owns the options that several commands share, so that each is written, named and explained once."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_type_hints

import typer

from circuitlogic.cli.console import Streams
from circuitlogic.errors import CircuitLogicError, ConfigError

Format: TypeAlias = Literal["table", "json", "jsonl", "csv", "tsv", "md"]

StudyArgument: TypeAlias = Annotated[
    Path, typer.Argument(metavar="STUDY", help="Folder of a study, made by `circuitlogic train`.")
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Force: TypeAlias = Annotated[bool, typer.Option("--force", help="Overwrite what exists.")]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only errors.")]
Threads: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Threads torch may use; small networks are fastest with 1.")
]
NoColor: TypeAlias = Annotated[bool, typer.Option("--no-color", help="No colour; NO_COLOR does the same.")]

MAX_LAYERS = 16
"""Layers that `--expand` takes at most."""


@dataclass(frozen=True, slots=True)
class Output:
    """How a listing is printed; each field is one option of every command that lists."""

    format: Annotated[
        Format | None,
        typer.Option("--format", "-f", help="Default: a table on a terminal, TSV in a pipe."),
    ] = None
    json: Json = False
    columns: Annotated[
        str | None,
        typer.Option("--columns", metavar="A,B,..", help="Show only these columns, in this order."),
    ] = None
    sort: Annotated[
        str | None, typer.Option("--sort", metavar="COLUMN", help="Sort by a column; -COLUMN: largest first.")
    ] = None
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Show only the first N.")
    ] = None
    quiet: Quiet = False
    no_color: NoColor = False

    @property
    def streams(self) -> Streams:
        """How this run talks."""
        return Streams(color=not self.no_color, quiet=self.quiet)

    @property
    def chosen(self) -> Format:
        """The format asked for, else the one that suits stdout.

        Raises:
            ConfigError: `--json` beside another `--format`.
        """
        if self.json and self.format not in (None, "json"):
            raise ConfigError(f"--json and --format {self.format} contradict each other: give one of them")
        if self.json:
            return "json"
        return self.format or ("table" if self.streams.interactive else "tsv")

    @property
    def is_default(self) -> bool:
        """Whether nobody asked for a format or for columns."""
        return self.format is None and not self.json and self.columns is None


def option_group(name: str, group: type[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one option per field of the dataclass `group`; it receives them as the argument `name`."""
    hints = get_type_hints(group, include_extras=True)
    shared = [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=hints[f.name])
        for f in fields(group)
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own = [p for p in signature.parameters.values() if p.name != name]

        @functools.wraps(command)
        def with_group(**given: Any) -> None:
            value = group(**{f.name: given.pop(f.name) for f in fields(group)})
            command(**given, **{name: value})

        rest = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
        parameters = rest + shared
        with_group.__dict__["__signature__"] = signature.replace(parameters=parameters)
        with_group.__annotations__ = {p.name: p.annotation for p in parameters}
        return with_group

    return decorate


output_options = option_group("output", Output)
"""Give a command the options of `Output`; it receives them as the keyword argument `output`."""


def check_free(*paths: Path, force: bool) -> None:
    """Refuse to overwrite.

    Raises:
        CircuitLogicError: one of `paths` exists and `force` is not given.
        ConfigError: one of them is a folder.
    """
    for path in paths:
        if path.is_dir():
            raise ConfigError(f"{path} is a folder: give the name of a file")
        if path.exists() and not force:
            raise CircuitLogicError(f"{path} exists: give another name, or --force to overwrite it")
