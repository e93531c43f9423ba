"""The causal check: every gate's literals switched on and off in the original network; gates with inputs that do
nothing are read again without them."""

from collections.abc import Collection, Generator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from circuitlogic.activations.paired import INPUTS, PairedActivations
from circuitlogic.activations.sites import Site
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.errors import ConfigError, StudyError
from circuitlogic.extract.rows_to_gates import encode_site
from circuitlogic.features import FeatureId
from circuitlogic.json_files import read_json, write_json
from circuitlogic.networks.protocol import needs_inputs, stretch_between
from circuitlogic.progress import Progress
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.captured import captured, load_activations
from circuitlogic.stages.dictionaries import artefact as sae_artefact
from circuitlogic.stages.dictionaries import load_ends
from circuitlogic.stages.extracted import GATES, load_gates
from circuitlogic.stages.rereading import rereader
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.subject import NETWORK, Subject, image_samples, load_card, load_data
from circuitlogic.stages.token_rerun import token_rerun
from circuitlogic.study import CAUSAL, Study
from circuitlogic.verify.gate_experiment import MAX_STATES, intervene
from circuitlogic.verify.intervention import GateIntervention
from circuitlogic.verify.interventions_file import (
    SCHEMA,
    load_interventions,
    load_rereadings,
    save_interventions,
)
from circuitlogic.verify.literal_states import IntArray
from circuitlogic.verify.rereading import Rereading, halves, read_again
from circuitlogic.verify.setting import MAX_SAMPLES, Rerun, Setting

SPLITS = ("heldout", "test")
_CHOSEN, _CHOSEN_FILE = "-chosen", "chosen.json"


def artefact(split: str) -> str:
    """Name of a split's interventions."""
    return f"{CAUSAL}/{split}"


def make_causal(
    study: Study,
    subject: Subject,
    split: str,
    progress: Progress,
    only: Collection[FeatureId] | None = None,
) -> tuple[GateIntervention, ...]:
    """Intervene on every gate with a formula, unless that is done; the interventions, in the gates' order.

    Args:
        study: An extracted study.
        subject: Its network.
        split: `heldout` or `test`.
        progress: Told of every gate.
        only: Gates to intervene on, kept apart from those of a run on all, and not read again; None: all.

    Raises:
        ConfigError: another split, or `test` for a network brought by the caller.
        StudyError: the study has no gates yet.
    """
    known = load_causal(study, split) if study.is_done(artefact(split), _key(study, split)) else None
    if known is not None:
        return known
    chosen = None if only is None else sorted(str(feature) for feature in only)
    name, key = artefact(split), _key(study, split)
    if chosen is not None:
        name, key = f"{name}{_CHOSEN}", _chosen_key(study, split, chosen)
        if study.is_done(name, key):
            return load_interventions(study.folder(name))
    gates = [gate for gate in load_gates(study) if only is None or gate.feature in only]
    generator = torch.Generator().manual_seed(seed_for(study.config.seed, CAUSAL))
    found: list[GateIntervention] = []
    again: list[Rereading] = []
    with _samples(study, subject, split, progress) as (samples, activations):
        for source, target in load_ends(study):
            setting = setting_between(samples, split, (source, target), activations)
            mine = [gate for gate in gates if gate.feature.site == target.site]
            read = None if only is not None else rereader(study, source, target)
            parts = halves(setting)
            for gate in progress.track(mine, f"interventions at {source.site}", len(mine)):
                intervention = intervene(gate, setting, generator)
                found += [] if intervention is None else [intervention]
                if read is not None and intervention is not None and intervention.without_effect:
                    rereading = read_again(gate, partial(read, gate), *parts, generator)
                    again += [] if rereading is None else [rereading]
    with study.making(name, key) as folder:
        save_interventions(found, folder, again)
        if chosen is not None:
            write_json(folder / _CHOSEN_FILE, {"gates": chosen})
    return tuple(found)


def load_causal(study: Study, split: str = "heldout") -> tuple[GateIntervention, ...] | None:
    """The stored interventions on the gates as they are now, on all or on some; None if there are none.

    Raises:
        StudyError: damaged, or the study has no gates.
    """
    name = _stored(study, split)
    return None if name is None else load_interventions(study.folder(name))


