"""`circuitlogic query`: one subcommand per question of `circuitlogic.graph.queries`."""

from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from circuitlogic.cli.options import Output, StudyArgument, output_options

if TYPE_CHECKING:
    from circuitlogic.graph.store import FeatureGraph
    from circuitlogic.graph.subgraph import SubGraph

query_app = typer.Typer(
    no_args_is_help=True,
    help="""Ask the feature graph.

    What feeds a feature, what it feeds, how features hang together.

    Example: circuitlogic query runs/digits ancestors hidden.2/30 --depth 2""",
)

Feature: TypeAlias = Annotated[str, typer.Argument(metavar="FEATURE", help="SITE/INDEX, e.g. hidden.1/30.")]
First: TypeAlias = Annotated[str, typer.Argument(metavar="A", help="SITE/INDEX.")]
Second: TypeAlias = Annotated[str, typer.Argument(metavar="B", help="SITE/INDEX.")]
Depth: TypeAlias = Annotated[int | None, typer.Option(min=1, help="At most so many edges away.")]
MinWeight: TypeAlias = Annotated[
    float, typer.Option(min=0.0, help="Follow only edges with |weight| above it.")
]
Sign: TypeAlias = Annotated[Literal["+", "-"] | None, typer.Option(help="Follow only edges of this sign.")]
Sites: TypeAlias = Annotated[
    list[str] | None, typer.Option("--site", help="Keep only features of this site; repeatable.")
]
Tree: TypeAlias = Annotated[bool, typer.Option("--tree", help="Draw the tree in a pipe, too.")]
Isolated: TypeAlias = Annotated[bool, typer.Option(help="Add features that have neither inputs nor outputs.")]

_Ask: TypeAlias = "Callable[[FeatureGraph, float], SubGraph]"


_study: ContextVar[Path] = ContextVar("study")
"""The study that stands between `query` and the subcommand."""


@query_app.callback()
def of_study(study: StudyArgument) -> None:
    """Remember the study for the subcommand."""
    _study.set(study)


def _answer(
    question: str,
    ask: _Ask,
    output: Output,
    min_weight: float = 0.0,
    *,
    tree: bool = False,
    upstream: bool | None = None,
) -> None:
    """Ask, explain emptiness, print.

    Args:
        question: For the JSON document.
        ask: The query at a given `min_weight`.
        output: How to print.
        min_weight: What the user asked for.
        tree: Draw a tree even in a pipe.
        upstream: Of a cone: whether it holds inputs or outputs; None for other answers, which are no trees.
    """
    from circuitlogic.cli.answers import print_answer
    from circuitlogic.stages.extracted import load_graph
    from circuitlogic.study import Study

    root = _study.get()
    graph = load_graph(Study.open(root))
    print_answer(root, question, lambda least: ask(graph, least), output, min_weight, tree, upstream)


@query_app.command()
@output_options
def ancestors(
    feature: Feature,
    depth: Depth = None,
    min_weight: MinWeight = 0.0,
    sign: Sign = None,
    site: Sites = None,
    tree: Tree = False,
    *,
    output: Output,
) -> None:
    """Everything that feeds a feature: its input cone, as a tree with weights.

    Example: circuitlogic query runs/digits ancestors hidden.2/30 --depth 2
    """
    from circuitlogic.graph import queries

    _answer(
        "ancestors",
        lambda graph, least: queries.ancestors(graph, feature, depth, least, sign, site, output.limit),
        output,
        min_weight,
        tree=tree,
        upstream=True,
    )


@query_app.command()
@output_options
def descendants(
    feature: Feature,
    depth: Depth = None,
    min_weight: MinWeight = 0.0,
    sign: Sign = None,
    site: Sites = None,
    tree: Tree = False,
    *,
    output: Output,
) -> None:
    """Everything that a feature feeds, as a tree with weights.

    Example: circuitlogic query runs/digits descendants hidden.0/12 --min-weight 0.2
    """
    from circuitlogic.graph import queries

    _answer(
        "descendants",
        lambda graph, least: queries.descendants(graph, feature, depth, least, sign, site, output.limit),
        output,
        min_weight,
        tree=tree,
        upstream=False,
    )


