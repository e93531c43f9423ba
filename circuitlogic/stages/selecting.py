"""Between stages 5 and 6: the tuned connectors with only the edges that were asked for, before the threshold."""

from dataclasses import asdict, replace
from typing import Any

from circuitlogic.config import EdgeScore, ExtractConfig
from circuitlogic.connectors.feature_pairs import FeaturePairs
from circuitlogic.connectors.model import Connector
from circuitlogic.extract.edge_scores import score_named
from circuitlogic.extract.select_edges import select_edges
from circuitlogic.json_files import write_json
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.dictionaries import load_ends
from circuitlogic.stages.feature_network import CHOICE, SELECTED, load_tuned, selection_key
from circuitlogic.study import Study


def asked_config(
    study: Study,
    threshold: float | None = None,
    score: EdgeScore | None = None,
    top_k: int | None = None,
    edges: int | None = None,
) -> ExtractConfig:
    """The study's settings of `extract` with what is given laid over them; `replace` checks ranges.

    Raises:
        ConfigError: a threshold or a number of edges that makes no sense.
    """
    given = {"threshold": threshold, "score": score, "top_k": top_k, "edges": edges}
    changed: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    config = study.config
    return replace(config, extract=replace(config.extract, **changed)).extract


def make_selection(study: Study, config: ExtractConfig) -> None:
    """Rank the tuned connectors' edges on training samples and keep the best; all, where no number is given."""
    choice = {name: value for name, value in asdict(config).items() if name in ("score", "top_k", "edges")}
    key = selection_key(study, choice)
    if study.is_done(SELECTED, key):
        return
    kept = _kept(study, config)
    with study.making(SELECTED, key) as folder:
        write_json(folder / CHOICE, choice)
        for connector in kept:
            connector.save(folder / f"{connector.source}__{connector.target}")


def _kept(study: Study, config: ExtractConfig) -> tuple[Connector, ...]:
    tuned = load_tuned(study)
    if config.top_k is None and config.edges is None:
        return tuned
    train, score = load_activations(study, "train"), score_named(config.score)
    scores = [
        score(connector, FeaturePairs(source, target, train))
        for connector, (source, target) in zip(tuned, load_ends(study), strict=True)
    ]
    return select_edges(tuned, scores, config.top_k, config.edges)
