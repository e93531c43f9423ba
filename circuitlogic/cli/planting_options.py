"""Owns the options that say what `circuitlogic bench logic` plants, and the settings they make."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from circuitlogic.cli.options import option_group
from circuitlogic.cli.settings import parse_widths
from circuitlogic.errors import ConfigError

if TYPE_CHECKING:
    from circuitlogic.benchmarks.logicbench.settings import Settings


@dataclass(frozen=True, slots=True)
class Planting:
    """What is planted; each field is one option."""

    tier: Annotated[
        str, typer.Option(metavar="A,B,..", help="Tiers: true, rotated, superposed, sgd, ...; or all.")
    ] = "true"
    seed: Annotated[str, typer.Option(metavar="N,N,..", help="Seeds of the draws.")] = "101"
    per_kind: Annotated[int, typer.Option(min=1, help="Cases per kind, condition, floor and seed.")] = 6
    samples: Annotated[int, typer.Option(min=1000, help="For reading, and as many for judging.")] = 30_000
    conditions: Annotated[str, typer.Option(metavar="A,B,..", help="Conditions; default: all.")] = ""
    arms: Annotated[str, typer.Option(metavar="A,B,..", help="Readers to compare; default: all.")] = ""
    kinds: Annotated[str, typer.Option(metavar="A;B;..", help="Kinds to plant; default: all.")] = ""
    leak: Annotated[
        str, typer.Option(metavar="X,X,..", help="Noise floors: weak activations per true firing.")
    ] = "0"
    pool: Annotated[float, typer.Option(help="Size of the pool; 1: about 500 inputs to draw from.")] = 1.0
    rates: Annotated[str, typer.Option(metavar="LO,HI", help="Firing rates of groups of inputs.")] = ""
    magnitudes: Annotated[
        str, typer.Option(metavar="SHAPE", help="log-normal:SPREAD or exponential, in all conditions.")
    ] = ""
    spurious: Annotated[str, typer.Option(metavar="N,N", help="Weights of inputs that do nothing.")] = ""
    spurious_weight: Annotated[float | None, typer.Option(help="Largest of them, typical firings.")] = None
    weight_noise: Annotated[float | None, typer.Option(help="Spread of the factor on weights.")] = None
    twins: Annotated[str, typer.Option(metavar="X,X,..", help="Correlations of tier twins.")] = (
        ".8,.9,.95,.98"
    )
    fan_in: Annotated[str, typer.Option(metavar="N,N,..", help="Inputs per gate of tier wide.")] = (
        "8,12,16,20,25,30"
    )
    depth: Annotated[str, typer.Option(metavar="N,N,..", help="Layers of tier deep.")] = "2,3,4"

    def settings(self) -> "Settings":
        """The settings these options ask for.

        Raises:
            ConfigError: a value of another form or without meaning, or an unknown name.
        """
        from circuitlogic.benchmarks.logicbench.conditions import Knobs, magnitudes_named
        from circuitlogic.benchmarks.logicbench.settings import Settings, Sizes

        return Settings(
            seeds=tuple(parse_widths(self.seed, what="--seed", lowest=0)),
            sizes=Sizes(samples=self.samples, per_kind=self.per_kind, pool=self.pool),
            leaks=_numbers(self.leak, "--leak"),
            kinds=_names(self.kinds, ";"),
            conditions=_names(self.conditions, ","),
            arms=_names(self.arms, ","),
            tiers=_names(self.tier, ","),
            knobs=Knobs(
                magnitudes=magnitudes_named(self.magnitudes) if self.magnitudes else None,
                rates=_pair(self.rates, "--rates"),
                weight_noise=self.weight_noise,
                spurious=_whole_pair(self.spurious, "--spurious"),
                spurious_weight=self.spurious_weight,
            ),
            rhos=_numbers(self.twins, "--twins"),
            fan_ins=tuple(parse_widths(self.fan_in, what="--fan-in")),
            depths=tuple(parse_widths(self.depth, what="--depth")),
        )


planting_options = option_group("planting", Planting)
"""Give a command the options of `Planting`; it receives them as the keyword argument `planting`."""


def _names(text: str, separator: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(separator) if name.strip())


def _numbers(text: str, what: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"{what} {text!r}: write numbers, for example 0,1,3") from None


def _pair(text: str, what: str) -> tuple[float, float] | None:
    if not text:
        return None
    values = _numbers(text, what)
    if len(values) != 2:
        raise ConfigError(f"{what} {text!r}: write a lowest and a highest, for example 0.01,0.1")
    return values[0], values[1]


def _whole_pair(text: str, what: str) -> tuple[int, int] | None:
    pair = _pair(text, what)
    if pair is None:
        return None
    if any(value != int(value) for value in pair):
        raise ConfigError(f"{what} {text!r}: write whole numbers, for example 6,14")
    return int(pair[0]), int(pair[1])
