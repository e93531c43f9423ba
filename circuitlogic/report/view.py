"""Owns the way from a study folder to its view: reads every artefact once, computes nothing that has no source."""

import shlex

from circuitlogic.config import StudyConfig
from circuitlogic.connectors.scores import FeatureFidelity, Sparsity
from circuitlogic.errors import StudyError
from circuitlogic.report.caveats import with_caveats
from circuitlogic.report.gate_rows import gate_rows, kind_rows
from circuitlogic.report.numbers import count
from circuitlogic.report.rows import ConnectorRow, Header, SaeRow, StudyView, VariantRow
from circuitlogic.saes.coders import Coder
from circuitlogic.saes.registry import architecture_named
from circuitlogic.stages.class_evidence import load_class_evidence
from circuitlogic.stages.connecting import load_connector_metrics
from circuitlogic.stages.dictionaries import load_dictionary, load_sae_metrics
from circuitlogic.stages.extracted import GATES, GRAPH, load_gates, load_graph
from circuitlogic.stages.feature_network import selection_words
from circuitlogic.stages.given import artefact as given_artefact
from circuitlogic.stages.given import given_sites, load_given
from circuitlogic.stages.network_metrics import FIDELITY, NetworkMetrics, load_metrics
from circuitlogic.stages.stretches import stretches
from circuitlogic.stages.subject import NetworkCard, load_card
from circuitlogic.stages.text_subject import KIND as LANGUAGE_MODEL
from circuitlogic.stages.token_evidence import load_token_evidence, token_f1
from circuitlogic.study import CONFIG_FILE, Study

_SHAPING = (
    "connectors.solver",
    "connectors.init",
    "connectors.l1",
    "tune.epochs",
    "tune.edges",
    "tune.anchor",
    "extract.firing",
    "extract.levels",
    "extract.min_firings",
)


def study_view(study: Study) -> StudyView:
    """All that can be said about a study; a study that is not extracted yet has no gates and no variants.

    Raises:
        StudyError: the study is not trained, or an artefact is damaged.
    """
    card = load_card(study)
    metrics = load_metrics(study, FIDELITY) if study.has(FIDELITY) else None
    saes = tuple(_sae_row(study, site) for site in card.sites)
    live = {row.site: row.live for row in saes}
    labels = load_graph(study).labels() if study.has(GRAPH) else {}
    tokens = token_f1(load_token_evidence(study))
    gates = gate_rows(load_gates(study), labels, tokens) if study.has(GATES) else ()
    view = StudyView(
        header=_header(study, card, metrics),
        saes=saes,
        connectors=(*_solved(study, card, live), *(_cut(card, metrics, live) if metrics else ())),
        variants=variant_rows(metrics) if metrics else (),
        kinds=kind_rows(gates),
        gates=gates,
        caveats=(),
        labels=labels,
        class_f1=load_class_evidence(study) if study.has(GATES) else {},
    )
    return with_caveats(view)


def check_extracted(view: StudyView, study: Study) -> None:
    """Refuse a study of which there is nothing to report yet.

    Raises:
        StudyError: it has no gates.
    """
    if view.header.threshold is None or not view.gates:
        raise StudyError(f"{study.root} has no gates to report: run `circuitlogic extract {study.root}`")


def _header(study: Study, card: NetworkCard, metrics: NetworkMetrics | None) -> Header:
    config = study.config
    return Header(
        study=study.root.resolve().name,
        dataset=_data_text(card, config),
        network=_network_text(card, config),
        sites=card.sites,
        scores=card.scores,
        seed=config.seed,
        threshold=None if metrics is None else metrics.threshold,
        selection=selection_words(study),
        settings=_settings(config),
        hashes=tuple((name, study.entry(name).content[:12]) for name in study.artefacts()),
        commands=_commands(study, card, metrics),
    )


def _data_text(card: NetworkCard, config: StudyConfig) -> str:
    if card.kind == "image-classifier":
        return config.data.dataset
    if card.kind == LANGUAGE_MODEL:
        files, heldout = (
            ", ".join(name.rstrip("/").rsplit("/", 1)[-1] for name in names)
            for names in (config.text.files, config.text.heldout)
        )
        return f"{files}, held out {heldout}" if heldout else files
    return "given through the Python API"