def _stored(study: Study, split: str) -> str | None:
    """The artefact that holds interventions on the gates as they are now; that of all gates before that of some."""
    if study.is_done(artefact(split), _key(study, split)):
        return artefact(split)
    name = f"{artefact(split)}{_CHOSEN}"
    if not study.has(name):
        return None
    chosen = read_json(study.folder(name) / _CHOSEN_FILE).get("gates")
    if not isinstance(chosen, list):
        raise StudyError(f"{study.folder(name) / _CHOSEN_FILE} is damaged: it lists no gates")
    current = study.is_done(name, _chosen_key(study, split, [str(one) for one in chosen]))
    return name if current else None


def _chosen_key(study: Study, split: str, chosen: list[str]) -> str:
    return study.key(_key(study, split), chosen)


def load_causal_rereadings(study: Study, split: str = "heldout") -> tuple[Rereading, ...]:
    """The gates that were read again without inputs that do nothing; none where nothing is stored."""
    name = _stored(study, split)
    return () if name is None else load_rereadings(study.folder(name))


def _key(study: Study, split: str) -> str:
    if split not in SPLITS:
        raise ConfigError(f"split {split!r} is not known: use {' or '.join(SPLITS)}")
    names = [NETWORK, GATES, *(sae_artefact(site) for site in load_card(study).sites)]
    made_from = [study.entry(name).content for name in (*names, activations_artefact("heldout"))]
    network = study.entry(NETWORK).key
    return study.key(CAUSAL, SCHEMA, MAX_SAMPLES, MAX_STATES, split, study.config.seed, network, made_from)


@contextmanager
def _samples(
    study: Study, subject: Subject, split: str, progress: Progress
) -> Generator[tuple[Subject, PairedActivations]]:
    """The subject with the split as its held-out samples, and their activations."""
    if split == "heldout":
        yield subject, load_activations(study, split)
        return
    if load_card(study).kind != "image-classifier":
        raise ConfigError("only image data sets have an official test set: use split heldout")
    tested = replace(subject, heldout=image_samples(load_data(study.config, progress).test))
    with captured(tested, tested.heldout, progress) as activations:
        yield tested, activations


def setting_between(
    subject: Subject,
    split: str,
    dictionaries: tuple[Dictionary, Dictionary],
    activations: PairedActivations,
) -> Setting:
    """The stretch of the original network between two dictionaries' sites, on the subject's held-out samples.

    Raises:
        StudyError: the source's dictionary has no decoder.
    """
    source, target = dictionaries
    places = {site.name: site for site in subject.sites}
    ends = (places[source.site], places[target.site])
    if not isinstance(source.encoder, SparseAutoencoder):
        raise StudyError(f"the dictionary of {source.site} has no decoder: its features cannot be edited")
    return Setting(
        split=split,
        activations=activations.stores[source.site],
        decoder=source.encoder.W_dec.detach(),
        encoder=target.encoder,
        inputs=encode_site(source, activations).matrix,
        outputs=encode_site(target, activations).matrix,
        rerun=_rerun(subject, ends, activations),
    )


def _rerun(subject: Subject, ends: tuple[Site, Site], activations: PairedActivations) -> Rerun:
    """The original network between two sites; stored inputs get their own shape back."""
    if subject.text is not None:
        return token_rerun(subject.network, ends, subject.text.heldout, activations)
    stretch = stretch_between(subject.network, *ends)
    if not needs_inputs(subject.network, ends[0]):
        return lambda edited, rows: stretch(edited, None)  # noqa: ARG005
    if INPUTS in activations.stores:
        stored = activations.stores[INPUTS]
        shape = next(iter(subject.heldout.batches())).shape[1:]

        def inputs(rows: IntArray) -> Tensor:
            return torch.from_numpy(stored.rows(rows)).reshape(-1, *shape)
    else:
        whole = torch.cat(list(subject.heldout.batches()))

        def inputs(rows: IntArray) -> Tensor:
            return whole[torch.from_numpy(rows)]

    return lambda edited, rows: stretch(edited, inputs(rows))
