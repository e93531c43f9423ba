"""Owns the words for a gate's flags. Flags come from files: an unknown one is shown as it is."""

from collections.abc import Callable

from circuitlogic.errors import ConfigError
from circuitlogic.features import FeatureId

_PLAIN = {
    "weak": "the lower end of its F1 interval is under 0.80",
    "by-weights": "some input states were never seen: there the formula rests on the weights",
    "unstable-threshold": "half or twice the firing threshold gives it another kind",
    "connector-disagrees": "the formula and the connector row fire together with F1 under 0.80",
}
_RELATIONS = {
    "subset": ("<", "{0} fires only where {1} does"),
    "exclusive": (",", "{0} and {1} never fire together"),
    "twin": (",", "{0} and {1} fire together almost always"),
}
_BRAKES = {
    "damped": "{0} weakens it to {1:.0f} %",
    "partial": "{0} blocks {1:.0f} % of its firings",
}


def flag_text(flag: str, name: Callable[[FeatureId], str]) -> str:
    """One flag in words, features called by `name`."""
    head, _, rest = flag.partition(":")
    try:
        if head in _RELATIONS and rest:
            cut, words = _RELATIONS[head]
            first, _, second = rest.partition(cut)
            return words.format(name(FeatureId.parse(first)), name(FeatureId.parse(second)))
        if head in _BRAKES and rest:
            feature, _, number = rest.partition("=")
            return _BRAKES[head].format(name(FeatureId.parse(feature)), 100 * float(number))
    except (ConfigError, ValueError):
        return flag
    return _PLAIN.get(flag, flag)
