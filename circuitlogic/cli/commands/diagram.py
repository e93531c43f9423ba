"""`circuitlogic diagram`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from circuitlogic.cli.console import write, write_raw
from circuitlogic.cli.options import MAX_LAYERS, Force, StudyArgument, check_free
from circuitlogic.errors import ConfigError

if TYPE_CHECKING:
    import graphviz

    from circuitlogic.study import Study


def diagram(
    study: StudyArgument,
    feature: Annotated[str, typer.Argument(metavar="FEATURE", help="SITE/INDEX, e.g. hidden.1/30.")],
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FILE", help="svg, png, pdf or dot by suffix; - is stdout.")
    ],
    depth: Annotated[
        int | None, typer.Option(min=1, help="Draw the input cone so many edges deep, not the one gate.")
    ] = None,
    expand: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_LAYERS, help="Draw the gate with its inputs' gates nested, N layers."),
    ] = None,
    min_weight: Annotated[
        float, typer.Option(min=0.0, help="Of a cone: only edges with |weight| above it.")
    ] = 0.0,
    engine: Annotated[str, typer.Option(help="Layout engine; see `circuitlogic doctor`.")] = "auto",
    format: Annotated[  # noqa: A002
        Literal["svg", "png", "pdf", "dot"], typer.Option(help="Of what goes to stdout.")
    ] = "svg",
    force: Force = False,
) -> None:
    """Draw a gate as a circuit, the gates that feed it with it, or a feature's input cone.

    Prints the path of the file.

    Example: circuitlogic diagram runs/digits hidden.2/30 -o gate.svg
    """
    from circuitlogic.render.engines import format_of, render_dot, write_diagram
    from circuitlogic.study import Study

    path = None if out == "-" else Path(out)
    if path is not None:
        format_of(path)
        check_free(path, force=force)
    if depth is not None and expand is not None:
        raise ConfigError("--depth draws features and --expand draws gates: give one of them")
    drawn = _drawing(Study.open(study), feature, depth, expand, min_weight)
    if path is None:
        write_raw(render_dot(drawn.source, format, engine))
        return
    write_diagram(path, drawn, engine)
    write(f"{path}\n")


def _drawing(
    study: "Study", feature: str, depth: int | None, expand: int | None, min_weight: float
) -> "graphviz.Digraph":
    from circuitlogic.cli.cone_circuit import cone_circuit
    from circuitlogic.cli.gate_lookup import gate_of
    from circuitlogic.logic.composition import compose
    from circuitlogic.render.dot import MAX_DRAWN, circuit_to_dot, composition_circuit, gate_circuit
    from circuitlogic.stages.extracted import load_gates, load_graph

    graph, gates = load_graph(study), load_gates(study)
    labels = graph.labels()
    if expand is not None:
        gate = gate_of(graph, gates, feature)
        found = compose(gate.feature, {one.feature: one for one in gates}, expand, MAX_DRAWN)
        return composition_circuit(found, labels)
    if depth is None:
        return gate_circuit(gate_of(graph, gates, feature), labels)
    circuit, start = cone_circuit(graph, feature, depth, min_weight)
    return circuit_to_dot(circuit, {gate.feature: gate for gate in gates}, labels, keep=(start,))
