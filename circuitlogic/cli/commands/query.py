"""`circuitlogic query`: one subcommand per question of `circuitlogic.graph.queries`."""

from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from circuitlogic.cli.options import Output, StudyArgument, output_options
from circuitlogic.cli.query_options import Narrowed, NarrowedWalk, narrowed, narrowed_walk

if TYPE_CHECKING:
    from circuitlogic.graph.store import FeatureGraph
    from circuitlogic.graph.subgraph import SubGraph

query_app = typer.Typer(
    no_args_is_help=True,
    help="""Ask the feature graph.

    What feeds a feature, what it feeds, how features hang together. A feature is SITE/INDEX, or @TEXT for
    the one that bears this label.

    Example: circuitlogic query runs/digits ancestors hidden.2/30 --depth 2""",
)

Feature: TypeAlias = Annotated[
    str, typer.Argument(metavar="FEATURE", help="SITE/INDEX, e.g. hidden.1/30, or @LABEL.")
]
First: TypeAlias = Annotated[str, typer.Argument(metavar="A", help="SITE/INDEX or @LABEL.")]
Second: TypeAlias = Annotated[str, typer.Argument(metavar="B", help="SITE/INDEX or @LABEL.")]
Tree: TypeAlias = Annotated[bool, typer.Option("--tree", help="Draw the tree in a pipe, too.")]
Isolated: TypeAlias = Annotated[bool, typer.Option(help="Add features that have neither inputs nor outputs.")]
Of: TypeAlias = Annotated[
    str | None, typer.Option("--of", metavar="FEATURE", help="Only those in the cone of this feature.")
]

_Ask: TypeAlias = "Callable[[FeatureGraph, dict[str, Any]], SubGraph]"


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
    narrow: Narrowed,
    *,
    limited: bool = True,
    tree: bool = False,
    upstream: bool | None = None,
) -> None:
    """Ask and print.

    Args:
        question: For the JSON document.
        ask: The query, given the graph and the filters.
        output: How to print.
        narrow: The filters.
        limited: Whether `--limit` is a filter of the question, or only cuts its rows.
        tree: Draw a tree even in a pipe.
        upstream: Of a cone: whether it holds inputs or outputs; None for other answers, which are no trees.
    """
    from circuitlogic.cli.answers import print_answer
    from circuitlogic.stages.extracted import load_graph
    from circuitlogic.study import Study

    root = _study.get()
    graph = load_graph(Study.open(root))
    limit = output.limit if limited else None
    answer = ask(graph, narrow.only(graph, limit))
    print_answer(root, question, answer, output, tree, upstream)


def _node(graph: "FeatureGraph", text: str) -> str:
    from circuitlogic.cli.feature_lookup import feature_named

    return feature_named(graph, text)


@query_app.command()
@output_options
@narrowed_walk
def ancestors(feature: Feature, tree: Tree = False, *, narrow: NarrowedWalk, output: Output) -> None:
    """Everything that feeds a feature: its input cone, as a tree with weights.

    Example: circuitlogic query runs/digits ancestors hidden.2/30 --depth 2
    """
    _answer(
        "ancestors",
        lambda graph, only: graph.ancestors(_node(graph, feature), **only),
        output,
        narrow,
        tree=tree,
        upstream=True,
    )


@query_app.command()
@output_options
@narrowed_walk
def descendants(feature: Feature, tree: Tree = False, *, narrow: NarrowedWalk, output: Output) -> None:
    """Everything that a feature feeds, as a tree with weights.

    Example: circuitlogic query runs/digits descendants hidden.0/12 --min-weight 0.2
    """
    _answer(
        "descendants",
        lambda graph, only: graph.descendants(_node(graph, feature), **only),
        output,
        narrow,
        tree=tree,
        upstream=False,
    )


@query_app.command()
@output_options
@narrowed
def neighbors(feature: Feature, *, narrow: Narrowed, output: Output) -> None:
    """The features one edge away, inputs and outputs.

    Example: circuitlogic query runs/digits neighbors hidden.1/30
    """
    _answer(
        "neighbors",
        lambda graph, only: graph.neighbors(_node(graph, feature), **only),
        output,
        narrow,
    )


