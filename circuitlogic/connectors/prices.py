"""What a weight costs in a penalised connector: per-weight factors and sign constraints."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from circuitlogic.errors import ConfigError


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """Cost of one unit of weight, as a multiple of the penalty λ; infinity forbids a weight of that sign."""

    up: Float[np.ndarray, "rows n_in"]
    """Of positive weights; a single row stands for all rows."""
    down: Float[np.ndarray, "rows n_in"]
    """Of negative weights."""

    def __post_init__(self) -> None:
        """Refuse prices for which there is no certificate."""
        if not (self.up > 0).all() or not (self.down > 0).all():
            raise ConfigError("prices of weights must be above 0 (infinity forbids a weight)")

    def rows(self, outputs: slice) -> "Prices":
        """Prices of some rows."""
        return self if len(self.up) == 1 else Prices(self.up[outputs], self.down[outputs])


def equal_prices(n_in: int) -> Prices:
    """The plain lasso: every weight costs λ."""
    return Prices(np.ones((1, n_in)), np.ones((1, n_in)))


def prices_of(
    factors: Float[np.ndarray, "n_out n_in"], signs: Float[np.ndarray, "n_out n_in"] | None = None
) -> Prices:
    """Prices from per-weight factors and sign constraints.

    Args:
        factors: Multiples of λ, above 0; infinity excludes the weight.
        signs: +1 allows only positive weights, -1 only negative ones, 0 both.
    """
    if signs is None:
        return Prices(factors, factors)
    return Prices(np.where(signs < 0, np.inf, factors), np.where(signs > 0, np.inf, factors))
