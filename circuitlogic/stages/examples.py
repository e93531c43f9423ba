"""What features look like: the held-out images that excite each most, and the image optimised to excite it.

Strongest examples are the seed's "top activating inputs"; optimised inputs follow Olah et al. 2017 (Distill).
"""

import io
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from circuitlogic.activations.sites import Site
from circuitlogic.progress import Progress
from circuitlogic.render.visualise import optimised_input
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.dictionaries import holder, load_dictionaries
from circuitlogic.stages.feature_pictures import SiteExamples, artefact
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.subject import Subject, load_card
from circuitlogic.stages.subject_kinds import stored_subject
from circuitlogic.study import Study
from circuitlogic.whole_files import write_bytes

STRONGEST = 9
"""Examples kept per feature."""
_STEPS = 96
_ARRAYS = ("images", "values", "rows", "optimised")


def make_examples(study: Study, subject: Subject, progress: Progress) -> None:
    """Collect and optimise pictures for every site; nothing where the inputs are no images."""
    if subject.image_shape is None:
        return
    heldout = load_activations(study, "heldout")
    pictures: NDArray[np.uint8] | None = None
    for site, dictionary in zip(subject.sites, load_dictionaries(study), strict=True):
        made_from = [
            study.entry(name).content for name in (holder(study, site.name), activations_artefact("heldout"))
        ]
        key = study.key("examples", made_from, study.config.seed, STRONGEST, _STEPS)
        sae = dictionary.encoder
        if study.is_done(artefact(site.name), key) or not isinstance(sae, SparseAutoencoder):
            continue
        if pictures is None:
            pictures = _pictures(subject, subject.image_shape)
        rows, values = _strongest(sae, heldout.stores[site.name].as_tensor())
        seed = seed_for(study.config.seed, artefact(site.name))
        found = SiteExamples(
            images=np.where((values > 0)[..., None, None], pictures[rows], 0).astype(np.uint8),
            values=values,
            rows=rows,
            optimised=_optimised(subject, site, sae, subject.image_shape, seed, progress),
        )
        with study.making(artefact(site.name), key) as folder:
            for name in _ARRAYS:
                write_bytes(folder / f"{name}.npy", _npy(getattr(found, name)))


def _pictures(subject: Subject, shape: tuple[int, int]) -> NDArray[np.uint8]:
    images = torch.cat(list(subject.heldout.batches())).cpu().reshape(-1, *shape)
    return (images.clamp(0, 1) * 255).round().to(torch.uint8).numpy()


@torch.no_grad()
def _strongest(sae: SparseAutoencoder, activations: Tensor) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Row numbers and values [m, k] of the largest activations of every feature."""
    features = torch.cat([sae.encode(batch) for batch in activations.split(8192)])
    count = min(STRONGEST, len(features))
    order = features.sort(dim=0, descending=True, stable=True)
    return order.indices[:count].T.contiguous().numpy(), order.values[:count].T.contiguous().numpy()


def _optimised(
    subject: Subject,
    site: Site,
    sae: SparseAutoencoder,
    shape: tuple[int, int],
    seed: int,
    progress: Progress,
) -> NDArray[np.uint8]:
    ascent = _PreActivation(subject, site, sae)
    found = optimised_input(ascent, (sae.d_sae, *shape), _STEPS, torch.Generator().manual_seed(seed))
    progress.note(f"optimised inputs of {site.name}: {sae.d_sae}")
    return (np.clip(np.asarray(found).reshape(-1, *shape), 0, 1) * 255).round().astype(np.uint8)


class _PreActivation:
    """One feature per row: images [m, h * w] -> pre-activation [m] of feature r on image r."""

    def __init__(self, subject: Subject, site: Site, sae: SparseAutoencoder) -> None:
        self._network, self._site, self._sae = subject.network, site, sae
        first = next(iter(subject.heldout.batches()))
        self._input_shape = first.shape[1:]
        self._device = next((p.device for p in subject.network.parameters()), first.device)

    def __call__(self, images: Tensor) -> Tensor:
        with self._catching() as caught:
            self._network(images.reshape(-1, *self._input_shape).to(self._device))
        return self._sae.pre_activations(caught[0].reshape(len(images), -1).cpu()).diagonal()

    @contextmanager
    def _catching(self) -> Generator[list[Tensor]]:
        """A copy of the site's activation with its gradient, unlike `observed`, which drops that."""
        caught: list[Tensor] = []

        def after(_module: nn.Module, _args: object, output: Tensor) -> None:
            caught.append(output.clone())

        def before(_module: nn.Module, args: tuple[Tensor, ...]) -> None:
            caught.append(args[0].clone())

        module = self._network.get_submodule(self._site.module)
        out = self._site.side == "out"
        hook = module.register_forward_hook(after) if out else module.register_forward_pre_hook(before)
        try:
            yield caught
        finally:
            hook.remove()


def heldout_pictures(study: Study) -> NDArray[np.uint8] | None:
    """All held-out images [n, h, w] of the study's own data set; None where the inputs are no images.

    Raises:
        CircuitLogicError: the network was brought by the caller, or the data set is not there.
    """
    shape = load_card(study).image_shape
    return None if shape is None else _pictures(stored_subject(study), shape)


def _npy(values: NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()
