"""Kinds that say nothing, or always the same: dead, insufficient, constant."""

from circuitlogic.logic.formula import Const
from circuitlogic.logic.kinds.registry import Kind, register

register(
    Kind(
        name="dead",
        meaning="The feature never fires.",
        box=lambda _: "0",
        sentence=lambda *_: "never fires",
        matches=lambda f: f == Const(False),
    )
)
register(
    Kind(
        name="insufficient",
        meaning="The feature fires too seldom to be read.",
        box=lambda _: "?",
        sentence=lambda *_: "fires too seldom to be read",
    )
)
register(
    Kind(
        name="constant",
        meaning="The feature is on almost everywhere, and no input explains where it is not.",
        box=lambda _: "1",
        sentence=lambda *_: "on almost everywhere",
        matches=lambda f: f == Const(True),
    )
)
