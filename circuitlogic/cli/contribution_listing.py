"""Owns how contributions leave: one row per ancestor, and one line on how much of the activation they explain."""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from circuitlogic.cli.documents import write_document
from circuitlogic.cli.listing import Listing, Value, write_listing
from circuitlogic.cli.options import Output

if TYPE_CHECKING:
    from circuitlogic.graph.contributions import Contributions

_COLUMNS = ("feature", "depth", "weight", "carried", "share", "active")


def print_contributions(study: str, split: str, found: "Contributions", output: Output) -> None:
    """Print a table, or one JSON document with all figures."""
    empty = "" if found.ancestors else f"no input of {found.feature} passes the filters"
    if output.chosen == "json" and output.columns is None and output.sort is None:
        if empty:
            output.streams.say(empty)
        write_document("contributions", {"study": study, "split": split, **asdict(found)})
    else:
        rows: list[dict[str, Value]] = [asdict(one) for one in found.ancestors]
        about = {"question": "contributions", "of": found.feature}
        write_listing(Listing("query", _COLUMNS, rows, about=about, empty=empty), replace(output, limit=None))
    where = f"{found.samples:,} firings" if found.example is None else f"example {found.example}"
    output.streams.say(
        f"{found.feature} on {where} of {split}: activation {found.activation:.2f} = direct inputs "
        f"{found.direct:+.2f}, bias {found.bias:+.2f}, unexplained {found.unexplained:+.2f}"
    )
    if found.left_out:
        output.streams.say(f"{found.left_out} weaker ancestors hidden by --limit {output.limit}")
