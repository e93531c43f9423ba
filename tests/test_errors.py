"""Errors: their exit codes, and what an unknown name suggests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuitlogic import errors
from circuitlogic.errors import CircuitLogicError, UnknownNameError, unknown_name


def test_exit_codes_of_the_kinds() -> None:
    codes = {
        kind.__name__: kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, CircuitLogicError)
    }
    special = {"ConfigError": 2, "CheckFailedError": 3, "MissingDependencyError": 4}
    assert codes == {**dict.fromkeys(codes, 1), **special}
    assert set(special) < set(codes)


def test_near_names_come_first() -> None:
    error = unknown_name("site", "hiden.1", ["hidden.0", "hidden.1", "readout"])
    assert isinstance(error, UnknownNameError)
    assert str(error).startswith("unknown site 'hiden.1': did you mean hidden.1")
    assert "readout" not in str(error)


def test_without_near_names_some_are_listed() -> None:
    assert "known: a, b, c, d, e" in str(unknown_name("site", "zzz", "abcde"))
    known = [f"layer{i}" for i in range(10, 23)]
    message = str(unknown_name("site", "zzz", known))
    assert "known: layer10, layer11, layer12, layer13 and 9 more" in message
    assert str(unknown_name("gate", "x", [])).endswith("there are none")


@given(st.text(max_size=20), st.lists(st.text("abc_.", min_size=1, max_size=6), max_size=8))
def test_message_is_one_line_and_does_not_depend_on_order(given_name: str, known: list[str]) -> None:
    message = str(unknown_name("site", given_name, known))
    assert message.isprintable()
    assert message == str(unknown_name("site", given_name, [*reversed(known), *known]))


@pytest.mark.parametrize("limit", [1, 2])
def test_limit(limit: int) -> None:
    message = str(unknown_name("x", "aab", ["aaa", "aac", "aad"], limit))
    assert sum(name in message for name in ("aaa", "aac", "aad")) == limit