@query_app.command()
@output_options
@narrowed_walk
def path(
    a: First,
    b: Second,
    k: Annotated[int, typer.Option("-k", min=1, help="How many paths.")] = 1,
    *,
    narrow: NarrowedWalk,
    output: Output,
) -> None:
    """The strongest directed paths from A to B, by the product of |weight|.

    `--site` confines what lies between them.

    Example: circuitlogic query runs/digits path hidden.0/12 hidden.2/30 -k 3
    """
    _answer(
        "path",
        lambda graph, only: graph.path(_node(graph, a), _node(graph, b), k, **only),
        output,
        narrow,
        limited=False,
    )


@query_app.command()
@output_options
@narrowed_walk
def between(a: First, b: Second, *, narrow: NarrowedWalk, output: Output) -> None:
    """All features on any directed path from A to B.

    Example: circuitlogic query runs/digits between hidden.0/12 hidden.2/30
    """
    _answer(
        "between",
        lambda graph, only: graph.between(_node(graph, a), _node(graph, b), **only),
        output,
        narrow,
    )


@query_app.command()
@output_options
@narrowed_walk
def common(a: First, b: Second, *, narrow: NarrowedWalk, output: Output) -> None:
    """The ancestors that A and B share.

    Example: circuitlogic query runs/digits common hidden.2/30 hidden.2/31
    """
    _answer(
        "common",
        lambda graph, only: graph.common(_node(graph, a), _node(graph, b), **only),
        output,
        narrow,
    )


@query_app.command()
@output_options
@narrowed_walk
def roots(isolated: Isolated = False, of: Of = None, *, narrow: NarrowedWalk, output: Output) -> None:
    """Features with outputs and no inputs; with --of, where the ancestry of a feature begins.

    Example: circuitlogic query runs/digits roots --min-weight 0.3
    """
    _answer(
        "roots",
        lambda graph, only: graph.roots(isolated, None if of is None else _node(graph, of), **only),
        output,
        narrow,
    )


@query_app.command()
@output_options
@narrowed_walk
def leaves(isolated: Isolated = False, of: Of = None, *, narrow: NarrowedWalk, output: Output) -> None:
    """Features with inputs and no outputs; with --of, where the influence of a feature ends.

    Example: circuitlogic query runs/digits leaves --format csv
    """
    _answer(
        "leaves",
        lambda graph, only: graph.leaves(isolated, None if of is None else _node(graph, of), **only),
        output,
        narrow,
    )


@query_app.command()
@output_options
@narrowed
def find(
    label: Annotated[str | None, typer.Option(help="Part of the label; case does not matter.")] = None,
    kind: Annotated[str | None, typer.Option(help="Gate kind.")] = None,
    min_fan_in: Annotated[int | None, typer.Option(min=0, help="At least so many inputs.")] = None,
    min_fidelity: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="At least this held-out F1 of the formula.")
    ] = None,
    *,
    narrow: Narrowed,
    output: Output,
) -> None:
    """Features that meet every condition given.

    Example: circuitlogic query runs/digits find --kind and-not --min-fan-in 3 --min-fidelity 0.8
    """
    if kind is not None:
        from circuitlogic.logic.kinds import kind_named

        kind_named(kind)
    _answer(
        "find",
        lambda graph, only: graph.find(label, kind, min_fan_in, min_fidelity, **only),
        output,
        narrow,
        limited=False,
    )


@query_app.command()
@output_options
@narrowed_walk
def contributions(
    feature: Feature,
    example: Annotated[
        int | None, typer.Option(min=0, help="One sample; default: the average over its firings.")
    ] = None,
    split: Annotated[Literal["heldout", "train"], typer.Option(help="Whose samples.")] = "heldout",
    *,
    narrow: NarrowedWalk,
    output: Output,
) -> None:
    """Which ancestors carry how much of a feature's activation; direct inputs unless --depth says more.

    Example: circuitlogic query runs/digits contributions hidden.2/30 --example 17 --depth 2
    """
    from circuitlogic.cli.contribution_listing import print_contributions
    from circuitlogic.stages.activity import site_activity
    from circuitlogic.stages.extracted import load_graph
    from circuitlogic.study import Study

    root = _study.get()
    study = Study.open(root)
    graph = load_graph(study)
    wanted = graph.feature(graph.node(_node(graph, feature)))
    activity = site_activity(study, split, up_to=wanted.site)
    only = narrow.only(graph, output.limit)
    print_contributions(str(root), split, graph.contributions(wanted, activity, example, **only), output)
