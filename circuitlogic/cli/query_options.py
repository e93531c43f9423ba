"""Owns the options that narrow a question to the graph, and how their values become its filters."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from circuitlogic.cli.options import option_group
from circuitlogic.features import site_name

if TYPE_CHECKING:
    from circuitlogic.graph.base import BaseGraph


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Filters of every question; `limit` is an option of the output."""

    min_weight: Annotated[
        float, typer.Option("--min-weight", min=0.0, help="Follow only edges with |weight| above it.")
    ] = 0.0
    sign: Annotated[
        Literal["+", "-"] | None, typer.Option("--sign", help="Follow only edges of this sign.")
    ] = None
    site: Annotated[
        list[str] | None,
        typer.Option("--site", help="Keep only features of this site (* and ? match); repeatable."),
    ] = None

    def only(self, graph: "BaseGraph", limit: int | None = None) -> dict[str, Any]:
        """The filters as the graph takes them.

        Raises:
            UnknownNameError: no site is meant.
        """
        sites = None if self.site is None else [s for wanted in self.site for s in _sites(graph, wanted)]
        given = {"min_weight": self.min_weight, "sign": self.sign, "sites": sites, "limit": limit}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class NarrowedWalk(Narrowed):
    """Filters of questions that walk away from a feature."""

    depth: Annotated[
        int | None, typer.Option("--depth", min=1, help="At most so many edges away (of a path: long).")
    ] = field(default=None)

    def only(self, graph: "BaseGraph", limit: int | None = None) -> dict[str, Any]:
        """The filters as the graph takes them."""
        depth = {} if self.depth is None else {"depth": self.depth}
        return {**Narrowed.only(self, graph, limit), **depth}


def _sites(graph: "BaseGraph", wanted: str) -> list[str]:
    """The sites that a name or a pattern means."""
    found = [site for site in graph.sites if fnmatchcase(site, site_name(wanted))]
    if not found:
        graph.members(wanted)
    return found


narrowed = option_group("narrow", Narrowed)
"""Give a command the options of `Narrowed`; it receives them as the keyword argument `narrow`."""
narrowed_walk = option_group("narrow", NarrowedWalk)
"""The same with `--depth`."""
