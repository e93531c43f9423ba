"""Owns which sites a connector joins: consecutive ones, unless modules' inputs are studied with their outputs."""

from collections.abc import Sequence
from itertools import pairwise

_IN, _OUT = ".in", ".out"


def stretches(sites: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """(source, target) of every connector, in order.

    Where some site is the input of a module whose output follows it, each such module is a stretch of its own:
    what lies between one layer's output and the next layer's input is then not approximated.
    """
    chain = tuple(pairwise(sites))
    within = tuple((a, b) for a, b in chain if a.endswith(_IN) and b == a.removesuffix(_IN) + _OUT)
    return within or chain


def unjoined(sites: Sequence[str]) -> tuple[str, ...]:
    """Sites that no connector leads from or to."""
    joined = {site for stretch in stretches(sites) for site in stretch}
    return tuple(site for site in sites if site not in joined)
