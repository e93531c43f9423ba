"""Things known by name: order, near names, a name taken twice."""

import pytest

from circuitlogic.errors import ConfigError, UnknownNameError
from circuitlogic.registry import Registry


def test_things_are_found_by_name_in_the_order_they_came() -> None:
    shapes = Registry("shape", {"square": 4})
    assert shapes.add("circle", 0) == 0
    assert (list(shapes), list(shapes.values()), len(shapes)) == (["square", "circle"], [4, 0], 2)
    assert shapes["square"] == 4
    assert "circle" in shapes
    assert "cube" not in shapes
    assert shapes.chosen(("circle", "square")) == (0, 4)
    assert shapes.chosen(()) == (4, 0)


def test_a_name_is_taken_once_and_an_unknown_one_suggests_near_ones() -> None:
    shapes = Registry("shape", {"square": 4})
    with pytest.raises(ConfigError, match="shape 'square' is registered already"):
        shapes.add("square", 5)
    assert shapes["square"] == 4
    with pytest.raises(UnknownNameError, match="unknown shape 'squore': did you mean square"):
        shapes["squore"]
    with pytest.raises(UnknownNameError, match="shape"):
        shapes.chosen(("square", "cube"))
