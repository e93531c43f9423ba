"""Stage 4: one connector per pair of consecutive sites, as its solver left it, with W after every epoch."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.connectors.feature_pairs import Dictionary, FeaturePairs
from circuitlogic.connectors.job import Certificate, Snapshot, TrainedConnector
from circuitlogic.connectors.metrics import feature_fidelity, sparsity_of
from circuitlogic.connectors.model import Connector
from circuitlogic.connectors.scores import FeatureFidelity, Sparsity
from circuitlogic.connectors.training import train_connector
from circuitlogic.errors import StudyError
from circuitlogic.json_files import read_json, write_json
from circuitlogic.networks.protocol import KnowsItsWeights
from circuitlogic.progress import Progress
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.dictionaries import artefact as sae_artefact
from circuitlogic.stages.dictionaries import load_ends
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.stretches import stretches
from circuitlogic.stages.subject import Subject, load_card
from circuitlogic.study import Study
from circuitlogic.tensor_files import read_tensors, write_tensors

_METRICS = "metrics.json"
_SNAPSHOTS = "snapshots.safetensors"
_SNAPSHOT_ENTRIES = 1 << 20
_BATCH = 4096


@dataclass(frozen=True, slots=True)
class ConnectorMetrics:
    """A connector by itself: true features in, true features out, held out."""

    source: str
    target: str
    sparsity: Sparsity
    fidelity: FeatureFidelity
    losses: tuple[float, ...]
    """Training objective of every epoch, or at every penalty."""
    certificate: Certificate | None = None
    """Of solvers that certify their optimum."""


def artefact(source: str, target: str) -> str:
    """Name of a connector."""
    return f"connectors/{source}__{target}"


def make_connectors(study: Study, subject: Subject, progress: Progress) -> None:
    """Train every connector that is not trained yet."""
    config = study.config
    train, heldout = load_activations(study, "train"), load_activations(study, "heldout")
    for source, target in load_ends(study, tuned=False):
        name = artefact(source.site, target.site)
        made_from = [study.entry(sae_artefact(d.site)).content for d in (source, target)]
        key = study.key("connector", config.connectors, config.seed, made_from, subject.identity)
        if study.is_done(name, key):
            continue
        pairs = FeaturePairs(source, target, train)
        affine = _affine(subject, source.site, target.site)
        trained = train_connector(pairs, affine, config.connectors, seed_for(config.seed, name), progress)
        metrics = measure(trained, source, target, heldout)
        with study.making(name, key) as folder:
            trained.connector.save(folder)
            write_json(folder / _METRICS, asdict(metrics))
            write_tensors(folder / _SNAPSHOTS, _snapshots(trained.stages))


def _affine(subject: Subject, source: str, target: str) -> tuple[Tensor, Tensor] | None:
    modules = {site.name: site for site in subject.sites}
    ends = (modules[source], modules[target])
    if not isinstance(subject.network, KnowsItsWeights) or any(site.side != "out" for site in ends):
        return None
    return subject.network.affine_between(ends[0].module, ends[1].module)


def _snapshots(stages: Sequence[Snapshot]) -> dict[str, Tensor]:
    """W by stage, `epoch_0001` and so on; of very large connectors only the first and the last."""
    kept = list(enumerate(stages))
    if stages[0].weight.numel() > _SNAPSHOT_ENTRIES:
        kept = [kept[0], kept[-1]]
    return {f"{stage.kind}_{number:04d}": stage.weight for number, stage in kept}


def measure(
    trained: TrainedConnector, source: Dictionary, target: Dictionary, heldout: PairedActivations
) -> ConnectorMetrics:
    """Score a connector on held-out true input features."""
    connector = trained.connector
    fidelity = connector_fidelity(connector, source, target, heldout, "heldout")
    sparsity = sparsity_of(connector, target.statistics.live)
    return ConnectorMetrics(source.site, target.site, sparsity, fidelity, trained.losses, trained.certificate)


@torch.no_grad()
def connector_fidelity(
    connector: Connector, source: Dictionary, target: Dictionary, activations: PairedActivations, split: str
) -> FeatureFidelity:
    """The connector's outputs on true input features against the true output features."""

    def batches():
        for rows in activations.batches(_BATCH):
            features = source.encoder.encode(rows[source.site])
            yield features, target.encoder.encode(rows[target.site]), connector(features)

    return feature_fidelity(batches(), target.statistics, split)


def load_connectors(study: Study) -> tuple[Connector, ...]:
    """The solvers' connectors, in order.

    Raises:
        StudyError: missing or damaged.
    """
    pairs = stretches(load_card(study).sites)
    return tuple(Connector.load(study.folder(artefact(source, target))) for source, target in pairs)


def load_connector_metrics(study: Study, source: str, target: str) -> ConnectorMetrics:
    """Metrics of one connector.

    Raises:
        StudyError: missing or damaged.
    """
    path = study.folder(artefact(source, target)) / _METRICS
    value = read_json(path)
    try:
        return ConnectorMetrics(
            str(value["source"]),
            str(value["target"]),
            Sparsity(**value["sparsity"]),
            FeatureFidelity(**value["fidelity"]),
            tuple(float(x) for x in value["losses"]),
            None if value["certificate"] is None else Certificate(**value["certificate"]),
        )
    except (KeyError, TypeError):
        raise StudyError(f"{path} is damaged: it does not hold connector metrics") from None


def load_snapshots(study: Study, source: str, target: str) -> dict[str, Tensor]:
    """Unit-scale W by what it came after, in order: `before training`, then `epoch 1` or `penalty 1` and so on."""
    stored = read_tensors(study.folder(artefact(source, target)) / _SNAPSHOTS)
    found: dict[str, Tensor] = {}
    for name in sorted(stored, key=lambda name: name.rpartition("_")[2]):
        kind, _, number = name.rpartition("_")
        titles = {"start": "before training", "refit": "refitted"}
        found[titles.get(kind, f"{kind} {int(number)}")] = stored[name]
    return found
