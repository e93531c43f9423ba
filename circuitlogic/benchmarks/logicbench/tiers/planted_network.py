"""Owns the small ReLU network that is trained to compute planted gates, and the same network untrained."""

import numpy as np
import torch
from torch import Tensor, nn

from circuitlogic.logic.activity import FloatArray

HIDDEN = 256
_EPOCHS, _BATCH, _RATE = 30, 256, 3e-3


def fresh_network(d_in: int, d_out: int, seed: int) -> nn.Sequential:
    """One hidden layer of 256 ReLUs; weights and biases uniform in ±1/√inputs, as PyTorch's own start."""
    generator = torch.Generator().manual_seed(seed)
    layers = [
        nn.Linear(*shape, device="meta").to_empty(device="cpu") for shape in ((d_in, HIDDEN), (HIDDEN, d_out))
    ]
    for layer in layers:
        bound = float(layer.in_features) ** -0.5
        nn.init.uniform_(layer.weight, -bound, bound, generator)
        nn.init.uniform_(layer.bias, -bound, bound, generator)
    return nn.Sequential(layers[0], nn.ReLU(), layers[1])


def trained_network(inputs: FloatArray, targets: FloatArray, seed: int) -> nn.Sequential:
    """Adam on the mean squared error of target vectors; the learning rate falls linearly to 0."""
    x, y = (torch.from_numpy(v.astype(np.float32)) for v in (inputs, targets))
    network = fresh_network(x.shape[1], y.shape[1], seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=_RATE, fused=True)
    generator = torch.Generator().manual_seed(seed)
    steps = _EPOCHS * -(-len(x) // _BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(1 - step / steps, 0.0))
    for _ in range(_EPOCHS):
        for rows in torch.randperm(len(x), generator=generator).split(_BATCH):
            loss = (network(x[rows]) - y[rows]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()


@torch.no_grad()
def outputs_of(network: nn.Module, inputs: FloatArray) -> FloatArray:
    """[N, d'] what `network` makes of input vectors [N, d]."""
    parts: list[Tensor] = [network(rows) for rows in torch.from_numpy(inputs.astype(np.float32)).split(8192)]
    return torch.cat(parts).double().numpy()
