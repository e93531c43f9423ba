"""Dictionaries that somebody else trained, put into a study in place of those it would train itself."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from circuitlogic.activations.capture import widths_as_run
from circuitlogic.errors import ConfigError, DataError, StudyError, UnknownNameError, unknown_name
from circuitlogic.json_files import read_json, write_json
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.coders import AnyCoder
from circuitlogic.saes.foreign.dictionary import ForeignDictionary
from circuitlogic.saes.foreign.layout import Normalisation
from circuitlogic.saes.foreign.registry import open_dictionary
from circuitlogic.saes.predictions import check_widths
from circuitlogic.saes.saelens import load_coder, save_sae
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.subject import NETWORK, Subject, load_card
from circuitlogic.study import Study

_KIND = "given"
_SOURCE = "source.json"
_SCHEMA = "circuitlogic/given/1"


@dataclass(frozen=True, slots=True)
class Given:
    """What a study remembers of a dictionary it was given."""

    site: str
    target: str
    """The site it predicts; its own, but for a transcoder."""
    format: str
    written_by: str
    trained_at: str | None
    """The place it was trained at, in its library's words."""
    normalisation: Normalisation
    """`expected_average_only_in` is folded in when the activations are known."""
    files: dict[str, str]
    """SHA-256 of each file it was read from, by name."""


def artefact(site: str) -> str:
    """Name of the dictionary given for a site."""
    return f"{_KIND}/{site}"


@dataclass(frozen=True, slots=True, eq=False)
class ReadDictionary:
    """A dictionary read from outside, to be given to a study."""

    given: Given
    coder: AnyCoder
    metadata: Mapping[str, str]


def read_dictionary(path: Path, site: str, target: str | None = None) -> ReadDictionary:
    """Read the dictionary at `path` for a study's `site`.

    Args:
        target: the site that a transcoder predicts.

    Raises:
        ConfigError: a transcoder without a target, or a target for an autoencoder.
        DataError: the dictionary is damaged, or of an unknown kind.
    """
    found = open_dictionary(path)
    if found.layout.transcodes and target is None:
        hint = f" (it was trained on {found.origin.target})" if found.origin.target else ""
        raise ConfigError(f"{path} is a transcoder: name the site that it predicts with --target{hint}")
    if not found.layout.transcodes and target not in (None, site):
        raise ConfigError(f"--target {target} is for a transcoder, which {path} is not")
    given = Given(
        site=site,
        target=target or site,
        format=found.format,
        written_by=found.written_by,
        trained_at=found.origin.site,
        normalisation=found.layout.normalisation,
        files={file.name: _hash(file) for file in found.files},
    )
    return ReadDictionary(given, found.load(), _metadata(found, given))


def give_dictionary(study: Study, read: ReadDictionary) -> None:
    """Put a dictionary into the study; the next training uses it in place of one of its own.

    Raises:
        DataError: it does not fit the site's activations, as far as these are known.
        UnknownNameError: the study has no such site.
    """
    given = read.given
    _check_sites(study, given)
    _check_captured(study, read)
    name, key = artefact(given.site), study.key("given", given)
    if study.is_done(name, key):
        return
    with study.making(name, key) as folder:
        save_sae(read.coder, folder, read.metadata, given.normalisation)
        write_json(folder / _SOURCE, {"schema": _SCHEMA, **asdict(given)})


def _metadata(found: ForeignDictionary, given: Given) -> dict[str, str]:
    known = {"model_name": found.origin.model, "dataset_path": found.origin.dataset}
    names = {"hook_name": given.site} | (
        {"hook_name_out": given.target} if given.target != given.site else {}
    )
    return {name: value for name, value in known.items() if value} | names


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_sites(study: Study, given: Given) -> None:
    """A study whose network is not made yet may have any sites."""
    if study.has(NETWORK):
        sites = load_card(study).sites
        for name in (given.site, given.target):
            if name not in sites:
                raise unknown_name("site", name, sites)


def _check_captured(study: Study, read: ReadDictionary) -> None:
    if study.has(NETWORK) and study.has(activations_artefact("train")):
        site, target = read.given.site, read.given.target
        stores = load_activations(study, "train").stores
        check_widths(read.coder, site, stores[site].d, target, stores[target].d)


def forget_dictionary(study: Study, site: str) -> None:
    """Take the dictionary given for `site` out again; the next training trains one.

    Raises:
        UnknownNameError: none was given for that site.
    """
    if not study.has(artefact(site)):
        raise unknown_name("given dictionary", site, given_sites(study))
    study.forget(artefact(site))


def given_sites(study: Study) -> tuple[str, ...]:
    """Sites for which a dictionary was given, sorted."""
    return tuple(name.partition("/")[2] for name in study.artefacts() if name.startswith(f"{_KIND}/"))


def load_given(study: Study, site: str) -> Given:
    """What is remembered of the dictionary given for `site`.

    Raises:
        StudyError: missing or damaged.
    """
    path = study.folder(artefact(site)) / _SOURCE
    values = read_json(path)
    values.pop("schema", None)
    try:
        return Given(**values)
    except TypeError:
        raise StudyError(f"{path} is damaged: it does not describe a given dictionary") from None


def load_given_coder(study: Study, site: str) -> AnyCoder:
    """The dictionary given for `site`.

    Raises:
        StudyError: missing or damaged.
    """
    return load_coder(study.folder(artefact(site)))


def check_given(study: Study, subject: Subject) -> None:
    """Refuse given dictionaries that the network under study has no place for, before anything is captured.

    Raises:
        UnknownNameError: one is for a site that the study does not have.
        DataError: one is of another width, or the last site's features could not be decoded.
    """
    sites = [site.name for site in subject.sites]
    given = [load_given(study, site) for site in given_sites(study)]
    for one in given:
        _check_known(study, one, sites)
    batch = next(iter(subject.train.batches()), None) if given else None
    widths = {} if batch is None else widths_as_run(subject.network, subject.sites, batch)
    for one in given:
        coder = load_given_coder(study, one.site)
        if {one.site, one.target} <= widths.keys():
            check_widths(coder, one.site, widths[one.site], one.target, widths[one.target])
        if one.site == sites[-1] and not isinstance(coder, SparseAutoencoder):
            raise DataError(
                f"the dictionary given for {one.site} does not decode its own site, which the last site's must: "
                "give an autoencoder there"
            )


def _check_known(study: Study, given: Given, sites: Sequence[str]) -> None:
    for name in (given.site, given.target):
        if name not in sites:
            raise UnknownNameError(
                f"{unknown_name('site', name, sites)} A dictionary was imported for it: name it in `sites`, or run "
                f"`circuitlogic import --forget --into {study.root} --site {given.site}`"
            )
