"""The project's smallest nouns: a feature's identity and an edge between two features. No torch, no I/O."""

import re
from dataclasses import dataclass

from circuitlogic.errors import ConfigError

_FEATURE_ID = re.compile(r"(?P<site>[A-Za-z0-9_.\-]+(?::in|:out)?)/(?P<index>[0-9]{1,9})", re.ASCII)


def site_name(text: str) -> str:
    """`hidden.1:in`, as a config writes it, names the site `hidden.1.in`."""
    module, colon, side = text.partition(":")
    return f"{module}.{side}" if colon and side in ("in", "out") else text


@dataclass(frozen=True, slots=True, order=True)
class FeatureId:
    """One unit of the dictionary at a site, written `site/index`, e.g. `hidden.1/30`."""

    site: str
    """Name of the place in the network whose activations were decomposed."""
    index: int
    """Number of the feature in the site's dictionary, from 0."""

    def __str__(self) -> str:
        return f"{self.site}/{self.index}"

    @classmethod
    def parse(cls, text: str) -> "FeatureId":
        """Read `site/index`; `module:in/index` is understood too.

        Raises:
            ConfigError: `text` has another form.
        """
        match = _FEATURE_ID.fullmatch(text)
        if match is None:
            raise ConfigError(f"{text!r} is not a feature: write SITE/INDEX, for example hidden.1/30")
        return cls(site_name(match["site"]), int(match["index"]))


@dataclass(frozen=True, slots=True)
class Edge:
    """One non-zero connector entry that survived thresholding."""

    source: FeatureId
    """The input feature."""
    target: FeatureId
    """The output feature."""
    weight: float
    """Weight between unit-scale features: typical firings of the target per typical firing of the source."""
    raw_weight: float
    """The connector's own entry W[target, source]."""
