"""Owns the sites of a language model under study: each tried once on real tokens, before anything is written."""

import math
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from circuitlogic.activations.capture import widths_as_run
from circuitlogic.activations.sites import Site
from circuitlogic.errors import CircuitLogicError, DataError, reason_of
from circuitlogic.networks.next_token import nats_per_token
from circuitlogic.progress import Progress
from circuitlogic.stages.captured import check_order


def tried_sites(network: nn.Module, sites: Sequence[Site], ids: Tensor) -> dict[str, int]:
    """The width of each site, in the order in which the model runs them.

    Args:
        network: The model.
        sites: As they were asked for.
        ids: Some windows of tokens, of one length.

    Raises:
        DataError: the model does not run on tokens alone, or a site gives no vectors.
    """
    try:
        return widths_as_run(network, sites, ids)
    except CircuitLogicError:
        raise
    except Exception as error:  # noqa: BLE001  # a module raises anything on inputs that it is not made for
        raise DataError(
            f"{type(network).__name__} does not run on token ids alone: {reason_of(error)}"
        ) from None


def in_order(sites: Sequence[Site], ran: Mapping[str, int], by_pattern: bool) -> tuple[str, ...]:
    """The sites as they were asked for; where patterns asked for them, as the model runs them.

    Raises:
        ConfigError: they were given one by one, in another order.
    """
    if not by_pattern:
        check_order(sites, ran)
        return tuple(site.text for site in sites)
    places = {name: place for place, name in enumerate(ran)}
    return tuple(site.text for site in sorted(sites, key=lambda site: places.get(site.name, len(places))))


def say_if_senseless(network: nn.Module, ids: Tensor, vocabulary: int, progress: Progress) -> None:
    """Say so if the model expects each token less than chance would: then the tokenizer is hardly its own."""
    nats, chance = nats_per_token(network, ids), math.log(vocabulary)
    if nats is not None and nats > chance:
        progress.note(
            f"the model finds this text less likely than random tokens ({nats:.1f} nats a token, random tokens "
            f"{chance:.1f}): is the tokenizer its own, and the text of a kind that it knows?"
        )
