"""Owns the encoding of one feature alone, where the architecture lets features be told apart."""

import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.saes.batch_topk import BatchTopK
from circuitlogic.saes.relu import Relu
from circuitlogic.saes.statistics import Encoder


def encoded_column(encoder: Encoder, x: Float[Tensor, "batch d_in"], index: int) -> Float[Tensor, " batch"]:
    """Feature `index` of each sample: as `encode`, up to rounding, without the other features where they do not
    matter to it."""
    if not isinstance(encoder, BatchTopK | Relu):
        return encoder.encode(x)[:, index]
    centred = x - encoder.b_dec if encoder.apply_b_dec_to_input else x
    z = torch.mv(centred, encoder.W_enc[:, index]) + encoder.b_enc[index]
    return encoder.activate(z[:, None])[:, 0]
