"""Owns transcoders made from an autoencoder: the same encoder, another place's decoder; and their training.

Dunefsky et al. 2024, arXiv:2406.11944.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.config import SaeConfig
from circuitlogic.errors import ConfigError, DataError
from circuitlogic.progress import SILENT, Progress
from circuitlogic.saes.base import SparseAutoencoder, Weights, unit_directions
from circuitlogic.saes.coders import Transcoder
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


@dataclass(frozen=True, slots=True, eq=False)
class TrainedTranscoder:
    """A transcoder in evaluation mode on the CPU, and how it came about."""

    transcoder: Transcoder
    losses: tuple[float, ...]
    """Mean training loss of every epoch."""


def train_transcoder(
    start: Transcoder,
    inputs: Rows,
    targets: Rows,
    config: SaeConfig,
    seed: int,
    progress: Progress = SILENT,
    name: str = "transcoder",
) -> TrainedTranscoder:
    """Train encoder and decoder of `start` together to predict `targets` from `inputs`.

    Decoder rows keep the lengths they start with, so that no feature can shrink while its row grows; features whose
    row is zero get a random one of mean length. `config.resample_every` does not apply.

    Raises:
        DataError: different numbers of rows, or a loss that is not finite.
    """
    if len(inputs) != len(targets):
        raise DataError(f"{len(inputs)} inputs and {len(targets)} targets: capture both places together")
    code = _own_copy(start.code, torch.Generator().manual_seed(seed))
    run = _Run(code, inputs, config, seed, targets=targets)
    epochs = progress.track(range(config.epochs), name, config.epochs)
    losses = tuple(run.train_epoch() for _ in epochs)
    return TrainedTranscoder(Transcoder(run.sae.cpu().eval()), losses)


class _Run(TrainingRun):
    """Keeps decoder rows at the lengths they start with."""

    lengths: Tensor | None = None

    def constrain_gradients(self) -> None:
        if self.lengths is None:
            self.lengths = self.sae.W_dec.detach().norm(dim=1, keepdim=True)
        self.sae.constrain_gradients()

    @torch.no_grad()
    def constrain_weights(self) -> None:
        self.sae.constrain_weights()
        if self.lengths is not None:
            self.sae.W_dec.mul_(self.lengths / self.sae.W_dec.norm(dim=1, keepdim=True))


@torch.no_grad()
def _own_copy(code: SparseAutoencoder, generator: torch.Generator) -> SparseAutoencoder:
    own = code.weights()
    lengths = own.W_dec.norm(dim=1)
    silent = lengths == 0
    mean = lengths[~silent].mean() if bool((~silent).any()) else lengths.new_ones(())
    directions = unit_directions(len(lengths), own.W_dec.shape[1], generator) * mean
    weights = replace(own, W_dec=torch.where(silent[:, None], directions, own.W_dec))
    return type(code).restored(weights, code.stored_form(), apply_b_dec_to_input=False)