@query_app.command()
@output_options
def neighbors(
    feature: Feature,
    min_weight: MinWeight = 0.0,
    sign: Sign = None,
    site: Sites = None,
    *,
    output: Output,
) -> None:
    """The features one edge away, inputs and outputs.

    Example: circuitlogic query runs/digits neighbors hidden.1/30
    """
    from circuitlogic.graph import queries

    _answer(
        "neighbors",
        lambda graph, least: queries.neighbors(graph, feature, least, sign, site, output.limit),
        output,
        min_weight,
    )


@query_app.command()
@output_options
def path(
    a: First,
    b: Second,
    k: Annotated[int, typer.Option("-k", min=1, help="How many paths.")] = 1,
    min_weight: MinWeight = 0.0,
    sign: Sign = None,
    *,
    output: Output,
) -> None:
    """The strongest directed paths from A to B, by the product of |weight|.

    Example: circuitlogic query runs/digits path hidden.0/12 hidden.2/30 -k 3
    """
    from circuitlogic.graph import queries

    _answer("path", lambda graph, least: queries.path(graph, a, b, k, least, sign), output, min_weight)


@query_app.command()
@output_options
def between(
    a: First,
    b: Second,
    min_weight: MinWeight = 0.0,
    sign: Sign = None,
    *,
    output: Output,
) -> None:
    """All features on any directed path from A to B.

    Example: circuitlogic query runs/digits between hidden.0/12 hidden.2/30
    """
    from circuitlogic.graph import queries

    _answer("between", lambda graph, least: queries.between(graph, a, b, least, sign), output, min_weight)


@query_app.command()
@output_options
def common(
    a: First,
    b: Second,
    depth: Depth = None,
    min_weight: MinWeight = 0.0,
    sign: Sign = None,
    site: Sites = None,
    *,
    output: Output,
) -> None:
    """The ancestors that A and B share.

    Example: circuitlogic query runs/digits common hidden.2/30 hidden.2/31
    """
    from circuitlogic.graph import queries

    _answer(
        "common",
        lambda graph, least: queries.common(graph, a, b, depth, least, sign, site, output.limit),
        output,
        min_weight,
    )


@query_app.command()
@output_options
def roots(min_weight: MinWeight = 0.0, isolated: Isolated = False, *, output: Output) -> None:
    """Features with outputs and no inputs.

    Example: circuitlogic query runs/digits roots --min-weight 0.3
    """
    from circuitlogic.graph import queries

    _answer("roots", lambda graph, least: queries.roots(graph, least, isolated), output, min_weight)


@query_app.command()
@output_options
def leaves(min_weight: MinWeight = 0.0, isolated: Isolated = False, *, output: Output) -> None:
    """Features with inputs and no outputs.

    Example: circuitlogic query runs/digits leaves --format csv
    """
    from circuitlogic.graph import queries

    _answer("leaves", lambda graph, least: queries.leaves(graph, least, isolated), output, min_weight)


@query_app.command()
@output_options
def find(
    label: Annotated[str | None, typer.Option(help="Part of the label; case does not matter.")] = None,
    kind: Annotated[str | None, typer.Option(help="Gate kind.")] = None,
    min_fan_in: Annotated[int | None, typer.Option(min=0, help="At least so many inputs.")] = None,
    site: Annotated[str | None, typer.Option(help="Only features of this site.")] = None,
    min_weight: MinWeight = 0.0,
    *,
    output: Output,
) -> None:
    """Features that meet every condition given.

    Example: circuitlogic query runs/digits find --kind and-not --min-fan-in 3
    """
    from circuitlogic.graph import queries
    from circuitlogic.logic.kinds import kind_named

    if kind is not None:
        kind_named(kind)
    _answer(
        "find",
        lambda graph, least: queries.find(graph, label, kind, min_fan_in, site, least),
        output,
        min_weight,
    )
