"""The kinds of gates. A new kind is a file that registers it, and its line here;
earlier lines match first."""

from circuitlogic.logic.kinds import (  # isort: skip  # the order is the order of matching
    still,
    single,
    joins,
    inhibited,
    counts,
    mixed,
    unclaimed,
)
from circuitlogic.logic.kinds.registry import (
    Kind,
    Label,
    all_kinds,
    describe,
    kind_named,
    kind_of,
    kind_of_canonical,
    kind_of_written,
    register,
)
from circuitlogic.logic.kinds.words import graded_text

__all__ = [
    "Kind",
    "Label",
    "all_kinds",
    "counts",
    "describe",
    "graded_text",
    "inhibited",
    "joins",
    "kind_named",
    "kind_of",
    "kind_of_canonical",
    "kind_of_written",
    "mixed",
    "register",
    "single",
    "still",
    "unclaimed",
]
