"""Owns transcoders: an autoencoder's features with another place's decoder, and those trained from the start.

Dunefsky et al. 2024, arXiv:2406.11944.
"""

import math
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.config import SaeConfig
from circuitlogic.errors import ConfigError, DataError
from circuitlogic.progress import SILENT, Progress
from circuitlogic.saes.base import SparseAutoencoder, Weights, unit_directions
from circuitlogic.saes.coders import Transcoder
from circuitlogic.saes.metrics import moments_of
from circuitlogic.saes.registry import architecture_named, feature_count
from circuitlogic.saes.relu_tied import ReluTied
from circuitlogic.saes.rows import Rows
from circuitlogic.saes.stored import Magnitude, StoredForm
from circuitlogic.saes.training_run import TrainingRun


def with_decoder(
    sae: SparseAutoencoder, weight: Float[Tensor, "d_sae d_out"], bias: Float[Tensor, " d_out"]
) -> Transcoder:
    """The transcoder with the features of `sae` and this decoder.

    What `sae` subtracts from its input goes into its biases, since b_dec is the target's from now on.

    Raises:
        ConfigError: a tied autoencoder, whose decoder is its encoder.
    """
    if isinstance(sae, ReluTied):
        raise ConfigError(
            "relu_tied has no decoder of its own, so no transcoder: choose another architecture"
        )
    own, form = sae.weights(), sae.stored_form()
    shift = own.b_dec @ own.W_enc if sae.apply_b_dec_to_input else torch.zeros_like(own.b_enc)
    weights = Weights(own.W_enc, own.b_enc - shift, weight, bias)
    return Transcoder(type(sae).restored(weights, _shifted(form, shift), apply_b_dec_to_input=False).eval())


def _shifted(form: StoredForm, shift: Float[Tensor, " d_sae"]) -> StoredForm:
    """The gated encoder's second path has a bias of its own."""
    magnitude = form.magnitude
    if magnitude is None:
        return form
    r = magnitude.r.detach()
    return replace(form, magnitude=Magnitude(r, magnitude.b.detach() - r.exp() * shift))


def train_transcoder(
    inputs: Rows,
    targets: Rows,
    config: SaeConfig,
    seed: int,
    progress: Progress = SILENT,
    name: str = "transcoder",
) -> Transcoder:
    """Learn to predict `targets` from sparse features of `inputs`, row by row; same arguments, same result.

    The loss is that of `config.architecture` with the prediction's error in place of the reconstruction's;
    `config.resample_every` does not apply.

    Raises:
        ConfigError: a tied architecture, or a setting that does not fit the width.
        DataError: different numbers of rows, or activations or a loss that are not finite.
    """
    if len(inputs) != len(targets):
        raise DataError(f"{len(inputs)} inputs and {len(targets)} targets: capture both places together")
    start = _initial(inputs, targets, config, torch.Generator().manual_seed(seed))
    run = TrainingRun(start.code, inputs, config, seed, targets=targets)
    for _ in progress.track(range(config.epochs), name, config.epochs):
        run.train_epoch()
    return Transcoder(run.sae.cpu().eval())


def _initial(inputs: Rows, targets: Rows, config: SaeConfig, generator: torch.Generator) -> Transcoder:
    """Random directions on both sides; inputs start centred, predictions at the targets' mean."""
    width = feature_count(config, inputs.d)
    sae = architecture_named(config.architecture).initial(inputs.d, width, config, generator)
    seen, wanted = moments_of(inputs, "training"), moments_of(targets, "training")
    scale = math.sqrt(float(seen.deviations.mean()) / seen.count)
    sae.fit_to(seen.mean.float(), scale if scale > 0.0 else 1.0)
    return with_decoder(sae, unit_directions(width, targets.d, generator), wanted.mean.float())
