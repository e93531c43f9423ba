"""What features of a language model look like: contexts that excite them, tokens they promote, a short label.

Contexts are held out; labels are read off the training tokens, of which there are more. The label is the most
typical token, or `X after Y` where a token fires the feature only behind another.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitlogic.activations.windows import TokenWindows
from circuitlogic.errors import StudyError
from circuitlogic.extract.rows_to_gates import encode_site
from circuitlogic.extract.sparse_columns import columns, width_of
from circuitlogic.json_files import write_json
from circuitlogic.networks.hf import logit_weights
from circuitlogic.progress import Progress
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.dictionaries import artefact as sae_artefact
from circuitlogic.stages.dictionaries import load_dictionary
from circuitlogic.stages.labels import AUTOMATIC, load_automatic_labels
from circuitlogic.stages.subject import Subject
from circuitlogic.stages.token_labels import automatic_labels
from circuitlogic.study import CONTEXTS, Study
from circuitlogic.tensor_files import read_tensors, write_tensors

STRONGEST = 8
STRATA = 6
"""Equal parts of a feature's activation range, each shown by one token."""
BEFORE, AFTER = 14, 5
"""Tokens shown on either side."""
PROMOTED = 6
_FILE = "contexts.safetensors"
_NAMES = ("rows", "values", "heat", "promoted", "suppressed")


@dataclass(frozen=True, slots=True, eq=False)
class SiteContexts:
    """Contexts of every feature of one site: first its strongest, then one per stratum."""

    rows: NDArray[np.int64]
    """[m, n] held-out row numbers; -1 where there are fewer."""
    values: NDArray[np.float32]
    """[m, n] activations there."""
    heat: NDArray[np.float16]
    """[m, n, BEFORE + 1 + AFTER] the feature on the tokens around, as shares of its largest."""
    promoted: NDArray[np.int64]
    """[m, PROMOTED] tokens whose logits it raises most, directly; -1 where that is not known."""
    suppressed: NDArray[np.int64]
    """The same, lowered."""
    labels: dict[int, str]
    """Automatic labels; foreign text."""


def artefact(site: str) -> str:
    """Name of a site's contexts."""
    return f"{CONTEXTS}/{site}"


def make_contexts(study: Study, subject: Subject, progress: Progress) -> None:
    """Collect contexts and labels for every site of a language model; nothing for other subjects."""
    if subject.text is None:
        return
    train, heldout = load_activations(study, "train"), load_activations(study, "heldout")
    for site in progress.track(subject.sites, "contexts", len(subject.sites)):
        sources = (sae_artefact(site.name), *(activations_artefact(s) for s in ("train", "heldout")))
        key = study.key(
            CONTEXTS, 2, [study.entry(s).content for s in sources], STRONGEST, STRATA, BEFORE, AFTER
        )
        dictionary = load_dictionary(study, site.name)
        sae = dictionary.encoder
        if study.is_done(artefact(site.name), key) or not isinstance(sae, SparseAutoencoder):
            continue
        shown = _contexts(encode_site(dictionary, heldout).matrix, subject.text.heldout)
        labels = automatic_labels(
            encode_site(dictionary, train).matrix,
            subject.text.train,
            subject.text.vocabulary,
            dictionary.statistics.thresholds.double().numpy(),
        )
        direct = logit_weights(subject.network, site, sae.W_dec.detach())
        promoted, suppressed = _extremes(direct, sae.d_sae)
        with study.making(artefact(site.name), key) as folder:
            write_tensors(folder / _FILE, {**shown, "promoted": promoted, "suppressed": suppressed})
            write_json(folder / AUTOMATIC, {str(index): text for index, text in sorted(labels.items())})


def _extremes(direct: Tensor | None, features: int) -> tuple[Tensor, Tensor]:
    if direct is None:
        nothing = torch.full((features, PROMOTED), -1)
        return nothing, nothing
    count = min(PROMOTED, direct.shape[1])
    order = direct.argsort(dim=1, stable=True)
    return order.flip(1)[:, :count].contiguous(), order[:, :count].contiguous()


def _contexts(features: sp.csc_array, windows: TokenWindows) -> dict[str, Tensor]:
    count, width = width_of(features), BEFORE + 1 + AFTER
    rows = np.full((count, STRONGEST + STRATA), -1, dtype=np.int64)
    values = np.zeros(rows.shape, dtype=np.float32)
    heat = np.zeros((*rows.shape, width), dtype=np.float16)
    places = windows.rows
    row_at = np.full(len(windows.ids), -1, dtype=np.int64)
    row_at[places] = np.arange(len(places))
    for index, (fired, active) in enumerate(columns(features)):
        chosen = _chosen(active)
        slots = np.array([slot for slot, _ in chosen], dtype=np.int64)
        at = np.array([place for _, place in chosen], dtype=np.int64)
        if not len(at):
            continue
        rows[index, slots], values[index, slots] = fired[at], active[at]
        heat[index, slots] = _heat(fired, active / active.max(), places[fired[at]], row_at, windows)
    return {
        "rows": torch.from_numpy(rows),
        "values": torch.from_numpy(values),
        "heat": torch.from_numpy(heat),
    }


def _chosen(active: NDArray[np.float64]) -> list[tuple[int, int]]:
    """(slot, which firing): the strongest, then of each stratum of the range the one in the middle."""
    if not len(active):
        return []
    strongest = np.argsort(-active, kind="stable")
    found = list(enumerate(strongest[:STRONGEST].tolist()))
    edges = np.linspace(active.min(), active.max(), STRATA + 1)
    strata = np.clip(np.searchsorted(edges, active, side="right") - 1, 0, STRATA - 1)
    for stratum in range(STRATA):
        inside = strongest[strata[strongest] == stratum]
        if len(inside):
            found.append((STRONGEST + stratum, int(inside[len(inside) // 2])))
    return found


def _heat(
    fired: NDArray[np.int64],
    shares: NDArray[np.float64],
    centres: NDArray[np.int64],
    row_at: NDArray[np.int64],
    windows: TokenWindows,
) -> NDArray[np.float64]:
    """[n, width] the feature on the tokens around each centre, 0 outside its window."""
    around = centres[:, None] + np.arange(-BEFORE, AFTER + 1)
    of = windows.windows_at(centres)
    inside = (around >= windows.starts[of][:, None]) & (around < windows.starts[of + 1][:, None])
    wanted = np.where(inside, row_at[np.clip(around, 0, len(row_at) - 1)], -1)
    at = np.minimum(np.searchsorted(fired, wanted), len(fired) - 1)
    return np.where((wanted >= 0) & (fired[at] == wanted), shares[at], 0.0)


def load_contexts(study: Study, site: str) -> SiteContexts | None:
    """A site's contexts; None if the study has none.

    Raises:
        StudyError: damaged.
    """
    if not study.has(artefact(site)):
        return None
    folder = study.folder(artefact(site))
    found = {name: tensor.numpy() for name, tensor in read_tensors(folder / _FILE, _NAMES).items()}
    if found["rows"].shape != found["values"].shape or found["heat"].shape[:2] != found["rows"].shape:
        raise StudyError(f"{folder / _FILE} is damaged: its contexts do not fit together")
    return SiteContexts(**found, labels=load_automatic_labels(study, site))