def _network_text(card: NetworkCard, config: StudyConfig) -> str:
    if card.kind == LANGUAGE_MODEL:
        name = str(config.network.model).rstrip("/").rsplit("/", 1)[-1]
        what = (
            "the untrained control of language model" if config.network.random_weights else "language model"
        )
        return f"{what} {name}, {count(card.classes or 0)} tokens, {count(card.parameters)} parameters"
    if card.kind != "image-classifier":
        return f"a network of your own, {count(card.parameters)} parameters"
    height, width = card.image_shape or (0, 0)
    layers = " → ".join(str(n) for n in (height * width, *card.hidden, card.classes))
    return f"ReLU image classifier {layers} ({height} × {width} pixels), {count(card.parameters)} parameters"


def _settings(config: StudyConfig) -> tuple[tuple[str, str], ...]:
    sparsity = architecture_named(config.saes.architecture).sparsity_setting
    names = ("saes.architecture", "saes.expansion", *([f"saes.{sparsity}"] if sparsity else ()), *_SHAPING)
    found: list[tuple[str, str]] = []
    for name in names:
        table, _, leaf = name.partition(".")
        value = getattr(getattr(config, table), leaf)
        found.append(
            (name, "auto" if value is None else f"{value:g}" if isinstance(value, float) else f"{value}")
        )
    return tuple(found)


def _commands(study: Study, card: NetworkCard, metrics: NetworkMetrics | None) -> tuple[str, ...]:
    """Commands for the folder above the study's; the copy has the same bytes as the study."""
    name = study.root.resolve().name
    again = shlex.quote(f"{name}-again")
    imports = tuple(_import_command(study, site, name, again) for site in given_sites(study))
    if card.kind not in ("image-classifier", LANGUAGE_MODEL):
        train = f"# train: circuitlogic.pipeline.train_on(Path({f'{name}-again'!r}), config, subject)"
    else:
        train = f"circuitlogic train {shlex.quote(f'{name}/{CONFIG_FILE}')} --out {again}"
    if metrics is None:
        return (*imports, train)
    return (
        *imports,
        train,
        f"circuitlogic extract {again} --threshold {metrics.threshold:g}",
        f"circuitlogic report {again}",
    )


def _import_command(study: Study, site: str, name: str, again: str) -> str:
    """A dictionary that was given lies in the study as it can be given again."""
    target = load_given(study, site).target
    to = "" if target == site else f" --target {shlex.quote(target)}"
    folder = shlex.quote(f"{name}/{given_artefact(site)}")
    return f"circuitlogic import {folder} --into {again} --site {shlex.quote(site)}{to}"


def _sae_row(study: Study, site: str) -> SaeRow:
    dictionary = load_dictionary(study, site)
    sae = dictionary.encoder
    live = dictionary.statistics.live
    return SaeRow(
        site=site,
        architecture=sae.architecture if isinstance(sae, Coder) else type(sae).__name__,
        width=sae.d_in if isinstance(sae, Coder) else 0,
        features=len(live),
        live=int(live.sum()),
        metrics=load_sae_metrics(study, site),
    )


def _solved(study: Study, card: NetworkCard, live: dict[str, int]) -> tuple[ConnectorRow, ...]:
    """The connectors as their solver left them, fed with true features."""
    found: list[ConnectorRow] = []
    for source, target in stretches(card.sites):
        metrics = load_connector_metrics(study, source, target)
        ends = (source, target)
        found.append(_row(ends, "as solved", False, "true", metrics.sparsity, metrics.fidelity, live))
    return tuple(found)


def _cut(card: NetworkCard, metrics: NetworkMetrics, live: dict[str, int]) -> tuple[ConnectorRow, ...]:
    """The tuned connectors behind the graph, fed with each other's predictions."""
    state = f"tuned, |w| > {metrics.threshold:g}"
    parts = zip(stretches(card.sites), metrics.sparsity, metrics.fidelity, strict=True)
    return tuple(
        _row(ends, state, True, "chain", sparsity, fidelity, live) for ends, sparsity, fidelity in parts
    )


def _row(
    ends: tuple[str, str],
    state: str,
    thresholded: bool,
    inputs: str,
    sparsity: Sparsity,
    fidelity: FeatureFidelity,
    live: dict[str, int],
) -> ConnectorRow:
    return ConnectorRow(ends[0], ends[1], state, thresholded, inputs, sparsity, fidelity, live[ends[1]])


def variant_rows(metrics: NetworkMetrics) -> tuple[VariantRow, ...]:
    """The substituted networks, from the last autoencoder alone down to the thresholded graph."""
    return tuple(VariantRow(v.variant, "thresholded" in v.variant, v) for v in metrics.variants)
