"""Owns the flags of gates as values: caveats, other causes, relations between inputs, brakes; and their text on
disk."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal as OneOf
from typing import TypeAlias, cast

from circuitlogic.errors import ConfigError
from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import And, Formula, Literal, Not, Or

RelationName: TypeAlias = OneOf["subset", "exclusive", "twin"]
BrakeName: TypeAlias = OneOf["damped", "partial"]
_SEPARATORS: dict[str, str] = {"subset": "<", "exclusive": ",", "twin": ","}
_BRAKES = ("damped", "partial")
_OTHER_CAUSES = "other-causes"


@dataclass(frozen=True, slots=True)
class Caveat:
    """Something to know of the gate as a whole, e.g. `weak`. Also stands for flags of newer versions."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Relation:
    """What two inputs are to each other: `subset`: the first fires only where the second does."""

    name: RelationName
    first: FeatureId
    second: FeatureId

    def __str__(self) -> str:
        return f"{self.name}:{self.first}{_SEPARATORS[self.name]}{self.second}"

    @property
    def formula(self) -> Formula:
        """What it rules out, as a formula that always holds."""
        first, second = Literal(self.first), Literal(self.second)
        if self.name == "subset":
            return Or((Not(first), second))
        if self.name == "exclusive":
            return Not(And((first, second)))
        return Or((And((first, second)), Not(Or((first, second)))))


@dataclass(frozen=True, slots=True)
class Brake:
    """An input that weakens the output to `share` (`damped`) or blocks that share of firings (`partial`)."""

    name: BrakeName
    feature: FeatureId
    share: float

    def __str__(self) -> str:
        return f"{self.name}:{self.feature}={self.share:.2f}"


@dataclass(frozen=True, slots=True)
class OtherCauses:
    """This `share` of the firings comes while none of the formula's inputs is on."""

    share: float

    def __str__(self) -> str:
        return f"{_OTHER_CAUSES}:{self.share:.2f}"


Flag: TypeAlias = Caveat | OtherCauses | Relation | Brake


def parse_flag(text: str) -> Flag:
    """A flag as written on disk; what has no known form is a caveat of that name."""
    head, _, rest = text.partition(":")
    try:
        if head in _SEPARATORS and rest:
            first, _, second = rest.partition(_SEPARATORS[head])
            return Relation(cast("RelationName", head), FeatureId.parse(first), FeatureId.parse(second))
        if head == _OTHER_CAUSES and rest:
            return OtherCauses(float(rest))
        if head in _BRAKES and rest:
            feature, _, share = rest.partition("=")
            return Brake(head, FeatureId.parse(feature), float(share))
    except (ConfigError, ValueError):
        return Caveat(text)
    return Caveat(text)


def flags_of(texts: Iterable[str]) -> tuple[Flag, ...]:
    """All flags of a gate."""
    return tuple(parse_flag(text) for text in texts)
