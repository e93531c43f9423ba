"""Stages 6 and 7: makes the thresholded feature graph, and one gate per live output feature."""

from circuitlogic.config import ExtractConfig
from circuitlogic.extract.edges_to_graph import edges_to_graph
from circuitlogic.extract.gate_index import SCHEMA as GATES_SCHEMA
from circuitlogic.extract.gates_file import save_gates
from circuitlogic.extract.row_activity import Split
from circuitlogic.extract.rows_to_gates import encode_site, rows_to_gates
from circuitlogic.graph.disk import SCHEMA as GRAPH_SCHEMA
from circuitlogic.logic.gate import Gate
from circuitlogic.progress import Progress
from circuitlogic.stages.captured import SPLITS, load_activations
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.dictionaries import artefact as sae_artefact
from circuitlogic.stages.dictionaries import load_dictionaries, load_ends
from circuitlogic.stages.extracted import GATES, GRAPH
from circuitlogic.stages.feature_network import SELECTED, load_selected
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.subject import load_card
from circuitlogic.stages.token_rows import row_documents
from circuitlogic.study import Study


def make_graph(study: Study, config: ExtractConfig) -> None:
    """Threshold the selected edges into the feature graph.

    Raises:
        NothingLeftError: no edge is above the threshold; an earlier graph is kept.
    """
    key = study.key("graph", GRAPH_SCHEMA, config.threshold, _made_from(study))
    if study.is_done(GRAPH, key):
        return
    graph = edges_to_graph(load_dictionaries(study), load_selected(study), config.threshold)
    with study.making(GRAPH, key) as folder:
        graph.save(folder)


def make_gates(study: Study, config: ExtractConfig, progress: Progress, jobs: int = 1) -> None:
    """Read a gate for every live output feature of the graph; its nodes learn their kinds. `jobs`: processes."""
    key = study.key("gates", GATES_SCHEMA, config, study.config.seed, _made_from(study))
    if study.is_done(GATES, key):
        return
    splits = {name: load_activations(study, name) for name in ("train", "heldout")}
    gates: list[Gate] = []
    for (source, target), connector in zip(load_ends(study), load_selected(study), strict=True):
        train, heldout = (
            Split(encode_site(source, s), encode_site(target, s), row_documents(study, name))
            for name, s in splits.items()
        )
        gates += rows_to_gates(
            connector.thresholded(config.threshold),
            target.statistics.live.numpy(),
            train,
            heldout,
            config,
            seed_for(study.config.seed, GATES),
            progress,
            jobs,
        )
    with study.making(GATES, key) as folder:
        save_gates(gates, folder)


def _made_from(study: Study) -> list[str]:
    """The selected edges, and what their features are: dictionaries with statistics, activations."""
    dictionaries = [sae_artefact(site) for site in load_card(study).sites]
    activations = [activations_artefact(split) for split in SPLITS]
    return [study.entry(name).content for name in (SELECTED, *dictionaries, *activations)]
