"""A feature graph as DOT text for Graphviz and other layout programs; it is drawn from, not read back.

Node ids are our own (`n12`), so nothing in a label can break the text; the feature's id is in `feature`.
"""

from circuitlogic.graph.subgraph import SubGraph


def to_dot(answer: SubGraph) -> str:
    """One rank per site, edge colour and dash by sign, width by |weight|."""
    items, edges = answer.node_items(), answer.edge_items()
    ids = {name: f"n{number}" for number, (name, _) in enumerate(items)}
    top = max((abs(data["weight"]) for _, _, data in edges), default=1.0)
    lines = [
        "digraph circuitlogic {",
        " rankdir=LR;",
        ' node [shape=box, fontname="Helvetica,Arial,sans-serif"];',
    ]
    for name, data in items:
        words = [name, *(word for word in (data.get("label"), data.get("kind")) if word)]
        lines.append(f" {ids[name]} [label={_quoted(chr(10).join(words))}, feature={_quoted(name)}];")
    for site in answer.graph.sites:
        members = [ids[name] for name, data in items if data.get("site") == site]
        if members:
            lines.append(f" {{rank=same; {'; '.join(members)}}}")
    for source, target, data in edges:
        weight = data["weight"]
        look = "color=black" if weight > 0 else "color=red, style=dashed"
        width = 0.5 + 3.5 * abs(weight) / top
        lines.append(f" {ids[source]} -> {ids[target]} [value={weight!r}, penwidth={width:.2f}, {look}];")
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    """A DOT string in which nothing is an escape, a port or HTML; control characters become U+FFFD."""
    clean = "".join("\ufffd" if ord(c) < 32 and c != "\n" else c for c in text)
    escaped = clean.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
