"""Owns how the answer of a query leaves: rows, paths, a tree, or an explanation why there is nothing."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuitlogic.cli.documents import write_document
from circuitlogic.cli.listing import Listing, Value, write_listing
from circuitlogic.cli.options import Output

if TYPE_CHECKING:
    from circuitlogic.graph.subgraph import SubGraph

_NODES = ("feature", "label", "kind", "depth", "influence", "fidelity", "firing_rate")
_PATHS = ("rank", "product", "path", "weights")


def print_answer(
    study: Path,
    question: str,
    answer: "SubGraph",
    output: Output,
    tree: bool,
    upstream: bool | None,
) -> None:
    """Ask and print; of an empty answer, why it is empty.

    Args:
        study: Where the graph is from.
        question: Name of the query.
        answer: The graph's.
        output: How to print.
        tree: Draw a tree even in a pipe.
        upstream: Of a cone: whether it holds inputs or outputs; None for other answers, which are no trees.
    """
    answer = _limited(answer, output).ranked()
    as_tree = tree or (output.is_default and output.streams.interactive)
    if _as_document(output):
        if answer.is_empty:
            output.streams.say(answer.explanation)
        write_document("query", _document(study, question, answer))
    elif as_tree and upstream is not None and not answer.is_empty:
        from circuitlogic.cli.tree import cone_tree

        output.streams.draw(cone_tree(answer, upstream))
    else:
        ranked = answer.depth is not None and not answer.paths
        write_listing(_listing(question, answer), replace(output, limit=None) if ranked else output)
    if answer.left_out:
        word = "more" if answer.influence is None else "weaker"
        output.streams.say(f"{answer.left_out} {word} features hidden by --limit {output.limit}")


def _as_document(output: Output) -> bool:
    """Whether nodes, edges and paths are all asked for; rows are, once somebody chooses or sorts columns."""
    return output.chosen == "json" and output.columns is None and output.sort is None


def _limited(answer: "SubGraph", output: Output) -> "SubGraph":
    """The `--limit` strongest, for questions that have no limit of their own; the features asked about stay."""
    from circuitlogic.graph.selection import choose

    if output.limit is None or answer.left_out or answer.is_empty or answer.paths:
        return answer
    if answer.depth is not None:
        return choose(answer, None, output.limit)
    if not _as_document(output):
        return answer
    left_out = max(0, answer.nodes.size - output.limit)
    return replace(answer, nodes=answer.nodes[: output.limit], left_out=left_out)


def _document(study: Path, question: str, answer: "SubGraph") -> dict[str, Any]:
    return {
        "study": str(study),
        "question": question,
        "starts": [str(feature) for feature in answer.asked],
        "explanation": answer.explanation or None,
        "hidden": answer.left_out,
        "nodes": [{"feature": name, **data} for name, data in answer.node_items()],
        "edges": [{"source": a, "target": b, **data} for a, b, data in answer.edge_items()],
        "paths": [
            {"features": [str(f) for f in p.features], "weights": p.weights, "product": p.product}
            for p in answer.paths
        ],
    }


def _listing(question: str, answer: "SubGraph") -> Listing:
    about = {"question": question}
    if question == "path":
        return Listing("query", _PATHS, _path_rows(answer), about=about, empty=answer.explanation)
    rows: list[dict[str, Value]] = [
        {"feature": name, **{key: data.get(key) for key in _NODES[1:]}} for name, data in answer.node_items()
    ]
    return Listing("query", _NODES, rows, _filled(rows), about, answer.explanation)


def _path_rows(answer: "SubGraph") -> list[dict[str, Value]]:
    return [
        {
            "rank": rank,
            "product": path.product,
            "path": " -> ".join(str(feature) for feature in path.features),
            "weights": " ".join(f"{weight:+.2f}" for weight in path.weights),
        }
        for rank, path in enumerate(answer.paths, start=1)
    ]


def _filled(rows: list[dict[str, Value]]) -> tuple[str, ...]:
    """The columns that hold anything."""
    return tuple(name for name in _NODES if any(row.get(name) is not None for row in rows))
