"""Owns the figures of one dictionary of a language model's study; held out but for the rare."""

from dataclasses import dataclass

from circuitlogic.stages.dictionaries import load_dictionary, load_sae_metrics
from circuitlogic.study import Study


@dataclass(frozen=True, slots=True)
class SiteFigures:
    """One dictionary."""

    site: str
    features: int
    fvu: float
    l0: float
    dead: float
    rare: float
    """Share of features with fewer than 100 training firings."""


def site_figures(study: Study, site: str, tuned: bool = True) -> SiteFigures:
    """Of the dictionary as it is, or as it was before it was tuned with the connector."""
    metrics, statistics = load_sae_metrics(study, site, tuned), load_dictionary(study, site, tuned).statistics
    rare = float((statistics.firings < 100).double().mean())
    return SiteFigures(site, len(statistics.scales), metrics.fvu, metrics.l0, metrics.dead, rare)
