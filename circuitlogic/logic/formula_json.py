"""Owns the JSON form of formulas: nested one-key objects, checked on the way in, never evaluated.

`{"and": [{"literal": "site/3"}, {"not": {"literal": "site/7", "level": 1}}]}`
"""

from collections.abc import Callable
from typing import cast

from circuitlogic.errors import ConfigError, DataError
from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, Vote, Xor

MAX_DEPTH = 64
MAX_OPERANDS = 4096
_JOINED: dict[str, Callable[[tuple[Formula, ...]], Formula]] = {"and": And, "or": Or, "xor": Xor}


def formula_to_json(formula: Formula) -> dict[str, object]:
    """The formula as plain dicts, lists, strings and numbers."""
    match formula:
        case Literal(feature, 0):
            return {"literal": str(feature)}
        case Literal(feature, level):
            return {"literal": str(feature), "level": level}
        case Const(value):
            return {"const": value}
        case Not(operand):
            return {"not": formula_to_json(operand)}
        case And(operands):
            return {"and": [formula_to_json(f) for f in operands]}
        case Or(operands):
            return {"or": [formula_to_json(f) for f in operands]}
        case Xor(operands):
            return {"xor": [formula_to_json(f) for f in operands]}
        case Vote(operands, weights, threshold):
            return {
                "vote": [formula_to_json(f) for f in operands],
                "weights": list(weights),
                "threshold": threshold,
            }


def formula_from_json(data: object) -> Formula:
    """The formula that `formula_to_json` wrote.

    Raises:
        DataError: `data` is not such a form.
    """
    return _read(data, 0)


def _read(data: object, depth: int) -> Formula:
    if depth > MAX_DEPTH:
        raise DataError(f"formula nested deeper than {MAX_DEPTH} levels")
    if not isinstance(data, dict):
        raise DataError(f"a formula is an object such as {{'literal': 'site/3'}}, not {_short(data)}")
    node = cast("dict[object, object]", data)
    match sorted(str(key) for key in node):
        case ["literal"]:
            return Literal(_feature(node["literal"]))
        case ["level", "literal"]:
            return Literal(_feature(node["literal"]), _integer(node["level"], "level", low=0))
        case ["const"] if isinstance(node["const"], bool):
            return Const(node["const"])
        case ["not"]:
            return Not(_read(node["not"], depth + 1))
        case ["and" | "or" | "xor" as joint]:
            return _JOINED[joint](_operands(node[joint], depth))
        case ["threshold", "vote", "weights"]:
            return _vote(node, depth)
        case _:
            raise DataError(
                f"unknown formula {_short(data)}: allowed are literal, const, not, and, or, xor, vote"
            )


def _vote(node: dict[object, object], depth: int) -> Vote:
    operands = _operands(node["vote"], depth)
    weights = node["weights"]
    if not isinstance(weights, list):
        raise DataError(f"the weights of a vote are a list, not {_short(weights)}")
    numbers = tuple(_integer(weight, "weight") for weight in cast("list[object]", weights))
    if len(numbers) != len(operands):
        raise DataError(f"a vote of {len(operands)} operands has {len(numbers)} weights: give one for each")
    return Vote(operands, numbers, _integer(node["threshold"], "threshold"))


def _operands(data: object, depth: int) -> tuple[Formula, ...]:
    if not isinstance(data, list) or not data:
        raise DataError(f"operands are a list of at least one formula, not {_short(data)}")
    items = cast("list[object]", data)
    if len(items) > MAX_OPERANDS:
        raise DataError(f"{len(items)} operands: at most {MAX_OPERANDS} are allowed")
    return tuple(_read(item, depth + 1) for item in items)


def _feature(data: object) -> FeatureId:
    if not isinstance(data, str):
        raise DataError(f"a literal names a feature SITE/INDEX, not {_short(data)}")
    try:
        return FeatureId.parse(data)
    except ConfigError as error:
        raise DataError(str(error)) from error


def _integer(data: object, what: str, low: int | None = None) -> int:
    if isinstance(data, bool) or not isinstance(data, int):
        raise DataError(f"a {what} is a whole number, not {_short(data)}")
    if low is not None and data < low:
        raise DataError(f"a {what} is at least {low}, not {data}")
    return data


def _short(data: object, limit: int = 60) -> str:
    text = ascii(data)
    return text if len(text) <= limit else f"{text[:limit]}..."
