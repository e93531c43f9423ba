"""Sites: how a place in a network is written, named, and found.

    hidden.1        the output of module `hidden.1`, named `hidden.1`
    hidden.1:out    the same place, named `hidden.1.out`
    hidden.1:in     the input of the module, named `hidden.1.in`

A site's name is understood wherever a site is, so what a study or a feature id shows can be typed again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from torch import nn

from circuitlogic.errors import ConfigError, unknown_name

Side: TypeAlias = Literal["in", "out"]

# Parts joined by single dots: safe as a feature id's site and as a folder name.
_SITE = re.compile(r"(?P<module>[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]+)*)(?::(?P<side>in|out))?", re.ASCII)
_NAMED_SIDE = re.compile(r"(?P<module>.+)\.(?P<side>in|out)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Site:
    """A named place in a network whose activation vector is studied."""

    name: str
    """Used in feature ids and folder names."""
    module: str
    """Dotted path of the module, as `named_modules` gives it."""
    side: Side
    """Whether the module's input or its output is meant."""

    @property
    def text(self) -> str:
        """As it is written in a config."""
        return self.module if self.name == self.module else f"{self.module}:{self.side}"

    @classmethod
    def parse(cls, text: str) -> "Site":
        """Read `module`, `module:in` or `module:out`.

        Raises:
            ConfigError: `text` has another form.
        """
        match = _SITE.fullmatch(text)
        if match is None:
            raise ConfigError(
                f"{text!r} is not a site: write MODULE, MODULE:in or MODULE:out with a module's dotted path "
                "of letters, digits, '_' and '-', for example hidden.1"
            )
        module, side = match["module"], match["side"]
        if side is None:
            return cls(module, module, "out")
        return cls(f"{module}.{side}", module, cast(Side, side))


def find_sites(network: nn.Module, texts: Sequence[str]) -> tuple[Site, ...]:
    """The sites written in `texts`, each checked to exist in `network`.

    Raises:
        ConfigError: a text is no site, no text is given, or two have one name.
        UnknownNameError: the network has no such module; suggests near names.
    """
    modules = {name for name, _ in network.named_modules(remove_duplicate=False) if name}
    sites = tuple(_find_site(modules, text) for text in texts)
    if not sites:
        raise ConfigError("no sites are given: name at least one module of the network")
    names = [site.name for site in sites]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"site {name!r} is given {names.count(name)} times: give each site once")
    return sites


def _find_site(modules: set[str], text: str) -> Site:
    site = Site.parse(text)
    if site.module in modules:
        return site
    match = _NAMED_SIDE.fullmatch(site.module)
    if ":" not in text and match is not None and match["module"] in modules:
        return Site(site.name, match["module"], cast(Side, match["side"]))
    raise unknown_name("site", text, modules)
