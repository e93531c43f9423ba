"""Owns what a gallery says of interventions: both directions, each literal alone, states seen and brought about."""

from collections.abc import Iterator, Sequence

from circuitlogic.report.markdown_text import code, table
from circuitlogic.report.numbers import NONE, count, score, share
from circuitlogic.verify.directions import Direction, direction, directions
from circuitlogic.verify.intervention import GateIntervention, LiteralIntervention, StateIntervention

_STATES = 6
_ROLES = {1: "helps", -1: "vetoes", 0: "both"}
"""By a literal's sign."""


def intervention_lines(found: GateIntervention, names: Sequence[str]) -> Iterator[str]:
    """A list, and two tables whose numbers of literals agree.

    Args:
        found: Of one gate.
        names: Its formula's literals as the formula writes them, in the order of `literals_of`.
    """
    both = directions(found)
    for name, way in (("removal", both.removal), ("insertion", both.insertion)):
        verdict = "passes" if way.passes else "does not pass"
        yield (
            f"- {name}: {share(way.flips)} of {count(way.samples)} outputs follow (random direction "
            f"{share(way.control)}): {verdict}"
        )
    yield ""
    yield from literal_table(found.literals, names)
    yield from _state_table(found)


def literal_table(literals: Sequence[LiteralIntervention], names: Sequence[str]) -> Iterator[str]:
    """Each literal alone, in both directions."""
    heads = ("literal", "it", "switched off: outputs that follow", "switched on: outputs that follow")
    rows = [
        [f"{number} {code(name, 60)}", _ROLES[one.sign], *both_ways(one)]
        for number, (name, one) in enumerate(zip(names, literals, strict=True), start=1)
    ]
    yield from table(heads, rows, left=2)


def both_ways(one: LiteralIntervention) -> tuple[str, str]:
    """A literal switched off and on, in cells of a table."""
    return followed(direction([one.removal])), followed(direction([one.insertion]))


def followed(way: Direction) -> str:
    """Share of outputs that follow, samples and control; bold where the direction passes."""
    if not way.samples:
        return NONE
    text = f"{share(way.flips)} of {count(way.samples)}"
    return f"{f'**{text}**' if way.passes else text}; random {share(way.control)}"


def _state_table(found: GateIntervention) -> Iterator[str]:
    numbers = " ".join(str(number) for number in range(1, len(found.literals) + 1))
    heads = (f"literals {numbers}", "formula", "seen", "fires, seen", "fires, done")
    yield from table(heads, [_state(state) for state in found.states[:_STATES]], left=2)


def _state(state: StateIntervention) -> list[str]:
    dots = " ".join("●" if on else "·" for on in state.state)
    says = "fires" if state.predicted else "silent"
    return [dots, says, count(state.observed_samples), score(state.observed), score(state.intervened)]
