"""`circuitlogic import`."""

from pathlib import Path
from typing import Annotated

import typer

from circuitlogic.cli.console import Streams, one_line, write
from circuitlogic.cli.options import NoColor, Quiet
from circuitlogic.errors import ConfigError


def import_dictionary(
    dictionary: Annotated[
        Path | None,
        typer.Argument(metavar="[DICTIONARY]", help="Folder or file of a dictionary.", show_default=False),
    ] = None,
    into: Annotated[
        Path, typer.Option("--into", metavar="STUDY", help="Study, new or not, that is to use it.")
    ] = Path("study"),
    site: Annotated[
        str | None, typer.Option(metavar="SITE", help="The site it encodes.", show_default=False)
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="SITE", help="The site that a transcoder predicts.", show_default=False),
    ] = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Take SITE's dictionary out: the study trains its own again.")
    ] = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Use a dictionary that somebody else trained.

    Reads SAELens, dictionary_learning, sparsify and circuit-tracer. `circuitlogic train` then trains no dictionary
    for SITE, only the connectors to and from it. `circuitlogic inspect` tells what a file holds.

    Example: circuitlogic import saes/layer_3 --into runs/lm --site layers.3.mlp.out
    """
    if site is None:
        raise ConfigError("--site is missing: name the site that the dictionary encodes")
    if (dictionary is None) != forget:
        raise ConfigError("give a DICTIONARY to import, or --forget without one")
    from circuitlogic.activations.sites import Site
    from circuitlogic.config import StudyConfig
    from circuitlogic.stages.given import (
        artefact,
        forget_dictionary,
        give_dictionary,
        given_sites,
        load_given,
        read_dictionary,
    )
    from circuitlogic.study import MANIFEST_FILE, Study

    site = Site.parse(site).name
    if dictionary is None:
        forget_dictionary(Study.open(into), site)
        return
    # What cannot be read leaves no study behind.
    read = read_dictionary(dictionary, site, None if target is None else Site.parse(target).name)
    study = Study.open(into) if (into / MANIFEST_FILE).exists() else Study.create(into, StudyConfig())
    earlier = load_given(study, site) if site in given_sites(study) else None
    give_dictionary(study, read)
    place = "" if read.given.trained_at is None else f", trained at {one_line(read.given.trained_at)}"
    streams = Streams(color=not no_color, quiet=quiet)
    if earlier is not None and earlier != read.given:
        streams.say(f"it replaces the dictionary of {site} that was imported from {earlier.format} before")
    streams.say(f"imported from {read.given.format}{place}: next, `circuitlogic train --out {into}`")
    write(f"{into / artefact(site)}\n")
